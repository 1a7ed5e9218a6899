/* One text into ids without special tokens around it: the part of encoding below the template. */
#ifndef LASSIM_KERNEL_TOKENIZER_ENCODE_H
#define LASSIM_KERNEL_TOKENIZER_ENCODE_H

#include "kernel/tokenizer.h"

/* As tokenizer_encode without special tokens. */
enum lassim_status tokenizer_encode_text(const struct tokenizer *tokenizer, const void *text, size_t size,
                                         uint32_t **ids, size_t *n, struct lassim_error *error);

#endif
