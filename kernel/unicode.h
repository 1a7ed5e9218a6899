/* Unicode's normal forms, lower case and word characters, on utf8proc (2.8: Unicode 15).
 *
 * Every function but the last two appends to *out what it makes of text[0 .. size), well-formed UTF-8; 0, or -1
 * without memory.  O(size log size) whatever the text: utf8proc's own mapping sorts a run of combining marks in
 * quadratic time, so marks are put in canonical order here.  The normal forms are those of Hugging Face's tokenizers,
 * whose tables are older: what they do not know (kernel/unicode_inert.inc) is left as it is. */
#ifndef LASSIM_KERNEL_UNICODE_H
#define LASSIM_KERNEL_UNICODE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/text_buffer.h"

/* Normal form C: canonical composition.  At most three times the size. */
int unicode_nfc(const uint8_t *text, size_t size, struct text_buffer *out);
/* Normal form D: canonical decomposition.  At most three times the size. */
int unicode_nfd(const uint8_t *text, size_t size, struct text_buffer *out);

/* Lower case of one code point without looking at its neighbours (a capital sigma always becomes the small one),
 * appended to *out: one code point, or two for U+0130. */
int unicode_lower(int32_t code, struct text_buffer *out);
/* 1 for \w of UTS 18: alphabetic, mark, decimal digit, connector punctuation, join control. */
int unicode_is_word(int32_t code);

#endif
