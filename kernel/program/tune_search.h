/* The search of `lassim tune`: timesteps and thresholds of each group of neurons (a population) so that the cost is least
 * while the measured loss stays within a budget.
 *
 * Rounding errors of different groups are independent, so their losses add up.  Each group's loss is measured with all
 * others as the model has them, at some T and for each shape of its thresholds: the model's; alpha_nor halved and alpha_out
 * kept; the channels with the smallest thresholds raised.  Between measured T a loss follows as 4^-T, a cost as a line.  For a
 * price of loss every group takes its cheapest setting; the price is the lowest at which the losses add up to a target,
 * what is left of the target goes to single steps that still fit.  What was chosen on an estimate is measured and chosen
 * again.  Then the whole is measured: the target moves until the real loss is as near to the budget as it gets, and the
 * cheapest configuration whose real loss was within the budget wins. */
#ifndef LASSIM_PROGRAM_TUNE_SEARCH_H
#define LASSIM_PROGRAM_TUNE_SEARCH_H

#include <stdint.h>

#include "kernel/error.h"

struct tune_setting {
    uint8_t steps; /* T, 1 .. the window's */
    uint8_t j;     /* outlier shift */
    uint8_t floor; /* channel shifts below this one are raised to it */
};

struct tune_measurement {
    double loss;  /* what the budget limits */
    double guide; /* a loss that adds up over groups: >= 0 */
    double cost;  /* what is to be least */
};

/* Measures n configurations, each [groups]; out [n]. */
typedef enum lassim_status tune_measure(void *context, const struct tune_setting *const *configuration, unsigned n,
                                        struct tune_measurement *out, struct lassim_error *error);

struct tune_problem {
    unsigned groups, steps;           /* steps: the window's T */
    const struct tune_setting *start; /* [groups]: the model's */
    const uint8_t *costs;             /* [groups] 1: takes part; 0: stays at the start's setting */
    const uint8_t *most_j;            /* [groups] largest outlier shift allowed; the start's where it may not change */
    const uint8_t *most_floor;        /* [groups] largest floor of channel shifts; 0 without such shifts */
    double budget;
    double reserve;  /* 0 .. 1: share of the budget that the uniform T may use and the search may not */
    unsigned rounds; /* at most */
    tune_measure *measure;
    void *context;
};

struct tune_result {
    unsigned uniform_steps; /* the cheapest uniform T within the budget; 0: none is */
    struct tune_measurement start, uniform, best;
    unsigned rounds; /* taken: configurations measured as a whole */
};

/* Fills best [groups] and *result.  Deterministic: the same measurements, the same answer.  ERR_CHECK if not even the
 * start keeps the budget. */
enum lassim_status tune_search(const struct tune_problem *problem, struct tune_setting *best,
                               struct tune_result *result, struct lassim_error *error);

#endif
