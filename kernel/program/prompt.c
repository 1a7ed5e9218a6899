#include "kernel/program/prompt.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/program/text_file.h"

/* One id at text; *end is behind it. */
static int parse_id(const char *text, uint32_t vocabulary, uint32_t *id, const char **end)
{
    uint64_t value = 0;
    *end = text;
    while (**end >= '0' && **end <= '9' && value <= UINT32_MAX) value = value * 10 + (uint64_t)(*(*end)++ - '0');
    *id = (uint32_t)value;
    return *end != text && value < vocabulary;
}

enum lassim_status prompt_token_ids(const char *text, uint32_t vocabulary, uint32_t **ids, size_t *n,
                                    struct lassim_error *error)
{
    size_t commas = 0;
    for (const char *c = text; *c != '\0'; c++) commas += *c == ',';
    *n = 0;
    *ids = malloc((commas + 1) * sizeof **ids);
    if (*ids == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, "--token-ids", NULL, "no memory for %zu ids", commas + 1);
    for (const char *at = text;; at++) {
        if (parse_id(at, vocabulary, &(*ids)[*n], &at) && (*at == ',' || *at == '\0')) {
            ++*n;
            if (*at == '\0') return LASSIM_OK;
            continue;
        }
        free(*ids);
        *ids = NULL;
        return lassim_fail(error, LASSIM_ERR_USAGE, "--token-ids", NULL,
                           "id %zu: expected ids from 0 to %u, separated by commas", *n + 1, vocabulary - 1);
    }
}

static enum lassim_status encode(const struct tokenizer *tokenizer, const void *text, size_t size, uint32_t **ids,
                                 size_t *n, struct lassim_error *error)
{
    return tokenizer_encode(tokenizer, text, size, tokenizer_adds_bos(tokenizer), ids, n, error);
}

static enum lassim_status encode_file(const struct tokenizer *tokenizer, const char *path, uint32_t **ids, size_t *n,
                                      struct lassim_error *error)
{
    char *text;
    size_t size;
    enum lassim_status status = text_file_read(path, &text, &size, error);
    if (status != LASSIM_OK) return status;
    if (size > 0 && text[size - 1] == '\n') size--;
    status = encode(tokenizer, text, size, ids, n, error);
    free(text);
    return status;
}

static enum lassim_status no_tokenizer(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_USAGE, "prompt", NULL,
                       "expected --token-ids: the model has no tokenizer, so it cannot read a text");
}

static enum lassim_status read_ids(const struct cli *cli, const struct model *model, const struct tokenizer *tokenizer,
                                   uint32_t **ids, size_t *n, struct lassim_error *error)
{
    const char *text = cli_text(cli, OPTION_PROMPT), *path = cli_text(cli, OPTION_PROMPT_FILE);
    if (tokenizer == NULL && !cli_given(cli, OPTION_TOKEN_IDS)) return no_tokenizer(error);
    if (text != NULL) return encode(tokenizer, text, strlen(text), ids, n, error);
    if (path != NULL) return encode_file(tokenizer, path, ids, n, error);
    text = cli_text(cli, OPTION_TOKEN_IDS);
    if (text != NULL) return prompt_token_ids(text, model->graph->config.vocabulary, ids, n, error);
    return encode(tokenizer, model->prompt.data, model->prompt.size, ids, n, error);
}

enum lassim_status prompt_read(const struct cli *cli, const struct model *model, const struct tokenizer *tokenizer,
                               uint32_t **ids, uint32_t *n, struct lassim_error *error)
{
    uint32_t context = model->graph->config.positions;
    size_t count = 0;
    *ids = NULL;
    enum lassim_status status = read_ids(cli, model, tokenizer, ids, &count, error);
    if (status != LASSIM_OK) return status;
    if (count == 0) return lassim_fail(error, LASSIM_ERR_USAGE, "prompt", NULL, "expected at least one token");
    if (count > context)
        return lassim_fail(error, LASSIM_ERR_USAGE, "prompt", NULL,
                           "%zu tokens, expected at most the model's context, %u", count, context);
    uint32_t *grown = realloc(*ids, ((size_t)context + 1) * sizeof *grown);
    if (grown == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the token ids");
    *ids = grown;
    *n = (uint32_t)count;
    return LASSIM_OK;
}
