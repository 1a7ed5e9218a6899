/* Energy models from a JSON file. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/energy.h"
#include "kernel/if_files.h"

#define FORMAT "lassim.energy.1"

struct parse {
    const char *path;
    char place[64];
    struct lassim_error *error;
};

static enum lassim_status bad(const struct parse *parse, const char *expectation)
{
    return lassim_fail(parse->error, LASSIM_ERR_FILE, parse->path, parse->place, "expected %s", expectation);
}

static int number(const json_t *value, double *to)
{
    if (!json_is_number(value)) return 0;
    *to = json_number_value(value);
    return *to >= 0 && *to <= 1e9;
}

/* A cost in pJ; missing: 0 unless needed. */
static enum lassim_status cost(const struct parse *parse, const json_t *object, const char *key, int needed,
                               double *joules)
{
    const json_t *value = json_object_get(object, key);
    double pj = 0;
    *joules = 0;
    if (value == NULL && !needed) return LASSIM_OK;
    if (!number(value, &pj))
        return lassim_fail(parse->error, LASSIM_ERR_FILE, parse->path, parse->place,
                           "%s: expected pJ, a number from 0 to 1e9", key);
    *joules = pj * 1e-12;
    return LASSIM_OK;
}

static enum lassim_status text(const struct parse *parse, const json_t *object, const char *key, char *to, size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value == NULL || *value == '\0' || strlen(value) >= size)
        return lassim_fail(parse->error, LASSIM_ERR_FILE, parse->path, parse->place,
                           "%s: expected a text of 1 to %zu bytes", key, size - 1);
    memcpy(to, value, strlen(value) + 1);
    return LASSIM_OK;
}

static int choice(const json_t *object, const char *key, const char *(*name)(int), int count)
{
    const char *value = json_string_value(json_object_get(object, key));
    for (int i = 0; value != NULL && i < count; i++)
        if (strcmp(value, name(i)) == 0) return i;
    return -1;
}

static const char *kind_name(int i)
{
    return energy_kind_name((enum energy_kind)i);
}

static const char *width_name(int i)
{
    return energy_width_name((enum energy_width)i);
}

static enum lassim_status check_keys(const struct parse *parse, json_t *object)
{
    static const char *const known[] = {"name",     "source",     "kind",     "add_pj",   "multiply_pj",
                                        "event_pj", "fp32_mac",   "fp16_mac", "int8_mac", "width",
                                        "memory",   "dram_above", "dram_pj"};
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i], key) != 0) i++;
        if (i == sizeof known / sizeof known[0])
            return lassim_fail(parse->error, LASSIM_ERR_FILE, parse->path, parse->place, "unknown key '%.60s'", key);
    }
    return LASSIM_OK;
}

static enum lassim_status memory(const struct parse *parse, const json_t *object, struct energy_model *model)
{
    const json_t *points = json_object_get(object, "memory");
    size_t n = json_array_size(points);
    if (model->kind != ENERGY_MEMORY)
        return points == NULL && json_object_get(object, "dram_pj") == NULL
                   ? LASSIM_OK
                   : bad(parse, "memory and dram_pj with kind memory only");
    if (n < 1 || n > ENERGY_POINTS_MAX) return bad(parse, "memory: a list of 1 to 8 pairs [bytes, pJ per byte]");
    for (size_t i = 0; i < n; i++) {
        const json_t *pair = json_array_get(points, i);
        struct energy_point *point = &model->point[i];
        double bytes = json_number_value(json_array_get(pair, 0)), pj;
        if (json_array_size(pair) != 2 || !number(json_array_get(pair, 1), &pj) || !(bytes >= 1 && bytes <= 1e15) ||
            (i > 0 && bytes <= model->point[i - 1].bytes))
            return bad(parse, "memory: pairs [bytes, pJ per byte], bytes ascending from 1 to 1e15");
        *point = (struct energy_point){bytes, pj * 1e-12};
    }
    model->points = (uint32_t)n;
    enum lassim_status status = cost(parse, object, "dram_pj", 0, &model->dram);
    model->dram_above = json_number_value(json_object_get(object, "dram_above"));
    if (status == LASSIM_OK && model->dram > 0 && !(model->dram_above >= 1 && model->dram_above <= 1e15))
        return bad(parse, "dram_above: bytes from 1 to 1e15");
    return status;
}

