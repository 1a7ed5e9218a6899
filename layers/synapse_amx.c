#include "layers/synapse_amx.h"

#include "layers/synapse_amx_call.h"
#include "neurons/cpu.h"

int synapse_amx_takes(uint32_t sources, uint32_t tokens)
{
    return cpu_level() >= CPU_AMX && tokens >= SYNAPSE_AMX_TOKENS && sources <= SYNAPSE_AMX_ROWS;
}

#if defined(__x86_64__)
/* Cycles, measured on Sapphire Rapids: a product of tiles with its loads; a weight's packing; one token's sum of one
 * target added up; a weight of a token's row done sparsely. */
static const double COST_PRODUCT = 18, COST_PACK = 0.5, COST_SUM = 1, COST_SPARSE = 0.4;

static size_t panel_bytes(uint32_t sources)
{
    return COLUMNS * (((size_t)sources + DEPTH - 1) / DEPTH) * DIGITS * TILE_BYTES;
}

size_t synapse_amx_scratch(uint32_t sources, uint32_t tokens)
{
    const uint32_t most = synapse_amx_most(sources);
    return synapse_amx_takes(most, tokens) ? panel_bytes(most) + 2 * SUMS * SIDE * SIDE * sizeof(int32_t) : 0;
}

/* 0: beyond the bounds. */
static unsigned weight_digits(const struct matrix *matrix)
{
    switch (matrix->type) {
    case WEIGHT_I8: return 1;
    case WEIGHT_I16:
    case WEIGHT_I4: return 2;
    default: break;
    }
    if (matrix->grid < -126 || matrix->grid > 126) return 0; /* 2^-grid is no float */
    for (unsigned digits = 1; digits <= DIGITS; digits++)
        if (matrix->integer_max < UINT64_C(1) << (8 * digits - 1)) return digits;
    return 0;
}

/* Bounds that the products keep. */
static int is_possible(const struct amx_found *found, unsigned digits)
{
    return digits > 0 && (found->n == 0 || found->value_digits > 0);
}

int synapse_amx_is_worth(const struct synapse_amx_ready *ready, const struct matrix *matrix, uint32_t tokens)
{
    const struct amx_found *found = &ready->found;
    const unsigned digits = weight_digits(matrix);
    double products = (double)found->depths * found->blocks * COLUMNS * found->value_digits * digits;
    double dense = products * COST_PRODUCT + STRIP * (found->n * COST_PACK + tokens * COST_SUM);
    return is_possible(found, digits) && dense < STRIP * COST_SPARSE * (double)found->active;
}

VECTOR static void receive(const struct amx_call *call, uint32_t from, uint32_t to)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int i = 0; i < 8; i++) config.row_bytes[i] = 64, config.rows[i] = SIDE;
    _tile_loadconfig(&config);
    for (uint32_t tile = from; tile < to; tile += STRIP) {
        uint32_t width = to - tile < STRIP ? to - tile : STRIP;
        synapse_amx_pack_weights(call, tile, width);
        synapse_amx_multiply(call, tile, width);
    }
    _tile_release();
}

int synapse_amx_receive(const struct synapse_amx_ready *ready, const struct matrix *matrix, uint32_t targets,
                        const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to, int always,
                        void *scratch)
{
    if (ready == NULL || from >= to) return 0;
    const struct amx_found *found = &ready->found;
    struct amx_call call = {.matrix = matrix,
                            .rows = {matrix->weights, matrix->type, matrix->grid, targets},
                            .window = window,
                            .tokens = tokens,
                            .n = found->n,
                            .depths = found->depths,
                            .blocks = found->blocks,
                            .value_digits = found->value_digits,
                            .weight_digits = weight_digits(matrix),
                            .natural = found->natural,
                            .row = ready->row,
                            .used = ready->shared->used,
                            .values = ready->shared->values,
                            .panel = scratch,
                            .sums = (int32_t *)(void *)((char *)scratch + panel_bytes(ready->shared->sources))};
    if (!is_possible(found, call.weight_digits)) return 0;
    if (!always && !synapse_amx_is_worth(ready, matrix, tokens)) return 0;
    if (call.n > 0) receive(&call, from, to);
    return 1;
}
#else
size_t synapse_amx_scratch(uint32_t sources, uint32_t tokens)
{
    (void)sources, (void)tokens;
    return 0;
}

int synapse_amx_is_worth(const struct synapse_amx_ready *ready, const struct matrix *matrix, uint32_t tokens)
{
    (void)ready, (void)matrix, (void)tokens;
    return 0;
}

int synapse_amx_receive(const struct synapse_amx_ready *ready, const struct matrix *matrix, uint32_t targets,
                        const struct synapse_window *window, uint32_t tokens, uint32_t from, uint32_t to, int always,
                        void *scratch)
{
    (void)ready, (void)matrix, (void)targets, (void)window, (void)tokens;
    (void)from, (void)to, (void)always, (void)scratch;
    return 0;
}
#endif
