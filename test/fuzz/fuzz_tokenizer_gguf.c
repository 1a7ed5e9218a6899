/* Any bytes as a GGUF with a tokenizer: refused in one line, or its metadata makes a blob that encodes. */
#include <stdlib.h>
#include <string.h>

#include "convert/tokenizer_gguf.h"
#include "kernel/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_refusal(enum lassim_status status, const struct lassim_error *error)
{
    if (status == LASSIM_OK) return;
    if (status != LASSIM_ERR_FILE || error->text[0] == '\0' || strchr(error->text, '\n') != NULL) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char text[] = "ab  ABC 12<s>[CLS] \xc3\xa9\xff";
    struct lassim_error error = {0};
    struct gguf *gguf = NULL;
    struct tokenizer_blob_out blob = {0};
    enum lassim_status status = gguf_open("f", data, size, &gguf, &error);
    check_refusal(status, &error);
    if (status != LASSIM_OK) return 0;
    tokenizer_gguf_has(gguf);
    status = tokenizer_gguf_build(gguf, 1000, &blob, &error);
    check_refusal(status, &error);
    if (status == LASSIM_OK) {
        struct tokenizer *tokenizer = NULL;
        uint32_t *ids = NULL;
        size_t n;
        if (tokenizer_open("blob", blob.data, blob.size, &tokenizer, &error) != LASSIM_OK) abort();
        if (tokenizer_encode(tokenizer, text, sizeof text - 1, 1, &ids, &n, &error) != LASSIM_OK) abort();
        free(ids);
        tokenizer_close(tokenizer);
    }
    free(blob.data);
    gguf_close(gguf);
    return 0;
}
