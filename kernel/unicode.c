#include "kernel/unicode.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "kernel/code_ranges.h"
#include "kernel/utf8.h"

#include "kernel/unicode_inert.inc"

/* Code points of one segment, with their combining classes while they are sorted. */
struct segment {
    int32_t *code;
    size_t count, capacity;
};

enum {
    DECOMPOSED_MAX = 8,  /* code points of one canonical decomposition: 4 at most, a Hangul syllable 3 */
    SAME_BELOW = 0xc0,   /* these decompose to themselves and are no combining marks */
    STARTS_BELOW = 0x300 /* these never compose with what stands before them */
};

static int reserve(struct segment *segment, size_t more)
{
    if (segment->capacity - segment->count >= more) return 0;
    size_t capacity = 2 * segment->capacity + more + 64;
    int32_t *code = reallocarray(segment->code, capacity, sizeof *code);
    if (code == NULL) return -1;
    segment->code = code;
    segment->capacity = capacity;
    return 0;
}

static unsigned combining_class(int32_t code)
{
    return (unsigned)utf8proc_get_property(code)->combining_class & 0xff;
}

/* Stable counting sort of code[0 .. count) by combining class. */
static int sort_marks(int32_t *code, size_t count)
{
    size_t start[257] = {0};
    int32_t *sorted = malloc(count * sizeof *sorted);
    if (sorted == NULL) return -1;
    for (size_t i = 0; i < count; i++) start[combining_class(code[i]) + 1]++;
    for (size_t class = 1; class < 257; class ++) start[class] += start[class - 1];
    for (size_t i = 0; i < count; i++) sorted[start[combining_class(code[i])]++] = code[i];
    memcpy(code, sorted, count * sizeof *sorted);
    free(sorted);
    return 0;
}

/* Sorts each run of combining marks by class: short ones in place. */
static int order_marks(struct segment *segment)
{
    for (size_t at = 0, end; at < segment->count; at = end + 1) {
        int sorted = 1;
        for (end = at; end < segment->count && combining_class(segment->code[end]) != 0; end++)
            sorted &= end == at || combining_class(segment->code[end - 1]) <= combining_class(segment->code[end]);
        if (!sorted && sort_marks(segment->code + at, end - at) != 0) return -1;
    }
    return 0;
}

static int decompose(const uint8_t *text, size_t size, struct segment *segment)
{
    segment->count = 0;
    for (size_t at = 0; at < size;) {
        int32_t code, parts[DECOMPOSED_MAX];
        int boundary = 0;
        at += utf8_next(text + at, size - at, &code);
        utf8proc_ssize_t count =
            utf8proc_decompose_char(code, parts, DECOMPOSED_MAX, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &boundary);
        if (count < 1 || count > DECOMPOSED_MAX || reserve(segment, (size_t)count) != 0) return -1;
        memcpy(segment->code + segment->count, parts, (size_t)count * sizeof *parts);
        segment->count += (size_t)count;
    }
    return order_marks(segment);
}

/* Appends one segment in normal form C or D. */
static int add_segment(const uint8_t *text, size_t size, int compose, struct segment *segment, struct text_buffer *out)
{
    if (decompose(text, size, segment) != 0) return -1;
    size_t count = segment->count;
    if (compose) {
        utf8proc_ssize_t left =
            utf8proc_normalize_utf32(segment->code, (utf8proc_ssize_t)count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        if (left < 0) return -1;
        count = (size_t)left;
    }
    for (size_t i = 0; i < count; i++)
        if (text_buffer_code(out, segment->code[i]) != 0) return -1;
    return 0;
}

static int is_inert(int32_t code)
{
    return code >= STARTS_BELOW && CODE_IN_RANGES(inert_ranges, code);
}

/* Cuts the text in front of every code point below STARTS_BELOW and around every inert one: no mapping reaches over
 * such a cut.  A segment of one code point that maps to itself is copied. */
static int normalise(const uint8_t *text, size_t size, int compose, struct text_buffer *out)
{
    struct segment segment = {0};
    int status = 0;
    const int32_t same_below = compose ? STARTS_BELOW : SAME_BELOW;
    for (size_t at = 0, end; status == 0 && at < size; at = end) {
        int32_t code, next;
        end = at + utf8_next(text + at, size - at, &code);
        int inert = is_inert(code), single = 1;
        for (size_t step; !inert && end < size; end += step) {
            step = utf8_next(text + end, size - end, &next);
            if (next < STARTS_BELOW || is_inert(next)) break;
            single = 0;
        }
        status = inert || (single && code < same_below) ? text_buffer_add(out, text + at, end - at)
                                                        : add_segment(text + at, end - at, compose, &segment, out);
    }
    free(segment.code);
    return status;
}

int unicode_nfc(const uint8_t *text, size_t size, struct text_buffer *out)
{
    return normalise(text, size, 1, out);
}

int unicode_nfd(const uint8_t *text, size_t size, struct text_buffer *out)
{
    return normalise(text, size, 0, out);
}

int unicode_lower(int32_t code, struct text_buffer *out)
{
    if (code != 0x130) return text_buffer_code(out, utf8proc_tolower(code));
    return text_buffer_code(out, 'i') != 0 ? -1 : text_buffer_code(out, 0x307); /* the one full mapping of two */
}

/* Alphabetic beyond the letters, letter numbers and marks: circled, squared and negative Latin letters. */
static int is_enclosed_letter(int32_t code)
{
    return (code >= 0x24b6 && code <= 0x24e9) || (code >= 0x1f130 && code <= 0x1f149) ||
           (code >= 0x1f150 && code <= 0x1f169) || (code >= 0x1f170 && code <= 0x1f189);
}

int unicode_is_word(int32_t code)
{
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return 1;
    default: return code == 0x200c || code == 0x200d || is_enclosed_letter(code);
    }
}
