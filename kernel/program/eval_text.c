#include "kernel/program/eval_text.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/program/text_file.h"
#include "kernel/tokenizer.h"

static enum lassim_status encode_file(const struct model *model, const char *model_path, const char *path,
                                      struct eval_text *text, struct lassim_error *error)
{
    struct tokenizer *tokenizer;
    char *bytes;
    size_t size;
    if (model->tokenizer.size == 0)
        return lassim_fail(error, LASSIM_ERR_FILE, model_path, "tokenizer",
                           "the model has none, so it cannot read a text");
    enum lassim_status status =
        tokenizer_open(model_path, model->tokenizer.data, model->tokenizer.size, &tokenizer, error);
    if (status != LASSIM_OK) return status;
    status = text_file_read(path, &bytes, &size, error);
    if (status == LASSIM_OK) {
        status = tokenizer_encode(tokenizer, bytes, size, 0, &text->ids, &text->count, error);
        free(bytes);
    }
    tokenizer_close(tokenizer);
    return status;
}

enum lassim_status eval_text_read(const struct model *model, const char *model_path, const char *path, uint64_t most,
                                  uint32_t context, struct eval_text *text, struct lassim_error *error)
{
    const struct model_config *config = &model->graph->config;
    *text = (struct eval_text){.context = context ? context : config->positions, .bos = config->bos};
    if (context > config->positions)
        return lassim_fail(error, LASSIM_ERR_USAGE, "--context", NULL, "%u is above the model's %u positions", context,
                           config->positions);
    if (config->encoder)
        return lassim_fail(error, LASSIM_ERR_FILE, model_path, NULL, "an encoder predicts no next token");
    enum lassim_status status = encode_file(model, model_path, path, text, error);
    if (most != 0 && text->count > most) text->count = (size_t)most;
    if (status == LASSIM_OK && text->count == 0)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "holds no token to predict");
    if (status == LASSIM_OK && text->context < 2)
        status = lassim_fail(error, LASSIM_ERR_FILE, model_path, NULL, "its context is too short to predict a token");
    if (status == LASSIM_OK)
        text->hash = XXH3_64bits(text->ids, text->count * sizeof *text->ids);
    else
        eval_text_free(text);
    return status;
}

void eval_text_free(struct eval_text *text)
{
    free(text->ids);
    text->ids = NULL;
    text->count = 0;
}

uint32_t eval_text_chunk(const struct eval_text *text, size_t at, uint32_t *inputs)
{
    uint32_t per_chunk = text->context - 1;
    uint32_t n = text->count - at < per_chunk ? (uint32_t)(text->count - at) : per_chunk;
    LASSIM_INVARIANT(at < text->count && at % per_chunk == 0, "chunk at %zu of %zu", at, text->count);
    inputs[0] = text->bos;
    memcpy(inputs + 1, text->ids + at, (n - 1) * sizeof *inputs);
    return n;
}
