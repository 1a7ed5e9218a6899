#include "layers/synapse_planes.h"

#include "neurons/cpu.h"
#include "neurons/oat.h"

/* ---- one code ---- */

static inline uint32_t normal(uint32_t code)
{
    return code & OAT_OUTLIER ? 0 : code & OAT_MAGNITUDE;
}

static inline int is_beyond(uint32_t code, uint32_t covered)
{
    return (code & OAT_MAGNITUDE) > (code & OAT_OUTLIER ? 0 : covered);
}

static inline int32_t clamped(uint32_t code, uint32_t covered)
{
    int32_t magnitude = (int32_t)(normal(code) < covered ? normal(code) : covered);
    return code & OAT_NEGATIVE ? -magnitude : magnitude;
}

static inline int32_t low_half(int32_t value)
{
    return ((value + 128) & 255) - 128;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { LANES = 8 };

VECTOR_INLINE __m256i load8(const uint32_t *codes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)codes);
}

VECTOR_INLINE __m256i magnitudes(__m256i codes)
{
    return _mm256_and_si256(codes, _mm256_set1_epi32(OAT_MAGNITUDE));
}

/* All ones where the code has the flag. */
VECTOR_INLINE __m256i with(__m256i codes, uint32_t flag)
{
    const __m256i flags = _mm256_set1_epi32((int)flag);
    return _mm256_cmpeq_epi32(_mm256_and_si256(codes, flags), flags);
}

VECTOR_INLINE __m256i normals(__m256i codes)
{
    return _mm256_andnot_si256(with(codes, OAT_OUTLIER), magnitudes(codes));
}

VECTOR_INLINE __m256i clamped8(const uint32_t *from, uint32_t covered)
{
    __m256i codes = load8(from), negative = with(codes, OAT_NEGATIVE);
    __m256i value = _mm256_min_epu32(normals(codes), _mm256_set1_epi32((int)covered));
    return _mm256_sub_epi32(_mm256_xor_si256(value, negative), negative);
}

VECTOR_INLINE __m256i low8(__m256i value)
{
    const __m256i half = _mm256_set1_epi32(128), byte = _mm256_set1_epi32(255);
    return _mm256_sub_epi32(_mm256_and_si256(_mm256_add_epi32(value, half), byte), half);
}

/* Sixteen integers in order as 16 bits. */
VECTOR_INLINE void store16(int16_t *to, __m256i first, __m256i second)
{
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(first, second), 0xd8);
    _mm256_storeu_si256((__m256i *)(void *)to, words);
}

VECTOR static uint32_t beyond_vector(const uint32_t *codes, uint32_t n, uint32_t covered, uint32_t *found,
                                     uint32_t *count)
{
    const __m256i limit = _mm256_set1_epi32((int)covered);
    uint32_t k = 0;
    for (; k + LANES <= n; k += LANES) {
        __m256i code = load8(codes + k);
        __m256i above = _mm256_andnot_si256(with(code, OAT_OUTLIER), limit);
        __m256i is = _mm256_cmpgt_epi32(magnitudes(code), above);
        for (uint32_t mask = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(is)); mask != 0; mask &= mask - 1)
            found[(*count)++] = k + (uint32_t)__builtin_ctz(mask);
    }
    return k;
}

VECTOR static uint32_t merge_vector(const uint32_t *codes, uint32_t n, uint32_t *any)
{
    uint32_t k = 0;
    for (; k + LANES <= n; k += LANES)
        _mm256_storeu_si256((__m256i *)(void *)(any + k), _mm256_or_si256(load8(any + k), normals(load8(codes + k))));
    return k;
}

VECTOR static uint32_t clamped_vector(const uint32_t *codes, uint32_t n, uint32_t covered, int16_t *plane)
{
    uint32_t k = 0;
    for (; k + 2 * LANES <= n; k += 2 * LANES)
        store16(plane + k, clamped8(codes + k, covered), clamped8(codes + k + LANES, covered));
    return k;
}

VECTOR static uint32_t halves_vector(const uint32_t *codes, uint32_t n, int16_t *low, int16_t *high)
{
    uint32_t k = 0;
    for (; k + 2 * LANES <= n; k += 2 * LANES) {
        __m256i a = clamped8(codes + k, OAT_MAGNITUDE), b = clamped8(codes + k + LANES, OAT_MAGNITUDE);
        __m256i low_a = low8(a), low_b = low8(b);
        store16(low + k, low_a, low_b);
        store16(high + k, _mm256_srai_epi32(_mm256_sub_epi32(a, low_a), 8),
                _mm256_srai_epi32(_mm256_sub_epi32(b, low_b), 8));
    }
    return k;
}
#endif

/* ---- n codes: whole vectors, then the rest ---- */

uint32_t synapse_codes_beyond(const uint32_t *codes, uint32_t n, uint32_t covered, uint32_t *found)
{
    uint32_t count = 0, k = 0;
#if defined(__x86_64__)
    if (cpu_has_vectors()) k = beyond_vector(codes, n, covered, found, &count);
#endif
    for (; k < n; k++)
        if (is_beyond(codes[k], covered)) found[count++] = k;
    return count;
}

void synapse_codes_merge(const uint32_t *codes, uint32_t n, uint32_t *any)
{
    uint32_t k = 0;
#if defined(__x86_64__)
    if (cpu_has_vectors()) k = merge_vector(codes, n, any);
#endif
    for (; k < n; k++) any[k] |= normal(codes[k]);
}

void synapse_plane_clamped(const uint32_t *codes, uint32_t n, uint32_t covered, int16_t *plane)
{
    uint32_t k = 0;
#if defined(__x86_64__)
    if (cpu_has_vectors()) k = clamped_vector(codes, n, covered, plane);
#endif
    for (; k < n; k++) plane[k] = (int16_t)clamped(codes[k], covered);
}

void synapse_plane_halves(const uint32_t *codes, uint32_t n, int16_t *low, int16_t *high)
{
    uint32_t k = 0;
#if defined(__x86_64__)
    if (cpu_has_vectors()) k = halves_vector(codes, n, low, high);
#endif
    for (; k < n; k++) {
        int32_t value = clamped(codes[k], OAT_MAGNITUDE);
        low[k] = (int16_t)low_half(value);
        high[k] = (int16_t)((value - low_half(value)) / 256);
    }
}
