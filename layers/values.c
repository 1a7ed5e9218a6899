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
