#include "kernel/tokenizer_normalise.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/bert_categories.h"
#include "kernel/tokenizer_tables.h"
#include "kernel/unicode.h"
#include "kernel/utf8.h"

int tokenizer_escape_spaces(const uint8_t *text, size_t size, struct text_buffer *out)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *space = memchr(text + at, ' ', size - at);
        size_t length = space == NULL ? size - at : (size_t)(space - text) - at;
        if (text_buffer_add(out, text + at, length) != 0) return -1;
        if (space != NULL && text_buffer_add(out, TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES) != 0) return -1;
        at += length + (space != NULL);
    }
    return 0;
}

/* ---- SentencePiece ------------------------------------------------------------------------------ */

/* Spaces at both ends dropped, each run of them one. */
static int squeeze(const uint8_t *text, size_t size, struct text_buffer *out)
{
    while (size > 0 && text[size - 1] == ' ') size--;
    for (size_t at = 0; at < size; at++) {
        if (text[at] == ' ' && (out->size == 0 || out->bytes[out->size - 1] == ' ')) continue;
        if (text_buffer_add(out, text + at, 1) != 0) return -1;
    }
    return 0;
}

/* What SentencePiece's normaliser leaves out at the end: U+2581 that came with the text, too. */
static void drop_spaces(struct text_buffer *out, size_t start)
{
    while (out->size - start >= TOKENIZER_SPACE_BYTES &&
           memcmp(out->bytes + out->size - TOKENIZER_SPACE_BYTES, TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES) == 0)
        out->size -= TOKENIZER_SPACE_BYTES;
}

static int normalise_pieces(const struct tokenizer *tokenizer, const uint8_t *text, size_t size,
                            struct text_buffer *out)
{
    struct text_buffer squeezed = {0};
    size_t start = out->size;
    int status = 0;
    if (tokenizer->options & TOKENIZER_SQUEEZE) {
        status = squeeze(text, size, &squeezed);
        text = squeezed.bytes;
        size = squeezed.size;
    }
    if (status == 0 && size > 0 && tokenizer->prefix == TOKENIZER_PREPEND)
        status = text_buffer_add(out, TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES);
    if (status == 0) status = tokenizer_escape_spaces(text, size, out);
    if (status == 0 && (tokenizer->options & TOKENIZER_SQUEEZE)) drop_spaces(out, start);
    free(squeezed.bytes);
    return status;
}

/* ---- BERT --------------------------------------------------------------------------------------- */

/* clean_text, then handle_chinese_chars. */
static int clean(unsigned options, const uint8_t *text, size_t size, struct text_buffer *out)
{
    int cleans = (options & TOKENIZER_CLEAN_TEXT) != 0, spaces = (options & TOKENIZER_CHINESE) != 0;
    for (size_t at = 0, step; at < size; at += step) {
        int32_t code;
        step = utf8_next(text + at, size - at, &code);
        if (cleans && (code == 0 || code == 0xfffd || bert_is_control(code))) continue;
        int chinese = spaces && bert_is_chinese(code);
        if (chinese && text_buffer_add(out, " ", 1) != 0) return -1;
        int space = cleans && utf8_is_space(code);
        if (space ? text_buffer_add(out, " ", 1) : text_buffer_add(out, text + at, step)) return -1;
        if (chinese && text_buffer_add(out, " ", 1) != 0) return -1;
    }
    return 0;
}

/* Non-spacing marks dropped (after NFD) where accents are stripped, then lower case. */
static int fold(unsigned options, const uint8_t *text, size_t size, struct text_buffer *out)
{
    for (size_t at = 0; at < size;) {
        int32_t code;
        at += utf8_next(text + at, size - at, &code);
        if ((options & TOKENIZER_STRIP_ACCENTS) && bert_is_accent(code)) continue;
        if (options & TOKENIZER_LOWERCASE ? unicode_lower(code, out) : text_buffer_code(out, code)) return -1;
    }
    return 0;
}

static int normalise_bert(unsigned options, const uint8_t *text, size_t size, struct text_buffer *out)
{
    struct text_buffer cleaned = {0}, decomposed = {0};
    int status = clean(options, text, size, &cleaned);
    const struct text_buffer *last = &cleaned;
    if (status == 0 && (options & TOKENIZER_STRIP_ACCENTS)) {
        status = unicode_nfd(cleaned.bytes, cleaned.size, &decomposed);
        last = &decomposed;
    }
    if (status == 0) status = fold(options, last->bytes, last->size, out);
    free(cleaned.bytes);
    free(decomposed.bytes);
    return status;
}

int tokenizer_normalise(const struct tokenizer *tokenizer, const uint8_t *text, size_t size, struct text_buffer *out)
{
    if (tokenizer->kind == TOKENIZER_WORDPIECE) return normalise_bert(tokenizer->options, text, size, out);
    if (tokenizer->options & TOKENIZER_NFC) return unicode_nfc(text, size, out);
    int escapes = tokenizer->prefix == TOKENIZER_PREPEND || tokenizer->prefix == TOKENIZER_NO_PREFIX;
    if (tokenizer->kind == TOKENIZER_SENTENCEPIECE && escapes) return normalise_pieces(tokenizer, text, size, out);
    return text_buffer_add(out, text, size);
}
