/* A growing run of bytes.  Zero-initialise; free bytes. */
#ifndef LASSIM_KERNEL_TEXT_BUFFER_H
#define LASSIM_KERNEL_TEXT_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct text_buffer {
    uint8_t *bytes; /* [capacity], size of them filled; moves when it grows */
    size_t size, capacity;
};

/* Room for `more` further bytes.  0, or -1 without memory (the buffer stays as it was).  Amortised O(more). */
int text_buffer_reserve(struct text_buffer *buffer, size_t more);
/* Appends bytes[0 .. size), which must not lie in the buffer.  0, or -1 without memory. */
int text_buffer_add(struct text_buffer *buffer, const void *bytes, size_t size);
/* Appends the UTF-8 of one code point (0 .. 0x10ffff, no surrogate).  0, or -1 without memory. */
int text_buffer_code(struct text_buffer *buffer, int32_t code);

#endif
