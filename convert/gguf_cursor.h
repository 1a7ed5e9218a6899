/* Reads a GGUF's bytes in order, each length checked against the file before use. */
#ifndef LASSIM_CONVERT_GGUF_CURSOR_H
#define LASSIM_CONVERT_GGUF_CURSOR_H

#include <stdint.h>

#include "convert/gguf.h"

struct gguf_cursor {
    const char *file;    /* for error lines */
    const uint8_t *data; /* [size] */
    uint64_t size, at;   /* at <= size */
    struct lassim_error *error;
};

/* Bytes from `at` to the end. */
uint64_t gguf_left(const struct gguf_cursor *cursor);
/* width <= 8 bytes as a little-endian number; LASSIM_ERR_FILE with the place `what` if fewer are left. */
enum lassim_status gguf_take(struct gguf_cursor *cursor, const char *what, unsigned width, uint64_t *number);
/* A u64 length and as many bytes; LASSIM_ERR_FILE if fewer are left. */
enum lassim_status gguf_take_text(struct gguf_cursor *cursor, const char *what, struct gguf_text *text);

/* Room for what an error line shows of a hostile text, with its end. */
enum { GGUF_SHOWN = 101 };
/* The text's first bytes, terminated, in shown; returns shown. */
const char *gguf_show(struct gguf_text text, char shown[GGUF_SHOWN]);

#endif
