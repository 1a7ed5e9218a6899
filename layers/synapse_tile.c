#include "layers/synapse_tile.h"

#include <string.h>

#include "layers/cpu.h"

/* ---- portable ---- */

static const void *row_start(const struct synapse_rows *rows, uint32_t row, uint32_t tile)
{
    return (const char *)rows->weights + ((uint64_t)row * rows->targets + tile) * weight_size(rows->type);
}

static void tile_rows_portable(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                               uint32_t first, uint32_t tile, uint32_t width, double *acc)
{
    for (uint32_t r = 0; r < n; r++) {
        uint64_t start = (uint64_t)row[r] * rows->targets + tile;
        for (uint32_t i = first; i < width; i++)
            acc[i] += value[r] * weight_value(rows->type, rows->weights, start + i);
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

static void multiply_portable(const double *panel, uint32_t count, const double *values, uint32_t stride,
                              uint32_t tokens, double *acc)
{
    for (uint32_t t = 0; t < tokens; t++)
        for (uint32_t k = 0; k < count; k++)
            for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i++)
                acc[t * SYNAPSE_PANEL_TARGETS + i] +=
                    values[(size_t)t * stride + k] * panel[k * SYNAPSE_PANEL_TARGETS + i];
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2,fma,f16c")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { ROWS_AT_ONCE = 4 };

VECTOR_INLINE __m256 load8(const void *row, enum weight_type type, uint32_t i)
{
    if (type == WEIGHT_F32) return _mm256_loadu_ps((const float *)row + i);
    __m128i halves = _mm_loadu_si128((const __m128i *)(const void *)((const uint16_t *)row + i));
    if (type == WEIGHT_F16) return _mm256_cvtph_ps(halves);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

VECTOR_INLINE void add_rows8(const void *const *start, const double *value, unsigned count, enum weight_type type,
                             uint32_t width, double *acc)
{
    for (uint32_t i = 0; i + 8 <= width; i += 8) {
        __m256d low = _mm256_loadu_pd(acc + i), high = _mm256_loadu_pd(acc + i + 4);
        for (unsigned r = 0; r < count; r++) {
            __m256 weights = load8(start[r], type, i);
            __m256d v = _mm256_set1_pd(value[r]);
            low = _mm256_fmadd_pd(v, _mm256_cvtps_pd(_mm256_castps256_ps128(weights)), low);
            high = _mm256_fmadd_pd(v, _mm256_cvtps_pd(_mm256_extractf128_ps(weights, 1)), high);
        }
        _mm256_storeu_pd(acc + i, low);
        _mm256_storeu_pd(acc + i + 4, high);
    }
}

VECTOR_INLINE void tile_rows_type(const struct synapse_rows *rows, enum weight_type type, const uint32_t *row,
                                  const double *value, uint32_t n, uint32_t tile, uint32_t width, double *acc)
{
    const void *start[ROWS_AT_ONCE];
    uint32_t r = 0;
    for (; r + ROWS_AT_ONCE <= n; r += ROWS_AT_ONCE) {
        for (unsigned k = 0; k < ROWS_AT_ONCE; k++) start[k] = row_start(rows, row[r + k], tile);
        add_rows8(start, value + r, ROWS_AT_ONCE, type, width, acc);
    }
    for (; r < n; r++) {
        start[0] = row_start(rows, row[r], tile);
        add_rows8(start, value + r, 1, type, width, acc);
    }
}

VECTOR static void tile_rows_vector(const struct synapse_rows *rows, const uint32_t *row, const double *value,
                                    uint32_t n, uint32_t tile, uint32_t width, double *acc)
{
    switch (rows->type) {
    case WEIGHT_F32: tile_rows_type(rows, WEIGHT_F32, row, value, n, tile, width, acc); break;
    case WEIGHT_F16: tile_rows_type(rows, WEIGHT_F16, row, value, n, tile, width, acc); break;
    default: tile_rows_type(rows, WEIGHT_BF16, row, value, n, tile, width, acc); break;
    }
}

VECTOR static void pack_vector(const struct synapse_rows *rows, const uint32_t *row, uint32_t count, uint32_t tile,
                               double *panel)
{
    for (uint32_t k = 0; k < count; k++) {
        const void *start = row_start(rows, row[k], tile);
        for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i += 8) {
            __m256 weights = load8(start, rows->type, i);
            double *to = panel + k * SYNAPSE_PANEL_TARGETS + i;
            _mm256_store_pd(to, _mm256_cvtps_pd(_mm256_castps256_ps128(weights)));
            _mm256_store_pd(to + 4, _mm256_cvtps_pd(_mm256_extractf128_ps(weights, 1)));
        }
    }
}

/* Four tokens by eight targets in registers over the panel's rows. */
VECTOR_INLINE void block4x8(const double *panel, uint32_t count, const double *values, uint32_t stride, double *acc)
{
    __m256d sum[SYNAPSE_PANEL_TOKENS][2];
    for (unsigned t = 0; t < SYNAPSE_PANEL_TOKENS; t++)
        for (unsigned h = 0; h < 2; h++) sum[t][h] = _mm256_load_pd(acc + t * SYNAPSE_PANEL_TARGETS + 4 * h);
    for (uint32_t k = 0; k < count; k++) {
        __m256d low = _mm256_load_pd(panel + k * SYNAPSE_PANEL_TARGETS);
        __m256d high = _mm256_load_pd(panel + k * SYNAPSE_PANEL_TARGETS + 4);
        for (unsigned t = 0; t < SYNAPSE_PANEL_TOKENS; t++) {
            __m256d v = _mm256_broadcast_sd(values + (size_t)t * stride + k);
            sum[t][0] = _mm256_fmadd_pd(v, low, sum[t][0]);
            sum[t][1] = _mm256_fmadd_pd(v, high, sum[t][1]);
        }
    }
    for (unsigned t = 0; t < SYNAPSE_PANEL_TOKENS; t++)
        for (unsigned h = 0; h < 2; h++) _mm256_store_pd(acc + t * SYNAPSE_PANEL_TARGETS + 4 * h, sum[t][h]);
}

VECTOR static void multiply_vector(const double *panel, uint32_t count, const double *values, uint32_t stride,
                                   uint32_t tokens, double *acc)
{
    for (uint32_t t = 0; t < tokens; t += SYNAPSE_PANEL_TOKENS)
        for (uint32_t i = 0; i < SYNAPSE_PANEL_TARGETS; i += 8)
            block4x8(panel + i, count, values + (size_t)t * stride, stride, acc + t * SYNAPSE_PANEL_TARGETS + i);
}
#endif

void synapse_tile_rows(const struct synapse_rows *rows, const uint32_t *row, const double *value, uint32_t n,
                       uint32_t tile, uint32_t width, double *acc)
{
    uint32_t whole = 0;
    memset(acc, 0, width * sizeof *acc);
#if defined(__x86_64__)
    if (cpu_has_vectors()) {
        whole = width / 8 * 8;
        tile_rows_vector(rows, row, value, n, tile, whole, acc);
    }
#endif
    if (whole < width) tile_rows_portable(rows, row, value, n, whole, tile, width, acc);
}

size_t synapse_panel_scratch(uint32_t tokens)
{
    return (SYNAPSE_PANEL_SOURCES + (size_t)tokens) * SYNAPSE_PANEL_TARGETS * sizeof(double);
}

const double *synapse_panel(const struct synapse_rows *rows, const uint32_t *row, uint32_t n, const double *values,
                            uint32_t tokens, uint32_t tile, uint32_t width, void *scratch)
{
    double *panel = scratch, *acc = panel + (size_t)SYNAPSE_PANEL_SOURCES * SYNAPSE_PANEL_TARGETS;
    uint32_t whole = cpu_has_vectors() ? tokens / SYNAPSE_PANEL_TOKENS * SYNAPSE_PANEL_TOKENS : 0;
    memset(acc, 0, (size_t)tokens * SYNAPSE_PANEL_TARGETS * sizeof *acc);
    for (uint32_t from = 0; from < n; from += SYNAPSE_PANEL_SOURCES) {
        uint32_t count = n - from < SYNAPSE_PANEL_SOURCES ? n - from : SYNAPSE_PANEL_SOURCES;
#if defined(__x86_64__)
        if (cpu_has_vectors() && width == SYNAPSE_PANEL_TARGETS)
            pack_vector(rows, row + from, count, tile, panel);
        else
            pack_portable(rows, row + from, count, tile, width, panel);
        if (whole > 0) multiply_vector(panel, count, values + from, n, whole, acc);
#else
        pack_portable(rows, row + from, count, tile, width, panel);
#endif
        multiply_portable(panel, count, values + (size_t)whole * n + from, n, tokens - whole,
                          acc + (size_t)whole * SYNAPSE_PANEL_TARGETS);
    }
    return acc;
}
