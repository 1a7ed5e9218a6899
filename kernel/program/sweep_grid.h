/* The grid of `lassim sweep`: what is varied, and its points in the order of the table's rows. */
#ifndef LASSIM_PROGRAM_SWEEP_GRID_H
#define LASSIM_PROGRAM_SWEEP_GRID_H

#include <stdint.h>

#include "convert/convert.h"
#include "kernel/program/variant.h"

enum { SWEEP_VALUES_MAX = 64 /* of one axis */ };

/* One value of an axis: a number, or an index of the axis's choices. */
struct sweep_value {
    double number;
    int choice; /* -1: a number */
};

struct sweep_axis {
    unsigned count;
    struct sweep_value value[SWEEP_VALUES_MAX];
};

/* Rows vary fastest along the last axis. */
enum sweep_axis_id {
    SWEEP_WEIGHTS,   /* enum convert_weights */
    SWEEP_HG,        /* enum variant_hg, a number: the error of VARIANT_HG_REFIT */
    SWEEP_THRESHOLD, /* enum variant_rule */
    SWEEP_OAT,       /* 0: on, 1: off */
    SWEEP_CODE,      /* enum spike_code */
    SWEEP_NOISE,
    SWEEP_DROP,
    SWEEP_TIMESTEPS,
    SWEEP_AXES
};

struct sweep_grid {
    uint32_t models;
    struct sweep_axis axis[SWEEP_AXES]; /* count 0: the model's own, one value (timesteps, code) */
};

/* One row. */
struct sweep_point {
    uint32_t model;
    enum convert_weights weights;
    enum variant_hg hg;
    double hg_error; /* VARIANT_HG_REFIT */
    enum variant_rule rule;
    int oat;
    int code;           /* enum spike_code; -1: the model's */
    uint32_t timesteps; /* 0: the model's */
    double noise, drop;
};

/* Fills axis `id` from "VALUE,VALUE,...": for timesteps also ranges "LOW-HIGH".  Returns NULL, or what was expected, a
 * static string.  No value may stand there twice. */
const char *sweep_grid_parse(struct sweep_grid *grid, enum sweep_axis_id id, const char *text);
/* At most 2^32 - 1, else 0. */
uint32_t sweep_grid_points(const struct sweep_grid *grid);
/* Point index < sweep_grid_points: points of one model and one type of weights are neighbours. */
struct sweep_point sweep_grid_point(const struct sweep_grid *grid, uint32_t index);
/* Points of one model and one type of weights. */
uint32_t sweep_grid_group(const struct sweep_grid *grid);

#endif
