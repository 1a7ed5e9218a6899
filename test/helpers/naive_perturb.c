/* The naive model's perturbations: what is lost, moved and stuck (docs/design.md, Perturbation). */
#include <math.h>

#include "test/helpers/naive_state.h"

static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t z = a + (b + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* kind 0: loss, 1: threshold; of the first sequence. */
static uint64_t neuron_hash(const struct naive *naive, unsigned kind, uint32_t p, uint32_t neuron)
{
    uint64_t h = hash(hash(hash(hash(naive->perturbation->seed, 0), kind), p), naive->token);
    return hash(h, neuron);
}

int naive_is_lost(const struct naive *naive, uint32_t p, uint32_t neuron, unsigned t)
{
    if (naive->perturbation == NULL) return 0;
    uint64_t number = hash(neuron_hash(naive, 0, p, neuron), t) >> 11;
    return ldexp((double)number, -53) < naive->perturbation->drop;
}

double naive_threshold_factor(const struct naive *naive, uint32_t p, uint32_t neuron)
{
    if (naive->perturbation == NULL || naive->perturbation->noise <= 0) return 1;
    uint64_t h = neuron_hash(naive, 1, p, neuron);
    for (unsigned attempt = 0;; attempt++) {
        uint64_t bits = hash(h, attempt);
        double u = ldexp((double)(bits >> 32) + 0.5, -31) - 1, v = ldexp((double)(bits & 0xffffffffu) + 0.5, -31) - 1;
        double square = u * u + v * v;
        if (square < 1) return fmax(1 + naive->perturbation->noise * u * sqrt(-2 * log(square) / square), 1.0 / 16);
    }
}

int naive_stuck_state(const struct naive *naive, uint32_t p, uint32_t neuron)
{
    if (naive->perturbation == NULL || naive->perturbation->stuck == NULL) return STUCK_NOT;
    return naive->perturbation->stuck[p] != NULL ? naive->perturbation->stuck[p][neuron] : STUCK_NOT;
}

wide naive_arriving(const struct naive *naive, uint32_t p, uint32_t neuron, uint32_t magnitude)
{
    int sign[SPIKE_STEPS_MAX];
    wide sum = 0;
    naive_spikes(naive->model->code, naive_steps(naive, p), magnitude, sign);
    for (unsigned t = 0; t < naive_steps(naive, p); t++)
        if (!naive_is_lost(naive, p, neuron, t)) sum += sign[t] * ((wide)1 << (naive_steps(naive, p) - 1 - t));
    return sum;
}
