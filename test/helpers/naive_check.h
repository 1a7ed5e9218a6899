/* The engines `event` and `fused` against the naive model: every code of every window, every counter per population and
 * per token, everything that is read out, bit for bit. */
#ifndef LASSIM_TEST_HELPERS_NAIVE_CHECK_H
#define LASSIM_TEST_HELPERS_NAIVE_CHECK_H

#include "layers/perturb.h"
#include "test/helpers/engine_run.h"

enum { NAIVE_CHECK_TOKENS = 64 /* most tokens of a run */ };

/* Runs the pieces at options->timesteps (not 0) and fails the running cmocka test on any difference.  types: NULL, or an
 * encoder's token types.  perturbation: what options ask for, or NULL. */
void naive_check(const struct model *model, const struct lassim_options *options,
                 const struct perturbation *perturbation, const uint32_t *ids, const uint32_t *types,
                 const struct engine_piece *pieces);

#endif
