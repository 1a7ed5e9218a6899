/* The normalisers in front of a tokenizer's model. */
#ifndef LASSIM_KERNEL_TOKENIZER_NORMALISE_H
#define LASSIM_KERNEL_TOKENIZER_NORMALISE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/text_buffer.h"
#include "kernel/tokenizer.h"

/* U+2581, which stands for a space in SentencePiece's vocabularies. */
#define TOKENIZER_SPACE "\xe2\x96\x81"
enum { TOKENIZER_SPACE_BYTES = 3 };

/* Appends text[0 .. size), well-formed UTF-8 outside *out, as the tokenizer's normaliser makes it: for a gap between
 * added tokens, and for the string of a normalised one.  0, or -1 without memory.  O(size log size); at most four
 * bytes a byte and TOKENIZER_SPACE. */
int tokenizer_normalise(const struct tokenizer *tokenizer, const uint8_t *text, size_t size, struct text_buffer *out);
/* Appends text[0 .. size) with TOKENIZER_SPACE for each space.  0, or -1 without memory. */
int tokenizer_escape_spaces(const uint8_t *text, size_t size, struct text_buffer *out);

#endif
