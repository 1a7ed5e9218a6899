#include "layers/synapse_active.h"

#include "neurons/cpu.h"
#include "neurons/oat.h"
#include "neurons/real.h"

static uint32_t in_plane(enum synapse_plane plane, uint32_t code)
{
    uint32_t outlier = (code & OAT_OUTLIER) != 0;
    uint32_t taken = plane == SYNAPSE_ALL ? 1 : plane == SYNAPSE_OUTLIER ? outlier : !outlier;
    return taken & ((code & OAT_MAGNITUDE) != 0);
}

int64_t synapse_source_value(const struct population_params *source, uint32_t neuron, uint32_t code)
{
    int64_t value = oat_value(code, source->j);
    return source->shift != NULL ? value * (INT64_C(1) << source->shift[neuron]) : value;
}

/* ---- portable, from source or place `k` on ---- */

static uint32_t active_portable(enum synapse_plane plane, const uint32_t *codes, uint32_t k, uint32_t sources,
                                uint32_t found, uint32_t *row, uint32_t *code)
{
    for (; k < sources; k++) {
        row[found] = k;
        code[found] = codes[k];
        found += in_plane(plane, codes[k]);
    }
    return found;
}

static uint32_t union_portable(enum synapse_plane plane, const struct synapse_window *window, uint32_t tokens,
                               uint32_t k, uint32_t sources, uint32_t found, uint32_t *row)
{
    for (; k < sources; k++) {
        uint32_t t = 0;
        while (t < tokens && !in_plane(plane, window[t].codes[k])) t++;
        row[found] = k;
        found += t < tokens;
    }
    return found;
}

static void values_portable(enum synapse_plane plane, unsigned j, double per_grid, const uint32_t *code, uint32_t k,
                            uint32_t n, double *value)
{
    for (; k < n; k++) value[k] = in_plane(plane, code[k]) ? oat_value(code[k], j) * per_grid : 0;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { LANES = 8, EVERY = 0xff, OUTLIER_BIT = 17, NEGATIVE_BIT = 16 };
_Static_assert(OAT_OUTLIER == 1u << OUTLIER_BIT && OAT_NEGATIVE == 1u << NEGATIVE_BIT, "bits of a code");

/* The flag's bit in every bit of its lane. */
VECTOR_INLINE __m256i spread(__m256i codes, int bit)
{
    return _mm256_srai_epi32(_mm256_slli_epi32(codes, 31 - bit), 31);
}

/* One bit a lane: in_plane. */
VECTOR_INLINE uint32_t plane_bits(enum synapse_plane plane, const uint32_t *codes)
{
    __m256i eight = _mm256_loadu_si256((const __m256i *)(const void *)codes);
    __m256i silent = _mm256_cmpeq_epi32(_mm256_slli_epi32(eight, 32 - NEGATIVE_BIT), _mm256_setzero_si256());
    uint32_t active = ~(uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(silent)) & EVERY;
    uint32_t outlier = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32(eight, 31 - OUTLIER_BIT)));
    return plane == SYNAPSE_ALL ? active : plane == SYNAPSE_OUTLIER ? active & outlier : active & ~outlier;
}

VECTOR static uint32_t active_vector(enum synapse_plane plane, const uint32_t *codes, uint32_t sources, uint32_t *row,
                                     uint32_t *code)
{
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    uint32_t found = 0, k = 0;
    for (; k + LANES <= sources; k += LANES) {
        uint32_t bits = plane_bits(plane, codes + k);
        if (bits == EVERY) {
            __m256i rows = _mm256_add_epi32(lanes, _mm256_set1_epi32((int)k));
            _mm256_storeu_si256((__m256i *)(void *)(row + found), rows);
            _mm256_storeu_si256((__m256i *)(void *)(code + found),
                                _mm256_loadu_si256((const __m256i *)(const void *)(codes + k)));
            found += LANES;
            continue;
        }
        for (; bits != 0; bits &= bits - 1) {
            row[found] = k + (uint32_t)__builtin_ctz(bits);
            code[found] = codes[row[found]];
            found++;
        }
    }
    return active_portable(plane, codes, k, sources, found, row, code);
}

