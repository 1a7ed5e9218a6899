#include "kernel/program/eval_text.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/program/text_file.h"
#include "kernel/tokenizer.h"

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the text");
}

/* One more sequence. */
static enum lassim_status add_sequence(struct eval_text *text, const struct tokenizer_encoding *encoding,
                                       struct lassim_error *error)
{
    size_t total = text->count + encoding->n;
    uint32_t *ids = realloc(text->ids, total * sizeof *ids);
    if (ids != NULL) text->ids = ids;
    uint32_t *types = realloc(text->types, total * sizeof *types);
    if (types != NULL) text->types = types;
    size_t *start = realloc(text->start, (text->sequences + 2) * sizeof *start);
    if (start != NULL) text->start = start;
    if (ids == NULL || types == NULL || start == NULL) return no_memory(error);
    for (size_t i = 0; i < encoding->n; i++) {
        ids[text->count + i] = encoding->ids[i];
        types[text->count + i] = encoding->types[i];
    }
    start[text->sequences++] = text->count;
    start[text->sequences] = text->count = total;
    return LASSIM_OK;
}

static enum lassim_status encode_line(const struct tokenizer *tokenizer, const char *bytes, size_t size,
                                      struct eval_text *text, struct lassim_error *error)
{
    const struct tokenizer_text line = {bytes, size};
    struct tokenizer_encoding encoding;
    enum lassim_status status =
        tokenizer_encode_pair(tokenizer, &line, NULL, text->context, TOKENIZER_TRUNCATE, &encoding, error);
    if (status != LASSIM_OK) return status;
    if (encoding.n > 0) status = add_sequence(text, &encoding, error);
    tokenizer_encoding_clear(&encoding);
    return status;
}

static enum lassim_status encode_lines(const struct tokenizer *tokenizer, const char *bytes, size_t size, uint64_t most,
                                       struct eval_text *text, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t at = 0; at < size && status == LASSIM_OK;) {
        const char *end = memchr(bytes + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - bytes) - at;
        if (most != 0 && text->count >= most) break;
        if (length > 0) status = encode_line(tokenizer, bytes + at, length, text, error);
        at += length + 1;
    }
    return status;
}

static enum lassim_status encode_file(const struct model *model, const char *model_path, const char *path,
                                      uint64_t most, struct eval_text *text, struct lassim_error *error)
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
        if (model->graph->config.encoder)
            status = encode_lines(tokenizer, bytes, size, most, text, error);
        else
            status = tokenizer_encode(tokenizer, bytes, size, 0, &text->ids, &text->count, error);
        free(bytes);
    }
    tokenizer_close(tokenizer);
    if (!model->graph->config.encoder && most != 0 && text->count > most) text->count = (size_t)most;
    return status;
}

static enum lassim_status check_text(const struct model *model, const char *model_path, const char *path,
                                     const struct eval_text *text, struct lassim_error *error)
{
    int encoder = (int)model->graph->config.encoder;
    if (text->count == 0)
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL,
                           encoder ? "holds no line to compare on" : "holds no token to predict");
    if (!encoder && text->context < 2)
        return lassim_fail(error, LASSIM_ERR_FILE, model_path, NULL, "its context is too short to predict a token");
    return LASSIM_OK;
}

enum lassim_status eval_text_read(const struct model *model, const char *model_path, const char *path, uint64_t most,
                                  uint32_t context, struct eval_text *text, struct lassim_error *error)
{
    const struct model_config *config = &model->graph->config;
    *text = (struct eval_text){.context = context ? context : config->positions, .bos = config->bos};
    if (context > config->positions)
        return lassim_fail(error, LASSIM_ERR_USAGE, "--context", NULL, "%u is above the model's %u positions", context,
                           config->positions);
    enum lassim_status status = encode_file(model, model_path, path, most, text, error);
    if (status == LASSIM_OK) status = check_text(model, model_path, path, text, error);
    if (status != LASSIM_OK) {
        eval_text_free(text);
        return status;
    }
    uint64_t starts = text->start != NULL ? XXH3_64bits(text->start, text->sequences * sizeof *text->start) : 0;
    text->hash = XXH3_64bits_withSeed(text->ids, text->count * sizeof *text->ids, starts);
    return LASSIM_OK;
}

void eval_text_free(struct eval_text *text)
{
    free(text->ids);
    free(text->types);
    free(text->start);
    *text = (struct eval_text){.ids = NULL};
}

size_t eval_text_pieces(const struct eval_text *text)
{
    size_t per_chunk = text->context - 1u;
    return text->start != NULL ? text->sequences : (text->count + per_chunk - 1) / per_chunk;
}

/* A chunk that predicts ids[at ..]. */
static void make_chunk(const struct eval_text *text, size_t at, uint32_t *chunk, struct eval_piece *piece)
{
    uint32_t per_chunk = text->context - 1;
    uint32_t n = text->count - at < per_chunk ? (uint32_t)(text->count - at) : per_chunk;
    chunk[0] = text->bos;
    memcpy(chunk + 1, text->ids + at, (n - 1) * sizeof *chunk);
    *piece = (struct eval_piece){chunk, NULL, text->ids + at, n, at};
}

void eval_text_piece(const struct eval_text *text, size_t index, uint32_t *chunk, struct eval_piece *piece)
{
    LASSIM_INVARIANT(index < eval_text_pieces(text), "piece %zu of %zu", index, eval_text_pieces(text));
    if (text->start == NULL) {
        make_chunk(text, index * (text->context - 1u), chunk, piece);
        return;
    }
    size_t at = text->start[index];
    *piece = (struct eval_piece){text->ids + at, text->types + at, text->ids + at,
                                 (uint32_t)(text->start[index + 1] - at), at};
}
