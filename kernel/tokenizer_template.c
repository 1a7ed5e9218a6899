/* Special tokens around one text or a pair, and what is cut off to make them fit. */
#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer_encode.h"
#include "kernel/tokenizer_tables.h"

struct id_list {
    uint32_t *ids;
    size_t n;
};

static enum lassim_status fail_memory(struct lassim_error *error, size_t n)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tokenizer", "no memory for %zu ids", n);
}

/* Writes a template with the ids of its texts. */
static enum lassim_status fill(const struct template *template, const struct id_list text[2],
                               struct tokenizer_encoding *encoding, struct lassim_error *error)
{
    size_t most = text[0].n + text[1].n + TOKENIZER_ITEMS_MAX;
    struct tokenizer_encoding filled = {calloc(most, sizeof *filled.ids), calloc(most, 1), 0};
    if (filled.ids == NULL || filled.types == NULL) {
        tokenizer_encoding_clear(&filled);
        return fail_memory(error, most);
    }
    for (uint32_t i = 0; i < template->count; i++) {
        const struct template_item *item = &template->item[i];
        struct id_list part = {(uint32_t *)&item->id, 1};
        if (item->id == TOKENIZER_TEXT_A) part = text[0];
        if (item->id == TOKENIZER_TEXT_B) part = text[1];
        if (part.n == 0) continue;
        memcpy(filled.ids + filled.n, part.ids, part.n * sizeof *part.ids);
        memset(filled.types + filled.n, item->type, part.n);
        filled.n += part.n;
    }
    *encoding = filled;
    return LASSIM_OK;
}

/* Lengths of both texts so that together they have at most `most` ids, as tokenizers' longest_first cuts them. */
static void cut_longest(size_t *a, size_t *b, size_t most)
{
    size_t shorter = *a < *b ? *a : *b, longer;
    if (*a + *b <= most) return;
    if (shorter > most || 2 * shorter > most) { /* both */
        shorter = most / 2;
        longer = shorter + most % 2;
    } else {
        longer = most - shorter;
    }
    int swapped = *a > *b;
    *a = swapped ? longer : shorter;
    *b = swapped ? shorter : longer;
}

static enum lassim_status fit(const struct template *template, struct id_list text[2], int pair, size_t max_length,
                              enum tokenizer_overflow overflow, struct lassim_error *error)
{
    size_t around = template->count - (pair ? 2U : 1U), total = text[0].n + text[1].n + around;
    if (total <= max_length) return LASSIM_OK;
    if (overflow == TOKENIZER_REFUSE)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "tokenizer", "text of %zu tokens, expected at most %zu",
                           total, max_length);
    if (max_length < around)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "tokenizer",
                           "texts cut to %zu tokens, expected room for the %zu special ones", max_length, around);
    if (pair)
        cut_longest(&text[0].n, &text[1].n, max_length - around);
    else
        text[0].n = max_length - around;
    return LASSIM_OK;
}

enum lassim_status tokenizer_encode_pair(const struct tokenizer *tokenizer, const struct tokenizer_text *a,
                                         const struct tokenizer_text *b, size_t max_length,
                                         enum tokenizer_overflow overflow, struct tokenizer_encoding *encoding,
                                         struct lassim_error *error)
{
    const struct template *template = b == NULL ? &tokenizer->single : &tokenizer->pair;
    struct id_list text[2] = {{NULL, 0}, {NULL, 0}};
    if (template->count == 0)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "tokenizer", "this tokenizer has no template for two texts");
    enum lassim_status status = tokenizer_encode_text(tokenizer, a->bytes, a->size, &text[0].ids, &text[0].n, error);
    if (status == LASSIM_OK && b != NULL)
        status = tokenizer_encode_text(tokenizer, b->bytes, b->size, &text[1].ids, &text[1].n, error);
    if (status == LASSIM_OK) status = fit(template, text, b != NULL, max_length, overflow, error);
    if (status == LASSIM_OK) status = fill(template, text, encoding, error);
    free(text[0].ids);
    free(text[1].ids);
    return status;
}

void tokenizer_encoding_clear(struct tokenizer_encoding *encoding)
{
    free(encoding->ids);
    free(encoding->types);
    *encoding = (struct tokenizer_encoding){0};
}

enum lassim_status tokenizer_encode(const struct tokenizer *tokenizer, const void *text, size_t size, int add_special,
                                    uint32_t **ids, size_t *n, struct lassim_error *error)
{
    if (!add_special || tokenizer->single.count == 1)
        return tokenizer_encode_text(tokenizer, text, size, ids, n, error);
    const struct tokenizer_text a = {text, size};
    struct tokenizer_encoding encoding;
    enum lassim_status status =
        tokenizer_encode_pair(tokenizer, &a, NULL, SIZE_MAX, TOKENIZER_REFUSE, &encoding, error);
    if (status != LASSIM_OK) return status;
    free(encoding.types);
    *ids = encoding.ids;
    *n = encoding.n;
    return LASSIM_OK;
}
