/* The inner loops of the window kernels for float weights, in double on exact integers: a few rows onto one tile of
 * targets (sparse), or panels of rows onto many tokens (dense).  One set of kernels for each level of instructions
 * (neurons/cpu.h); same numbers, because every product and sum is an exact integer. */
#ifndef LASSIM_LAYERS_SYNAPSE_TILE_H
#define LASSIM_LAYERS_SYNAPSE_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "layers/synapse_rows.h"

enum {
    SYNAPSE_TILE_TARGETS = 8192, /* sparse: 64 KiB of sums, so that a row is one run of 16 KiB of F16 weights */
    SYNAPSE_PANEL_SOURCES = 256, /* dense: rows of a panel, ... */
    SYNAPSE_PANEL_TARGETS = 64,  /* ... and its width: 128 KiB as doubles, converted once for all tokens */
    SYNAPSE_PANEL_TOKENS = 6     /* tokens of one register block */
};

/* acc[0 .. width) = sum over the n rows of value[r] w[row[r]][tile + i], w the stored weight.  Overwrites.
 * Rows are read in order; those to come are prefetched. */
void synapse_tile_rows(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                       uint32_t tile, uint32_t width, double *acc);

/* Doubles from one token's values to the next: n and some room, so that tokens do not meet in the same cache sets. */
static inline size_t synapse_panel_stride(uint32_t n)
{
    return ((size_t)n + 7) / 8 * 8 + 8;
}

/* Bytes for synapse_panel. */
size_t synapse_panel_scratch(uint32_t tokens);
/* Returns acc [tokens][SYNAPSE_PANEL_TARGETS] inside scratch: acc[t][i] = sum_k values[t][k] w[row[k]][tile + i]
 * over the n rows, for i < width <= SYNAPSE_PANEL_TARGETS.  values: [tokens][synapse_panel_stride(n)].
 * scratch: 64-byte aligned. */
const double *synapse_panel(const struct synapse_rows *rows, const uint32_t *row, uint32_t n, const double *values,
                            uint32_t tokens, uint32_t tile, uint32_t width, void *scratch);

/* sum[0 .. width) += acc 2^shift; acc holds exact integers below 2^53, and what is added stays below 2^63. */
void synapse_spill(const double *acc, uint32_t width, unsigned shift, int64_t *sum);

#endif
