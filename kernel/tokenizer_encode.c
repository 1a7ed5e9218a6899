#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer_words.h"
#include "kernel/utf8.h"

struct encoding {
    const struct tokenizer *tokenizer;
    uint8_t *text; /* well-formed UTF-8 from byte 1 on; byte 0 is room for a prefix space */
    struct word_encoder words;
    pcre2_match_data *match;
    struct lassim_error *error;
};

static enum lassim_status fail_memory(struct lassim_error *error, size_t size)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tokenizer", "no memory to encode %zu bytes of text", size);
}

/* Cuts text[start .. end) into words and encodes them.  The byte before start belongs to no word. */
static enum lassim_status encode_gap(struct encoding *encoding, size_t start, size_t end)
{
    const struct tokenizer *tokenizer = encoding->tokenizer;
    if ((tokenizer->options & TOKENIZER_ADD_PREFIX_SPACE) && encoding->text[start] != ' ')
        encoding->text[--start] = ' ';
    const PCRE2_SIZE *bounds = pcre2_get_ovector_pointer(encoding->match);
    for (size_t at = start; at < end; at = start + bounds[1]) {
        int found = pcre2_match(tokenizer->pattern, encoding->text + start, end - start, at - start, PCRE2_NO_UTF_CHECK,
                                encoding->match, tokenizer->limits);
        if (found < 1)
            return lassim_fail(encoding->error, LASSIM_ERR_RUN, NULL, "tokenizer",
                               "PCRE2 error %d at byte %zu of the text", found, at - 1);
        if (word_encoder_word(&encoding->words, at, start + bounds[1] - at) != 0)
            return fail_memory(encoding->error, end);
    }
    return LASSIM_OK;
}

/* Where the white space that ends at `end` starts, at the earliest at `start`. */
static size_t space_before(const uint8_t *text, size_t start, size_t end)
{
    while (end > start) {
        size_t lead = end - 1;
        int32_t code;
        while (lead > start && (text[lead] & 0xc0) == 0x80) lead--;
        utf8_next(text + lead, end - lead, &code);
        if (!utf8_is_space(code)) break;
        end = lead;
    }
    return end;
}

/* Where the white space that starts at `start` ends, at the latest at `end`. */
static size_t space_after(const uint8_t *text, size_t start, size_t end)
{
    while (start < end) {
        int32_t code;
        size_t step = utf8_next(text + start, end - start, &code);
        if (!utf8_is_space(code)) break;
        start += step;
    }
    return start;
}

/* Encodes text[start .. end): added tokens of set `pass` whole, what lies between them by the next pass. */
static enum lassim_status encode_pass(struct encoding *encoding, int pass, size_t start, size_t end)
{
    if (pass == 2) return encode_gap(encoding, start, end);
    const struct tokenizer *tokenizer = encoding->tokenizer;
    const struct added_set *set = &tokenizer->added[pass];
    enum lassim_status status = LASSIM_OK;
    size_t gap = start;
    for (size_t at = start; set->count > 0 && at < end; at++) {
        uint32_t id = tokenizer_find_added(tokenizer, set, encoding->text + at, end - at);
        if (id == TOKENIZER_NONE) continue;
        size_t length, from = at;
        tokenizer_token_bytes(tokenizer, id, &length);
        if (tokenizer->flags[id] & TOKEN_LSTRIP) from = space_before(encoding->text, gap, at);
        if (gap < from) status = encode_pass(encoding, pass + 1, gap, from);
        if (status != LASSIM_OK) return status;
        if (word_encoder_push(&encoding->words, id) != 0) return fail_memory(encoding->error, end);
        gap = at + length;
        if (tokenizer->flags[id] & TOKEN_RSTRIP) gap = space_after(encoding->text, gap, end);
        at += length - 1; /* not to gap: an added token may start in the space just eaten, as in tokenizers */
    }
    return gap < end ? encode_pass(encoding, pass + 1, gap, end) : LASSIM_OK;
}

static enum lassim_status encode_text(struct encoding *encoding, const uint8_t *text, size_t size, int add_bos)
{
    encoding->text = malloc(3 * size + 1);
    encoding->match = pcre2_match_data_create(1, NULL);
    if (encoding->text == NULL || encoding->match == NULL) return fail_memory(encoding->error, size);
    size_t length = utf8_replace_invalid(text, size, encoding->text + 1);
    encoding->words = (struct word_encoder){.tokenizer = encoding->tokenizer, .text = encoding->text};
    /* The first id, so that even an empty text gets an array. */
    if (word_encoder_push(&encoding->words, encoding->tokenizer->bos) != 0) return fail_memory(encoding->error, size);
    if (!add_bos || encoding->tokenizer->bos == TOKENIZER_NONE) encoding->words.n = 0;
    return encode_pass(encoding, 0, 1, length + 1);
}

enum lassim_status tokenizer_encode(const struct tokenizer *tokenizer, const void *text, size_t size, int add_bos,
                                    uint32_t **ids, size_t *n, struct lassim_error *error)
{
    if (size > TOKENIZER_TEXT_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "tokenizer", "text of %zu bytes, expected at most %d", size,
                           TOKENIZER_TEXT_MAX);
    struct encoding encoding = {.tokenizer = tokenizer, .error = error};
    enum lassim_status status = encode_text(&encoding, text, size, add_bos);
    pcre2_match_data_free(encoding.match);
    word_encoder_clear(&encoding.words);
    free(encoding.text);
    if (status != LASSIM_OK) {
        free(encoding.words.ids);
        return status;
    }
    *ids = encoding.words.ids;
    *n = encoding.words.n;
    return LASSIM_OK;
}
