/* A text as the loss is measured on it (docs/design.md, What loss-less means).
 *
 * A decoder's: disjoint chunks of the context, each starting with the beginning-of-sequence token, which is never a
 * target; the first token is predicted from it.  An encoder's: every line that is not empty is a sequence with its
 * special tokens, cut at the context; its tokens are their own targets. */
#ifndef LASSIM_PROGRAM_EVAL_TEXT_H
#define LASSIM_PROGRAM_EVAL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"

struct eval_text {
    uint32_t *ids;    /* [count] targets: the text's tokens, without bos; owned */
    size_t count;     /* >= 1 */
    uint32_t context; /* inputs of a chunk, bos included, >= 2; tokens of the longest sequence */
    uint32_t bos;     /* decoders */
    uint32_t *types;  /* encoders: [count] token types; owned */
    size_t *start;    /* encoders: sequence i is ids[start[i] .. start[i + 1]); owned.  NULL: a decoder's */
    size_t sequences; /* encoders */
    uint64_t hash;    /* XXH3-64 of the ids; of an encoder's, seeded with that of the starts */
};

/* One feed: inputs[0 .. n). */
struct eval_piece {
    const uint32_t *inputs, *types, *targets; /* [n]; types NULL: a decoder's */
    uint32_t n;
    size_t at; /* targets is ids + at */
};

/* Reads and encodes the file with the model's tokenizer; at most `most` tokens (0: all), of an encoder's lines those up to
 * the one that reaches as many.  context: 0 for the model's.  model_path is for errors.  LASSIM_ERR_FILE for a model
 * without tokenizer or a text without a token, LASSIM_ERR_USAGE for a context above the model's.  The caller owns *text:
 * eval_text_free. */
enum lassim_status eval_text_read(const struct model *model, const char *model_path, const char *path, uint64_t most,
                                  uint32_t context, struct eval_text *text, struct lassim_error *error);
void eval_text_free(struct eval_text *text);
/* Chunks, or sequences. */
size_t eval_text_pieces(const struct eval_text *text);
/* Number `index` of them.  A decoder's inputs are put into chunk [context], which outlives *piece. */
void eval_text_piece(const struct eval_text *text, size_t index, uint32_t *chunk, struct eval_piece *piece);

#endif
