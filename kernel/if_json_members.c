#include "kernel/if_json_members.h"

#include <stdio.h>
#include <string.h>

struct members members_of(const char *path, const json_t *object, struct lassim_error *error, const char *format, ...)
{
    struct members m = {.path = path, .object = object, .error = error};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m.place, sizeof m.place, format, arguments);
    va_end(arguments);
    return m;
}

enum lassim_status members_fail(const struct members *m, const char *key, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return lassim_fail(m->error, LASSIM_ERR_FILE, m->path, m->place, "%.64s: %s", key, text);
}

enum lassim_status members_object(const struct members *m)
{
    if (json_is_object(m->object)) return LASSIM_OK;
    return lassim_fail(m->error, LASSIM_ERR_FILE, m->path, m->place, "expected an object");
}

enum lassim_status members_known(const struct members *m, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)m->object, key, value)
    {
        const char *const *k = known;
        while (*k != NULL && strcmp(*k, key) != 0) k++;
        if (*k == NULL) return members_fail(m, key, "expected no such key");
    }
    return LASSIM_OK;
}

int members_has(const struct members *m, const char *key)
{
    return json_object_get(m->object, key) != NULL;
}

/* The member, or NULL with *status telling whether that is an error. */
static const json_t *find(const struct members *m, const char *key, int needed, const char *expected,
                          enum lassim_status *status)
{
    const json_t *value = json_object_get(m->object, key);
    *status = value == NULL && needed ? members_fail(m, key, "expected %s, found nothing", expected) : LASSIM_OK;
    return value;
}

enum lassim_status members_string(const struct members *m, const char *key, int needed, const char **to)
{
    enum lassim_status status;
    const json_t *value = find(m, key, needed, "a string", &status);
    if (value == NULL) return status;
    if (!json_is_string(value)) return members_fail(m, key, "expected a string");
    *to = json_string_value(value);
    return LASSIM_OK;
}

enum lassim_status members_number(const struct members *m, const char *key, int needed, double *to)
{
    enum lassim_status status;
    const json_t *value = find(m, key, needed, "a number", &status);
    if (value == NULL) return status;
    if (!json_is_number(value)) return members_fail(m, key, "expected a number");
    *to = json_number_value(value);
    return LASSIM_OK;
}

enum lassim_status members_array(const struct members *m, const char *key, int needed, const json_t **to)
{
    enum lassim_status status;
    const json_t *value = find(m, key, needed, "an array", &status);
    if (value == NULL) return status;
    if (!json_is_array(value)) return members_fail(m, key, "expected an array");
    *to = value;
    return LASSIM_OK;
}

enum lassim_status members_integer(const struct members *m, const char *key, int needed, uint64_t most, uint64_t *to)
{
    enum lassim_status status;
    const json_t *value = find(m, key, needed, "an integer", &status);
    if (value == NULL) return status;
    json_int_t integer = json_integer_value(value);
    if (!json_is_integer(value) || integer < 0 || (uint64_t)integer > most)
        return members_fail(m, key, "expected an integer, 0 to %llu", (unsigned long long)most);
    *to = (uint64_t)integer;
    return LASSIM_OK;
}
