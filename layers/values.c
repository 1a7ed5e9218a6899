#include "layers/values.h"

#include <stddef.h>

#include "neurons/cpu.h"
#include "neurons/real.h"

/* ---- one by one, from i on ---- */

static void values_portable(int64_t *sum, const double *scale, const double *bias, double unit, uint32_t i, uint32_t n,
                            double *x)
{
    for (; i < n; i++) {
        x[i] = (double)sum[i] * (scale != NULL ? unit * scale[i] : unit);
        if (bias != NULL) x[i] += bias[i];
        sum[i] = 0;
    }
}

static void differences_portable(int64_t *sum, int64_t times, int64_t minus, double unit, uint32_t i, uint32_t n,
                                 double *x)
{
    for (; i < n; i++) {
        x[i] = (double)(times * sum[i] - minus) * unit;
        sum[i] = 0;
    }
}

static void products_portable(const struct values_products *p, uint32_t i, uint32_t n, double *x)
{
    for (; i < n; i++) {
        x[i] = (double)((__int128)p->factor[i] * p->by[(size_t)i * p->by_stride]) * p->unit;
        if (p->scale != NULL) x[i] *= p->scale[i];
        if (p->bias != NULL) x[i] += p->bias[i];
    }
}

static int64_t add_value(int64_t potential, double value, double per_grid, uint64_t *clamped)
{
    const double far = (double)(2 * VALUES_POTENTIAL_MAX);
    double scaled = value * per_grid;
    int64_t sum;
    if (scaled > far || scaled < -far)
        sum = scaled > 0 ? 2 * VALUES_POTENTIAL_MAX : -2 * VALUES_POTENTIAL_MAX;
    else
        sum = potential + real_round_half_away(scaled);
    if (sum >= -VALUES_POTENTIAL_MAX && sum <= VALUES_POTENTIAL_MAX) return sum;
    ++*clamped;
    return sum > 0 ? VALUES_POTENTIAL_MAX : -VALUES_POTENTIAL_MAX;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx512f,avx512dq")))
enum { LANES = 8 };

VECTOR static uint32_t values_vector(int64_t *sum, const double *scale, const double *bias, double unit, uint32_t n,
                                     double *x)
{
    uint32_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512d factor = _mm512_set1_pd(unit);
        if (scale != NULL) factor = _mm512_mul_pd(factor, _mm512_loadu_pd(scale + i));
        __m512d value = _mm512_mul_pd(_mm512_cvtepi64_pd(_mm512_loadu_si512(sum + i)), factor);
        if (bias != NULL) value = _mm512_add_pd(value, _mm512_loadu_pd(bias + i));
        _mm512_storeu_pd(x + i, value);
        _mm512_storeu_si512(sum + i, _mm512_setzero_si512());
    }
    return i;
}

VECTOR static uint32_t unchanged_vector(const int64_t *potential, double unit, uint32_t n, double *x)
{
    uint32_t i = 0;
    for (; i + LANES <= n; i += LANES)
        _mm512_storeu_pd(x + i,
                         _mm512_mul_pd(_mm512_cvtepi64_pd(_mm512_loadu_si512(potential + i)), _mm512_set1_pd(unit)));
    return i;
}

VECTOR static uint32_t largest_vector(const int64_t *sum, uint32_t n, int64_t *largest)
{
    __m512i most = _mm512_set1_epi64(*largest);
    uint32_t i = 0;
    for (; i + LANES <= n; i += LANES) most = _mm512_max_epi64(most, _mm512_loadu_si512(sum + i));
    *largest = _mm512_reduce_max_epi64(most);
    return i;
}

VECTOR static uint32_t differences_vector(int64_t *sum, int64_t times, int64_t minus, double unit, uint32_t n,
                                          double *x)
{
    uint32_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512i value = _mm512_loadu_si512(sum + i);
        if (times != 1) value = _mm512_mullo_epi64(value, _mm512_set1_epi64(times));
        value = _mm512_sub_epi64(value, _mm512_set1_epi64(minus));
        _mm512_storeu_pd(x + i, _mm512_mul_pd(_mm512_cvtepi64_pd(value), _mm512_set1_pd(unit)));
        _mm512_storeu_si512(sum + i, _mm512_setzero_si512());
    }
    return i;
}

/* factor by, rounded once, for |factor| < 2^27, |by| < 2^62.  by is cut into its first 26 bits and the rest: the first
 * product is exact, the second, at most 2^-25 of it, is rounded to odd, so that their sum rounds as the exact one
 * (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd",
 * 2008). */
