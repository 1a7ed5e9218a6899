#include "neurons/oat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/cpu.h"
#include "neurons/real.h"

/* Neurons coded by one pass of the inner loop: a constant trip count, so that every compiler makes
 * vectors of it without a scalar remainder. */
enum { BLOCK = 64 };

/* |x|/lsb from here on saturates for every T and j (2^26 is above every code), and still is an int32. */
#define QUOTIENT_LIMIT 0x1p27

/* The largest double below 1/2: trunc(q + this) rounds q half away from zero, exactly, for
 * 0 <= q < 2^52.  (With 1/2 itself the double below 1/2 would become 1.) */
#define BELOW_HALF 0x1.fffffffffffffp-2

struct rule {
    int32_t largest; /* 2^T - 1 */
    int32_t half;    /* 2^(j-1), 0 for j = 0 */
    int32_t relu;    /* all ones where a negative potential never spikes, else 0 */
    int32_t j;
    int times; /* multiply by 1/lsb */
};

/* c = round(x/lsb) with its sign; the division is IEEE's, so the quotient is the same everywhere.  by: lsb, or 1/lsb
 * where `times` says so.  Three loops, since gcc makes vectors of each but not of their fusion. */
static inline __attribute__((always_inline)) void round_block(const double *restrict x, const double *restrict by,
                                                              int times, int32_t *restrict rounded)
{
    double q[BLOCK];
    if (times)
        for (int i = 0; i < BLOCK; i++) q[i] = __builtin_fabs(x[i]) * by[i];
    else
        for (int i = 0; i < BLOCK; i++) q[i] = __builtin_fabs(x[i]) / by[i];
    for (int i = 0; i < BLOCK; i++) q[i] = q[i] < QUOTIENT_LIMIT ? q[i] : QUOTIENT_LIMIT;
    for (int i = 0; i < BLOCK; i++) rounded[i] = (int32_t)__builtin_copysign(q[i] + BELOW_HALF, x[i]);
}

/* All ones where the condition holds, to select without branches. */
static inline int32_t mask(int condition)
{
    return -(int32_t)condition;
}

static inline int32_t either(int32_t chosen, int32_t yes, int32_t no)
{
    return (yes & chosen) | (no & ~chosen);
}

/* Chooses the sub-neuron; returns how many saturated. */
static inline __attribute__((always_inline)) int32_t code_block(struct rule rule, const int32_t *restrict rounded,
                                                                uint32_t *restrict codes)
{
    int32_t saturated = 0;
    for (int i = 0; i < BLOCK; i++) {
        int32_t negative = mask(rounded[i] < 0);
        int32_t c = ((rounded[i] ^ negative) - negative) & ~(negative & rule.relu);
        int32_t outlier = mask(c > rule.largest);
        int32_t magnitude = either(outlier, (c + rule.half) >> rule.j, c);
        int32_t over = mask(magnitude > rule.largest);
        saturated -= over;
        magnitude = either(over, rule.largest, magnitude);
        int32_t flags = (outlier & (int32_t)OAT_OUTLIER) | (negative & (int32_t)OAT_NEGATIVE);
        codes[i] = (uint32_t)((magnitude | flags) & mask(magnitude != 0));
    }
    return saturated;
}

static inline __attribute__((always_inline)) int has_nan(const double *x)
{
    int64_t found = 0;
    for (int i = 0; i < BLOCK; i++) found |= x[i] != x[i] ? INT64_C(1) : INT64_C(0);
    return found != 0;
}

/* The inverse is a normal number, and so are those of its multiples by shifts. */
static int has_inverse(double lsb)
{
    return lsb >= 0x1p-900 && lsb <= 0x1p900;
}

/* A power of two: the quotient by it is the product with its inverse, to the last bit. */
static int inverse_is_exact(double lsb)
{
    uint64_t bits;
    memcpy(&bits, &lsb, sizeof bits);
    return (bits & ((UINT64_C(1) << 52) - 1)) == 0 && has_inverse(lsb);
}

/* lsb, or with `times` 1/lsb, of n neurons from the first on. */
static void fill_lsb(const struct oat_params *params, size_t first, size_t n, int times, double *by)
{
    if (times)
        for (size_t i = 0; i < n; i++) by[i] = real_power_of_two(-params->shift[first + i]) / params->lsb;
    else
        for (size_t i = 0; i < n; i++) by[i] = params->lsb * real_power_of_two(params->shift[first + i]);
}

