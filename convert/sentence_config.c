#include "convert/sentence_config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convert/gguf_config.h"
#include "convert/json.h"

enum { PATH = 4096 };

/* The JSON file `name` in the folder, or NULL if there is none. */
static enum lassim_status read_if_there(const char *folder, const char *name, char path[PATH], json_t **value,
                                        struct lassim_error *error)
{
    *value = NULL;
    if ((size_t)snprintf(path, PATH, "%s/%s", folder, name) >= PATH || access(path, F_OK) != 0) return LASSIM_OK;
    return json_read_file(path, value, error);
}

static enum lassim_status add_pooling(const char *file, const json_t *config, json_t *sentence,
                                      struct lassim_error *error)
{
    int cls = 0, mean = 0;
    enum lassim_status status = json_get_bool(file, config, "pooling_mode_cls_token", JSON_OPTIONAL, &cls, error);
    if (status == LASSIM_OK)
        status = json_get_bool(file, config, "pooling_mode_mean_tokens", JSON_OPTIONAL, &mean, error);
    if (status != LASSIM_OK) return status;
    if (cls == mean)
        return lassim_fail(error, LASSIM_ERR_FILE, file, NULL,
                           "this pooling is not supported; expected one of pooling_mode_mean_tokens and "
                           "pooling_mode_cls_token");
    json_object_set_new(sentence, "pooling", json_string(cls ? "cls" : "mean"));
    return LASSIM_OK;
}

static void add_modules(const json_t *modules, json_t *sentence)
{
    int normalise = 0;
    size_t i;
    const json_t *module;
    json_array_foreach((json_t *)modules, i, module)
    {
        const char *type = json_string_value(json_object_get(module, "type"));
        if (type != NULL && strstr(type, "Normalize") != NULL) normalise = 1;
    }
    json_object_set_new(sentence, "normalize", json_boolean(normalise));
}

static enum lassim_status from_folder(const char *folder, json_t *sentence, struct lassim_error *error)
{
    char path[PATH];
    json_t *file;
    enum lassim_status status = read_if_there(folder, "modules.json", path, &file, error);
    if (file != NULL) add_modules(file, sentence);
    json_decref(file);
    if (status == LASSIM_OK) status = read_if_there(folder, "1_Pooling/config.json", path, &file, error);
    if (status == LASSIM_OK && file != NULL) status = add_pooling(path, file, sentence, error);
    json_decref(file);
    if (status != LASSIM_OK) return status;
    status = read_if_there(folder, "sentence_bert_config.json", path, &file, error);
    int64_t most = 0;
    if (status == LASSIM_OK && file != NULL)
        status = json_get_integer(path, file, "max_seq_length", JSON_OPTIONAL, 1, (1 << 20) - 1, &most, error);
    if (most > 0) json_object_set_new(sentence, "max_tokens", json_integer(most));
    json_decref(file);
    return status;
}

static enum lassim_status from_gguf(const struct gguf *gguf, const char *path, json_t *sentence,
                                    struct lassim_error *error)
{
    json_t *config;
    enum lassim_status status = gguf_config(gguf, &config, error);
    if (status != LASSIM_OK) return status;
    const char *pooling = json_string_value(json_object_get(config, "lassim_pooling"));
    if (pooling != NULL && (strcmp(pooling, "mean") == 0 || strcmp(pooling, "cls") == 0))
        json_object_set_new(sentence, "pooling", json_string(pooling));
    else if (pooling != NULL && strcmp(pooling, "none") != 0)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, "bert.pooling_type",
                             "\"%s\" is not supported; expected none, mean or cls", pooling);
    json_decref(config);
    return status;
}

enum lassim_status sentence_config_read(const struct checkpoint *checkpoint, const char *path, json_t **sentence,
                                        struct lassim_error *error)
{
    const struct gguf *gguf = checkpoint_gguf(checkpoint);
    *sentence = json_object();
    if (*sentence == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the configuration");
    enum lassim_status status =
        gguf != NULL ? from_gguf(gguf, path, *sentence, error) : from_folder(path, *sentence, error);
    if (status == LASSIM_OK && json_object_size(*sentence) > 0) return LASSIM_OK;
    json_decref(*sentence);
    *sentence = NULL;
    return status;
}
