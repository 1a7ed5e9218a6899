/* The inner loops of the window kernels, in double on exact integers: a few rows onto one tile of targets
 * (sparse), or a panel of rows onto many tokens (dense).  AVX2, FMA and F16C where the CPU has them, else
 * portable C; same numbers, because every product and sum is an exact integer. */
#ifndef LASSIM_LAYERS_SYNAPSE_TILE_H
#define LASSIM_LAYERS_SYNAPSE_TILE_H

#include <stddef.h>
#include <stdint.h>

#include "layers/synapse_rows.h"

enum {
    SYNAPSE_TILE_TARGETS = 1024, /* sparse: 8 KiB of sums */
    SYNAPSE_PANEL_SOURCES = 128, /* dense: rows of a panel, ... */
    SYNAPSE_PANEL_TARGETS = 32,  /* ... one cache line of F16 weights wide: 32 KiB as doubles */
    SYNAPSE_PANEL_TOKENS = 4     /* tokens of one register block */
};

/* acc[0 .. width) = sum over the n rows of value[r] w[row[r]][tile + i], w the stored weight.  Overwrites. */
void synapse_tile_rows(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                       uint32_t tile, uint32_t width, double *acc);

/* Bytes for synapse_panel. */
size_t synapse_panel_scratch(uint32_t tokens);
/* Returns acc [tokens][SYNAPSE_PANEL_TARGETS] inside scratch: acc[t][i] = sum_k values[t][k] w[row[k]][tile + i]
 * over the n rows, for i < width <= SYNAPSE_PANEL_TARGETS.  values: [tokens][n].  scratch: 64-byte aligned. */
const double *synapse_panel(const struct synapse_rows *rows, const uint32_t *row, uint32_t n, const double *values,
                            uint32_t tokens, uint32_t tile, uint32_t width, void *scratch);

#endif
