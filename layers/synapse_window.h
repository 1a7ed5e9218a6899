/* Synapse kernels for whole windows: what the trains of several tokens add to one matrix's integer sums.
 *
 * A window's spikes of source j sum to the integer v_j = +-code 2^(j_outlier + shift_j); the targets get
 * v_j w_ij, the same integer that the single spikes add up to.  Products are formed in double where the
 * matrix's bound keeps every partial sum an exact integer below 2^53 (normal and outlier codes apart where
 * only their separate sums do; then the lower and upper eight bits of the codes apart, up to 2^61), else in 64-bit
 * integers.  Exact sums do not depend on order, so sparse and
 * dense kernels, vector and portable code and every split over workers give the same integers. */
#ifndef LASSIM_LAYERS_SYNAPSE_WINDOW_H
#define LASSIM_LAYERS_SYNAPSE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#include "layers/params.h"

enum { SYNAPSE_WINDOW_GRAIN = 64 /* targets that stay on one worker: a cache line of F16 weights and more */ };

/* One token's codes of the source population (neurons/oat.h) and its sums of the matrix's targets. */
struct synapse_window {
    const uint32_t *codes; /* [sources] */
    int64_t *sum;          /* [targets] */
};

struct synapse_amx_ready;

/* Bytes of scratch memory that a worker needs for up to `tokens` tokens of a matrix with `sources` rows. */
size_t synapse_window_scratch(uint32_t sources, uint32_t tokens);

/* Adds all tokens' windows to sum[from .. to).  ready: the windows' values for tiles (layers/synapse_amx.h), or NULL.
 * scratch: the worker's, 64-byte aligned.
 * O(active sources (to - from)) a token where few are active or few tokens share the rows, else dense. */
void synapse_window_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                            const struct population_params *source, const struct synapse_window *window,
                            uint32_t tokens, uint32_t from, uint32_t to, const struct synapse_amx_ready *ready,
                            void *scratch);

#endif
