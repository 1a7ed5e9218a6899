#include <stdlib.h>
#include <string.h>

#include "kernel/text_buffer.h"
#include "kernel/tokenizer_normalise.h"
#include "kernel/tokenizer_tables.h"

uint32_t tokenizer_vocabulary(const struct tokenizer *tokenizer)
{
    return tokenizer->vocabulary;
}

uint32_t tokenizer_bos(const struct tokenizer *tokenizer)
{
    return tokenizer->bos;
}

uint32_t tokenizer_eos(const struct tokenizer *tokenizer)
{
    return tokenizer->eos;
}

uint32_t tokenizer_pad(const struct tokenizer *tokenizer)
{
    return tokenizer->pad;
}

uint32_t tokenizer_cls(const struct tokenizer *tokenizer)
{
    return tokenizer->cls;
}

uint32_t tokenizer_sep(const struct tokenizer *tokenizer)
{
    return tokenizer->sep;
}

uint32_t tokenizer_mask(const struct tokenizer *tokenizer)
{
    return tokenizer->mask;
}

int tokenizer_adds_bos(const struct tokenizer *tokenizer)
{
    return tokenizer->bos != TOKENIZER_NONE && tokenizer->single.item[0].id == tokenizer->bos;
}

int tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->vocabulary && (tokenizer_token_flags(tokenizer, id) & TOKEN_SPECIAL) != 0;
}

/* ---- strings as they are decoded ----------------------------------------------------------------- */

static int is_space(const uint8_t *at, size_t left)
{
    return left >= TOKENIZER_SPACE_BYTES && memcmp(at, TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES) == 0;
}

/* Copies string with a space for each U+2581; returns the bytes written. */
static size_t copy_spaced(const uint8_t *string, size_t length, uint8_t *out)
{
    size_t written = 0;
    for (size_t at = 0; at < length;) {
        int space = is_space(string + at, length - at);
        out[written++] = space ? ' ' : string[at];
        at += space ? TOKENIZER_SPACE_BYTES : 1;
    }
    return written;
}

/* 1 if a U+2581 follows another character. */
static int has_space_inside(const uint8_t *string, size_t length)
{
    int other = 0;
    for (size_t at = 0; at < length;) {
        int space = is_space(string + at, length - at);
        if (space && other) return 1;
        other |= !space;
        at += space ? TOKENIZER_SPACE_BYTES : 1;
    }
    return 0;
}

/* With a token of its own a space also ends a run of characters without one. */
static int splits_at_spaces(const struct tokenizer *tokenizer)
{
    size_t length;
    if (tokenizer->kind != TOKENIZER_SENTENCEPIECE || tokenizer->pattern_kind != TOKENIZER_WHOLE) return 0;
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        const uint8_t *string = tokenizer_string(tokenizer, id, &length);
        if ((tokenizer_token_flags(tokenizer, id) & TOKEN_BASE) && has_space_inside(string, length)) return 0;
    }
    return token_index_find(tokenizer, (const uint8_t *)TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES) != TOKENIZER_NONE;
}

/* The string that each id is decoded from; *bytes is their sum. */
static void find_strings(const struct tokenizer *tokenizer, struct token_entry *string, size_t *bytes)
{
    *bytes = 0;
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        size_t length;
        string[id].bytes = tokenizer_string(tokenizer, id, &length);
        string[id].length = (uint32_t)length;
    }
    for (uint32_t i = 0; i < tokenizer->added[1].count; i++)
        string[tokenizer->added[1].entry[i].id] = tokenizer->added[1].entry[i];
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) *bytes += string[id].length;
}

int tokenizer_read_shown(struct tokenizer *tokenizer)
{
    size_t written = 0, bytes;
    int pieces = tokenizer->kind == TOKENIZER_SENTENCEPIECE;
    tokenizer->words_at_spaces = splits_at_spaces(tokenizer);
    if (!pieces && tokenizer->added[1].count == 0) return 0;
    struct token_entry *string = calloc(tokenizer->vocabulary, sizeof *string);
    if (string == NULL) return -1;
    find_strings(tokenizer, string, &bytes);
    tokenizer->shown = malloc(bytes + 1);
    tokenizer->shown_at = calloc((size_t)tokenizer->vocabulary + 1, sizeof *tokenizer->shown_at);
    int ready = tokenizer->shown != NULL && tokenizer->shown_at != NULL;
    for (uint32_t id = 0; ready && id < tokenizer->vocabulary; id++) {
        uint8_t *out = tokenizer->shown + written;
        if (pieces)
            written += copy_spaced(string[id].bytes, string[id].length, out);
        else if (string[id].length > 0) {
            memcpy(out, string[id].bytes, string[id].length);
            written += string[id].length;
        }
        tokenizer->shown_at[id + 1] = (uint32_t)written;
    }
    free(string);
    return ready ? 0 : -1;
}

