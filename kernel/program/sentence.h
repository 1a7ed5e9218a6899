/* What is made of an encoder's values outside of the network: a sentence vector, a label's probability.  Which pooling
 * and which labels a model has stands in its section readout, where the converter put what the checkpoint says. */
#ifndef LASSIM_PROGRAM_SENTENCE_H
#define LASSIM_PROGRAM_SENTENCE_H

#include <jansson.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"

enum sentence_pooling { POOLING_MEAN = 0, POOLING_CLS };

struct sentence {
    enum sentence_pooling pooling; /* mean over all tokens of the sequence, or the first token's values */
    int normalise;                 /* 1: vectors are scaled to length 1 */
    uint32_t max_tokens;           /* longest sequence, special tokens included; 0: the model's positions */
    json_t *labels;                /* array of strings, or NULL; owned: sentence_clear */
};

/* Reads "sentence" and "labels" of the model's readout; what it does not say is mean, not normalised, 0 and NULL.
 * path names the model in errors: LASSIM_ERR_FILE for a value of another type or range. */
enum lassim_status sentence_read(const char *path, const struct model *model, struct sentence *sentence,
                                 struct lassim_error *error);
void sentence_clear(struct sentence *sentence);
/* The name of label i: the model's, or "LABEL_i" in text[24], as Hugging Face calls it.  Lives as long as both. */
const char *sentence_label(const struct sentence *sentence, uint32_t i, char text[24]);

/* Takes the values [width] of one more token, number `token` of its sequence (from 0), into sum [width], which is 0 at
 * first.  O(width). */
void sentence_add(enum sentence_pooling pooling, uint32_t token, const float *values, uint32_t width, double *sum);
/* The vector [width] of a sequence of `tokens` tokens.  A zero vector stays one.  In double, in a fixed order: the same
 * bits everywhere.  O(width). */
void sentence_finish(const struct sentence *sentence, uint32_t tokens, const double *sum, uint32_t width,
                     float *vector);
/* Probabilities [n] of logits [n] (n >= 1), softmax in double without libm; returns the index of the largest, the first
 * on a tie. */
uint32_t sentence_scores(const float *logits, uint32_t n, double *score);

#endif