_Noreturn static void nan_found(size_t first)
{
    fprintf(stderr, "lassim: bug: oat_encode: a potential of neurons %zu..%zu is NaN\n", first, first + BLOCK - 1);
    abort();
}

static inline __attribute__((always_inline)) int32_t encode_any(struct rule rule, size_t first, const double *x,
                                                                const double *by, uint32_t *codes)
{
    int32_t rounded[BLOCK];
    if (has_nan(x)) nan_found(first);
    round_block(x, by, rule.times, rounded);
    return code_block(rule, rounded, codes);
}

#if defined(__x86_64__)
/* The same loops in vectors of four: IEEE's operations, so the same codes. */
__attribute__((target("avx2"))) static int32_t encode_avx2(struct rule rule, size_t first, const double *x,
                                                           const double *by, uint32_t *codes)
{
    return encode_any(rule, first, x, by, codes);
}
#endif

static int32_t encode_block(struct rule rule, size_t first, const double *x, const double *by, uint32_t *codes)
{
#if defined(__x86_64__)
    if (cpu_has_vectors()) return encode_avx2(rule, first, x, by, codes);
#endif
    return encode_any(rule, first, x, by, codes);
}

static uint64_t encode_blocks(const struct oat_params *params, struct rule rule, size_t first, const double *x,
                              size_t n, uint32_t *codes)
{
    double by[BLOCK];
    for (int i = 0; i < BLOCK; i++) by[i] = rule.times ? 1 / params->lsb : params->lsb;
    uint64_t saturated = 0;
    size_t done = 0;
    for (; n - done >= BLOCK; done += BLOCK) {
        if (params->shift != NULL) fill_lsb(params, first + done, BLOCK, rule.times, by);
        saturated += (uint64_t)encode_block(rule, first + done, x + done, by, codes + done);
    }
    if (done < n) {
        double rest[BLOCK] = {0};
        uint32_t rest_codes[BLOCK];
        memcpy(rest, x + done, (n - done) * sizeof *x);
        if (params->shift != NULL) fill_lsb(params, first + done, n - done, rule.times, by);
        saturated += (uint64_t)encode_block(rule, first + done, rest, by, rest_codes);
        memcpy(codes + done, rest_codes, (n - done) * sizeof *codes);
    }
    return saturated;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { LANES = 16, HALF = 8 };

static inline __mmask16 first_lanes(size_t n)
{
    return (__mmask16)(n < LANES ? (1u << n) - 1 : 0xffff);
}

/* Rounded magnitudes of eight potentials.  The product with 1/lsb is within 3 units in the last place of the quotient,
 * below 2^-20 for all that do not saturate: where it lies further than that from a half, both round alike.  Else
 * the quotient itself is taken. */
VECTOR_INLINE __m256i round8(__m512d x, __m512d lsb, __m512d inverse, int times)
{
    const __m512d below_half = _mm512_set1_pd(BELOW_HALF), limit = _mm512_set1_pd(QUOTIENT_LIMIT);
    const __m512d tie = _mm512_set1_pd(0.5 - 0x1p-20);
    __m512d size = _mm512_abs_pd(x), q = _mm512_min_pd(_mm512_mul_pd(size, inverse), limit);
    __m512d whole = _mm512_roundscale_pd(_mm512_add_pd(q, below_half), _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    if (!times && _mm512_cmp_pd_mask(_mm512_abs_pd(_mm512_sub_pd(q, whole)), tie, _CMP_GT_OQ)) {
        q = _mm512_min_pd(_mm512_div_pd(size, lsb), limit);
        whole = _mm512_add_pd(q, below_half);
    }
    return _mm512_cvttpd_epi32(whole);
}

/* Codes of the lanes; adds their saturations. */
VECTOR_INLINE __m512i code16(struct rule rule, __m512i c, __mmask16 negative, __mmask16 lanes, uint64_t *saturated)
{
    const __m512i largest = _mm512_set1_epi32(rule.largest);
    const __m128i j = _mm_cvtsi32_si128(rule.j);
    c = _mm512_maskz_mov_epi32((__mmask16) ~(negative & (__mmask16)rule.relu), c);
    __mmask16 outlier = _mm512_cmpgt_epi32_mask(c, largest);
    c = _mm512_mask_srl_epi32(c, outlier, _mm512_add_epi32(c, _mm512_set1_epi32(rule.half)), j);
    __mmask16 over = lanes & _mm512_cmpgt_epi32_mask(c, largest);
    *saturated += (uint64_t)__builtin_popcount(over);
    c = _mm512_min_epi32(c, largest);
    __mmask16 some = _mm512_test_epi32_mask(c, c);
    c = _mm512_mask_or_epi32(c, outlier & some, c, _mm512_set1_epi32(OAT_OUTLIER));
    return _mm512_mask_or_epi32(c, negative & some, c, _mm512_set1_epi32(OAT_NEGATIVE));
}

/* lsb 2^shift, or 1/lsb 2^-shift with sign -1, of eight channels. */
VECTOR_INLINE __m512d shifted(double lsb, __m128i shift, int sign)
{
    __m512d by = _mm512_cvtepi64_pd(_mm512_cvtepi8_epi64(shift));
    return _mm512_scalef_pd(_mm512_set1_pd(lsb), sign < 0 ? _mm512_sub_pd(_mm512_setzero_pd(), by) : by);
}

VECTOR static uint64_t encode_avx512(const struct oat_params *params, struct rule rule, size_t first, const double *x,
                                     size_t n, uint32_t *codes)
{
    const double inverse = 1 / params->lsb;
    __m512d lsb[2] = {_mm512_set1_pd(params->lsb), _mm512_set1_pd(params->lsb)};
    __m512d by[2] = {_mm512_set1_pd(inverse), _mm512_set1_pd(inverse)};
    uint64_t saturated = 0;
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = first_lanes(n - i);
        __m512d low = _mm512_maskz_loadu_pd((__mmask8)lanes, x + i);
        __m512d high = _mm512_maskz_loadu_pd((__mmask8)(lanes >> HALF), x + i + HALF);
        if (_mm512_cmp_pd_mask(low, high, _CMP_UNORD_Q)) nan_found(first + i / BLOCK * BLOCK);
        if (params->shift != NULL) {
            __m128i shift = _mm_maskz_loadu_epi8(lanes, params->shift + first + i), up = _mm_srli_si128(shift, HALF);
            lsb[0] = shifted(params->lsb, shift, 1);
            lsb[1] = shifted(params->lsb, up, 1);
            by[0] = shifted(inverse, shift, -1);
            by[1] = shifted(inverse, up, -1);
        }
        __mmask16 negative = (__mmask16)(_mm512_movepi64_mask(_mm512_castpd_si512(low)) |
                                         _mm512_movepi64_mask(_mm512_castpd_si512(high)) << HALF);
        __m512i c = _mm512_inserti64x4(_mm512_castsi256_si512(round8(low, lsb[0], by[0], rule.times)),
                                       round8(high, lsb[1], by[1], rule.times), 1);
        _mm512_mask_storeu_epi32(codes + i, lanes, code16(rule, c, negative, lanes, &saturated));
    }
    return saturated;
}

VECTOR static void values_avx512(const uint32_t *codes, size_t n, unsigned j, int32_t *value)
{
    const __m128i by = _mm_cvtsi32_si128((int)j);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask16 lanes = first_lanes(n - i);
        __m512i code = _mm512_maskz_loadu_epi32(lanes, codes + i);
        __mmask16 outlier = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_OUTLIER));
        __mmask16 negative = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_NEGATIVE));
        __m512i v = _mm512_and_si512(code, _mm512_set1_epi32(OAT_MAGNITUDE));
        v = _mm512_mask_sll_epi32(v, outlier, v, by);
        _mm512_mask_storeu_epi32(value + i, lanes, _mm512_mask_sub_epi32(v, negative, _mm512_setzero_si512(), v));
    }
}
#endif

uint64_t oat_encode(const struct oat_params *params, size_t first, const double *x, size_t n, uint32_t *codes)
{
    struct rule rule = {
        .largest = (INT32_C(1) << params->steps) - 1,
        .half = (INT32_C(1) << params->j) >> 1,
        .relu = mask(params->relu != 0),
        .j = (int32_t)params->j,
        .times = inverse_is_exact(params->lsb),
    };
#if defined(__x86_64__)
    if (cpu_has_avx512() && has_inverse(params->lsb)) return encode_avx512(params, rule, first, x, n, codes);
#endif
    return encode_blocks(params, rule, first, x, n, codes);
}

void oat_values(const uint32_t *codes, size_t n, unsigned j, int32_t *value)
{
#if defined(__x86_64__)
    if (cpu_has_avx512()) {
        values_avx512(codes, n, j, value);
        return;
    }
#endif
    for (size_t i = 0; i < n; i++) value[i] = oat_value(codes[i], j);
}
