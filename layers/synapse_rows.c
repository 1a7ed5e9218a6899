#include "layers/synapse_rows.h"

#include <string.h>

#include "layers/packet.h"

/* 2^exponent as a float, -126 <= exponent <= 127. */
static float power_of_two(int exponent)
{
    uint32_t bits = (uint32_t)(exponent + 127) << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* 2^exponent in two factors, so that exponents up to +-252 stay finite. */
struct scale {
    float first, second;
};

static struct scale scale_of(int exponent)
{
    int half = exponent / 2;
    return (struct scale){power_of_two(half), power_of_two(exponent - half)};
}

/* Weight i of a row as a float times a fixed power of two: F16 is 2^-112 of its value (its exponent field
 * moved into a float's), the others their value. */
static inline __attribute__((always_inline)) float load_weight(const void *row, enum weight_type type, uint32_t i)
{
    uint32_t bits;
    if (type == WEIGHT_F32) {
        bits = ((const uint32_t *)row)[i];
    } else {
        uint32_t half = ((const uint16_t *)row)[i];
        bits = type == WEIGHT_F16 ? (half & 0x8000u) << 16 | (half & 0x7fffu) << 13 : half << 16;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline __attribute__((always_inline)) void add_row(const void *row, enum weight_type type, struct scale scale,
                                                          int negative, uint32_t width, int32_t *tile_sum)
{
    if (negative)
        for (uint32_t i = 0; i < width; i++)
            tile_sum[i] -= (int32_t)(load_weight(row, type, i) * scale.first * scale.second);
    else
        for (uint32_t i = 0; i < width; i++)
            tile_sum[i] += (int32_t)(load_weight(row, type, i) * scale.first * scale.second);
}

static inline __attribute__((always_inline)) void rows_add(const struct synapse_rows *rows, enum weight_type type,
                                                           const uint32_t *spikes, uint32_t count, uint32_t tile,
                                                           uint32_t width, unsigned shift, int64_t *sum)
{
    int32_t tile_sum[SYNAPSE_TILE];
    struct scale scale = scale_of((type == WEIGHT_F16 ? 112 : 0) - rows->grid);
    memset(tile_sum, 0, width * sizeof tile_sum[0]);
    for (uint32_t s = 0; s < count; s++) {
        uint64_t first = (uint64_t)(spikes[s] & SPIKE_NEURON) * rows->targets + tile;
        const char *row = (const char *)rows->weights + first * (type == WEIGHT_F32 ? 4 : 2);
        add_row(row, type, scale, (spikes[s] & SPIKE_NEGATIVE) != 0, width, tile_sum);
    }
    for (uint32_t i = 0; i < width; i++) sum[i] += (int64_t)((uint64_t)(int64_t)tile_sum[i] << shift);
}

static inline __attribute__((always_inline)) void any_rows_add(const struct synapse_rows *rows, const uint32_t *spikes,
                                                               uint32_t count, uint32_t tile, uint32_t width,
                                                               unsigned shift, int64_t *sum)
{
    switch (rows->type) {
    case WEIGHT_F32: rows_add(rows, WEIGHT_F32, spikes, count, tile, width, shift, sum); break;
    case WEIGHT_F16: rows_add(rows, WEIGHT_F16, spikes, count, tile, width, shift, sum); break;
    case WEIGHT_BF16: rows_add(rows, WEIGHT_BF16, spikes, count, tile, width, shift, sum); break;
    }
}

void synapse_rows_add_portable(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                               uint32_t width, unsigned shift, int64_t *sum)
{
    any_rows_add(rows, spikes, count, tile, width, shift, sum);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void synapse_rows_add_avx2(const struct synapse_rows *rows,
                                                                  const uint32_t *spikes, uint32_t count,
                                                                  uint32_t tile, uint32_t width, unsigned shift,
                                                                  int64_t *sum)
{
    any_rows_add(rows, spikes, count, tile, width, shift, sum);
}

void synapse_rows_add(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                      uint32_t width, unsigned shift, int64_t *sum)
{
    if (__builtin_cpu_supports("avx2"))
        synapse_rows_add_avx2(rows, spikes, count, tile, width, shift, sum);
    else
        synapse_rows_add_portable(rows, spikes, count, tile, width, shift, sum);
}
#else
void synapse_rows_add(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                      uint32_t width, unsigned shift, int64_t *sum)
{
    synapse_rows_add_portable(rows, spikes, count, tile, width, shift, sum);
}
#endif
