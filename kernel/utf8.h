/* UTF-8 from outside: what is well formed (Unicode 15, table 3-7), how far a stream is complete, and
 * replacement of the rest by U+FFFD. */
#ifndef LASSIM_KERNEL_UTF8_H
#define LASSIM_KERNEL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* One step over text[0 .. size), size >= 1: returns the bytes consumed (1..4) and sets *code to the code point, or
 * to -1 for a maximal ill-formed subpart (a sequence cut off by the end of text is one too). */
size_t utf8_next(const uint8_t *text, size_t size, int32_t *code);
/* 1 if all of text is well formed. */
int utf8_valid(const uint8_t *text, size_t size);
/* For printing a stream of tokens: how many leading bytes of buffer can be written now, size minus 0..3 bytes
 * at the end that begin a character not yet complete.  Ill-formed bytes before that are not held back. */
size_t utf8_complete(const uint8_t *buffer, size_t size);
/* Copies text to out (room for 3 * size bytes), each maximal ill-formed subpart as U+FFFD; returns the bytes
 * written.  O(size). */
size_t utf8_replace_invalid(const uint8_t *text, size_t size, uint8_t *out);
/* 1 if code has Unicode's property White_Space. */
int utf8_is_space(int32_t code);

#endif
