#include "kernel/dense_rows.h"

#include <string.h>

#include "neurons/cpu.h"

static float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Weight i of a row of any type but I4. */
static inline __attribute__((always_inline)) float weight_at(enum weight_type type, const void *row, uint32_t i)
{
    switch (type) {
    case WEIGHT_F32: return ((const float *)row)[i];
    case WEIGHT_F16: {
        uint32_t half = ((const uint16_t *)row)[i];
        return float_of_bits((half & 0x8000u) << 16 | (half & 0x7fffu) << 13) * 0x1p112f;
    }
    case WEIGHT_BF16: return float_of_bits((uint32_t)((const uint16_t *)row)[i] << 16);
    case WEIGHT_I16: return ((const int16_t *)row)[i];
    default: return ((const int8_t *)row)[i];
    }
}

/* Targets [from, to) of the tile, one row after the other. */
static inline __attribute__((always_inline)) void add_scalars(enum weight_type type, const struct dense_rows *rows,
                                                              uint32_t from, uint32_t to, const float *in,
                                                              size_t in_stride, uint32_t tokens, float *sum,
                                                              size_t sum_stride)
{
    for (uint32_t j = 0; j < rows->count; j++) {
        const void *row = weight_row(type, rows->matrix->weights, rows->targets, rows->first + j, NULL);
        for (uint32_t i = from; i < to; i++) {
            float weight = weight_at(type, row, rows->begin + i);
            for (uint32_t t = 0; t < tokens; t++) sum[t * sum_stride + i] += in[t * in_stride + j] * weight;
        }
    }
}

static void add_scalars_i4(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens,
                           float *sum, size_t sum_stride)
{
    for (uint32_t j = 0; j < rows->count; j++)
        for (uint32_t i = 0; i < rows->width; i++) {
            float weight = (float)matrix_value(rows->matrix, rows->targets, rows->first + j, rows->begin + i);
            for (uint32_t t = 0; t < tokens; t++) sum[t * sum_stride + i] += in[t * in_stride + j] * weight;
        }
}

void dense_rows_add_portable(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens,
                             float *sum, size_t sum_stride)
{
    uint32_t width = rows->width;
    switch (rows->matrix->type) {
    case WEIGHT_F32: add_scalars(WEIGHT_F32, rows, 0, width, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_F16: add_scalars(WEIGHT_F16, rows, 0, width, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_BF16: add_scalars(WEIGHT_BF16, rows, 0, width, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_I16: add_scalars(WEIGHT_I16, rows, 0, width, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_I8: add_scalars(WEIGHT_I8, rows, 0, width, in, in_stride, tokens, sum, sum_stride); break;
    default: add_scalars_i4(rows, in, in_stride, tokens, sum, sum_stride); break;
    }
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2,fma,f16c")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR

/* Memory is read at its full speed as one stream, row after row, as long as the sums stay in the first-level cache.
 * Wider sums, and weights of a byte or less, want several rows a pass; these are too many streams for the CPU's own
 * prefetching, which ends at small pages besides. */
enum { LANES = 8, MANY_ROWS = 8, ONE_STREAM_BYTES = 16 << 10, AHEAD_BYTES = 8 << 10 };

VECTOR_INLINE __m128i load_16(const void *from)
{
    return _mm_loadu_si128(from);
}

/* Eight weights from i on of a row of any type but I4. */
VECTOR_INLINE __m256 load_weights(enum weight_type type, const void *row, uint32_t i)
{
    switch (type) {
    case WEIGHT_F32: return _mm256_loadu_ps((const float *)row + i);
    case WEIGHT_F16: return _mm256_cvtph_ps(load_16((const uint16_t *)row + i));
    case WEIGHT_BF16:
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load_16((const uint16_t *)row + i)), 16));
    case WEIGHT_I16: return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(load_16((const int16_t *)row + i)));
    default:
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)((const int8_t *)row + i))));
    }
}

/* What one pass over consecutive rows works on: row is the first one's start of the tile. */
struct pass {
    const char *row;
    size_t row_bytes, in_stride, sum_stride;
    const float *in;
    float *sum;
};

/* Brings what comes `ahead` bytes after row 0's targets from i on into the second-level cache; beyond the end it does
 * nothing. */
VECTOR_INLINE void prefetch_lines(enum weight_type type, const struct pass *pass, size_t ahead, unsigned vectors,
                                  uint32_t i)
{
    const size_t element = type == WEIGHT_F32 ? 4 : type == WEIGHT_I8 ? 1 : 2;
    const char *from = pass->row + ahead + i * element;
    for (size_t at = 0; at < vectors * LANES * element; at += 64) _mm_prefetch(from + at, _MM_HINT_T1);
}

