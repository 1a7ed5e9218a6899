/* The models that a sweep goes through: those named, and those converted anew from the checkpoint for other types of
 * weights. */
#ifndef LASSIM_PROGRAM_SWEEP_SUBJECTS_H
#define LASSIM_PROGRAM_SWEEP_SUBJECTS_H

#include "kernel/program/sweep_row.h"

struct sweep_settings {
    struct sweep_grid grid;
    const char **model; /* [grid.models] */
    const char *text, *reference, *calibration, *output;
    uint64_t tokens_max;
    uint32_t context;
    double percentile;
    uint64_t seed;
    struct energy_list energy;
    unsigned threads;
    enum sweep_format format;
    int quiet;
};

/* One model and one type of weights. */
struct sweep_group {
    lassim_model *model;
    struct eval_text text;
    struct sweep_subject subject;
};

/* How many there are: groups of sweep_grid_group points each, in the points' order. */
uint32_t sweep_groups(const struct sweep_settings *settings);
/* Opens group `index`; a model of other weights is converted to OUTPUT.TYPE.snn unless that file is there.  The caller
 * owns *group: sweep_group_close. */
enum lassim_status sweep_group_open(const struct sweep_settings *settings, uint32_t index, struct sweep_group *group,
                                    struct lassim_error *error);
void sweep_group_close(struct sweep_group *group);

#endif
