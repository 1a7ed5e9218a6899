/* tokenizer.json (the format of Hugging Face's tokenizers) -> a draft. */
#ifndef LASSIM_CONVERT_TOKENIZER_JSON_H
#define LASSIM_CONVERT_TOKENIZER_JSON_H

#include "convert/tokenizer_draft.h"

/* Takes in everything of the parsed file but truncation and padding: model, added_tokens and the stages
 * (convert/tokenizer_stages.h).  LASSIM_ERR_FILE for what is not known.  O(size). */
enum lassim_status tokenizer_json_read(struct tokenizer_draft *draft, const char *file, const json_t *root);
/* Reads lstrip, rstrip, single_word, normalized and special of an added token's object into *flags (enum token_flag).
 * An absent normalized is the opposite of special. */
enum lassim_status tokenizer_json_added_flags(const char *file, const json_t *object, uint16_t *flags,
                                              struct lassim_error *error);

#endif
