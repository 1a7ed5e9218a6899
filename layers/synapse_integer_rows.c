/* synapse_rows_add for the integer weight types: spikes add or take off 16-bit integers in 32-bit sums. */
#include "layers/synapse_rows.h"

#include <string.h>

#include "neurons/cpu.h"
#include "layers/packet.h"

uint32_t synapse_weight_limit(enum weight_type type)
{
    switch (type) {
    case WEIGHT_I16: return 1 << 15;
    case WEIGHT_I8: return 1 << 7;
    default: return 8 * UINT8_MAX; /* I4: half a byte times a group scale */
    }
}

/* One row, from its first target. */
struct integer_row {
    const uint8_t *weights, *scales;
};

static inline struct integer_row row_of(const struct synapse_rows *rows, uint32_t spike)
{
    struct integer_row row = {NULL, NULL};
    row.weights = weight_row(rows->type, rows->weights, rows->targets, spike & SPIKE_NEURON, &row.scales);
    return row;
}

static inline int32_t weight_at(enum weight_type type, const struct integer_row *row, uint32_t target)
{
    switch (type) {
    case WEIGHT_I16: return ((const int16_t *)(const void *)row->weights)[target];
    case WEIGHT_I8: return (int8_t)row->weights[target];
    default: return synapse_i4(row->weights, row->scales, target);
    }
}

static inline __attribute__((always_inline)) void add_row(enum weight_type type, const struct integer_row *row,
                                                          int negative, uint32_t tile, uint32_t width,
                                                          int32_t *tile_sum)
{
    if (negative)
        for (uint32_t i = 0; i < width; i++) tile_sum[i] -= weight_at(type, row, tile + i);
    else
        for (uint32_t i = 0; i < width; i++) tile_sum[i] += weight_at(type, row, tile + i);
}

static void spill(const int32_t *tile_sum, uint32_t width, unsigned shift, int64_t *sum)
{
    for (uint32_t i = 0; i < width; i++) sum[i] += (int64_t)((uint64_t)(int64_t)tile_sum[i] << shift);
}

void synapse_integer_rows_add_portable(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count,
                                       uint32_t tile, uint32_t width, unsigned shift, int64_t *sum)
{
    int32_t tile_sum[SYNAPSE_TILE];
    memset(tile_sum, 0, width * sizeof tile_sum[0]);
    for (uint32_t s = 0; s < count; s++) {
        struct integer_row row = row_of(rows, spikes[s]);
        int negative = (spikes[s] & SPIKE_NEGATIVE) != 0;
        switch (rows->type) {
        case WEIGHT_I16: add_row(WEIGHT_I16, &row, negative, tile, width, tile_sum); break;
        case WEIGHT_I8: add_row(WEIGHT_I8, &row, negative, tile, width, tile_sum); break;
        default: add_row(WEIGHT_I4, &row, negative, tile, width, tile_sum); break;
        }
    }
    spill(tile_sum, width, shift, sum);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR

enum { WORDS = 16, ROWS_AT_ONCE = 4 };

VECTOR_INLINE __m128i load_bytes(const uint8_t *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

/* Sixteen weights from `target` on (I4: a multiple of 16). */
VECTOR_INLINE __m256i load_words(enum weight_type type, const struct integer_row *row, uint32_t target)
{
    if (type == WEIGHT_I16)
        return _mm256_loadu_si256((const __m256i *)(const void *)(row->weights + 2 * (uint64_t)target));
    if (type == WEIGHT_I8) return _mm256_cvtepi8_epi16(load_bytes(row->weights + target));
    __m256i bytes = _mm256_cvtepu8_epi16(load_bytes(row->weights + target / WEIGHT_GROUP * (WEIGHT_GROUP / 2)));
    __m256i scale = _mm256_slli_epi16(_mm256_cvtepu8_epi16(load_bytes(row->scales + target)), 4);
    __m256i half = target % WEIGHT_GROUP == 0 ? bytes : _mm256_srli_epi16(bytes, 4);
    return _mm256_mulhi_epi16(_mm256_slli_epi16(half, 12), scale); /* q 2^12 scale 2^4 / 2^16 */
}

/* Adds `count` (a constant) rows; flip: 0, or -1 for a negative spike, which adds -1 - w instead of -w. */
VECTOR_INLINE void add_words(enum weight_type type, const struct integer_row *row, const __m256i *flip, unsigned count,
                             uint32_t tile, uint32_t width, int32_t *tile_sum)
{
    for (uint32_t i = 0; i < width; i += WORDS) {
        __m256i *to = (__m256i *)(void *)(tile_sum + i);
        __m256i low = _mm256_load_si256(to), high = _mm256_load_si256(to + 1);
        for (unsigned r = 0; r < count; r++) {
            __m256i words = _mm256_xor_si256(load_words(type, &row[r], tile + i), flip[r]);
            low = _mm256_add_epi32(low, _mm256_cvtepi16_epi32(_mm256_castsi256_si128(words)));
            high = _mm256_add_epi32(high, _mm256_cvtepi16_epi32(_mm256_extracti128_si256(words, 1)));
        }
        _mm256_store_si256(to, low);
        _mm256_store_si256(to + 1, high);
    }
}

VECTOR_INLINE void rows_add_words(const struct synapse_rows *rows, enum weight_type type, const uint32_t *spikes,
                                  uint32_t count, uint32_t tile, uint32_t width, int32_t *tile_sum)
{
    struct integer_row row[ROWS_AT_ONCE];
    __m256i flip[ROWS_AT_ONCE];
    int32_t negative = 0;
    for (uint32_t s = 0; s < count; s++) negative += (spikes[s] & SPIKE_NEGATIVE) != 0;
    for (uint32_t i = 0; i < width; i++) tile_sum[i] = negative; /* what the flipped words lack */
    for (uint32_t s = 0, now; s < count; s += now) {
        now = count - s < ROWS_AT_ONCE ? 1 : ROWS_AT_ONCE;
        for (uint32_t r = 0; r < now; r++) {
            row[r] = row_of(rows, spikes[s + r]);
            flip[r] = _mm256_set1_epi16(spikes[s + r] & SPIKE_NEGATIVE ? -1 : 0);
        }
        if (now == ROWS_AT_ONCE)
            add_words(type, row, flip, ROWS_AT_ONCE, tile, width, tile_sum);
        else
            add_words(type, row, flip, 1, tile, width, tile_sum);
    }
}

VECTOR static void rows_add_vector(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count,
                                   uint32_t tile, uint32_t width, unsigned shift, int64_t *sum)
{
    int32_t tile_sum[SYNAPSE_TILE] __attribute__((aligned(32)));
    switch (rows->type) {
    case WEIGHT_I16: rows_add_words(rows, WEIGHT_I16, spikes, count, tile, width, tile_sum); break;
    case WEIGHT_I8: rows_add_words(rows, WEIGHT_I8, spikes, count, tile, width, tile_sum); break;
    default: rows_add_words(rows, WEIGHT_I4, spikes, count, tile, width, tile_sum); break;
    }
    spill(tile_sum, width, shift, sum);
}
#endif

void synapse_integer_rows_add(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                              uint32_t width, unsigned shift, int64_t *sum)
{
    uint32_t whole = 0;
#if defined(__x86_64__)
    if (cpu_has_vectors() && (rows->type != WEIGHT_I4 || tile % WORDS == 0)) whole = width / WORDS * WORDS;
    if (whole > 0) rows_add_vector(rows, spikes, count, tile, whole, shift, sum);
#endif
    if (whole < width)
        synapse_integer_rows_add_portable(rows, spikes, count, tile + whole, width - whole, shift, sum + whole);
}
