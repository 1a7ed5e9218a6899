#include "kernel/text_buffer.h"

#include <stdlib.h>
#include <string.h>

int text_buffer_reserve(struct text_buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->size >= more) return 0;
    if (more > PTRDIFF_MAX / 2 - buffer->size) return -1;
    size_t capacity = buffer->size + more + buffer->capacity / 2 + 64;
    uint8_t *bytes = realloc(buffer->bytes, capacity);
    if (bytes == NULL) return -1;
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    return 0;
}

int text_buffer_add(struct text_buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0) return 0;
    if (text_buffer_reserve(buffer, size) != 0) return -1;
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return 0;
}

int text_buffer_code(struct text_buffer *buffer, int32_t code)
{
    if (text_buffer_reserve(buffer, 4) != 0) return -1;
    uint8_t *at = buffer->bytes + buffer->size;
    unsigned length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const uint8_t lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (unsigned i = length - 1; i > 0; i--) {
        at[i] = (uint8_t)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    at[0] = (uint8_t)(lead[length] | code);
    buffer->size += length;
    return 0;
}
