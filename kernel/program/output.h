/* Text of a token stream as valid UTF-8. */
#ifndef LASSIM_PROGRAM_OUTPUT_H
#define LASSIM_PROGRAM_OUTPUT_H

#include <stdint.h>
#include <stdio.h>

enum { TEXT_HELD = 4 };

/* Bytes of tokens come in pieces that may end inside a character; what is complete goes out at once, ill-formed
 * bytes as U+FFFD.  Zero-initialise all but out. */
struct text_stream {
    FILE *out;
    uint8_t held[TEXT_HELD]; /* the beginning of a character */
    size_t holds;
};

/* Appends bytes[0 .. size) and flushes out.  O(size); write errors show in ferror(out). */
void text_stream_add(struct text_stream *stream, const uint8_t *bytes, size_t size);
/* The text ends: a character cut off becomes U+FFFD. */
void text_stream_end(struct text_stream *stream);

#endif
