/* The converted model against the checkpoint, on calibration tokens: the spiking engine at the model's own T
 * beside the original network in double.  Reproducible: no libm, fixed order.
 * Decoders: the next token's distribution; masked language models: each token's own; classifiers: the labels', the dense
 * network's choice being the target; HEAD_VALUES: kl_mean and kl_max are of 1 - cosine, no perplexities. */
#ifndef LASSIM_CONVERT_SELF_CHECK_H
#define LASSIM_CONVERT_SELF_CHECK_H

#include "convert/calibration_text.h"
#include "convert/convert.h"
#include "convert/dense_double.h"
#include "kernel/error.h"
#include "kernel/model.h"

enum { SELF_CHECK_TOKENS_MIN = 16, SELF_CHECK_TOKENS_MAX = 256 };

/* Tokens to check a model of that many weights on, at most the text's: some ten seconds of simulation on one
 * core, but SELF_CHECK_TOKENS_MIN .. SELF_CHECK_TOKENS_MAX tokens; of encoders whole sequences, at least one. */
size_t self_check_tokens(const struct graph *graph, const struct calibration_text *text);

/* Runs the first `tokens` (>= 2) tokens of text on *model, whose matrices point at their weights, and fills
 * *check; dense has been through dense_double_final with the same ids.
 * progress may be NULL. */
enum lassim_status self_check_run(const struct model *model, const struct dense_double *dense,
                                  const struct calibration_text *text, size_t tokens, unsigned threads,
                                  convert_progress *progress, void *progress_context, struct self_check *check,
                                  struct lassim_error *error);

#endif