/* `vectors` vectors of targets from i on; type, the number of rows, tokens and vectors are constants, so that the loops
 * unroll and the totals are registers. */
VECTOR_INLINE void add_block(enum weight_type type, const struct pass *pass, unsigned rows, unsigned tokens,
                             unsigned vectors, uint32_t i)
{
    __m256 total[DENSE_TOKENS * 4];
#pragma GCC unroll 4
    for (unsigned t = 0; t < tokens; t++)
#pragma GCC unroll 4
        for (unsigned v = 0; v < vectors; v++)
            total[t * vectors + v] = _mm256_loadu_ps(pass->sum + t * pass->sum_stride + i + v * LANES);
#pragma GCC unroll 8
    for (unsigned r = 0; r < rows; r++) {
        prefetch_lines(type, pass, rows > 1 ? (r + rows) * pass->row_bytes : AHEAD_BYTES, vectors, i);
#pragma GCC unroll 4
        for (unsigned v = 0; v < vectors; v++) {
            __m256 weights = load_weights(type, pass->row + r * pass->row_bytes, i + v * LANES);
#pragma GCC unroll 4
            for (unsigned t = 0; t < tokens; t++)
                total[t * vectors + v] = _mm256_fmadd_ps(
                    weights, _mm256_broadcast_ss(pass->in + t * pass->in_stride + r), total[t * vectors + v]);
        }
    }
#pragma GCC unroll 4
    for (unsigned t = 0; t < tokens; t++)
#pragma GCC unroll 4
        for (unsigned v = 0; v < vectors; v++)
            _mm256_storeu_ps(pass->sum + t * pass->sum_stride + i + v * LANES, total[t * vectors + v]);
}

VECTOR_INLINE void add_pass(enum weight_type type, const struct pass *pass, unsigned rows, unsigned tokens,
                            uint32_t whole)
{
    const unsigned vectors = tokens == 1 ? 4 : 2;
    uint32_t i = 0;
    for (; i + vectors * LANES <= whole; i += vectors * LANES) add_block(type, pass, rows, tokens, vectors, i);
    for (; i < whole; i += LANES) add_block(type, pass, rows, tokens, 1, i);
}

VECTOR_INLINE void add_lanes(enum weight_type type, const struct dense_rows *rows, const float *in, size_t in_stride,
                             unsigned tokens, float *sum, size_t sum_stride)
{
    uint32_t whole = rows->width / LANES * LANES, j = 0;
    size_t row_bytes = weight_row_bytes(type, rows->targets), element = row_bytes / rows->targets;
    const char *tile = (const char *)rows->matrix->weights + rows->first * row_bytes + rows->begin * element;
    struct pass pass = {tile, row_bytes, in_stride, sum_stride, in, sum};
    if (element == 1 || tokens * rows->width * sizeof(float) > ONE_STREAM_BYTES)
        for (; j + MANY_ROWS <= rows->count; j += MANY_ROWS) {
            add_pass(type, &pass, MANY_ROWS, tokens, whole);
            pass.row += MANY_ROWS * row_bytes;
            pass.in += MANY_ROWS;
        }
    for (; j < rows->count; j++) {
        add_pass(type, &pass, 1, tokens, whole);
        pass.row += row_bytes;
        pass.in++;
    }
    if (whole < rows->width) add_scalars(type, rows, whole, rows->width, in, in_stride, tokens, sum, sum_stride);
}

/* Sixteen bytes of one row: 32 targets, integers times 2^28 as floats (a shift into the sign is all it takes). */
VECTOR_INLINE void load_nibbles(const uint8_t *bytes, __m256 *weights)
{
#pragma GCC unroll 2
    for (unsigned half = 0; half < 2; half++) {
        __m256i wide = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)(bytes + 8 * half)));
        __m256i high = _mm256_and_si256(_mm256_slli_epi32(wide, 24), _mm256_set1_epi32((int)0xf0000000u));
        weights[half] = _mm256_cvtepi32_ps(_mm256_slli_epi32(wide, 28));
        weights[2 + half] = _mm256_cvtepi32_ps(high);
    }
}

