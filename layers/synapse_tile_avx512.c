/* Inner loops of the window kernels with AVX-512. */
#include <string.h>

#include "layers/synapse_tile_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { LANES = 8, BLOCK = SYNAPSE_PANEL_TOKENS, STRIP_TARGETS = 32, VECTORS = STRIP_TARGETS / LANES };

VECTOR_INLINE __m512d load8(const char *weights, enum weight_type type)
{
    if (type == WEIGHT_F32) return _mm512_cvtps_pd(_mm256_loadu_ps((const float *)(const void *)weights));
    __m128i halves = _mm_loadu_si128((const __m128i *)(const void *)weights);
    if (type == WEIGHT_F16) return _mm512_cvtps_pd(_mm256_cvtph_ps(halves));
    return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16)));
}

/* ---- sparse ---- */

/* Eight targets from i on, `count` rows (a constant). */
VECTOR_INLINE void add8(const struct synapse_pass *pass, const __m512d *value, unsigned count, enum weight_type type,
                        uint32_t i, double *acc)
{
    __m512d sum = _mm512_loadu_pd(acc + i);
#pragma GCC unroll 8
    for (unsigned r = 0; r < count; r++)
        sum = _mm512_fmadd_pd(value[r], load8(pass->start[r] + (size_t)i * synapse_float_size(type), type), sum);
    _mm512_storeu_pd(acc + i, sum);
}

VECTOR_INLINE void add_pass(const struct synapse_pass *pass, const double *value, unsigned count, enum weight_type type,
                            uint32_t width, double *acc)
{
    __m512d v[SYNAPSE_ROWS_AT_ONCE];
    uint32_t i = 0;
#pragma GCC unroll 8
    for (unsigned r = 0; r < count; r++) v[r] = _mm512_set1_pd(value[r]);
    for (; i + SYNAPSE_STEP <= width; i += SYNAPSE_STEP) {
#pragma GCC unroll 8
        for (unsigned r = 0; r < count; r++)
            for (uint32_t line = 0; line < synapse_float_size(type) / 2; line++)
                _mm_prefetch(pass->ahead[r] + (size_t)i * synapse_float_size(type) + 64 * line, _MM_HINT_T1);
        for (uint32_t k = 0; k < SYNAPSE_STEP; k += LANES) add8(pass, v, count, type, i + k, acc);
    }
    for (; i < width; i += LANES) add8(pass, v, count, type, i, acc);
}

VECTOR_INLINE void add_rows_type(const struct synapse_rows *rows, enum weight_type type, const uint32_t *row,
                                 const double *value, uint32_t n, uint32_t tile, uint32_t width, double *acc)
{
    struct synapse_pass pass;
    uint32_t lead = synapse_lead(rows, width), r = 0;
    synapse_prefetch_first(rows, row, n, lead, tile, width);
    for (; r + SYNAPSE_ROWS_AT_ONCE <= n; r += SYNAPSE_ROWS_AT_ONCE) {
        synapse_pass_set(&pass, rows, row, n, r, SYNAPSE_ROWS_AT_ONCE, lead, tile);
        add_pass(&pass, value + r, SYNAPSE_ROWS_AT_ONCE, type, width, acc);
    }
    for (; r + 2 <= n; r += 2) {
        synapse_pass_set(&pass, rows, row, n, r, 2, lead, tile);
        add_pass(&pass, value + r, 2, type, width, acc);
    }
    if (r == n) return;
    synapse_pass_set(&pass, rows, row, n, r, 1, lead, tile);
    add_pass(&pass, value + r, 1, type, width, acc);
}

VECTOR static void add_rows(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                            uint32_t tile, uint32_t width, double *acc)
{
    switch (rows->type) {
    case WEIGHT_F32: add_rows_type(rows, WEIGHT_F32, row, value, n, tile, width, acc); break;
    case WEIGHT_F16: add_rows_type(rows, WEIGHT_F16, row, value, n, tile, width, acc); break;
    default: add_rows_type(rows, WEIGHT_BF16, row, value, n, tile, width, acc); break;
    }
}

/* ---- dense: strips of 32 targets, [SYNAPSE_PANEL_TARGETS / 32][SYNAPSE_PANEL_SOURCES][32] ---- */

enum { PREFETCHED_ROWS = 16, STRIP = SYNAPSE_PANEL_SOURCES * STRIP_TARGETS };

