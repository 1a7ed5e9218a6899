#include "convert/gguf_cursor.h"

#include <string.h>

uint64_t gguf_left(const struct gguf_cursor *cursor)
{
    return cursor->size - cursor->at;
}

enum lassim_status gguf_take(struct gguf_cursor *cursor, const char *what, unsigned width, uint64_t *number)
{
    *number = 0;
    if (gguf_left(cursor) < width)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, what,
                           "ends at byte %llu, expected more: the file is cut short or a length in it is wrong",
                           (unsigned long long)cursor->size);
    memcpy(number, cursor->data + cursor->at, width);
    cursor->at += width;
    return LASSIM_OK;
}

enum lassim_status gguf_take_text(struct gguf_cursor *cursor, const char *what, struct gguf_text *text)
{
    enum lassim_status status = gguf_take(cursor, what, 8, &text->size);
    if (status != LASSIM_OK) return status;
    if (text->size > gguf_left(cursor))
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, what,
                           "byte %llu: a string of %llu bytes, expected at most the %llu that follow",
                           (unsigned long long)cursor->at, (unsigned long long)text->size,
                           (unsigned long long)gguf_left(cursor));
    text->data = (const char *)cursor->data + cursor->at;
    cursor->at += text->size;
    return LASSIM_OK;
}

const char *gguf_show(struct gguf_text text, char shown[GGUF_SHOWN])
{
    size_t size = text.size < GGUF_SHOWN - 1 ? (size_t)text.size : GGUF_SHOWN - 1;
    memcpy(shown, text.data, size);
    shown[size] = '\0';
    return shown;
}
