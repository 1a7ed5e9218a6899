/* The sets of inner loops behind layers/synapse_tile.h, one for each level of instructions. */
#ifndef LASSIM_LAYERS_SYNAPSE_TILE_KERNELS_H
#define LASSIM_LAYERS_SYNAPSE_TILE_KERNELS_H

#include "layers/synapse_tile.h"

enum {
    SYNAPSE_ROWS_AT_ONCE = 8, /* rows that meet one load and store of the sums */
    SYNAPSE_STEP = 32,        /* targets between prefetches: a cache line of F16 weights */
    SYNAPSE_AHEAD = 8192      /* bytes of rows that are on their way */
};

struct synapse_tile_kernels {
    uint32_t lanes; /* width of add_rows is a multiple */
    /* acc[0 .. width) += ... as synapse_tile_rows. */
    void (*add_rows)(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                     uint32_t tile, uint32_t width, double *acc);
    /* count <= SYNAPSE_PANEL_SOURCES rows as doubles, zeros from width on, in the kernels' own order. */
    void (*pack)(const struct synapse_rows *rows, const uint32_t *row, uint32_t count, uint32_t tile, uint32_t width,
                 double *panel);
    /* acc[t][i] += sum over the panel's rows of values[t stride + k] panel[k][i]; acc: [tokens][SYNAPSE_PANEL_TARGETS] */
    void (*multiply)(const double *panel, uint32_t count, const double *values, size_t stride, uint32_t tokens,
                     double *acc);
    void (*spill)(const double *acc, uint32_t width, unsigned shift, int64_t *sum);
};

extern const struct synapse_tile_kernels synapse_tile_portable;
/* NULL where the compiler's target is not x86-64; run only where the CPU has them. */
const struct synapse_tile_kernels *synapse_tile_avx2(void);
const struct synapse_tile_kernels *synapse_tile_avx512(void);

/* Rows that a pass goes through side by side, and those that are prefetched meanwhile. */
struct synapse_pass {
    const char *start[SYNAPSE_ROWS_AT_ONCE], *ahead[SYNAPSE_ROWS_AT_ONCE];
};

/* Bytes of one weight: a constant where type is one. */
static inline __attribute__((always_inline)) uint32_t synapse_float_size(enum weight_type type)
{
    return type == WEIGHT_F32 ? 4 : 2;
}

static inline const char *synapse_row_start(const struct synapse_rows *rows, uint32_t row, uint32_t tile)
{
    return (const char *)rows->weights + ((uint64_t)row * rows->targets + tile) * synapse_float_size(rows->type);
}

/* Rows [r, r + count) of the list, and those `lead` places on; at the list's end the last one again, which costs
 * nothing more. */
static inline void synapse_pass_set(struct synapse_pass *pass, const struct synapse_rows *rows, const uint32_t *row,
                                    uint32_t n, uint32_t r, uint32_t count, uint32_t lead, uint32_t tile)
{
    for (uint32_t k = 0; k < count; k++) {
        uint32_t next = r + k + lead < n ? r + k + lead : n - 1;
        pass->start[k] = synapse_row_start(rows, row[r + k], tile);
        pass->ahead[k] = synapse_row_start(rows, row[next], tile);
    }
}

/* Places between a row and the one prefetched meanwhile, a multiple of SYNAPSE_ROWS_AT_ONCE. */
static inline uint32_t synapse_lead(const struct synapse_rows *rows, uint32_t width)
{
    uint32_t pass = width * synapse_float_size(rows->type) * SYNAPSE_ROWS_AT_ONCE;
    return pass == 0 ? SYNAPSE_ROWS_AT_ONCE : (SYNAPSE_AHEAD + pass - 1) / pass * SYNAPSE_ROWS_AT_ONCE;
}

/* Prefetches the first `lead` rows, which no pass comes before. */
static inline void synapse_prefetch_first(const struct synapse_rows *rows, const uint32_t *row, uint32_t n,
                                          uint32_t lead, uint32_t tile, uint32_t width)
{
    for (uint32_t r = 0; r < n && r < lead; r++) {
        const char *start = synapse_row_start(rows, row[r], tile);
        for (uint32_t byte = 0; byte < width * synapse_float_size(rows->type); byte += 64)
            __builtin_prefetch(start + byte, 0, 2);
    }
}

#endif