/* `rows` rows of one group into the 32 targets from i on: their sum first, then once times the group scales. */
VECTOR_INLINE void add_group_block(const struct pass *pass, const uint8_t *scales, unsigned rows, unsigned tokens,
                                   uint32_t i)
{
    __m256 total[DENSE_TOKENS * 4];
#pragma GCC unroll 16
    for (unsigned k = 0; k < 4 * tokens; k++) total[k] = _mm256_setzero_ps();
#pragma GCC unroll 8
    for (unsigned r = 0; r < rows; r++) {
        const uint8_t *bytes = (const uint8_t *)pass->row + r * pass->row_bytes + i / 2;
        __m256 weights[4];
        if (rows > 1 && i % 128 == 0) _mm_prefetch(bytes + rows * pass->row_bytes, _MM_HINT_T1);
        load_nibbles(bytes, weights);
#pragma GCC unroll 4
        for (unsigned t = 0; t < tokens; t++) {
            __m256 in = _mm256_broadcast_ss(pass->in + t * pass->in_stride + r);
#pragma GCC unroll 4
            for (unsigned v = 0; v < 4; v++) total[4 * t + v] = _mm256_fmadd_ps(weights[v], in, total[4 * t + v]);
        }
    }
#pragma GCC unroll 4
    for (unsigned v = 0; v < 4; v++) {
        const __m128i *from = (const __m128i *)(const void *)(scales + i + v * LANES);
        __m256 scale = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from)));
        scale = _mm256_mul_ps(scale, _mm256_set1_ps(0x1p-28f));
#pragma GCC unroll 4
        for (unsigned t = 0; t < tokens; t++) {
            float *sum = pass->sum + t * pass->sum_stride + i + v * LANES;
            _mm256_storeu_ps(sum, _mm256_fmadd_ps(total[4 * t + v], scale, _mm256_loadu_ps(sum)));
        }
    }
}

/* Eight rows a pass where a group has them left. */
VECTOR_INLINE void add_groups(const struct dense_rows *rows, const float *in, size_t in_stride, unsigned tokens,
                              float *sum, size_t sum_stride)
{
    size_t row_bytes = weight_row_bytes(WEIGHT_I4, rows->targets);
    for (uint32_t j = 0; j < rows->count;) {
        const uint8_t *scales;
        uint32_t source = rows->first + j, left = WEIGHT_GROUP - source % WEIGHT_GROUP;
        const char *row = weight_row(WEIGHT_I4, rows->matrix->weights, rows->targets, source, &scales);
        const struct pass pass = {row + rows->begin / 2, row_bytes, in_stride, sum_stride, in + j, sum};
        int many = left >= MANY_ROWS && rows->count - j >= MANY_ROWS;
        scales += rows->begin;
        if (many)
            for (uint32_t i = 0; i < rows->width; i += WEIGHT_GROUP)
                add_group_block(&pass, scales, MANY_ROWS, tokens, i);
        else
            for (uint32_t i = 0; i < rows->width; i += WEIGHT_GROUP) add_group_block(&pass, scales, 1, tokens, i);
        j += many ? MANY_ROWS : 1;
    }
}

VECTOR_INLINE void add_tokens(const struct dense_rows *rows, const float *in, size_t in_stride, unsigned tokens,
                              float *sum, size_t sum_stride)
{
    switch (rows->matrix->type) {
    case WEIGHT_F32: add_lanes(WEIGHT_F32, rows, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_F16: add_lanes(WEIGHT_F16, rows, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_BF16: add_lanes(WEIGHT_BF16, rows, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_I16: add_lanes(WEIGHT_I16, rows, in, in_stride, tokens, sum, sum_stride); break;
    case WEIGHT_I8: add_lanes(WEIGHT_I8, rows, in, in_stride, tokens, sum, sum_stride); break;
    default: add_groups(rows, in, in_stride, tokens, sum, sum_stride); break;
    }
}

VECTOR static void add_vectors(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens,
                               float *sum, size_t sum_stride)
{
    switch (tokens) {
    case 1: add_tokens(rows, in, in_stride, 1, sum, sum_stride); break;
    case 2: add_tokens(rows, in, in_stride, 2, sum, sum_stride); break;
    case 3: add_tokens(rows, in, in_stride, 3, sum, sum_stride); break;
    default: add_tokens(rows, in, in_stride, 4, sum, sum_stride); break;
    }
}

void dense_rows_add(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens, float *sum,
                    size_t sum_stride)
{
    if (cpu_has_vectors())
        add_vectors(rows, in, in_stride, tokens, sum, sum_stride);
    else
        dense_rows_add_portable(rows, in, in_stride, tokens, sum, sum_stride);
}
#else
void dense_rows_add(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens, float *sum,
                    size_t sum_stride)
{
    dense_rows_add_portable(rows, in, in_stride, tokens, sum, sum_stride);
}
#endif
