#include <string.h>

#include "neurons/cpu.h"
#include "layers/synapse_lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vnni")))
#define SHORT static inline __attribute__((always_inline)) TARGET
/* Two rows' 16-bit integers interleaved in 128-bit lanes: targets 0-3, 8-11, ..., then 4-7, 12-15, ... */
#define QUADS                       \
    {                               \
        0, 8, 16, 24, 4, 12, 20, 28 \
    }

typedef __m512i vector;
enum { VECTORS = 1, TOKENS = 4, WIDE = 4, NARROW = 2 };

SHORT vector vector_zero(void)
{
    return _mm512_setzero_si512();
}

SHORT vector vector_load(const void *from)
{
    return _mm512_load_si512(from);
}

SHORT void vector_store(void *to, vector x)
{
    _mm512_store_si512(to, x);
}

SHORT vector vector_dword(uint32_t code)
{
    return _mm512_set1_epi32((int)code);
}

SHORT vector add_words(vector a, vector b)
{
    return _mm512_add_epi32(a, b);
}

SHORT vector halves(vector x)
{
    return _mm512_srai_epi32(x, 16);
}

SHORT vector pair_low(vector a, vector b)
{
    return _mm512_unpacklo_epi16(a, b);
}

SHORT vector pair_high(vector a, vector b)
{
    return _mm512_unpackhi_epi16(a, b);
}

SHORT vector multiply_add(vector x, vector weights, vector codes)
{
    return _mm512_dpwssd_epi32(x, weights, codes);
}

SHORT vector load_i16(const uint8_t *unit, unsigned v)
{
    return _mm512_loadu_si512(unit + 64 * v);
}

SHORT __m256i load_bytes(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

SHORT vector load_i8(const uint8_t *unit, unsigned v)
{
    return _mm512_cvtepi8_epi16(load_bytes(unit + 32 * v));
}

/* A half byte in bits 12-15 is q 2^12; times the scale's 2^4, the product's upper half is q scale. */
SHORT vector load_i4(const uint8_t *unit, const uint8_t *scales, unsigned v)
{
    (void)v;
    __m256i bytes = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)unit));
    vector low = _mm512_castsi256_si512(_mm256_slli_epi16(bytes, 12));
    vector q = _mm512_inserti64x4(low, _mm256_slli_epi16(_mm256_srli_epi16(bytes, 4), 12), 1);
    return _mm512_mulhi_epi16(q, _mm512_slli_epi16(_mm512_cvtepu8_epi16(load_bytes(scales)), 4));
}

/* Bytes of two rows side by side, widened: targets 0-15 in the low halves, 16-31 in the high ones. */
SHORT void load_i4_pairs(const uint8_t *a, const uint8_t *b, vector *pairs)
{
    __m128i first = _mm_loadu_si128((const __m128i *)(const void *)a);
    __m128i second = _mm_loadu_si128((const __m128i *)(const void *)b);
    __m256i bytes = _mm256_set_m128i(_mm_unpackhi_epi8(first, second), _mm_unpacklo_epi8(first, second));
    vector both = _mm512_cvtepu8_epi16(_mm256_xor_si256(bytes, _mm256_set1_epi8((char)0x88)));
    pairs[0] = _mm512_and_si512(both, _mm512_set1_epi16(15));
    pairs[1] = _mm512_srli_epi16(both, 4);
}

SHORT vector load_scales(const uint8_t *scales)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)scales));
}

SHORT vector multiply_words(vector a, vector b)
{
    return _mm512_mullo_epi32(a, b);
}

SHORT void reorder(vector *x)
{
    vector low = _mm512_shuffle_i32x4(x[0], x[1], 0x88);
    x[1] = _mm512_shuffle_i32x4(x[0], x[1], 0xdd);
    x[0] = low;
}

#include "layers/synapse_lanes.inc"

const struct synapse_lanes *synapse_lanes_avx512(void)
{
    static const struct synapse_lanes lanes = {"AVX-512", add_rows, pack, multiply, spill};
    return cpu_has_avx512() ? &lanes : NULL;
}
#else
const struct synapse_lanes *synapse_lanes_avx512(void)
{
    return NULL;
}
#endif
