/* normalizer, pre_tokenizer, decoder and post_processor of a tokenizer.json -> kind, settings and templates. */
#ifndef LASSIM_CONVERT_TOKENIZER_STAGES_H
#define LASSIM_CONVERT_TOKENIZER_STAGES_H

#include "convert/tokenizer_draft.h"

/* Sets kind, pattern, prefix, word_max and options of the draft from model.type, normalizer, pre_tokenizer and
 * decoder.  Before any token comes in.  LASSIM_ERR_FILE names a stage that is not known or not in this place. */
enum lassim_status tokenizer_stages_read(struct tokenizer_draft *draft, const char *file, const json_t *root);
/* Sets the templates from post_processor, after the tokens.  LASSIM_ERR_FILE alike. */
enum lassim_status tokenizer_processor_read(struct tokenizer_draft *draft, const char *file, const json_t *root);
/* WordPiece's flags: strip_accents -1 means as lowercase. */
uint32_t tokenizer_bert_options(int clean_text, int chinese, int strip_accents, int lowercase);

#endif
