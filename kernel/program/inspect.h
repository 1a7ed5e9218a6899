/* What `lassim inspect` shows of a model, as rows: shared by its prose and its JSON. */
#ifndef LASSIM_PROGRAM_INSPECT_H
#define LASSIM_PROGRAM_INSPECT_H

#include <jansson.h>

#include "kernel/model.h"

#define INSPECT_SCHEMA "lassim.inspect.1"

/* What in a model is control rather than spikes (docs/design.md). */
enum { INSPECT_CONTROLS = 3 };
struct inspect_control {
    const char *name, *where, *text;
};
extern const struct inspect_control inspect_controls[INSPECT_CONTROLS];

/* Lowest and highest of some figure over the populations or matrices that a row stands for. */
struct inspect_range {
    double low, high;
};

/* One row of the population table: all populations whose names differ in the layer's number only. */
struct inspect_population {
    char name[40];         /* "layers.*.q", or the full name if there is one */
    uint32_t count, first; /* first: index of the first */
    uint32_t level_step;   /* levels between the first two; 0 if there is one */
    struct inspect_range neurons, fan_out, alpha_normal, alpha_outlier, j, shift, timesteps, calibrated_max;
};
/* One row of the weight table, alike. */
struct inspect_matrix {
    char name[40];
    uint32_t count, first;
    uint64_t moved;
    struct inspect_range grid, bound_bits, scale; /* scale: 0, 0 for floats */
    double moved_max, moved_rms;                  /* the largest of each */
    int type_differs;
};

/* Thresholds of population p: alpha_nor, alpha_out = alpha_nor 2^j (of the smallest channel). */
double inspect_alpha_normal(const struct model *model, uint32_t p);
double inspect_alpha_outlier(const struct model *model, uint32_t p);
/* Smallest and largest channel shift; 0, 0 without. */
struct inspect_range inspect_shifts(const struct model *model, uint32_t p);
/* Smallest and largest scale of matrix m's targets; 0, 0 without. */
struct inspect_range inspect_scales(const struct model *model, uint32_t m);
/* Bits that matrix m's sums need at most: they stay below 2^bits; at most 62. */
unsigned inspect_bound_bits(const struct model *model, uint32_t m);

/* Fill rows[] (room for graph->populations, graph->matrices) in table order; return how many. */
uint32_t inspect_populations(const struct model *model, struct inspect_population *rows);
uint32_t inspect_matrices(const struct model *model, struct inspect_matrix *rows);

/* A section that is one JSON object (readout, provenance); the caller owns it (json_decref).  NULL if it is none. */
json_t *inspect_object(const struct blob *section);
/* Everything as one object, each population and matrix by itself; checked: the weights were checked.  The
 * caller owns it (json_decref); NULL without memory or if readout (where it is not empty) or
 * provenance is no JSON object. */
json_t *inspect_json(const struct model *model, int checked);

/* "ReLU", or the HG function's name. */
const char *inspect_activation(const struct model_config *config);

#endif
