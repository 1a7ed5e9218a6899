/* Inside of the AMX window kernels (layers/synapse_amx.h): what a call's files share. */
#ifndef LASSIM_LAYERS_SYNAPSE_AMX_CALL_H
#define LASSIM_LAYERS_SYNAPSE_AMX_CALL_H

#if defined(__x86_64__)
#include <immintrin.h>

#include "layers/synapse_amx.h"
#include "layers/synapse_rows.h"

#define VECTOR __attribute__((target("avx2,f16c,avx512f,avx512bw,avx512vl,avx512dq,amx-tile,amx-int8")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR

enum {
    SIDE = 16,  /* rows of a tile, and its sums in a row */
    DEPTH = 64, /* rows of the matrix in a tile */
    TILE_BYTES = SIDE * DEPTH,
    DIGITS = 4, /* of weights at most */
    SUMS = 6,   /* tiles of sums: registers 0 to 5; 6 holds values, 7 weights */
    COLUMNS =
        4, /* of SIDE targets: a strip: two cache lines of F16 weights, since each row lies in a page of its own */
    STRIP = COLUMNS * SIDE
};

/* What the windows are like: every worker finds the same. */
struct amx_found {
    uint32_t n;            /* rows that any token needs, */
    uint32_t depths;       /* in tiles */
    uint32_t blocks;       /* of SIDE tokens */
    unsigned value_digits; /* 0: too many */
    int natural;           /* no value is negative: their digits are bytes without sign */
    uint64_t active;       /* codes */
};

/* One worker's. */
struct synapse_amx_ready {
    uint32_t *any;   /* [sources]: its tokens' codes or-ed, */
    uint64_t active; /* and how many of them are active */
    uint32_t *row;   /* [n] */
    int8_t *shift;   /* [depths][DEPTH]: the rows' channels' */
    struct amx_found found;
    const struct synapse_amx_shared *shared;
};

struct synapse_amx_shared {
    unsigned workers;
    uint32_t sources, tokens;       /* at most */
    struct synapse_amx_ready *part; /* [workers] */
    int8_t *values;                 /* [blocks][depths][value_digits][SIDE tokens][DEPTH] */
    uint8_t *used;                  /* [blocks][depths + 1]: bit b, digit b is not all 0; the last: of any depth */
};

/* Rows that memory is taken for: those beyond never go through tiles. */
static inline uint32_t synapse_amx_most(uint32_t sources)
{
    return sources < SYNAPSE_AMX_ROWS ? sources : SYNAPSE_AMX_ROWS;
}

/* One worker's products with one matrix. */
struct amx_call {
    const struct matrix *matrix;
    struct synapse_rows rows;
    const struct synapse_window *window;
    uint32_t tokens, n, depths, blocks; /* amx_found */
    unsigned value_digits, weight_digits;
    int natural;
    const uint32_t *row;
    const uint8_t *used;
    const int8_t *values;
    uint8_t *panel; /* [COLUMNS][depths][weight_digits][DEPTH / 4][SIDE targets][4] */
    int32_t *sums;  /* [2][SUMS][SIDE][SIDE] */
};

/* Cuts the weights of [tile, tile + width), width <= STRIP, into bytes: call->panel. */
void synapse_amx_pack_weights(const struct amx_call *call, uint32_t tile, uint32_t width);
/* Adds the products of all values with the panel to the tokens' sums.  The tiles' configuration is loaded. */
void synapse_amx_multiply(const struct amx_call *call, uint32_t tile, uint32_t width);

/* One block's `used`. */
static inline const uint8_t *synapse_amx_used(const struct amx_call *call, uint32_t block)
{
    return call->used + (size_t)block * (call->depths + 1);
}
#endif

#endif
