#include "convert/config_keys.h"

#include <stdio.h>
#include <string.h>

/* transformers' names; those that compute the same share a row's value. */
static const struct activation_name {
    const char *name;
    enum activation activation;
} activations[] = {
    {"relu", ACTIVATION_RELU},
    {"gelu", ACTIVATION_GELU_ERF},
    {"gelu_python", ACTIVATION_GELU_ERF},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"gelu_fast", ACTIVATION_GELU_TANH},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_python_tanh", ACTIVATION_GELU_TANH},
    {"gelu_accurate", ACTIVATION_GELU_TANH},
    {"silu", ACTIVATION_SILU},
    {"swish", ACTIVATION_SILU},
    {"quick_gelu", ACTIVATION_QUICK_GELU},
};

static enum lassim_status read_integer(const struct config_reader *reader, const struct config_key *key, void *field)
{
    uint32_t value;
    memcpy(&value, field, sizeof value);
    int64_t integer = value;
    enum lassim_status status = json_get_integer(reader->file, reader->object, key->key, key->need, (int64_t)key->low,
                                                 (int64_t)key->high, &integer, reader->error);
    value = (uint32_t)integer;
    memcpy(field, &value, sizeof value);
    return status;
}

static enum lassim_status read_switch(const struct config_reader *reader, const struct config_key *key, void *field)
{
    uint32_t value;
    memcpy(&value, field, sizeof value);
    int on = (int)value;
    enum lassim_status status = json_get_bool(reader->file, reader->object, key->key, key->need, &on, reader->error);
    value = (uint32_t)on;
    memcpy(field, &value, sizeof value);
    return status;
}

static enum lassim_status read_number(const struct config_reader *reader, const struct config_key *key, void *field)
{
    double value;
    memcpy(&value, field, sizeof value);
    const double otherwise = value;
    enum lassim_status status =
        json_get_number(reader->file, reader->object, key->key, key->need, &value, reader->error);
    if (status == LASSIM_OK && (key->need == JSON_REQUIRED || value != otherwise) &&
        !(value >= key->low && value <= key->high))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key->key, "%g, expected %g .. %g", value,
                           key->low, key->high);
    memcpy(field, &value, sizeof value);
    return status;
}

static enum lassim_status read_activation(const struct config_reader *reader, const struct config_key *key, void *field)
{
    const char *name = NULL;
    enum lassim_status status =
        json_get_string(reader->file, reader->object, key->key, key->need, &name, reader->error);
    if (status != LASSIM_OK || name == NULL) return status;
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        uint32_t value = activations[i].activation;
        if (strcmp(activations[i].name, name) != 0) continue;
        memcpy(field, &value, sizeof value);
        return LASSIM_OK;
    }
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key->key,
                       "\"%.80s\" is not supported, expected relu, gelu, gelu_new, silu or quick_gelu", name);
}

static enum lassim_status read_must(const struct config_reader *reader, const struct config_key *key)
{
    int supported = key->low != 0, found = supported;
    enum lassim_status status = json_get_bool(reader->file, reader->object, key->key, key->need, &found, reader->error);
    if (status != LASSIM_OK || found == supported) return status;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key->key, "%s is not supported, expected %s",
                       found ? "true" : "false", supported ? "true" : "false");
}

static enum lassim_status read_text(const struct config_reader *reader, const struct config_key *key)
{
    const char *found = key->text;
    enum lassim_status status =
        json_get_string(reader->file, reader->object, key->key, key->need, &found, reader->error);
    if (status != LASSIM_OK || strcmp(found, key->text) == 0) return status;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key->key,
                       "\"%.80s\" is not supported, expected \"%s\"", found, key->text);
}

static enum lassim_status read_key(const struct config_reader *reader, const struct config_key *key,
                                   struct checkpoint_config *config)
{
    void *field = (char *)config + key->field;
    switch (key->kind) {
    case CONFIG_INTEGER: return read_integer(reader, key, field);
    case CONFIG_SWITCH: return read_switch(reader, key, field);
    case CONFIG_NUMBER: return read_number(reader, key, field);
    case CONFIG_ACTIVATION: return read_activation(reader, key, field);
    case CONFIG_MUST: return read_must(reader, key);
    case CONFIG_TEXT: break;
    }
    return read_text(reader, key);
}

enum lassim_status config_read_keys(const struct config_reader *reader, const struct config_key *key, size_t keys,
                                    struct checkpoint_config *config)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < keys && status == LASSIM_OK; i++) status = read_key(reader, &key[i], config);
    return status;
}

/* The id, or -1 for none. */
static enum lassim_status read_token(const struct config_reader *reader, const char *key, int otherwise,
                                     uint32_t vocabulary, int64_t *id)
{
    const json_t *value = json_object_get(reader->object, key), *list = json_is_array(value) ? value : NULL;
    *id = otherwise;
    if (list != NULL && json_array_size(list) > 0 && json_is_integer(json_array_get(list, 0))) {
        *id = json_integer_value(json_array_get(list, 0));
    } else {
        enum lassim_status status =
            json_get_integer(reader->file, reader->object, key, JSON_OPTIONAL, otherwise < 0 ? -1 : 0,
                             (int64_t)vocabulary - 1, id, reader->error);
        if (status != LASSIM_OK) return status;
    }
    if (*id >= -1 && *id < (int64_t)vocabulary) return LASSIM_OK;
    int absent = value == NULL || json_is_null(value);
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, key, "%s%lld%s outside the vocabulary of %u",
                       absent ? "absent, and its default " : "", (long long)*id, absent ? " is" : ",", vocabulary);
}

enum lassim_status config_read_tokens(const struct config_reader *reader, int bos, int eos, int pad,
                                      struct model_config *model)
{
    int64_t id[3] = {-1, -1, -1};
    enum lassim_status status = read_token(reader, "bos_token_id", bos, model->vocabulary, &id[0]);
    if (status == LASSIM_OK) status = read_token(reader, "eos_token_id", eos, model->vocabulary, &id[1]);
    if (status == LASSIM_OK) status = read_token(reader, "pad_token_id", pad, model->vocabulary, &id[2]);
    if (status != LASSIM_OK) return status;
    if (id[0] < 0) id[0] = id[1] < 0 ? 0 : id[1];
    if (id[1] < 0) id[1] = id[0];
    if (id[2] < 0) id[2] = id[1];
    model->bos = (uint32_t)id[0];
    model->eos = (uint32_t)id[1];
    model->pad = (uint32_t)id[2];
    return LASSIM_OK;
}

enum lassim_status config_read_architecture(const struct config_reader *reader, const char *const *names, size_t count,
                                            size_t *index)
{
    const json_t *list = NULL;
    enum lassim_status status =
        json_get_array(reader->file, reader->object, "architectures", JSON_OPTIONAL, &list, reader->error);
    if (status != LASSIM_OK || list == NULL || json_array_size(list) == 0) return status;
    const char *found = json_string_value(json_array_get(list, 0));
    for (size_t i = 0; found != NULL && i < count; i++)
        if (strcmp(names[i], found) == 0) {
            *index = i;
            return LASSIM_OK;
        }
    char all[400] = "";
    for (size_t i = 0, at = 0; i < count; i++)
        at += (size_t)snprintf(all + at, sizeof all - at, "%s%s",
                               i == 0          ? ""
                               : i + 1 < count ? ", "
                                               : " or ",
                               names[i]);
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "architectures",
                       "\"%.80s\" is not supported, expected %s", found == NULL ? "" : found, all);
}
