#include "neurons/lif.h"

#include <stddef.h>

#include "neurons/real.h"

enum { LANES = 32 /* neurons of one constant-length loop, which compilers turn into vectors */ };

/* V = leak V + x; returns whether any reached the threshold. */
static int integrate(double threshold, double leak, double *restrict v, const double *restrict x, uint32_t n)
{
    uint32_t i = 0;
    int64_t hits = 0;
    for (; i + LANES <= n; i += LANES) {
        for (uint32_t k = 0; k < LANES; k++) {
            double value = leak * v[i + k] + x[i + k];
            v[i + k] = value;
            hits |= -(int64_t)(value >= threshold);
        }
    }
    for (; i < n; i++) {
        v[i] = leak * v[i] + x[i];
        hits |= -(int64_t)(v[i] >= threshold);
    }
    return hits != 0;
}

/* Those that stay above: only where a spike takes no more than the threshold, or in refractoriness. */
static int fire(const struct lif_params *params, uint64_t t, double *v, uint64_t *ready, uint32_t i)
{
    v[i] = params->subtract ? v[i] - params->threshold : 0;
    if (ready != NULL) ready[i] = t + 1 + params->refractory;
    return v[i] >= params->threshold;
}

static uint32_t step_refractory(const struct lif_params *params, uint64_t t, double *v, uint64_t *ready,
                                const double *input, uint32_t n, uint32_t *spikes, int *restless)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (t < ready[i]) {
            *restless |= v[i] >= params->threshold;
            continue;
        }
        v[i] = params->leak * v[i] + input[i];
        if (!(v[i] >= params->threshold)) continue;
        spikes[count++] = i;
        *restless |= fire(params, t, v, ready, i);
    }
    return count;
}

uint32_t lif_step(const struct lif_params *params, uint64_t t, double *v, uint64_t *ready, const double *input,
                  uint32_t n, uint32_t *spikes, int *restless)
{
    uint32_t count = 0;
    *restless = 0;
    if (ready != NULL) return step_refractory(params, t, v, ready, input, n, spikes, restless);
    if (!integrate(params->threshold, params->leak, v, input, n)) return 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!(v[i] >= params->threshold)) continue;
        spikes[count++] = i;
        *restless |= fire(params, t, v, NULL, i);
    }
    return count;
}

double lif_leak(double tau, double dt)
{
    return real_exp(-(dt / tau));
}