static enum lassim_status costs(const struct parse *parse, const json_t *object, struct energy_model *model)
{
    static const char *const mac[ENERGY_WIDTHS] = {"fp32_mac", "fp16_mac", "int8_mac"};
    int event = model->kind == ENERGY_EVENT;
    enum lassim_status status = cost(parse, object, "add_pj", !event, &model->add);
    if (status == LASSIM_OK) status = cost(parse, object, "multiply_pj", !event, &model->multiply);
    if (status == LASSIM_OK) status = cost(parse, object, "event_pj", event, &model->event);
    for (int width = 0; width < ENERGY_WIDTHS && status == LASSIM_OK; width++) {
        status = cost(parse, object, mac[width], 0, &model->mac[width]);
        if (json_object_get(object, mac[width]) == NULL) model->mac[width] = energy_model(0)->mac[width];
    }
    if (status != LASSIM_OK) return status;
    if (event && (model->add > 0 || model->multiply > 0)) return bad(parse, "event_pj alone with kind event");
    if (!event && model->event > 0) return bad(parse, "event_pj with kind event only");
    return LASSIM_OK;
}

static int name_taken(const char *name, const struct energy_model *models, uint32_t count)
{
    for (unsigned i = 0; i < energy_models(); i++)
        if (strcmp(energy_model(i)->name, name) == 0) return 1;
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(models[i].name, name) == 0) return 1;
    return 0;
}

static enum lassim_status model_of(const struct parse *parse, json_t *object, struct energy_model *models,
                                   uint32_t count)
{
    struct energy_model *model = &models[count];
    if (!json_is_object(object)) return bad(parse, "an object");
    enum lassim_status status = check_keys(parse, object);
    if (status == LASSIM_OK) status = text(parse, object, "name", model->name, sizeof model->name);
    if (status == LASSIM_OK) status = text(parse, object, "source", model->source, sizeof model->source);
    if (status != LASSIM_OK) return status;
    if (strspn(model->name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(model->name))
        return bad(parse, "name: lower-case letters, digits and _");
    if (name_taken(model->name, models, count)) return bad(parse, "name: one that is not taken yet");
    int kind = choice(object, "kind", kind_name, ENERGY_EVENT + 1);
    int width = json_object_get(object, "width") ? choice(object, "width", width_name, ENERGY_WIDTHS) : ENERGY_FP32;
    if (kind < 0) return bad(parse, "kind: compute, memory or event");
    if (width < 0) return bad(parse, "width: fp32, fp16 or int8");
    model->kind = (enum energy_kind)kind;
    model->width = (enum energy_width)width;
    status = costs(parse, object, model);
    return status == LASSIM_OK ? memory(parse, object, model) : status;
}

static enum lassim_status models_of(struct parse *parse, const json_t *root, struct energy_model **models,
                                    uint32_t *count)
{
    const json_t *list = json_object_get(root, "models");
    const char *format = json_string_value(json_object_get(root, "format"));
    if (format == NULL || strcmp(format, FORMAT) != 0) return bad(parse, "format: \"" FORMAT "\"");
    size_t n = json_array_size(list);
    if (n < 1 || n > ENERGY_MODELS_MAX) return bad(parse, "models: a list of 1 to 64");
    *models = calloc(n, sizeof **models);
    if (*models == NULL)
        return lassim_fail(parse->error, LASSIM_ERR_RUN, parse->path, NULL, "no memory for its models");
    for (; *count < n; ++*count) {
        snprintf(parse->place, sizeof parse->place, "models[%u]", *count);
        enum lassim_status status = model_of(parse, json_array_get(list, *count), *models, *count);
        if (status != LASSIM_OK) return status;
    }
    return LASSIM_OK;
}

enum lassim_status energy_file_parse(const char *path, const char *bytes, size_t size, struct energy_model **models,
                                     uint32_t *count, struct lassim_error *error)
{
    struct parse parse = {path, "energy models", error};
    json_error_t reason;
    *models = NULL;
    *count = 0;
    json_t *root = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &reason);
    if (root == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, path, "energy models", "line %d: %s", reason.line, reason.text);
    enum lassim_status status = models_of(&parse, root, models, count);
    json_decref(root);
    if (status == LASSIM_OK) return LASSIM_OK;
    free(*models);
    *models = NULL;
    *count = 0;
    return status;
}

enum lassim_status energy_file_read(const char *path, struct energy_model **models, uint32_t *count,
                                    struct lassim_error *error)
{
    char *bytes;
    size_t size;
    *models = NULL;
    *count = 0;
    enum lassim_status status = if_read_file(path, ENERGY_FILE_MAX, &bytes, &size, error);
    if (status != LASSIM_OK) return status;
    status = energy_file_parse(path, bytes, size, models, count, error);
    free(bytes);
    return status;
}
