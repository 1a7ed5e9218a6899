/* The search of `lassim tune`: timesteps and outlier shifts of each group of neurons (a population) so that the cost is
 * least while the measured loss stays within a budget.
 *
 * It starts where every uniform T that keeps the budget ends: the cheapest of them, with the groups that cost nothing at
 * the full T.  In each round every group's moves are measured alone, everything else as it is:
 *   one timestep fewer; one fewer with alpha_nor halved and alpha_out kept (the same lsb for small values); one more
 *   thresholds of the channels with the smallest doubled (floor + 1); halved again (floor - 1)
 * Losses of independent rounding add up, so the moves that together save most within the budget follow from a Lagrangian:
 * for a price of loss each group takes its best move, and the price is the lowest that keeps the sum.  The result is
 * measured for real; if it breaks the budget the price goes up by what was missed.  Ends when a round saves nothing. */
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
    double loss; /* what the budget limits */
    double cost; /* what is to be least */
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
    unsigned rounds; /* at most */
    tune_measure *measure;
    void *context;
};

struct tune_result {
    unsigned uniform_steps; /* the cheapest uniform T within the budget; 0: none is */
    struct tune_measurement start, uniform, best;
    unsigned rounds; /* taken */
};

/* Fills best [groups] and *result.  Deterministic: the same measurements, the same answer.  ERR_CHECK if not even the
 * start keeps the budget. */
enum lassim_status tune_search(const struct tune_problem *problem, struct tune_setting *best,
                               struct tune_result *result, struct lassim_error *error);

#endif
