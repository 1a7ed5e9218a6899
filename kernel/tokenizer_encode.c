#include "kernel/tokenizer_encode.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/bert_categories.h"
#include "kernel/tokenizer_normalise.h"
#include "kernel/tokenizer_words.h"
#include "kernel/unicode.h"
#include "kernel/utf8.h"

struct encoding {
    const struct tokenizer *tokenizer;
    uint8_t *raw;            /* the text as well-formed UTF-8 */
    struct text_buffer text; /* normalised gaps, one behind the other: words are cut from it */
    struct word_encoder words;
    pcre2_match_data *match;
    struct lassim_error *error;
};

static enum lassim_status fail_memory(struct lassim_error *error, size_t size)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tokenizer", "no memory to encode %zu bytes of text", size);
}

static enum lassim_status add_word(struct encoding *encoding, size_t start, size_t end)
{
    int status = start < end ? word_encoder_word(&encoding->words, start, end - start) : 0;
    return status == 0 ? LASSIM_OK : fail_memory(encoding->error, end);
}

/* ---- words of a gap: encoding->text.bytes[start .. end) ------------------------------------------ */

static enum lassim_status cut_by_pattern(struct encoding *encoding, size_t start, size_t end)
{
    const uint8_t *gap = encoding->text.bytes + start;
    for (size_t at = start, length; at < end; at += length) {
        int found =
            word_pattern_next(&encoding->tokenizer->pattern, encoding->match, gap, end - start, at - start, &length);
        if (found < 1)
            return lassim_fail(encoding->error, LASSIM_ERR_RUN, NULL, "tokenizer",
                               "PCRE2 error %d at byte %zu of a text of %zu bytes", found, at - start, end - start);
        enum lassim_status status = add_word(encoding, at, at + length);
        if (status != LASSIM_OK) return status;
    }
    return LASSIM_OK;
}

/* White space separates words and is dropped; a punctuation mark is one. */
static enum lassim_status cut_for_bert(struct encoding *encoding, size_t start, size_t end)
{
    size_t word = start;
    enum lassim_status status = LASSIM_OK;
    for (size_t at = start, step; status == LASSIM_OK && at < end; at += step) {
        int32_t code;
        step = utf8_next(encoding->text.bytes + at, end - at, &code);
        int space = utf8_is_space(code);
        if (!space && !bert_is_punctuation(code)) continue;
        status = add_word(encoding, word, at);
        if (status == LASSIM_OK && !space) status = add_word(encoding, at, at + step);
        word = at + step;
    }
    return status == LASSIM_OK ? add_word(encoding, word, end) : status;
}

static int space_at(const uint8_t *text, size_t at, size_t end)
{
    return end - at >= TOKENIZER_SPACE_BYTES && memcmp(text + at, TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES) == 0;
}

/* A word starts at each U+2581, or only at those behind another character. */
static enum lassim_status cut_at_spaces(struct encoding *encoding, size_t start, size_t end, int each)
{
    size_t word = start;
    int behind_space = 1;
    for (size_t at = start; at < end;) {
        int space = space_at(encoding->text.bytes, at, end);
        if (space && (each || !behind_space)) {
            enum lassim_status status = add_word(encoding, word, at);
            if (status != LASSIM_OK) return status;
            word = at;
        }
        behind_space = space;
        at += space ? TOKENIZER_SPACE_BYTES : 1;
    }
    return add_word(encoding, word, end);
}

/* ---- prefixes ----------------------------------------------------------------------------------- */

/* The gap again at the end of the text, with what the pre-tokenizer puts in front. */
static int copy_gap(struct encoding *encoding, size_t start, size_t end, const char *prefix, int escapes)
{
    struct text_buffer copy = {0};
    int status = text_buffer_add(&copy, prefix, strlen(prefix));
    const uint8_t *gap = encoding->text.bytes + start;
    if (status == 0)
        status = escapes ? tokenizer_escape_spaces(gap, end - start, &copy) : text_buffer_add(&copy, gap, end - start);
    if (status == 0) status = text_buffer_add(&encoding->text, copy.bytes, copy.size);
    free(copy.bytes);
    return status;
}

