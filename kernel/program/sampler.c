#include "kernel/program/sampler.h"

#include <stdlib.h>

#include "neurons/real.h"

struct candidate {
    float logit;
    uint32_t id;
};

struct sampler {
    uint32_t vocabulary;
    struct sampler_options options;
    struct random_state random;
    struct candidate candidate[]; /* [vocabulary] */
};

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void random_seed(struct random_state *state, uint64_t seed)
{
    for (int i = 0; i < 4; i++) state->word[i] = splitmix64(&seed);
}

static uint64_t rotate_left(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t random_next(struct random_state *state)
{
    uint64_t *s = state->word;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

struct sampler *sampler_new(uint32_t vocabulary, const struct sampler_options *options)
{
    struct sampler *sampler = malloc(sizeof *sampler + (size_t)vocabulary * sizeof sampler->candidate[0]);
    if (sampler == NULL) return NULL;
    sampler->vocabulary = vocabulary;
    sampler->options = *options;
    random_seed(&sampler->random, options->seed);
    return sampler;
}

void sampler_free(struct sampler *sampler)
{
    free(sampler);
}

static uint32_t pick_largest(const float *logits, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (logits[i] > logits[best] || (logits[best] != logits[best] && logits[i] == logits[i])) best = i;
    }
    return best;
}

/* Logit descending, NaN last, id ascending. */
static int by_logit(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    int a_nan = a->logit != a->logit, b_nan = b->logit != b->logit;
    if (a_nan != b_nan) return a_nan - b_nan;
    if (!a_nan && a->logit != b->logit) return a->logit > b->logit ? -1 : 1;
    return a->id < b->id ? -1 : 1;
}

/* Fills the candidates in order and returns how many top_k leaves. */
static uint32_t order_candidates(struct sampler *sampler, const float *logits)
{
    uint32_t n = sampler->vocabulary;
    for (uint32_t i = 0; i < n; i++) sampler->candidate[i] = (struct candidate){logits[i], i};
    qsort(sampler->candidate, n, sizeof sampler->candidate[0], by_logit);
    if (sampler->options.top_k > 0 && sampler->options.top_k < n) n = (uint32_t)sampler->options.top_k;
    while (n > 1 && sampler->candidate[n - 1].logit != sampler->candidate[n - 1].logit) n--;
    return n;
}

static double weight(const struct sampler *sampler, uint32_t rank)
{
    double below = (double)sampler->candidate[rank].logit - (double)sampler->candidate[0].logit;
    return rank == 0 ? 1.0 : real_exp(below / sampler->options.temperature);
}

uint32_t sampler_pick(struct sampler *sampler, const float *logits)
{
    if (sampler->options.temperature == 0) return pick_largest(logits, sampler->vocabulary);
    uint32_t n = order_candidates(sampler, logits), kept = 0;
    double total = 0, sum = 0;
    for (uint32_t i = 0; i < n; i++) total += weight(sampler, i);
    while (kept < n && (kept == 0 || sum < sampler->options.top_p * total)) sum += weight(sampler, kept++);
    double drawn = (double)(random_next(&sampler->random) >> 11) * 0x1p-53 * sum;
    double reached = 0;
    for (uint32_t i = 0; i + 1 < kept; i++) {
        reached += weight(sampler, i);
        if (drawn < reached) return sampler->candidate[i].id;
    }
    return sampler->candidate[kept - 1].id;
}
