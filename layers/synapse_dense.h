/* Dense tiles of the integer weight types: panels of row pairs times planes of 16-bit codes of many tokens.
 *
 * One plane takes normal codes clamped to +-covered, and folds once in `fold` pairs, seldom where covered is small;
 * what is clamped off is left to the sparse kernel.  Two planes, v = 256 h + l, -128 <= l < 128, take every normal
 * code.  Outlier codes are few and left to the sparse kernel, too. */
#ifndef LASSIM_LAYERS_SYNAPSE_DENSE_H
#define LASSIM_LAYERS_SYNAPSE_DENSE_H

#include <stddef.h>
#include <stdint.h>

#include "layers/synapse_lanes.h"
#include "layers/synapse_window.h"

enum synapse_way { SYNAPSE_WAY_BEST, SYNAPSE_WAY_SPARSE, SYNAPSE_WAY_ONE_PLANE, SYNAPSE_WAY_TWO_PLANES };

struct synapse_plan {
    unsigned planes; /* 0: all is sparse */
    int32_t covered; /* normal codes of this magnitude and less are the planes' */
    uint32_t fold[2];
};

/* How a call is best done; from the codes of a few of the tokens.  lanes NULL: sparse. */
struct synapse_plan synapse_dense_plan(const struct synapse_lanes *lanes, enum synapse_way way, enum weight_type type,
                                       uint32_t sources, const struct synapse_window *window, uint32_t tokens);

/* The first target in [from, to] that units may start from. */
static inline uint32_t synapse_dense_begin(enum weight_type type, uint32_t from, uint32_t to)
{
    uint32_t begin = type == WEIGHT_I4 ? (from + SYNAPSE_UNIT - 1) / SYNAPSE_UNIT * SYNAPSE_UNIT : from;
    return begin < to ? begin : to;
}

/* Bytes for synapse_dense_receive. */
size_t synapse_dense_scratch(uint32_t sources, uint32_t tokens);

/* Adds what the plan's planes cover to each token's sum[from .. to), from by synapse_dense_begin.  scratch: 64-byte
 * aligned. */
void synapse_dense_receive(const struct synapse_lanes *lanes, const struct synapse_plan *plan,
                           const struct synapse_rows *rows, uint32_t sources, const struct population_params *source,
                           const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to,
                           void *scratch);

#endif
