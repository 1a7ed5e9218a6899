#include "neurons/lif.h"

#include <stddef.h>

#include "neurons/real.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* V = leak V + x of 64 neurons or fewer; returns which reached the threshold. */
static uint64_t integrate_portable(double threshold, double leak, double *v, const double *x, uint32_t n)
{
    uint64_t hits = 0;
    for (uint32_t i = 0; i < n; i++) {
        v[i] = leak * v[i] + x[i];
        hits |= (uint64_t)(v[i] >= threshold) << i;
    }
    return hits;
}

#if defined(__x86_64__)
/* The same operations four at a time; 64 neurons. */
__attribute__((target("avx2"))) static uint64_t integrate_avx2(double threshold, double leak, double *v,
                                                               const double *x)
{
    const __m256d thresholds = _mm256_set1_pd(threshold), leaks = _mm256_set1_pd(leak);
    uint64_t hits = 0;
    for (uint32_t i = 0; i < 64; i += 4) {
        __m256d value = _mm256_add_pd(_mm256_mul_pd(leaks, _mm256_loadu_pd(v + i)), _mm256_loadu_pd(x + i));
        _mm256_storeu_pd(v + i, value);
        hits |= (uint64_t)(unsigned)_mm256_movemask_pd(_mm256_cmp_pd(value, thresholds, _CMP_GE_OQ)) << i;
    }
    return hits;
}
#endif

static uint64_t integrate(double threshold, double leak, double *v, const double *x, uint32_t n)
{
#if defined(__x86_64__)
    if (n == 64 && __builtin_cpu_supports("avx2")) return integrate_avx2(threshold, leak, v, x);
#endif
    return integrate_portable(threshold, leak, v, x, n);
}

/* As integrate, but only of those that are not refractory at t. */
static uint64_t integrate_ready(const struct lif_params *params, uint64_t t, double *v, const uint64_t *ready,
                                const double *x, uint32_t n)
{
    uint64_t hits = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (t < ready[i]) continue;
        v[i] = params->leak * v[i] + x[i];
        hits |= (uint64_t)(v[i] >= params->threshold) << i;
    }
    return hits;
}

/* Resets those that spiked; 1 if one is left at or above its threshold. */
static int reset(const struct lif_params *params, uint64_t t, uint64_t hits, double *v, uint64_t *ready)
{
    int restless = 0;
    for (; hits != 0; hits &= hits - 1) {
        unsigned i = (unsigned)__builtin_ctzll(hits);
        v[i] = params->subtract ? v[i] - params->threshold : 0;
        restless |= v[i] >= params->threshold;
        if (ready != NULL) ready[i] = t + 1 + params->refractory;
    }
    return restless;
}

/* 1 if a refractory neuron waits at or above its threshold. */
static int waiting(const struct lif_params *params, const double *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (v[i] >= params->threshold) return 1;
    return 0;
}

int lif_step(const struct lif_params *params, uint64_t t, double *v, uint64_t *ready, const double *input, uint32_t n,
             uint64_t fired[LIF_SPAN / 64], int *restless)
{
    uint64_t any = 0;
    *restless = 0;
    for (uint32_t w = 0; w < LIF_SPAN / 64; w++) fired[w] = 0;
    for (uint32_t i = 0; i < n; i += 64) {
        uint32_t part = n - i < 64 ? n - i : 64;
        uint64_t hits = ready == NULL ? integrate(params->threshold, params->leak, v + i, input + i, part)
                                      : integrate_ready(params, t, v + i, ready + i, input + i, part);
        *restless |= reset(params, t, hits, v + i, ready != NULL ? ready + i : NULL);
        if (ready != NULL) *restless |= waiting(params, v + i, part);
        fired[i / 64] = hits;
        any |= hits;
    }
    return any != 0;
}

double lif_leak(double tau, double dt)
{
    return real_exp(-(dt / tau));
}
