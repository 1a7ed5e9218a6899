/* Perturbations for robustness studies: lost spikes, noisy thresholds, stuck neurons (docs/design.md, Perturbation).
 *
 * Everything is a pure function of the seed and of what the spike is (sequence, population, token, neuron, step),
 * never of threads or arrival, so every engine perturbs the same.  Random numbers are counters hashed by the finaliser
 * of SplitMix64 (Steele, Lea & Flood 2014; Stafford's variant 13):
 *   H(a, b) = mix(a + (b + 1) 0x9e3779b97f4a7c15)
 *   key = H(H(H(H(seed, sequence), kind), population), token), kind 0 loss, 1 threshold
 *   the spike of step t of neuron n is lost iff H(H(key, n), t) / 2^11 < p 2^53, integers */
#ifndef LASSIM_LAYERS_PERTURB_H
#define LASSIM_LAYERS_PERTURB_H

#include <stddef.h>
#include <stdint.h>

#include "neurons/code.h"

/* State of a neuron that is stuck. */
enum stuck_state { STUCK_NOT = 0, STUCK_SILENT = 1, STUCK_FIRING = 2 };

enum { PERTURB_NOISE_MAX = 16 };

struct perturbation {
    uint64_t seed;
    double drop;                 /* p, 0 .. 1: chance of a spike to be lost */
    double noise;                /* S, 0 .. PERTURB_NOISE_MAX: standard deviation of a threshold's factor */
    const uint8_t *const *stuck; /* [populations] NULL or [neurons] of enum stuck_state; NULL: nobody.  Not owned */
};

/* One window's numbers. */
struct perturb_key {
    uint64_t loss, threshold; /* hashed up to the token */
    uint64_t drop_below;      /* p 2^53 */
    double noise;
    const uint8_t *stuck; /* [neurons] or NULL */
};

/* H above. */
uint64_t perturb_hash(uint64_t a, uint64_t b);
/* sequence: how many sequences the session had before, 0 for the first (and for a traced run). */
struct perturb_key perturb_window(const struct perturbation *perturbation, uint64_t sequence, uint32_t population,
                                  uint32_t token);
/* Those of the steps in `fired` at which neuron's spike is lost.  O(spikes). */
uint32_t perturb_lost(const struct perturb_key *key, uint32_t neuron, uint32_t fired);
/* Factor of neuron's thresholds and resets in this window: max(1 + S g, 1/16), g standard normal (Marsaglia's polar
 * method on the hashed counter, without libm).  1 if S is 0. */
double perturb_threshold(const struct perturb_key *key, uint32_t neuron);
/* enum stuck_state. */
static inline int perturb_stuck(const struct perturb_key *key, uint32_t neuron)
{
    return key->stuck != NULL ? key->stuck[neuron] : STUCK_NOT;
}

/* What the lost ones of a code's spikes weigh, in units of the last step; `negative` as in struct spike_steps. */
int32_t perturb_weight(struct spike_steps spikes, uint32_t lost, unsigned steps);

#endif
