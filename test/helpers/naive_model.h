/* An independent model of what lassim computes, for tests: whole windows, plain loops, no events, no packets.
 *
 * Written from the pages that define the network (docs/design.md and the paper's rules restated in the headers
 * of neurons/ and kernel/counters.h), not from the engine: it shares the structures of the model, the graph's
 * names and nothing else.  Levels, fan-outs, partners and counters are its own.  libm is allowed here. */
#ifndef LASSIM_TEST_HELPERS_NAIVE_MODEL_H
#define LASSIM_TEST_HELPERS_NAIVE_MODEL_H

#include "kernel/counters.h"
#include "kernel/model.h"
#include "layers/perturb.h"

/* One population window. */
struct naive_record {
    uint32_t level, population, token;
    uint32_t neurons;       /* that took part; input: 1 */
    uint32_t *neuron;       /* [neurons] index in the population; input: the row */
    uint32_t *code;         /* [neurons] OAT: packed as neurons/oat.h; HG: magnitude; input: 1 */
    uint8_t *silent;        /* [neurons] HG: no gates, no code */
    uint32_t *octave, *sub; /* [neurons] HG: octave gate, sub-interval 0 .. */
};

struct naive;

/* Runs at T = steps with the model's code.  model outlives it.  Aborts on failure.  naive_free. */
struct naive *naive_new(const struct model *model, unsigned steps);
/* Perturbs every later token as docs/design.md, Perturbation, has it; perturbation outlives naive. */
void naive_perturb(struct naive *naive, const struct perturbation *perturbation);
void naive_free(struct naive *naive);
/* The next token of a decoder's sequence.  logits [vocabulary] are filled if asked. */
void naive_token(struct naive *naive, uint32_t id, int asked, float *logits);
/* An encoder's sequence; types: NULL for all 0.  read: 1, logits [n][head_width] are filled for the tokens that the head
 * is for; 0: for none. */
void naive_sequence(struct naive *naive, const uint32_t *ids, const uint32_t *types, uint32_t n, int read,
                    float *logits);
/* 1: the encoder's head is for that token. */
int naive_encoder_asks(const struct naive *naive, uint32_t token);

/* The window of population p at `token`, or NULL if it did not open. */
const struct naive_record *naive_record_of(const struct naive *naive, uint32_t p, uint32_t token);
uint32_t naive_records(const struct naive *naive);
const struct counters *naive_populations(const struct naive *naive);
const struct counters *naive_tokens(const struct naive *naive);
/* Largest |potential| that population p coded so far. */
double naive_largest(const struct naive *naive, uint32_t p);
/* Windows from a token's start to the head's close. */
uint32_t naive_head_level(const struct naive *naive);

/* Sets the thresholds of a tiny model from runs on ids [n], so that few neurons saturate: alpha_out above
 * `margin` times the largest potential (below 1: some saturate). */
void naive_calibrate(struct model *model, const uint32_t *ids, uint32_t n, double margin);

#endif
