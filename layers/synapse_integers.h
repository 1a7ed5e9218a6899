/* Window kernels of the integer weight types (I16, I8, I4): exact sums of integers times codes.
 *
 * Weights become 16-bit integers, pairs of rows meet pairs of 16-bit codes in multiply-add instructions, and their
 * 32-bit results are folded into exact wider sums (layers/synapse_lanes.h).  What a code has beyond 16 bits, channel
 * and outlier shifts are taken apart before: by further entries of the same row, by planes, by groups of equal
 * shift.  The target's scale is not applied here. */
#ifndef LASSIM_LAYERS_SYNAPSE_INTEGERS_H
#define LASSIM_LAYERS_SYNAPSE_INTEGERS_H

#include <stddef.h>
#include <stdint.h>

#include "layers/params.h"
#include "layers/synapse_dense.h"
#include "layers/synapse_lanes.h"
#include "layers/synapse_window.h"

/* Bytes of scratch memory for synapse_integers_receive. */
size_t synapse_integers_scratch(uint32_t sources, uint32_t tokens);

/* synapse_window_receive for a matrix of an integer type, any codes and any stored bytes; same parameters. */
void synapse_integers_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                              const struct population_params *source, const struct synapse_window *window,
                              uint32_t tokens, uint32_t from, uint32_t to, const struct synapse_amx_ready *ready,
                              void *scratch);

/* The same with given kernels (NULL: portable C, always sparse) and a given way (synapse_dense.h), for tests and measurements. */
void synapse_integers_receive_by(const struct synapse_lanes *lanes, enum synapse_way way, const struct matrix *matrix,
                                 uint32_t sources, uint32_t targets, const struct population_params *source,
                                 const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to,
                                 void *scratch);

#endif
