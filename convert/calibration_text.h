/* The tokens that calibration and the self-check run on: a text, cut into the model's context, each piece
 * starting with bos. */
#ifndef LASSIM_CONVERT_CALIBRATION_TEXT_H
#define LASSIM_CONVERT_CALIBRATION_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"

struct calibration_text {
    uint32_t *ids;  /* [tokens], owned; ids[0], ids[context], ids[2 context] ... are bos */
    size_t tokens;  /* at least 2 */
    size_t context; /* at most the model's positions */
    uint64_t hash;  /* XXH3-64 of the whole text; 0 without a tokenizer */
};

/* path: a UTF-8 text, NULL for the one that ships.  tokenizer: a blob (kernel/tokenizer.h); with size 0 there is
 * no way to read a text, and the ids are a fixed pseudo-random sequence below the vocabulary instead (path must
 * then be NULL).  most: largest number of tokens, bos included, >= 2.  LASSIM_ERR_FILE for a text that cannot be
 * read or has no token; LASSIM_ERR_USAGE for a path without a tokenizer.  The caller frees text->ids. */
enum lassim_status calibration_text_read(const char *path, const struct model_config *config,
                                         const struct blob *tokenizer, size_t most, struct calibration_text *text,
                                         struct lassim_error *error);

#endif
