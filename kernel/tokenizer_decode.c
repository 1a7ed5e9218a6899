#include <stdlib.h>
#include <string.h>

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

int tokenizer_adds_bos(const struct tokenizer *tokenizer)
{
    return (tokenizer->options & TOKENIZER_ADD_BOS) != 0;
}

int tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->vocabulary && (tokenizer->flags[id] & TOKEN_SPECIAL) != 0;
}

enum lassim_status tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n, int skip_special,
                                    uint8_t **bytes, size_t *size, struct lassim_error *error)
{
    size_t total = 0, length;
    for (size_t i = 0; i < n; i++) {
        if (skip_special && tokenizer_is_special(tokenizer, ids[i])) continue;
        tokenizer_token_bytes(tokenizer, ids[i], &length);
        if (__builtin_add_overflow(total, length, &total) || total > PTRDIFF_MAX - 1)
            return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the text of %zu tokens", n);
    }
    uint8_t *out = malloc(total + 1);
    if (out == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for %zu bytes of text", total);
    uint8_t *at = out;
    for (size_t i = 0; i < n; i++) {
        if (skip_special && tokenizer_is_special(tokenizer, ids[i])) continue;
        const uint8_t *string = tokenizer_token_bytes(tokenizer, ids[i], &length);
        memcpy(at, string, length);
        at += length;
    }
    *at = 0;
    *bytes = out;
    *size = total;
    return LASSIM_OK;
}
