/* Parameters that the graph's matrices, norms and populations carry: what a layer reads while it
 * receives spikes and closes windows.  The model file stores them, the converter fills them. */
#ifndef LASSIM_LAYERS_PARAMS_H
#define LASSIM_LAYERS_PARAMS_H

#include <stdint.h>

enum weight_type { WEIGHT_F32 = 0, WEIGHT_F16 = 1, WEIGHT_BF16 = 2 };

/* One weight matrix, stored by source: row j = fan-out of source neuron j, targets contiguous.
 * Every weight is integer * 2^grid, |integer| <= integer_max < 2^62. */
struct matrix {
    enum weight_type type;
    int32_t grid;
    uint64_t integer_max;  /* largest |weight| / 2^grid */
    uint64_t bound;        /* max over targets of sum_j |w_ij / 2^grid| (2^16 - 1) 2^(j_src + shift_j), < 2^62:
                            * the exactness proof, at T = 16 */
    const void *weights;   /* [sources][targets] of type */
    const double *bias;    /* [targets] or NULL */
    uint64_t moved;        /* weights moved by the grid, their largest and rms displacement */
    double moved_max, moved_rms;
};

struct norm_params {
    const double *gamma, *beta; /* [D] each, or both NULL */
};

/* Thresholds of one population; meaningful for CODE_OAT (scale .. shift) and CODE_HG (table). */
struct population_params {
    double scale;        /* alpha_nor = scale * 2^exponent; > 0, finite */
    int32_t exponent;    /* -200 .. 200 */
    uint32_t j;          /* outlier shift 0..10 */
    const int8_t *shift; /* per channel (graph: per_channel), 0..30, else NULL */
    uint32_t table;      /* CODE_HG: index into tables */
};

/* Bytes of one weight: 4, 2 or 2. */
uint32_t weight_size(enum weight_type type);
/* "F32", "F16", "BF16". */
const char *weight_type_name(enum weight_type type);

#endif