/* What the pre-tokenizer puts in front of the gap; first: the gap starts where the text does. */
static const char *gap_prefix(const struct encoding *encoding, size_t start, size_t end, int first)
{
    const uint8_t *text = encoding->text.bytes;
    int spaced = text[start] == ' ' || space_at(text, start, end);
    switch (encoding->tokenizer->prefix) {
    case TOKENIZER_SPACE_UNLESS: return text[start] == ' ' ? "" : " ";
    case TOKENIZER_METASPACE_ALWAYS: return spaced ? "" : TOKENIZER_SPACE;
    case TOKENIZER_METASPACE_FIRST: return spaced || !first ? "" : TOKENIZER_SPACE;
    default: return "";
    }
}

/* Cuts a gap that holds no added token into words and encodes them. */
static enum lassim_status encode_gap(struct encoding *encoding, size_t start, size_t end, int first)
{
    const struct tokenizer *tokenizer = encoding->tokenizer;
    const char *prefix = gap_prefix(encoding, start, end, first);
    int escapes = tokenizer->prefix >= TOKENIZER_METASPACE_ALWAYS;
    if (escapes || *prefix != '\0') {
        size_t size = encoding->text.size;
        if (copy_gap(encoding, start, end, prefix, escapes) != 0) return fail_memory(encoding->error, end);
        start = size;
        end = encoding->text.size;
    }
    if (tokenizer->kind == TOKENIZER_WORDPIECE) return cut_for_bert(encoding, start, end);
    if (tokenizer->kind == TOKENIZER_SENTENCEPIECE && tokenizer->pattern_kind == TOKENIZER_METASPACE)
        return cut_at_spaces(encoding, start, end, 1);
    if (tokenizer->words_at_spaces) return cut_at_spaces(encoding, start, end, 0);
    if (tokenizer->pattern_kind == TOKENIZER_WHOLE) return add_word(encoding, start, end);
    return cut_by_pattern(encoding, start, end);
}

/* ---- added tokens ------------------------------------------------------------------------------- */

/* Code point that ends at text[end - 1], or starts it if the text starts there; -1 for none. */
static int32_t code_before(const uint8_t *text, size_t start, size_t end, size_t *lead)
{
    int32_t code = -1;
    if (end <= start) return -1;
    *lead = end - 1;
    while (*lead > start && (text[*lead] & 0xc0) == 0x80) --*lead;
    utf8_next(text + *lead, end - *lead, &code);
    return code;
}

/* Where the white space that ends at `end` starts, at the earliest at `start`. */
static size_t space_before(const uint8_t *text, size_t start, size_t end)
{
    size_t lead;
    while (end > start && utf8_is_space(code_before(text, start, end, &lead))) end = lead;
    return end;
}

/* Where the white space that starts at `start` ends, at the latest at `end`.  run: the last one that was found, so that
 * tokens inside white space do not each walk through it. */
static size_t space_after(const uint8_t *text, size_t start, size_t end, size_t run[2])
{
    if (start >= run[0] && start <= run[1]) return run[1];
    run[0] = start;
    while (start < end) {
        int32_t code;
        size_t step = utf8_next(text + start, end - start, &code);
        if (!utf8_is_space(code)) break;
        start += step;
    }
    return run[1] = start;
}

/* 1 if no word character touches text[at .. behind) inside text[start .. end). */
static int stands_alone(const uint8_t *text, size_t start, size_t at, size_t behind, size_t end)
{
    size_t lead;
    int32_t before = code_before(text, start, at, &lead), after = -1;
    if (behind < end) utf8_next(text + behind, end - behind, &after);
    return (before < 0 || !unicode_is_word(before)) && (after < 0 || !unicode_is_word(after));
}

