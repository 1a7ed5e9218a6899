#include "convert/gguf_json.h"

#include <stdio.h>

enum lassim_status gguf_json_no_memory(const struct gguf_json *builder)
{
    return lassim_fail(builder->error, LASSIM_ERR_RUN, builder->gguf->file, NULL, "no memory for its configuration");
}

enum lassim_status gguf_json_put(const struct gguf_json *builder, json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? LASSIM_OK : gguf_json_no_memory(builder);
}

/* --- entries --- */

const char *gguf_json_key(const struct gguf_json *builder, const char *name, char key[GGUF_JSON_KEY])
{
    snprintf(key, GGUF_JSON_KEY, "%s.%s", builder->architecture, name);
    return key;
}

/* An entry as JSON, or *value stays NULL. */
static enum lassim_status number(const struct gguf_json *builder, const char *entry, enum gguf_number_kind kind,
                                 enum gguf_need need, json_t **value)
{
    int64_t integer = 0;
    double real = 0;
    if (need == GGUF_OPTIONAL && gguf_find_entry(builder->gguf, entry) == NULL) return LASSIM_OK;
    enum lassim_status status =
        kind == GGUF_INTEGER
            ? gguf_get_integer(builder->gguf, entry, need, 0, GGUF_NUMBER_MAX, &integer, builder->error)
            : gguf_get_number(builder->gguf, entry, need, &real, builder->error);
    if (status != LASSIM_OK) return status;
    *value = kind == GGUF_INTEGER ? json_integer(integer) : json_real(real);
    return *value == NULL ? gguf_json_no_memory(builder) : LASSIM_OK;
}

enum lassim_status gguf_json_number(const struct gguf_json *builder, json_t *object, const char *entry,
                                    const struct gguf_number *rule)
{
    json_t *value = NULL;
    enum lassim_status status = number(builder, entry, rule->kind, rule->need, &value);
    return value == NULL ? status : gguf_json_put(builder, object, rule->key, value);
}

enum lassim_status gguf_json_numbers(const struct gguf_json *builder, const struct gguf_number *rule, int prefixed)
{
    enum lassim_status status = LASSIM_OK;
    for (; rule->gguf != NULL && status == LASSIM_OK; rule++) {
        char key[GGUF_JSON_KEY];
        status = gguf_json_number(builder, builder->json,
                                  prefixed ? gguf_json_key(builder, rule->gguf, key) : rule->gguf, rule);
    }
    return status;
}

enum lassim_status gguf_json_optional(const struct gguf_json *builder, const char *name, int64_t *value)
{
    char key[GGUF_JSON_KEY];
    return gguf_get_integer(builder->gguf, gguf_json_key(builder, name, key), GGUF_OPTIONAL, 0, GGUF_NUMBER_MAX, value,
                            builder->error);
}

/* --- tensors --- */

enum lassim_status gguf_json_rows_of(const struct gguf_json *builder, const char *name, int64_t *rows)
{
    const struct gguf_tensor *tensor = gguf_find_tensor(builder->gguf, name);
    if (tensor == NULL)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name, "tensor missing");
    if (tensor->rank != 2 || tensor->dimension[1] < 1 || tensor->dimension[1] > GGUF_NUMBER_MAX)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name,
                           "%u dimensions, expected a matrix of 1 to %d rows", tensor->rank, GGUF_NUMBER_MAX);
    *rows = (int64_t)tensor->dimension[1];
    return LASSIM_OK;
}

int gguf_json_has_tensor(const struct gguf_json *builder, const char *name)
{
    return gguf_find_tensor(builder->gguf, name) != NULL;
}

enum lassim_status gguf_json_rows(const struct gguf_json *builder, const char *key, const char *tensor)
{
    int64_t rows = 0;
    enum lassim_status status = gguf_json_rows_of(builder, tensor, &rows);
    return status == LASSIM_OK ? gguf_json_put(builder, builder->json, key, json_integer(rows)) : status;
}
