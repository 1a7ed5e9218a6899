#include <string.h>

#include "neurons/cpu.h"
#include "layers/synapse_lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))
#define SHORT static inline __attribute__((always_inline)) TARGET
/* Two rows' 16-bit integers interleaved in 128-bit lanes: targets 0-3 and 8-11, then 4-7 and 12-15. */
#define QUADS                       \
    {                               \
        0, 8, 4, 12, 16, 24, 20, 28 \
    }

typedef __m256i vector;
enum { VECTORS = 2, TOKENS = 4, WIDE = 2, NARROW = 2 };

SHORT vector vector_zero(void)
{
    return _mm256_setzero_si256();
}

SHORT vector vector_load(const void *from)
{
    return _mm256_load_si256(from);
}

SHORT void vector_store(void *to, vector x)
{
    _mm256_store_si256(to, x);
}

SHORT vector vector_dword(uint32_t code)
{
    return _mm256_set1_epi32((int)code);
}

SHORT vector add_words(vector a, vector b)
{
    return _mm256_add_epi32(a, b);
}

SHORT vector halves(vector x)
{
    return _mm256_srai_epi32(x, 16);
}

SHORT vector pair_low(vector a, vector b)
{
    return _mm256_unpacklo_epi16(a, b);
}

SHORT vector pair_high(vector a, vector b)
{
    return _mm256_unpackhi_epi16(a, b);
}

SHORT vector multiply_add(vector x, vector weights, vector codes)
{
    return _mm256_add_epi32(x, _mm256_madd_epi16(weights, codes));
}

SHORT vector load_i16(const uint8_t *unit, unsigned v)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(unit + 32 * v));
}

SHORT __m128i load_bytes(const uint8_t *from)
{
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}

SHORT vector load_i8(const uint8_t *unit, unsigned v)
{
    return _mm256_cvtepi8_epi16(load_bytes(unit + 16 * v));
}

/* A half byte in bits 12-15 is q 2^12; times the scale's 2^4, the product's upper half is q scale. */
SHORT vector load_i4(const uint8_t *unit, const uint8_t *scales, unsigned v)
{
    vector bytes = _mm256_cvtepu8_epi16(load_bytes(unit));
    vector scale = _mm256_slli_epi16(_mm256_cvtepu8_epi16(load_bytes(scales + 16 * v)), 4);
    vector q = v == 0 ? _mm256_slli_epi16(bytes, 12)
                      : _mm256_and_si256(_mm256_slli_epi16(bytes, 8), _mm256_set1_epi16((int16_t)0xf000));
    return _mm256_mulhi_epi16(q, scale);
}

/* Bytes of two rows side by side, widened: targets 0-7 in the low halves, 16-23 in the high ones; then 8-15, 24-31. */
SHORT void load_i4_pairs(const uint8_t *a, const uint8_t *b, vector *pairs)
{
    const __m128i plus8 = _mm_set1_epi8((char)0x88);
    const vector half = _mm256_set1_epi16(15);
    __m128i first = _mm_xor_si128(load_bytes(a), plus8), second = _mm_xor_si128(load_bytes(b), plus8);
    vector low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(first, second));
    vector high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(first, second));
    pairs[0] = _mm256_and_si256(low, half);
    pairs[1] = _mm256_and_si256(high, half);
    pairs[2] = _mm256_srli_epi16(low, 4);
    pairs[3] = _mm256_srli_epi16(high, 4);
}

SHORT vector load_scales(const uint8_t *scales)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)scales));
}

SHORT vector multiply_words(vector a, vector b)
{
    return _mm256_mullo_epi32(a, b);
}

SHORT void reorder(vector *x)
{
    for (unsigned s = 0; s < 4; s += 2) {
        vector low = _mm256_permute2x128_si256(x[s], x[s + 1], 0x20);
        x[s + 1] = _mm256_permute2x128_si256(x[s], x[s + 1], 0x31);
        x[s] = low;
    }
}

#include "layers/synapse_lanes.inc"

const struct synapse_lanes *synapse_lanes_avx2(void)
{
    static const struct synapse_lanes lanes = {"AVX2", add_rows, pack, multiply, spill};
    return cpu_has_vectors() ? &lanes : NULL;
}
#else
const struct synapse_lanes *synapse_lanes_avx2(void)
{
    return NULL;
}
#endif
