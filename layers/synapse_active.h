/* From a window's codes to the rows that it reads and the integer of each: what the float window kernels start with. */
#ifndef LASSIM_LAYERS_SYNAPSE_ACTIVE_H
#define LASSIM_LAYERS_SYNAPSE_ACTIVE_H

#include <stdint.h>

#include "layers/params.h"
#include "layers/synapse_window.h"

/* Which codes a pass takes: all, or normal and outlier ones apart, where only their separate sums are exact. */
enum synapse_plane { SYNAPSE_ALL, SYNAPSE_NORMAL, SYNAPSE_OUTLIER };

/* The sources in the plane that are not silent, ascending, and their codes.  row, code: [sources].  Returns their
 * number.  O(sources). */
uint32_t synapse_active(enum synapse_plane plane, const uint32_t *codes, uint32_t sources, uint32_t *row,
                        uint32_t *code);

/* The sources that synapse_active finds for any of the tokens.  O(sources tokens). */
uint32_t synapse_union(enum synapse_plane plane, const struct synapse_window *window, uint32_t tokens, uint32_t sources,
                       uint32_t *row);

/* value[k] = v of neuron row[k] with code[k], times per_grid (a power of two); 0 for codes outside the plane.
 * v = +-magnitude 2^(j if outlier) 2^shift[row[k]]; the factor 2^j is left out in SYNAPSE_OUTLIER.  Exact. */
void synapse_values(enum synapse_plane plane, const struct population_params *source, double per_grid,
                    const uint32_t *row, const uint32_t *code, uint32_t n, double *value);

/* v of one source as an integer, as above with SYNAPSE_ALL. */
int64_t synapse_source_value(const struct population_params *source, uint32_t neuron, uint32_t code);

#endif