static enum lassim_status encode_pass(struct encoding *encoding, int pass, size_t start, size_t end, int first);

/* What lies between added tokens of a pass: normalised and searched by the next one, then cut into words. */
static enum lassim_status encode_between(struct encoding *encoding, int pass, size_t start, size_t end, int first)
{
    if (start >= end) return LASSIM_OK;
    if (pass == 1) return encode_gap(encoding, start, end, first);
    size_t size = encoding->text.size;
    if (tokenizer_normalise(encoding->tokenizer, encoding->raw + start, end - start, &encoding->text) != 0)
        return fail_memory(encoding->error, end);
    return encode_pass(encoding, 1, size, encoding->text.size, first);
}

/* Encodes a text: added tokens of set `pass` whole, what lies between them by the next pass. */
static enum lassim_status encode_pass(struct encoding *encoding, int pass, size_t start, size_t end, int first)
{
    const struct tokenizer *tokenizer = encoding->tokenizer;
    const struct token_set *set = &tokenizer->added[pass];
    size_t gap = start, run[2] = {SIZE_MAX, 0};
    for (size_t at = start, length; set->count > 0 && at < end; at++) {
        const uint8_t *text = pass == 0 ? encoding->raw : encoding->text.bytes; /* the latter moves */
        uint32_t id = token_set_longest(set, text + at, end - at, &length);
        if (id == TOKENIZER_NONE) continue;
        unsigned flags = tokenizer_token_flags(tokenizer, id);
        size_t from = at, behind = at + length;
        at += length - 1; /* not to gap: an added token may start in the space just eaten, as in tokenizers */
        if ((flags & TOKEN_SINGLE_WORD) && !stands_alone(text, start, from, behind, end)) continue;
        if (flags & TOKEN_LSTRIP) from = space_before(text, gap, from);
        if (flags & TOKEN_RSTRIP) behind = space_after(text, behind, end, run);
        enum lassim_status status = encode_between(encoding, pass, gap, from, first && gap == start);
        if (status != LASSIM_OK) return status;
        if (word_encoder_push(&encoding->words, id) != 0) return fail_memory(encoding->error, end);
        gap = behind;
    }
    return encode_between(encoding, pass, gap, end, first && gap == start);
}

static enum lassim_status encode_raw(struct encoding *encoding, const uint8_t *text, size_t size)
{
    encoding->raw = malloc(3 * size + 1);
    encoding->match = pcre2_match_data_create(1, NULL);
    if (encoding->raw == NULL || encoding->match == NULL) return fail_memory(encoding->error, size);
    size_t length = utf8_replace_invalid(text, size, encoding->raw);
    encoding->words = (struct word_encoder){.tokenizer = encoding->tokenizer, .text = &encoding->text};
    /* A first id, so that even an empty text gets an array. */
    if (word_encoder_push(&encoding->words, 0) != 0) return fail_memory(encoding->error, size);
    encoding->words.n = 0;
    return encode_pass(encoding, 0, 0, length, 1);
}

enum lassim_status tokenizer_encode_text(const struct tokenizer *tokenizer, const void *text, size_t size,
                                         uint32_t **ids, size_t *n, struct lassim_error *error)
{
    if (size > TOKENIZER_TEXT_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "tokenizer", "text of %zu bytes, expected at most %d", size,
                           TOKENIZER_TEXT_MAX);
    struct encoding encoding = {.tokenizer = tokenizer, .error = error};
    enum lassim_status status = encode_raw(&encoding, text, size);
    pcre2_match_data_free(encoding.match);
    word_encoder_clear(&encoding.words);
    free(encoding.text.bytes);
    free(encoding.raw);
    if (status != LASSIM_OK) {
        free(encoding.words.ids);
        return status;
    }
    *ids = encoding.words.ids;
    *n = encoding.words.n;
    return LASSIM_OK;
}
