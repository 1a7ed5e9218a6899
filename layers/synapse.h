/* Synapse kernels: what a spike packet adds to the integer sums of a weight matrix's targets.
 *
 * A spike of source j at step t adds +-(w_ij << shift), shift = T-1-t, plus the outlier shift, plus the
 * channel's; w_ij = weight / 2^grid, an integer.  Nothing is multiplied or rounded, so the sums do not
 * depend on order.  Only the rows of the packet's sources are read. */
#ifndef LASSIM_LAYERS_SYNAPSE_H
#define LASSIM_LAYERS_SYNAPSE_H

#include <stdint.h>

#include "layers/packet.h"
#include "layers/params.h"

/* sum: [targets] of the whole matrix; this call adds to sum[from .. to).  targets: row length.
 * packet: at most GRAPH_BLOCK_NEURONS spikes
 * (more is a bug and aborts).  source: thresholds of the spiking population (j, channel shifts).  steps: T.  O(spikes (to - from)). */
void synapse_receive(const struct matrix *matrix, uint32_t targets, const struct population_params *source,
                     unsigned steps, const struct packet *packet, uint32_t from, uint32_t to, int64_t *sum);

/* The integer of one weight: weight / 2^grid, its target's scale left out; exact. */
int64_t synapse_integer(const struct matrix *matrix, uint32_t targets, uint32_t source, uint32_t target);

#endif
