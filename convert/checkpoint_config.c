#include "convert/checkpoint_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/json.h"

enum { SIZE_MAX_EXCLUSIVE = 1 << 20, LAYERS_MAX = 1024, OPT_POSITION_OFFSET = 2 };
static const double opt_norm_epsilon = 1e-5; /* torch.nn.LayerNorm's default, which OPT does not change */

/* The sizes: required, since no checkpoint is meant by the defaults of a class. */
static const struct size_key {
    const char *key;
    size_t field;
    int64_t low, high;
} sizes[] = {
    {"vocab_size", offsetof(struct model_config, vocabulary), 1, SIZE_MAX_EXCLUSIVE - 1},
    {"hidden_size", offsetof(struct model_config, hidden), 1, SIZE_MAX_EXCLUSIVE - 1},
    {"ffn_dim", offsetof(struct model_config, ffn), 1, SIZE_MAX_EXCLUSIVE - 1},
    {"num_hidden_layers", offsetof(struct model_config, layers), 1, LAYERS_MAX},
    {"num_attention_heads", offsetof(struct model_config, heads), 1, SIZE_MAX_EXCLUSIVE - 1},
    {"max_position_embeddings", offsetof(struct model_config, positions), 1,
     SIZE_MAX_EXCLUSIVE - 1 - OPT_POSITION_OFFSET},
};

/* Token ids, below the vocabulary, with OPTConfig's defaults. */
static const struct id_key {
    const char *key;
    size_t field;
    uint32_t otherwise;
} ids[] = {
    {"pad_token_id", offsetof(struct model_config, pad), 1},
    {"bos_token_id", offsetof(struct model_config, bos), 2},
    {"eos_token_id", offsetof(struct model_config, eos), 2},
};

struct reader {
    const char *file;
    const json_t *object;
    struct lassim_error *error;
};

/* An integer in [low, high] into *field; absent and optional: *field stays. */
static enum lassim_status read_integer(const struct reader *reader, const char *key, enum json_need need, int64_t low,
                                       int64_t high, void *field)
{
    uint32_t value;
    memcpy(&value, field, sizeof value);
    int64_t integer = value;
    enum lassim_status status =
        json_get_integer(reader->file, reader->object, key, need, low, high, &integer, reader->error);
    value = (uint32_t)integer;
    memcpy(field, &value, sizeof value);
    return status;
}

static enum lassim_status read_sizes(const struct reader *reader, struct model_config *model)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && status == LASSIM_OK; i++)
        status = read_integer(reader, sizes[i].key, JSON_REQUIRED, sizes[i].low, sizes[i].high,
                              (char *)model + sizes[i].field);
    if (status != LASSIM_OK) return status;
    model->position_offset = OPT_POSITION_OFFSET;
    model->position_rows = model->positions + OPT_POSITION_OFFSET;
    model->embedding = model->hidden;
    status = read_integer(reader, "word_embed_proj_dim", JSON_OPTIONAL, 1, SIZE_MAX_EXCLUSIVE - 1, &model->embedding);
    if (status == LASSIM_OK && model->hidden % model->heads != 0)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "num_attention_heads",
                           "%u, expected a divisor of hidden_size %u", model->heads, model->hidden);
    return status;
}

static enum lassim_status read_ids(const struct reader *reader, struct model_config *model)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < sizeof ids / sizeof *ids && status == LASSIM_OK; i++) {
        uint32_t id = ids[i].otherwise;
        status = read_integer(reader, ids[i].key, JSON_OPTIONAL, 0, (int64_t)model->vocabulary - 1, &id);
        if (status == LASSIM_OK && id >= model->vocabulary)
            return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, ids[i].key,
                               "absent, and its default %u is outside the vocabulary of %u", id, model->vocabulary);
        memcpy((char *)model + ids[i].field, &id, sizeof id);
    }
    return status;
}

static enum lassim_status read_switches(const struct reader *reader, struct checkpoint_config *config)
{
    int before = 1, remove_final = 0, tied = 1;
    config->biases = 1;
    config->norm_affine = 1;
    const struct {
        const char *key;
        int *value;
    } switches[] = {
        {"do_layer_norm_before", &before}, {"_remove_final_layer_norm", &remove_final},
        {"enable_bias", &config->biases},  {"layer_norm_elementwise_affine", &config->norm_affine},
        {"tie_word_embeddings", &tied},
    };
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < sizeof switches / sizeof *switches && status == LASSIM_OK; i++)
        status = json_get_bool(reader->file, reader->object, switches[i].key, JSON_OPTIONAL, switches[i].value,
                               reader->error);
    config->model.pre_norm = (uint32_t)before;
    config->model.final_norm = (uint32_t)(before && !remove_final);
    config->model.tied = (uint32_t)tied;
    return status;
}

/* key must be, or may be absent and then is, the one value supported. */
static enum lassim_status read_only(const struct reader *reader, const char *key, enum json_need need,
                                    const char *supported)
{
    const char *value = supported;
    enum lassim_status status = json_get_string(reader->file, reader->object, key, need, &value, reader->error);
    if (status != LASSIM_OK || strcmp(value, supported) == 0) return status;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key, "\"%.80s\" is not supported, expected \"%s\"",
                       value, supported);
}

static enum lassim_status read_config(const struct reader *reader, struct checkpoint_config *config)
{
    *config = (struct checkpoint_config){.model = {.family = FAMILY_OPT, .norm_epsilon = opt_norm_epsilon}};
    enum lassim_status status = read_only(reader, "model_type", JSON_REQUIRED, "opt");
    if (status == LASSIM_OK) status = read_only(reader, "activation_function", JSON_OPTIONAL, "relu");
    if (status == LASSIM_OK) status = read_sizes(reader, &config->model);
    if (status == LASSIM_OK) status = read_ids(reader, &config->model);
    if (status == LASSIM_OK) status = read_switches(reader, config);
    if (status != LASSIM_OK) return status;
    const char *reason = graph_config_check(&config->model);
    return reason == NULL ? LASSIM_OK : lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, NULL, "%s", reason);
}

enum lassim_status checkpoint_config_parse(const char *file, const void *text, size_t size,
                                           struct checkpoint_config *config, struct lassim_error *error)
{
    json_t *document = NULL;
    enum lassim_status status = json_parse(file, NULL, text, size, &document, error);
    if (status != LASSIM_OK) return status;
    struct reader reader = {file, document, error};
    status = read_config(&reader, config);
    json_decref(document);
    return status;
}

enum lassim_status checkpoint_config_read(const char *directory, struct checkpoint_config *config,
                                          struct lassim_error *error)
{
    char *path = NULL, *text = NULL;
    size_t size = 0;
    if (asprintf(&path, "%s/config.json", directory) < 0)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a path");
    enum lassim_status status = json_read_text(path, &text, &size, error);
    if (status == LASSIM_OK) status = checkpoint_config_parse(path, text, size, config, error);
    free(text);
    free(path);
    return status;
}
