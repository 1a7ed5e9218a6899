/* tokenizer.json (the format of Hugging Face's tokenizers) -> a draft. */
#ifndef LASSIM_CONVERT_TOKENIZER_JSON_H
#define LASSIM_CONVERT_TOKENIZER_JSON_H

#include "convert/tokenizer_draft.h"

/* Takes in model, added_tokens, pre_tokenizer and post_processor of the parsed file; truncation and padding are
 * ignored.  LASSIM_ERR_FILE for everything but byte-level BPE.  O(size). */
enum lassim_status tokenizer_json_read(struct tokenizer_draft *draft, const char *file, const json_t *root);
/* Reads lstrip, rstrip, normalized and special of an added token's object into *flags (enum token_flag);
 * single_word is refused.  An absent normalized is the opposite of special. */
enum lassim_status tokenizer_json_added_flags(const char *file, const json_t *object, uint8_t *flags,
                                              struct lassim_error *error);

#endif