VECTOR static uint32_t union_vector(enum synapse_plane plane, const struct synapse_window *window, uint32_t tokens,
                                    uint32_t sources, uint32_t *row)
{
    uint32_t found = 0, k = 0;
    for (; k + LANES <= sources; k += LANES) {
        uint32_t bits = 0;
        for (uint32_t t = 0; t < tokens && bits != EVERY; t++) bits |= plane_bits(plane, window[t].codes + k);
        for (; bits != 0; bits &= bits - 1) row[found++] = k + (uint32_t)__builtin_ctz(bits);
    }
    return union_portable(plane, window, tokens, k, sources, found, row);
}

VECTOR static void values_vector(enum synapse_plane plane, unsigned j, double per_grid, const uint32_t *code,
                                 uint32_t n, double *value)
{
    const __m256i shift = _mm256_set1_epi32((int)j), magnitudes = _mm256_set1_epi32(OAT_MAGNITUDE);
    const __m256i left_out = _mm256_set1_epi32(plane == SYNAPSE_NORMAL ? -1 : 0);
    const __m256i not_left_out = _mm256_set1_epi32(plane == SYNAPSE_OUTLIER ? -1 : 0);
    const __m256d factor = _mm256_set1_pd(per_grid);
    uint32_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        __m256i codes = _mm256_loadu_si256((const __m256i *)(const void *)(code + k));
        __m256i outlier = spread(codes, OUTLIER_BIT), negative = spread(codes, NEGATIVE_BIT);
        __m256i v = _mm256_sllv_epi32(_mm256_and_si256(codes, magnitudes), _mm256_and_si256(outlier, shift));
        __m256i silent =
            _mm256_or_si256(_mm256_and_si256(outlier, left_out), _mm256_andnot_si256(outlier, not_left_out));
        v = _mm256_andnot_si256(silent, _mm256_sub_epi32(_mm256_xor_si256(v, negative), negative));
        _mm256_storeu_pd(value + k, _mm256_mul_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(v)), factor));
        _mm256_storeu_pd(value + k + 4, _mm256_mul_pd(_mm256_cvtepi32_pd(_mm256_extracti128_si256(v, 1)), factor));
    }
    values_portable(plane, j, per_grid, code, k, n, value);
}
#endif

uint32_t synapse_active(enum synapse_plane plane, const uint32_t *codes, uint32_t sources, uint32_t *row,
                        uint32_t *code)
{
#if defined(__x86_64__)
    if (cpu_has_vectors()) return active_vector(plane, codes, sources, row, code);
#endif
    return active_portable(plane, codes, 0, sources, 0, row, code);
}

uint32_t synapse_union(enum synapse_plane plane, const struct synapse_window *window, uint32_t tokens, uint32_t sources,
                       uint32_t *row)
{
#if defined(__x86_64__)
    if (cpu_has_vectors()) return union_vector(plane, window, tokens, sources, row);
#endif
    return union_portable(plane, window, tokens, 0, sources, 0, row);
}

void synapse_values(enum synapse_plane plane, const struct population_params *source, double per_grid,
                    const uint32_t *row, const uint32_t *code, uint32_t n, double *value)
{
    unsigned j = plane == SYNAPSE_ALL ? source->j : 0;
#if defined(__x86_64__)
    if (cpu_has_vectors())
        values_vector(plane, j, per_grid, code, n, value);
    else
#endif
        values_portable(plane, j, per_grid, code, 0, n, value);
    if (source->shift == NULL) return;
    double factor[PARAMS_SHIFT_MAX + 1];
    for (int s = 0; s <= PARAMS_SHIFT_MAX; s++) factor[s] = real_power_of_two(s);
    for (uint32_t k = 0; k < n; k++) value[k] *= factor[source->shift[row[k]]];
}
