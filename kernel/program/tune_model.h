/* A model with other timesteps and outlier shifts: what `lassim tune` measures and writes. */
#ifndef LASSIM_PROGRAM_TUNE_MODEL_H
#define LASSIM_PROGRAM_TUNE_MODEL_H

#include "kernel/model.h"
#include "kernel/program/tune_search.h"

/* The groups of a search: every population with a code, in table order. */
struct tune_groups {
    unsigned count;
    uint32_t *population;       /* [count]; owned */
    struct tune_setting *start; /* [count] as the model has them; owned */
    uint8_t *most_floor;        /* [count] largest channel shift */
    uint8_t *most_j;            /* [count] with which all exactness proofs hold; the start's where no weights are fed */
};
enum lassim_status tune_groups_new(const struct model *model, struct tune_groups *groups, struct lassim_error *error);
void tune_groups_free(struct tune_groups *groups);

/* Makes *made from model with the settings [groups->count]: alpha_out stays, alpha_nor = alpha_out 2^-j; channel shifts below
 * the floor are raised to it.  It shares all but populations and matrix records with model and must not outlive it:
 * tune_model_free. */
enum lassim_status tune_model_make(const struct model *model, const struct tune_groups *groups,
                                   const struct tune_setting *settings, struct model *made, struct lassim_error *error);
void tune_model_free(struct model *made, const struct model *model);

/* Writes model, weights included, to path as a .snn; reads every weight once. */
enum lassim_status tune_model_write(const struct model *model, const char *path, int no_clobber,
                                    struct lassim_error *error);

#endif
