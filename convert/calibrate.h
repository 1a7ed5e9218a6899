/* Calibration: watches the original network run on a text and decides thresholds, weight grids and the
 * residual's grid, each population's as soon as its values have been seen. */
#ifndef LASSIM_CONVERT_CALIBRATE_H
#define LASSIM_CONVERT_CALIBRATE_H

#include <stdint.h>

#include "convert/dense_double.h"
#include "convert/model_tensors.h"
#include "convert/thresholds.h"
#include "kernel/model.h"

enum {
    CALIBRATE_RESIDUAL_MARGIN = 8, /* residuals up to 2^8 times the largest seen lie within 2^52 grid steps */
    CALIBRATE_RESIDUAL_BITS = 52
};

/* Where a matrix that is stored in an integer type goes. */
struct quantised_out {
    enum weight_type type;
    void *weights; /* weight_bytes(), zero before; NULL: the matrix keeps its own type */
    double *scale; /* [targets] */
};

struct calibration {
    const struct model_tensors *tensors;
    struct model *model; /* population, calibrated_max and matrix are filled in; timesteps is read */
    enum threshold_rule rule;
    unsigned threads;
    const struct quantised_out *quantised; /* [matrices], or NULL: no integer types */
    double residual_max;                   /* largest seen so far; 0 at first */
};

/* A dense_observer; context is a struct calibration.  Sets model->calibrated_max[p] and population[p] and the grid,
 * bound and displacement of every matrix that p's spikes walk; those of an integer type are quantised and written
 * before their bound limits p's thresholds.  population[p].shift is allocated for per-channel populations: free it.
 * LASSIM_ERR_FILE for a value that is not finite and for a matrix whose sums cannot be proved exact. */
enum lassim_status calibrate_observe(void *context, uint32_t population, const double *values, size_t rows,
                                     size_t columns, struct lassim_error *error);
/* Grids of the matrices that input spikes walk (tok, pos); their populations need no thresholds. */
enum lassim_status calibrate_inputs(struct calibration *calibration, struct lassim_error *error);
/* The residual's grid, after everything was seen: the largest seen times 2^8 fits in 2^52 steps. */
int calibrate_residual_grid(const struct calibration *calibration);

#endif
