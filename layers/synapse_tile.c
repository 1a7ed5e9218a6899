#include "layers/synapse_tile.h"

#include <string.h>

#include "neurons/cpu.h"
#include "layers/synapse_tile_kernels.h"

/* ---- portable ---- */

static void add_rows_portable(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                              uint32_t tile, uint32_t width, double *acc)
{
    for (uint32_t r = 0; r < n; r++) {
        uint64_t start = (uint64_t)row[r] * rows->targets + tile;
        for (uint32_t i = 0; i < width; i++) acc[i] += value[r] * weight_value(rows->type, rows->weights, start + i);
    }
}

static void pack_portable(const struct synapse_rows *rows, const uint32_t *row, uint32_t count, uint32_t tile,
                          uint32_t width, double *panel)
{
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i++)
            panel[k * SYNAPSE_PANEL_TARGETS + i] =
                i < width ? weight_value(rows->type, rows->weights, (uint64_t)row[k] * rows->targets + tile + i) : 0;
}

static void multiply_portable(const double *panel, uint32_t count, const double *values, size_t stride, uint32_t tokens,
                              double *acc)
{
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t k = 0; k < count; k++)
            for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i++)
                acc[t * SYNAPSE_PANEL_TARGETS + i] += values[t * stride + k] * panel[k * SYNAPSE_PANEL_TARGETS + i];
}

static void spill_portable(const double *acc, uint32_t width, unsigned shift, int64_t *sum)
{
    for (uint32_t i = 0; i < width; i++) sum[i] += (int64_t)((uint64_t)(int64_t)acc[i] << shift);
}

const struct synapse_tile_kernels synapse_tile_portable = {1, add_rows_portable, pack_portable, multiply_portable,
                                                           spill_portable};

/* ---- any level ---- */

static const struct synapse_tile_kernels *best(void)
{
    const struct synapse_tile_kernels *kernels = NULL;
    if (cpu_level() >= CPU_AVX512)
        kernels = synapse_tile_avx512();
    else if (cpu_level() >= CPU_AVX2)
        kernels = synapse_tile_avx2();
    return kernels != NULL ? kernels : &synapse_tile_portable;
}

void synapse_tile_rows(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                       uint32_t tile, uint32_t width, double *acc)
{
    const struct synapse_tile_kernels *kernels = best();
    uint32_t whole = width / kernels->lanes * kernels->lanes;
    memset(acc, 0, width * sizeof *acc);
    if (whole > 0) kernels->add_rows(rows, row, value, n, tile, whole, acc);
    if (whole < width) add_rows_portable(rows, row, value, n, tile + whole, width - whole, acc + whole);
}

size_t synapse_panel_scratch(uint32_t tokens)
{
    return (SYNAPSE_PANEL_SOURCES + (size_t)tokens) * SYNAPSE_PANEL_TARGETS * sizeof(double);
}

const double *synapse_panel(const struct synapse_rows *rows, const uint32_t *row, uint32_t n, const double *values,
                            uint32_t tokens, uint32_t tile, uint32_t width, void *scratch)
{
    const struct synapse_tile_kernels *kernels = best();
    double *panel = scratch, *acc = panel + (size_t)SYNAPSE_PANEL_SOURCES * SYNAPSE_PANEL_TARGETS;
    memset(acc, 0, (size_t)tokens * SYNAPSE_PANEL_TARGETS * sizeof *acc);
    for (uint32_t from = 0; from < n; from += SYNAPSE_PANEL_SOURCES) {
        uint32_t count = n - from < SYNAPSE_PANEL_SOURCES ? n - from : SYNAPSE_PANEL_SOURCES;
        kernels->pack(rows, row + from, count, tile, width, panel);
        kernels->multiply(panel, count, values + from, synapse_panel_stride(n), tokens, acc);
    }
    return acc;
}

void synapse_spill(const double *acc, uint32_t width, unsigned shift, int64_t *sum)
{
    best()->spill(acc, width, shift, sum);
}
