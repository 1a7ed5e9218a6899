#include "kernel/program/report_metrics.h"

#include <string.h>

#include "convert/json.h"
#include "kernel/program/report_table.h"

struct copy {
    uint32_t values; /* so far */
    int failed;      /* without memory */
    json_t *left_out;
};

static json_t *copy_value(struct copy *copy, const char *name, const json_t *value, unsigned depth);

/* Of a token what the figures show. */
static int shown_of_token(const char *key)
{
    static const char *const keys[] = {"token", "id", "text", "spikes", "synaptic_operations"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(key, keys[i]) == 0) return 1;
    return 0;
}

static int is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

static json_t *copy_object(struct copy *copy, const char *name, const json_t *value, unsigned depth)
{
    int token = strcmp(name, "tokens[]") == 0, population = strcmp(name, "populations[]") == 0;
    const char *key;
    json_t *member, *object = json_object();
    json_object_foreach((json_t *)value, key, member)
    {
        if ((token && !shown_of_token(key)) || (population && !is_scalar(member))) continue;
        copy->failed |= json_object_set_new(object, key, copy_value(copy, key, member, depth));
    }
    return object;
}

static json_t *copy_array(struct copy *copy, const char *name, const json_t *value, unsigned depth)
{
    size_t size = json_array_size(value), shown = size < REPORT_METRICS_LIST ? size : REPORT_METRICS_LIST;
    json_t *array = json_array();
    const char *element = strcmp(name, "tokens") == 0        ? "tokens[]"
                          : strcmp(name, "populations") == 0 ? "populations[]"
                                                             : "";
    for (size_t i = 0; i < shown && copy->values <= REPORT_METRICS_VALUES; i++)
        copy->failed |= json_array_append_new(array, copy_value(copy, element, json_array_get(value, i), depth));
    if (shown < size)
        copy->failed |= json_object_set_new(copy->left_out, name, json_integer((json_int_t)(size - shown)));
    return array;
}

static json_t *copy_value(struct copy *copy, const char *name, const json_t *value, unsigned depth)
{
    if (depth == REPORT_METRICS_DEPTH) copy->values = REPORT_METRICS_VALUES;
    if (++copy->values > REPORT_METRICS_VALUES) return json_null();
    if (json_is_object(value)) return copy_object(copy, name, value, depth + 1);
    if (json_is_array(value)) return copy_array(copy, name, value, depth + 1);
    if (json_is_string(value)) return report_string(json_string_value(value));
    return json_incref((json_t *)value);
}

enum lassim_status report_metrics_copy(const char *path, const json_t *root, json_t **json, struct lassim_error *error)
{
    const char *schema = NULL;
    *json = NULL;
    enum lassim_status status = json_get_string(path, root, "schema", JSON_REQUIRED, &schema, error);
    if (status != LASSIM_OK) return status;
    if (strncmp(schema, "lassim.", 7) != 0)
        return lassim_fail(error, LASSIM_ERR_FILE, path, "schema",
                           "expected \"lassim.metrics.1\" or alike, found \"%s\"", schema);
    struct copy copy = {.left_out = json_object()};
    json_t *object = copy_value(&copy, "", root, 0);
    if (copy.values > REPORT_METRICS_VALUES)
        status = lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "expected at most %d values, nested at most %d deep",
                             REPORT_METRICS_VALUES, REPORT_METRICS_DEPTH);
    else if (copy.failed || json_object_set(object, "left_out", copy.left_out) != 0)
        status = lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for its values");
    json_decref(copy.left_out);
    if (status == LASSIM_OK) *json = object;
    if (status != LASSIM_OK) json_decref(object);
    return status;
}
