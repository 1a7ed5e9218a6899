/* Character classes of BERT's normalizer and pre-tokenizer, exactly those of Hugging Face's tokenizers: its tables
 * are Unicode 8's, so characters assigned since then belong to none (kernel/bert_categories.inc).  O(log ranges). */
#ifndef LASSIM_KERNEL_BERT_CATEGORIES_H
#define LASSIM_KERNEL_BERT_CATEGORIES_H

#include <stdint.h>

/* Categories Cc, Cf, Co but for tab, line feed and carriage return: clean_text drops them. */
int bert_is_control(int32_t code);
/* Category Mn: strip_accents drops them after decomposition. */
int bert_is_accent(int32_t code);
/* Categories P*, and every ASCII character that is neither letter, digit, space nor control: a word of its own. */
int bert_is_punctuation(int32_t code);
/* The blocks that handle_chinese_chars puts spaces around. */
int bert_is_chinese(int32_t code);

#endif
