/* Any bytes as a tokenizer.model: refused in one line, or its pieces make a blob that encodes. */
#include <stdlib.h>
#include <string.h>

#include "convert/sentencepiece.h"
#include "kernel/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct tokenizer_blob_out *blob)
{
    static const char text[] = "ab  abc \xe2\x96\x81<s>x\xff";
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    uint32_t *ids = NULL;
    size_t n;
    if (tokenizer_open("blob", blob->data, blob->size, &tokenizer, &error) != LASSIM_OK) abort();
    if (tokenizer_encode(tokenizer, text, sizeof text - 1, 1, &ids, &n, &error) != LASSIM_OK) abort();
    free(ids);
    tokenizer_close(tokenizer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lassim_error error = {0};
    struct sentencepiece_model model;
    struct tokenizer_draft draft;
    struct tokenizer_blob_out blob = {0};
    enum lassim_status status = sentencepiece_read("m", data, size, &model, &error);
    if (draft_begin(&draft, 1000, &error) != LASSIM_OK) abort();
    if (status == LASSIM_OK) status = sentencepiece_settings(&model, "m", &draft);
    if (status == LASSIM_OK)
        status = pieces_read(&draft, "m", "pieces", model.piece, model.pieces, PIECES_OF_SENTENCEPIECE);
    if (status == LASSIM_OK) status = draft_finish(&draft, "m", &blob);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || error.text[0] == '\0' || strchr(error.text, '\n') != NULL))
        abort();
    if (status == LASSIM_OK) use(&blob);
    free(blob.data);
    draft_clear(&draft);
    sentencepiece_clear(&model);
    return 0;
}
