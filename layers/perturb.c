#include "layers/perturb.h"

#include "neurons/real.h"

enum { KIND_LOSS = 0, KIND_THRESHOLD = 1 };

uint64_t perturb_hash(uint64_t a, uint64_t b)
{
    uint64_t z = a + (b + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

struct perturb_key perturb_window(const struct perturbation *perturbation, uint64_t sequence, uint32_t population,
                                  uint32_t token)
{
    uint64_t seed = perturb_hash(perturbation->seed, sequence);
    return (struct perturb_key){
        .loss = perturb_hash(perturb_hash(perturb_hash(seed, KIND_LOSS), population), token),
        .threshold = perturb_hash(perturb_hash(perturb_hash(seed, KIND_THRESHOLD), population), token),
        .drop_below = (uint64_t)(perturbation->drop * 0x1p53),
        .noise = perturbation->noise,
        .stuck = perturbation->stuck != NULL ? perturbation->stuck[population] : NULL,
    };
}

uint32_t perturb_lost(const struct perturb_key *key, uint32_t neuron, uint32_t fired)
{
    uint32_t lost = 0;
    if (key->drop_below == 0 || fired == 0) return 0;
    uint64_t hash = perturb_hash(key->loss, neuron);
    for (uint32_t left = fired; left != 0; left &= left - 1) {
        unsigned step = (unsigned)__builtin_ctz(left);
        if (perturb_hash(hash, step) >> 11 < key->drop_below) lost |= UINT32_C(1) << step;
    }
    return lost;
}

/* A standard normal number from a counter's hash: the attempts are numbered. */
static double normal(uint64_t hash)
{
    double u, square;
    uint64_t attempt = 0;
    do {
        uint64_t bits = perturb_hash(hash, attempt++);
        u = ((double)(uint32_t)(bits >> 32) + 0.5) * 0x1p-31 - 1.0;
        double v = ((double)(uint32_t)bits + 0.5) * 0x1p-31 - 1.0;
        square = u * u + v * v;
    } while (!(square < 1.0));
    return u * real_sqrt(-2.0 * real_log(square) / square);
}

double perturb_threshold(const struct perturb_key *key, uint32_t neuron)
{
    if (!(key->noise > 0)) return 1.0;
    double factor = 1.0 + key->noise * normal(perturb_hash(key->threshold, neuron));
    return factor > 0.0625 ? factor : 0.0625;
}

int32_t perturb_weight(struct spike_steps spikes, uint32_t lost, unsigned steps)
{
    int32_t weight = 0;
    for (uint32_t left = lost; left != 0; left &= left - 1) {
        unsigned step = (unsigned)__builtin_ctz(left);
        int32_t one = INT32_C(1) << (steps - 1 - step);
        weight += spikes.negative >> step & 1 ? -one : one;
    }
    return weight;
}
