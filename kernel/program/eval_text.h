/* A text as the loss is measured on it (docs/design.md, What loss-less means): disjoint chunks of the context, each
 * starting with the beginning-of-sequence token, which is never a target; the first token is predicted from it. */
#ifndef LASSIM_PROGRAM_EVAL_TEXT_H
#define LASSIM_PROGRAM_EVAL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"

struct eval_text {
    uint32_t *ids;    /* [count] targets: the text's tokens, without bos; owned */
    size_t count;     /* >= 1 */
    uint32_t context; /* inputs of a chunk, bos included, >= 2 */
    uint32_t bos;
    uint64_t hash; /* XXH3-64 of the ids */
};

/* Reads and encodes the file with the model's tokenizer; at most `most` tokens (0: all).  context: 0 for the model's.
 * model_path is for errors.  LASSIM_ERR_FILE for a model without tokenizer or a text without a token,
 * LASSIM_ERR_USAGE for a context above the model's.  The caller owns *text: eval_text_free. */
enum lassim_status eval_text_read(const struct model *model, const char *model_path, const char *path, uint64_t most,
                                  uint32_t context, struct eval_text *text, struct lassim_error *error);
void eval_text_free(struct eval_text *text);
/* The chunk that predicts ids[at ..]: at is a multiple of context - 1, below count.  Fills inputs[context]; returns how
 * many there are: inputs[0 .. n) predict ids[at .. at + n). */
uint32_t eval_text_chunk(const struct eval_text *text, size_t at, uint32_t *inputs);

#endif