const uint8_t *tokenizer_token_bytes(const struct tokenizer *tokenizer, uint32_t id, size_t *size)
{
    *size = 0;
    if (id >= tokenizer->vocabulary) return tokenizer->strings;
    if (tokenizer->shown == NULL) return tokenizer_string(tokenizer, id, size);
    *size = tokenizer->shown_at[id + 1] - tokenizer->shown_at[id];
    return tokenizer->shown + tokenizer->shown_at[id];
}

/* ---- decoding ----------------------------------------------------------------------------------- */

/* Replaces every `from` in buffer[start ..] by the shorter or equally long `to`. */
static void replace(struct text_buffer *buffer, size_t start, const char *from, const char *to)
{
    size_t from_length = strlen(from), to_length = strlen(to), out = start;
    for (size_t at = start; at < buffer->size;) {
        int found = buffer->size - at >= from_length && memcmp(buffer->bytes + at, from, from_length) == 0;
        if (found)
            memcpy(buffer->bytes + out, to, to_length);
        else
            buffer->bytes[out] = buffer->bytes[at];
        out += found ? to_length : 1;
        at += found ? from_length : 1;
    }
    buffer->size = out;
}

/* One WordPiece token; first: nothing stands before it. */
static int add_piece(const struct tokenizer *tokenizer, const uint8_t *bytes, size_t length, int first,
                     struct text_buffer *out)
{
    static const char *const cleanups[][2] = {{" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                              {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                              {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
    size_t start = out->size, behind = !first && length >= 2 && memcmp(bytes, "##", 2) == 0 ? 2 : 0;
    if (!first && behind == 0 && text_buffer_add(out, " ", 1) != 0) return -1;
    if (text_buffer_add(out, bytes + behind, length - behind) != 0) return -1;
    for (size_t i = 0; (tokenizer->options & TOKENIZER_CLEANUP_DECODED) && i < sizeof cleanups / sizeof *cleanups; i++)
        replace(out, start, cleanups[i][0], cleanups[i][1]);
    return 0;
}

/* One SentencePiece token; the first one may lose the spaces that the normaliser put there. */
static int add_shown(const struct tokenizer *tokenizer, const uint8_t *bytes, size_t length, int first,
                     struct text_buffer *out)
{
    if (!first || !(tokenizer->options & TOKENIZER_STRIP_TOKEN)) return text_buffer_add(out, bytes, length);
    for (size_t i = 0; i < length; i++)
        if (bytes[i] != ' ' && text_buffer_add(out, bytes + i, 1) != 0) return -1;
    return 0;
}

static int decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n, int skip_special,
                  struct text_buffer *out)
{
    int first = 1, status = 0;
    for (size_t i = 0; status == 0 && i < n; i++) {
        size_t length;
        const uint8_t *bytes = tokenizer_token_bytes(tokenizer, ids[i], &length);
        if (length == 0 || (skip_special && tokenizer_is_special(tokenizer, ids[i]))) continue;
        if (tokenizer->kind == TOKENIZER_WORDPIECE)
            status = add_piece(tokenizer, bytes, length, first, out);
        else
            status = add_shown(tokenizer, bytes, length, first, out);
        first = 0;
    }
    if (status == 0 && (tokenizer->options & TOKENIZER_STRIP_DECODED) && out->size > 0 && out->bytes[0] == ' ')
        memmove(out->bytes, out->bytes + 1, --out->size);
    return status == 0 ? text_buffer_reserve(out, 1) : status;
}

enum lassim_status tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n, int skip_special,
                                    uint8_t **bytes, size_t *size, struct lassim_error *error)
{
    struct text_buffer out = {0};
    if (decode(tokenizer, ids, n, skip_special, &out) != 0) {
        free(out.bytes);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tokenizer", "no memory for the text of %zu tokens", n);
    }
    out.bytes[out.size] = 0;
    *bytes = out.bytes;
    *size = out.size;
    return LASSIM_OK;
}
