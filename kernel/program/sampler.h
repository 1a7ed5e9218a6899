/* Chooses the next token from its logits, reproducibly: same logits, options and seed, same tokens on every
 * machine.
 *
 *   temperature 0   the largest logit, the smallest id on a tie (greedy)
 *   otherwise       p_i = exp((logit_i - largest) / temperature), in double without libm; tokens ordered by
 *                   logit descending, id ascending; the top_k first; of those the fewest whose sum reaches
 *                   top_p of the total; one of them by a uniform number of 53 bits.
 * The generator is xoshiro256** 1.0 (Blackman, Vigna 2018), seeded by four steps of splitmix64. */
#ifndef LASSIM_PROGRAM_SAMPLER_H
#define LASSIM_PROGRAM_SAMPLER_H

#include <stdint.h>

struct sampler_options {
    double temperature; /* >= 0 */
    double top_p;       /* 0 .. 1; at least one token is always kept */
    uint64_t top_k;     /* 0: all */
    uint64_t seed;
};

struct sampler;

/* vocabulary >= 1.  NULL without memory; the caller owns it: sampler_free.  12 bytes a token of memory. */
struct sampler *sampler_new(uint32_t vocabulary, const struct sampler_options *options);
void sampler_free(struct sampler *sampler);
/* logits: [vocabulary].  A NaN is never chosen unless all are.  Greedy O(V), else O(V log V). */
uint32_t sampler_pick(struct sampler *sampler, const float *logits);

/* The generator by itself, for tests. */
struct random_state {
    uint64_t word[4];
};
void random_seed(struct random_state *state, uint64_t seed);
uint64_t random_next(struct random_state *state);

#endif
