/* Parameters that the graph's matrices, norms and populations carry: what a layer reads while it
 * receives spikes and closes windows.  The model file stores them, the converter fills them. */
#ifndef LASSIM_LAYERS_PARAMS_H
#define LASSIM_LAYERS_PARAMS_H

#include <stdint.h>

#include "layers/graph.h"

/* Bounds of what a model may hold; together they keep every product of lsbs, grids and sums far inside the
 * range of a double (docs/snn-format.md, Ranges).  An alpha_nor lies in 2^-200 .. 2^200. */
enum { PARAMS_GRID_MAX = 200, PARAMS_SHIFT_MAX = 30 };
#define PARAMS_SUM_LIMIT (INT64_C(1) << 62) /* what every |sum| stays below */

enum weight_type { WEIGHT_F32 = 0, WEIGHT_F16, WEIGHT_BF16, WEIGHT_I16, WEIGHT_I8, WEIGHT_I4, WEIGHT_TYPES };

/* One weight matrix, stored by source: row j = fan-out of source neuron j, targets contiguous.
 * Every weight is integer * 2^grid, |integer| <= integer_max < 2^62, times its target's scale where there is one.
 * Floats (F32, F16, BF16) have no scale.  Integer types have one, and grid 0:
 *   I16, I8: two's complement, no smallest value (-2^15, -2^7)
 *   I4: -7 .. 7 times the weight's group scale, 1 .. 255; a group is the weights of WEIGHT_GROUP consecutive sources
 *       into one target.  Targets are padded to P = a multiple of WEIGHT_GROUP with zeros.  A group's bytes: P group
 *       scales, then its rows of P / 2 bytes; byte 16 b + k of a row holds target 32 b + k in its low half and target
 *       32 b + 16 + k in its high half, two's complement. */
struct matrix {
    enum weight_type type;
    int32_t grid;
    uint64_t integer_max; /* largest |integer| */
    uint64_t bound;       /* max over targets of sum_j |w_ij / 2^grid| (2^16 - 1) 2^(j_src + shift_j), < 2^62:
                            * the exactness proof, at T = 16; integer_max where the source is an input */
    const void *weights;  /* [sources][targets] of type */
    const double *scale;  /* [targets], 2^-200 .. 2^200; NULL: 1 */
    const double *bias;   /* [targets] or NULL */
    uint64_t moved;       /* weights moved by the grid, their largest and rms displacement */
    double moved_max, moved_rms;
};

struct norm_params {
    const double *gamma, *beta; /* [D] each, or both NULL; RMSNorm: beta is NULL */
};

/* Rotary positions: cos and sin are integers * 2^-ROTARY_BITS, |integer| <= 2^31 - 1 (YaRN's factor may exceed 1). */
enum { ROTARY_BITS = 30 };
/* Numbers of a rotary table: [positions][head_dim / 2][2].  0 unless rotary. */
uint64_t params_rotary_size(const struct model_config *config);

/* Thresholds of one population; meaningful for CODE_OAT (scale .. shift) and CODE_HG (table). */
struct population_params {
    double scale;        /* alpha_nor = scale * 2^exponent; > 0, finite */
    int32_t exponent;    /* -200 .. 200 */
    uint32_t j;          /* outlier shift 0..10 */
    const int8_t *shift; /* per channel (graph: per_channel), 0..30, else NULL */
    uint32_t table;      /* CODE_HG: index into tables */
    uint32_t steps;      /* T of its own, 1 .. 16: the first steps of a longer window; 0: the window's T.  Not input */
};

/* Timesteps that the population's spikes take up in windows of T = window. */
static inline unsigned params_steps(const struct population_params *params, unsigned window)
{
    return params->steps != 0 && params->steps < window ? params->steps : window;
}

enum { WEIGHT_GROUP = 32 };

/* Bytes of one row (I4: without the group's scales) and of a whole matrix; sizes below 2^20, so no overflow. */
uint64_t weight_row_bytes(enum weight_type type, uint32_t targets);
uint64_t weight_bytes(enum weight_type type, uint32_t sources, uint32_t targets);
/* Where row `source` starts.  group_scales, for I4 (else untouched, may be NULL): [targets] of the row's group. */
const void *weight_row(enum weight_type type, const void *weights, uint32_t targets, uint32_t source,
                       const uint8_t **group_scales);
/* Copies the weights into targets [from, to), from a multiple of WEIGHT_GROUP, of a matrix of slot shape [sources][targets]
 * to out [weight_bytes(type, sources, to - from)], laid out as a matrix of those targets alone. */
void matrix_copy_targets(const struct matrix *matrix, uint32_t sources, uint32_t targets, uint32_t from, uint32_t to,
                         void *out);
/* 1 for F32, F16 and BF16. */
int weight_is_float(enum weight_type type);

/* The value of element `index` of an array of floats (F32, F16, BF16, aligned); exact, NaN and infinities stay such. */
double weight_value(enum weight_type type, const void *weights, uint64_t index);
/* The weight of source into target without the target's scale: integer * 2^grid, exact.  Any type.  O(1). */
double matrix_value(const struct matrix *matrix, uint32_t targets, uint32_t source, uint32_t target);

/* NULL if, at T = 16, every product sum of populations' trains stays below 2^62: q.k over d_head, e.v and
 * sum e at the longest context, D v - sum v of each norm.  Else what does not, a static string, and
 * *population is the one with the largest sum (a key, value or residual).  j must be in range (0..10).
 * O(populations). */
const char *params_check_products(const struct graph *graph, const struct population_params *params,
                                  uint32_t *population);

/* Those sums stay below 2^bits: returns bits. */
unsigned params_product_bits(const struct graph *graph, const struct population_params *params);

/* What a matrix's weights are, as found by params_prove_matrix. */
struct matrix_proof {
    uint64_t integer_max, bound; /* as in struct matrix, from the weights themselves */
    uint32_t source, target;     /* where the first failure was */
};
/* Goes through all weights of matrix (slot's shape, fed by a population with `source` thresholds) and fills
 * *proof.  An input population spikes once, with weight 1: its bound is integer_max.  Returns NULL, or a
 * static string: a weight that is not finite or not on the grid, a bound of 2^62 or more, no memory.
 * Reads every weight once, in order; allocates 16 bytes per target. */
const char *params_prove_matrix(const struct graph *graph, uint32_t m, const struct matrix *matrix,
                                const struct population_params *source, struct matrix_proof *proof);

/* Bytes of one float: 4, 2 or 2. */
uint32_t weight_size(enum weight_type type);
/* "F32", "F16", "BF16", "I16", "I8", "I4". */
const char *weight_type_name(enum weight_type type);

#endif
