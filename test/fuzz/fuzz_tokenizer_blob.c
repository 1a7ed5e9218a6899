/* Any bytes as a tokenizer blob: refused, or every id it gives is in range and decodes. */
#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "ab abab<s>  ba\n\nx</s> \xff <mask> aaaaaaaaab 12's";
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    struct tokenizer_text part = {text, sizeof text - 1};
    struct tokenizer_encoding pair = {0};
    uint32_t *ids = NULL;
    uint8_t *bytes = NULL;
    size_t n, length;
    enum lassim_status status = tokenizer_open("input", data, size, &tokenizer, &error);
    if (status != LASSIM_OK) {
        if (status != LASSIM_ERR_FILE || strchr(error.text, '\n') != NULL) abort();
        return 0;
    }
    if (tokenizer_encode(tokenizer, text, sizeof text - 1, 1, &ids, &n, &error) != LASSIM_OK) abort();
    for (size_t i = 0; i < n; i++)
        if (ids[i] >= tokenizer_vocabulary(tokenizer)) abort();
    if (tokenizer_decode(tokenizer, ids, n, 0, &bytes, &length, &error) != LASSIM_OK) abort();
    status = tokenizer_encode_pair(tokenizer, &part, &part, 9, TOKENIZER_TRUNCATE, &pair, &error);
    if (status != LASSIM_OK && status != LASSIM_ERR_USAGE) abort();
    if (status == LASSIM_OK && pair.n > 9) abort();
    tokenizer_encoding_clear(&pair);
    free(bytes);
    free(ids);
    tokenizer_close(tokenizer);
    return 0;
}