VECTOR static inline __m512d rounded_product(__m512i factor, __m512i by)
{
    const __m512i last_bits = _mm512_set1_epi64((INT64_C(1) << 27) - 1), odd = _mm512_set1_epi64(1);
    __m512d high = _mm512_castsi512_pd(_mm512_andnot_si512(last_bits, _mm512_castpd_si512(_mm512_cvtepi64_pd(by))));
    __m512d low = _mm512_cvtepi64_pd(_mm512_sub_epi64(by, _mm512_cvttpd_epi64(high)));
    __m512d a = _mm512_cvtepi64_pd(factor);
    __m512d part = _mm512_mul_round_pd(a, low, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
    __mmask8 inexact = _mm512_cmp_pd_mask(_mm512_fmsub_pd(a, low, part), _mm512_setzero_pd(), _CMP_NEQ_UQ);
    __m512i bits = _mm512_castpd_si512(part);
    part = _mm512_castsi512_pd(_mm512_mask_or_epi64(bits, inexact, bits, odd));
    part = _mm512_add_pd(part, _mm512_setzero_pd()); /* no product is -0 */
    return _mm512_add_pd(_mm512_mul_pd(a, high), part);
}

VECTOR static uint32_t products_vector(const struct values_products *p, uint32_t n, double *x)
{
    uint32_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __m512i by = p->by_stride == 0 ? _mm512_set1_epi64(p->by[0]) : _mm512_loadu_si512(p->by + i);
        __m512d value = rounded_product(_mm512_loadu_si512(p->factor + i), by);
        value = _mm512_mul_pd(value, _mm512_set1_pd(p->unit));
        if (p->scale != NULL) value = _mm512_mul_pd(value, _mm512_loadu_pd(p->scale + i));
        if (p->bias != NULL) value = _mm512_add_pd(value, _mm512_loadu_pd(p->bias + i));
        _mm512_storeu_pd(x + i, value);
    }
    return i;
}

/* Vectors of values below 2^51 whose potentials stay inside the limit; returns where the first other one is.
 * |q| + (the largest double below 1/2), cut off, is |q| rounded half away from zero (neurons/oat.c). */
VECTOR static uint32_t potentials_vector(const double *value, double per_grid, uint32_t i, uint32_t n,
                                         int64_t *potential)
{
    const __m512d below_half = _mm512_set1_pd(0x1.fffffffffffffp-2), large = _mm512_set1_pd(0x1p51);
    const __m512i limit = _mm512_set1_epi64(VALUES_POTENTIAL_MAX);
    for (; i + LANES <= n; i += LANES) {
        __m512d q = _mm512_mul_pd(_mm512_loadu_pd(value + i), _mm512_set1_pd(per_grid)), magnitude = _mm512_abs_pd(q);
        __mmask8 negative = _mm512_cmp_pd_mask(q, _mm512_setzero_pd(), _CMP_LT_OQ);
        __m512i whole = _mm512_cvttpd_epi64(_mm512_add_pd(magnitude, below_half));
        whole = _mm512_mask_sub_epi64(whole, negative, _mm512_setzero_si512(), whole);
        __m512i sum = _mm512_add_epi64(_mm512_loadu_si512(potential + i), whole);
        if (_mm512_cmp_pd_mask(magnitude, large, _CMP_NLT_UQ) ||
            _mm512_cmp_epi64_mask(_mm512_abs_epi64(sum), limit, _MM_CMPINT_GT))
            break;
        _mm512_storeu_si512(potential + i, sum);
    }
    return i;
}
#endif

void values_of_sums(int64_t *sum, const double *scale, const double *bias, double unit, uint32_t n, double *x)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) done = values_vector(sum, scale, bias, unit, n, x);
#endif
    values_portable(sum, scale, bias, unit, done, n, x);
}

void values_of_potentials(const int64_t *potential, double unit, uint32_t n, double *x)
{
    uint32_t i = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) i = unchanged_vector(potential, unit, n, x);
#endif
    for (; i < n; i++) x[i] = (double)potential[i] * unit;
}

int64_t values_largest(const int64_t *sum, uint32_t n)
{
    int64_t largest = sum[0];
    uint32_t i = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) i = largest_vector(sum, n, &largest);
#endif
    for (; i < n; i++) largest = sum[i] > largest ? sum[i] : largest;
    return largest;
}

void values_of_differences(int64_t *sum, int64_t times, int64_t minus, double unit, uint32_t n, double *x)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) done = differences_vector(sum, times, minus, unit, n, x);
#endif
    differences_portable(sum, times, minus, unit, done, n, x);
}

void values_of_products(const struct values_products *products, uint32_t n, double *x)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) done = products_vector(products, n, x);
#endif
    products_portable(products, done, n, x);
}

uint64_t values_into_potentials(const double *value, double per_grid, uint32_t n, int64_t *potential)
{
    uint64_t clamped = 0;
    uint32_t i = 0;
    while (i < n) {
#if defined(__x86_64__)
        if (cpu_has_avx512()) i = potentials_vector(value, per_grid, i, n, potential);
#endif
        /* a vector's length one by one, then vectors again */
        for (uint32_t end = n - i < 8 ? n : i + 8; i < end; i++)
            potential[i] = add_value(potential[i], value[i], per_grid, &clamped);
    }
    return clamped;
}
