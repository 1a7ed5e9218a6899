#include "kernel/utf8.h"

#include <string.h>

/* Bytes of the sequence that lead starts (0: none), the range of its second byte and its payload bits. */
static unsigned sequence_length(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80) return 1;
    if (lead < 0xc2) return 0;
    if (lead < 0xe0) return 2;
    if (lead < 0xf0) return 3;
    return lead < 0xf5 ? 4 : 0;
}

size_t utf8_next(const uint8_t *text, size_t size, int32_t *code)
{
    uint8_t low, high;
    unsigned length = sequence_length(text[0], &low, &high);
    *code = -1;
    if (length == 0) return 1;
    int32_t value = length == 1 ? text[0] : text[0] & (0x7f >> length);
    for (unsigned i = 1; i < length; i++) {
        if (i >= size || text[i] < low || text[i] > high) return i;
        value = value << 6 | (text[i] & 0x3f);
        low = 0x80;
        high = 0xbf;
    }
    *code = value;
    return length;
}

int utf8_valid(const uint8_t *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        int32_t code;
        at += utf8_next(text + at, size - at, &code);
        if (code < 0) return 0;
    }
    return 1;
}

size_t utf8_complete(const uint8_t *buffer, size_t size)
{
    for (size_t back = 1; back <= 3 && back <= size; back++) {
        const uint8_t *tail = buffer + size - back;
        if ((*tail & 0xc0) == 0x80) continue; /* a continuation: look for its lead */
        uint8_t low, high;
        int32_t code;
        unsigned length = sequence_length(*tail, &low, &high);
        int cut_off = length > back && utf8_next(tail, back, &code) == back;
        return cut_off ? size - back : size;
    }
    return size;
}

size_t utf8_replace_invalid(const uint8_t *text, size_t size, uint8_t *out)
{
    static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};
    size_t written = 0;
    for (size_t at = 0; at < size;) {
        int32_t code;
        size_t step = utf8_next(text + at, size - at, &code);
        size_t length = code < 0 ? sizeof replacement : step;
        memcpy(out + written, code < 0 ? replacement : text + at, length);
        written += length;
        at += step;
    }
    return written;
}

int utf8_is_space(int32_t code)
{
    if (code < 0x80) return code == ' ' || (code >= 9 && code <= 13);
    return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}
