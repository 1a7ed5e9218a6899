#include "kernel/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Appends text to out[used..size), escaping control characters; returns the new length. */
static size_t append_escaped(char *out, size_t used, size_t size, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        char piece[8];
        int length = c < 0x20 || c == 0x7f ? snprintf(piece, sizeof piece, "\\x%02x", c)
                                           : snprintf(piece, sizeof piece, "%c", c);
        if (used + (size_t)length + 1 > size) break;
        memcpy(out + used, piece, (size_t)length);
        used += (size_t)length;
    }
    out[used] = '\0';
    return used;
}

enum lassim_status lassim_fail(struct lassim_error *error, enum lassim_status status, const char *file,
                               const char *place, const char *format, ...)
{
    if (error == NULL) return status;
    char message[sizeof error->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    size_t used = 0;
    error->status = status;
    error->text[0] = '\0';
    if (file != NULL) {
        used = append_escaped(error->text, used, sizeof error->text, file);
        used = append_escaped(error->text, used, sizeof error->text, ": ");
    }
    if (place != NULL) {
        used = append_escaped(error->text, used, sizeof error->text, place);
        used = append_escaped(error->text, used, sizeof error->text, ": ");
    }
    append_escaped(error->text, used, sizeof error->text, message);
    return status;
}

_Noreturn void lassim_invariant_failed(const char *file, int line, const char *condition, const char *format, ...)
{
    fprintf(stderr, "lassim: bug: %s:%d: %s is false: ", file, line, condition);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}