VECTOR static void pack(const struct synapse_rows *rows, const uint32_t *row, uint32_t count, uint32_t tile,
                        uint32_t width, double *panel)
{
    uint32_t size = synapse_float_size(rows->type);
    char part[SYNAPSE_PANEL_TARGETS * sizeof(float)] = {0};
    for (uint32_t k = 0; k < count; k++) {
        const char *start = synapse_row_start(rows, row[k], tile);
        const char *ahead = synapse_row_start(rows, row[k + PREFETCHED_ROWS < count ? k + PREFETCHED_ROWS : k], tile);
        for (uint32_t byte = 0; byte < width * size; byte += 64) _mm_prefetch(ahead + byte, _MM_HINT_T0);
        if (width < SYNAPSE_PANEL_TARGETS) start = memcpy(part, start, (size_t)width * size);
        for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i += LANES)
            _mm512_store_pd(panel + i / STRIP_TARGETS * STRIP + k * STRIP_TARGETS + i % STRIP_TARGETS,
                            load8(start + (size_t)i * size, rows->type));
    }
}

/* `tokens` (a constant) by 32 targets in registers over the panel's rows. */
VECTOR_INLINE void block(const double *strip, uint32_t count, const double *values, size_t stride, unsigned tokens,
                         double *acc)
{
    __m512d sum[BLOCK][VECTORS];
#pragma GCC unroll 8
    for (unsigned t = 0; t < tokens; t++)
#pragma GCC unroll 8
        for (unsigned h = 0; h < VECTORS; h++)
            sum[t][h] = _mm512_load_pd(acc + (size_t)t * SYNAPSE_PANEL_TARGETS + (size_t)h * LANES);
    for (uint32_t k = 0; k < count; k++) {
        __m512d weights[VECTORS];
#pragma GCC unroll 8
        for (unsigned h = 0; h < VECTORS; h++) weights[h] = _mm512_load_pd(strip + k * STRIP_TARGETS + h * LANES);
#pragma GCC unroll 8
        for (unsigned t = 0; t < tokens; t++) {
            __m512d v = _mm512_set1_pd(values[t * stride + k]);
#pragma GCC unroll 8
            for (unsigned h = 0; h < VECTORS; h++) sum[t][h] = _mm512_fmadd_pd(v, weights[h], sum[t][h]);
        }
    }
#pragma GCC unroll 8
    for (unsigned t = 0; t < tokens; t++)
#pragma GCC unroll 8
        for (unsigned h = 0; h < VECTORS; h++)
            _mm512_store_pd(acc + (size_t)t * SYNAPSE_PANEL_TARGETS + (size_t)h * LANES, sum[t][h]);
}

VECTOR_INLINE void blocks(const double *panel, uint32_t count, const double *values, size_t stride, unsigned tokens,
                          double *acc)
{
    for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i += STRIP_TARGETS)
        block(panel + i / STRIP_TARGETS * STRIP, count, values, stride, tokens, acc + i);
}

VECTOR static void multiply(const double *panel, uint32_t count, const double *values, size_t stride, uint32_t tokens,
                            double *acc)
{
    uint32_t t = 0;
    for (; t + BLOCK <= tokens; t += BLOCK)
        blocks(panel, count, values + t * stride, stride, BLOCK, acc + (size_t)t * SYNAPSE_PANEL_TARGETS);
    values += t * stride;
    acc += (size_t)t * SYNAPSE_PANEL_TARGETS;
    switch (tokens - t) {
    case 5: blocks(panel, count, values, stride, 5, acc); break;
    case 4: blocks(panel, count, values, stride, 4, acc); break;
    case 3: blocks(panel, count, values, stride, 3, acc); break;
    case 2: blocks(panel, count, values, stride, 2, acc); break;
    case 1: blocks(panel, count, values, stride, 1, acc); break;
    default: break;
    }
}

VECTOR static void spill(const double *acc, uint32_t width, unsigned shift, int64_t *sum)
{
    const __m128i count = _mm_cvtsi32_si128((int)shift);
    uint32_t i = 0;
    for (; i + LANES <= width; i += LANES) {
        __m512i integers = _mm512_sll_epi64(_mm512_cvttpd_epi64(_mm512_loadu_pd(acc + i)), count);
        _mm512_storeu_si512(sum + i, _mm512_add_epi64(_mm512_loadu_si512(sum + i), integers));
    }
    synapse_tile_portable.spill(acc + i, width - i, shift, sum + i);
}

const struct synapse_tile_kernels *synapse_tile_avx512(void)
{
    static const struct synapse_tile_kernels kernels = {LANES, add_rows, pack, multiply, spill};
    return &kernels;
}
#else
const struct synapse_tile_kernels *synapse_tile_avx512(void)
{
    return NULL;
}
#endif
