#include "convert/checkpoint_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/config_keys.h"

/* What config.json calls a model, and what reads the rest of it. */
static const struct model_type {
    const char *name;
    enum model_family family;
    config_family *read;
} model_types[] = {
    {"opt", FAMILY_OPT, config_opt},       {"llama", FAMILY_LLAMA, config_llama},
    {"qwen2", FAMILY_QWEN2, config_qwen2}, {"gpt2", FAMILY_GPT2, config_gpt2},
    {"bert", FAMILY_BERT, config_bert},    {"mistral", FAMILY_LLAMA, config_mistral},
};

static enum lassim_status find_model_type(const struct config_reader *reader, const struct model_type **type)
{
    const char *name = NULL;
    enum lassim_status status =
        json_get_string(reader->file, reader->object, "model_type", JSON_REQUIRED, &name, reader->error);
    if (status != LASSIM_OK) return status;
    for (size_t i = 0; i < sizeof model_types / sizeof *model_types; i++)
        if (strcmp(model_types[i].name, name) == 0) {
            *type = &model_types[i];
            return LASSIM_OK;
        }
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "model_type",
                       "\"%.80s\" is not supported, expected one of %s, mistral", name, graph_family_names());
}

enum lassim_status checkpoint_config_from(const char *file, const json_t *object, struct checkpoint_config *config,
                                          struct lassim_error *error)
{
    const struct config_reader reader = {file, object, error};
    const struct model_type *type = NULL;
    *config = (struct checkpoint_config){.labels = NULL};
    enum lassim_status status = find_model_type(&reader, &type);
    if (status != LASSIM_OK) return status;
    config->model.family = type->family;
    status = type->read(&reader, config);
    const char *reason = status == LASSIM_OK ? graph_config_check(&config->model) : NULL;
    if (reason != NULL) status = lassim_fail(error, LASSIM_ERR_FILE, file, NULL, "%s", reason);
    if (status != LASSIM_OK) checkpoint_config_clear(config);
    return status;
}

void checkpoint_config_clear(struct checkpoint_config *config)
{
    free(config->labels);
    free(config->rotary_divisor);
    config->labels = NULL;
    config->rotary_divisor = NULL;
    config->rotary.divisor = NULL;
    config->labels_size = 0;
}

enum lassim_status checkpoint_config_parse(const char *file, const void *text, size_t size,
                                           struct checkpoint_config *config, struct lassim_error *error)
{
    json_t *document = NULL;
    *config = (struct checkpoint_config){.labels = NULL};
    enum lassim_status status = json_parse(file, NULL, text, size, &document, error);
    if (status != LASSIM_OK) return status;
    status = checkpoint_config_from(file, document, config, error);
    json_decref(document);
    return status;
}

enum lassim_status checkpoint_config_read(const char *directory, struct checkpoint_config *config,
                                          struct lassim_error *error)
{
    char *path = NULL, *text = NULL;
    size_t size = 0;
    *config = (struct checkpoint_config){.labels = NULL};
    if (asprintf(&path, "%s/config.json", directory) < 0)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a path");
    enum lassim_status status = json_read_text(path, &text, &size, error);
    if (status == LASSIM_OK) status = checkpoint_config_parse(path, text, size, config, error);
    free(text);
    free(path);
    return status;
}
