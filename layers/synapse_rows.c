#include "layers/synapse_rows.h"

#include <string.h>

#include "neurons/cpu.h"
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
    default: rows_add(rows, WEIGHT_BF16, spikes, count, tile, width, shift, sum); break;
    }
}

void synapse_rows_add_portable(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                               uint32_t width, unsigned shift, int64_t *sum)
{
    if (!weight_is_float(rows->type)) {
        synapse_integer_rows_add_portable(rows, spikes, count, tile, width, shift, sum);
        return;
    }
    any_rows_add(rows, spikes, count, tile, width, shift, sum);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2,f16c")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR

enum { LANES = 8, ROWS_AT_ONCE = 4, GRID_IN_ONE_FACTOR = 126 };

/* Eight weights of a row as floats. */
VECTOR_INLINE __m256 load_lanes(const void *row, enum weight_type type, uint32_t i)
{
    if (type == WEIGHT_F32) return _mm256_loadu_ps((const float *)row + i);
    __m128i halves = _mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)row + i));
    if (type == WEIGHT_F16) return _mm256_cvtph_ps(halves);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

/* One row's start and the power of two that turns its weights into signed integers. */
struct lane_row {
    const char *weights;
    __m256 scale;
};

VECTOR_INLINE struct lane_row lane_row_of(const struct synapse_rows *rows, uint32_t spike, uint32_t tile)
{
    float scale = power_of_two(-rows->grid);
    uint64_t first = (uint64_t)(spike & SPIKE_NEURON) * rows->targets + tile;
    return (struct lane_row){(const char *)rows->weights + first * (rows->type == WEIGHT_F32 ? 4 : 2),
                             _mm256_set1_ps(spike & SPIKE_NEGATIVE ? -scale : scale)};
}

/* Adds `count` (a constant, so that the loop unrolls) rows to whole vectors of tile_sum. */
VECTOR_INLINE void add_lanes(const struct lane_row *row, unsigned count, enum weight_type type, uint32_t width,
                             int32_t *tile_sum)
{
    for (uint32_t i = 0; i + LANES <= width; i += LANES) {
        __m256i *sum = (__m256i *)(void *)(tile_sum + i), total = _mm256_load_si256(sum);
        for (unsigned r = 0; r < count; r++) {
            __m256 integer = _mm256_mul_ps(load_lanes(row[r].weights, type, i), row[r].scale);
            total = _mm256_add_epi32(total, _mm256_cvtps_epi32(integer));
        }
        _mm256_store_si256(sum, total);
    }
}

VECTOR_INLINE void rows_add_lanes(const struct synapse_rows *rows, enum weight_type type, const uint32_t *spikes,
                                  uint32_t count, uint32_t tile, uint32_t width, unsigned shift, int64_t *sum)
{
    int32_t tile_sum[SYNAPSE_TILE] __attribute__((aligned(32)));
    struct lane_row row[ROWS_AT_ONCE];
    uint32_t whole = width / LANES * LANES, s = 0;
    memset(tile_sum, 0, whole * sizeof tile_sum[0]);
    for (; s + ROWS_AT_ONCE <= count; s += ROWS_AT_ONCE) {
        for (unsigned r = 0; r < ROWS_AT_ONCE; r++) row[r] = lane_row_of(rows, spikes[s + r], tile);
        add_lanes(row, ROWS_AT_ONCE, type, whole, tile_sum);
    }
    for (; s < count; s++) {
        row[0] = lane_row_of(rows, spikes[s], tile);
        add_lanes(row, 1, type, whole, tile_sum);
    }
    for (uint32_t i = 0; i < whole; i++) sum[i] += (int64_t)((uint64_t)(int64_t)tile_sum[i] << shift);
    if (whole < width) any_rows_add(rows, spikes, count, tile + whole, width - whole, shift, sum + whole);
}

VECTOR static void synapse_rows_add_vector(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count,
                                           uint32_t tile, uint32_t width, unsigned shift, int64_t *sum)
{
    switch (rows->type) {
    case WEIGHT_F32: rows_add_lanes(rows, WEIGHT_F32, spikes, count, tile, width, shift, sum); break;
    case WEIGHT_F16: rows_add_lanes(rows, WEIGHT_F16, spikes, count, tile, width, shift, sum); break;
    default: rows_add_lanes(rows, WEIGHT_BF16, spikes, count, tile, width, shift, sum); break;
    }
}

void synapse_rows_add(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                      uint32_t width, unsigned shift, int64_t *sum)
{
    int one_factor = rows->grid >= -GRID_IN_ONE_FACTOR && rows->grid <= GRID_IN_ONE_FACTOR;
    if (!weight_is_float(rows->type))
        synapse_integer_rows_add(rows, spikes, count, tile, width, shift, sum);
    else if (one_factor && cpu_has_vectors())
        synapse_rows_add_vector(rows, spikes, count, tile, width, shift, sum);
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
