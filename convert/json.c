#include "convert/json.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* "PLACE: line L, column C" or without the place; columns count bytes from 1. */
static enum lassim_status fail_at(const char *file, const char *place, const uint8_t *text, size_t offset,
                                  const char *what, struct lassim_error *error)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return lassim_fail(error, LASSIM_ERR_FILE, file, place, "line %zu, column %zu: %s", line, column, what);
}

/* Bounds nesting and the number of values before anything is allocated.  Broken grammar passes: the parser
 * proper finds it. */
static enum lassim_status check_limits(const char *file, const char *place, const uint8_t *text, size_t size,
                                       struct lassim_error *error)
{
    size_t depth = 0, values = 1;
    int in_string = 0;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
            continue;
        }
        if (c == '"') in_string = 1;
        if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return fail_at(file, place, text, i, "nested too deep for a checkpoint's JSON", error);
        } else if ((c == ']' || c == '}') && depth > 0) {
            depth--;
        }
        values += c == ',' || c == '[' || c == '{';
    }
    if (values <= JSON_VALUES_MAX) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_FILE, file, place, "%zu values, expected at most %d", values, JSON_VALUES_MAX);
}

enum lassim_status json_parse(const char *file, const char *place, const void *text, size_t size, json_t **value,
                              struct lassim_error *error)
{
    enum lassim_status status = check_limits(file, place, text, size, error);
    if (status != LASSIM_OK) return status;
    json_error_t reason = {0};
    *value = json_loadb(size > 0 ? text : "", size, JSON_REJECT_DUPLICATES, &reason);
    if (*value != NULL) return LASSIM_OK;
    if (json_error_code(&reason) == json_error_out_of_memory)
        return lassim_fail(error, LASSIM_ERR_RUN, file, place, "no memory for its JSON");
    return lassim_fail(error, LASSIM_ERR_FILE, file, place, "line %d, column %d: not valid JSON: %s",
                       reason.line > 0 ? reason.line : 1, reason.column > 0 ? reason.column : 1, reason.text);
}

/* Reads an open regular file into *text (owned by the caller). */
static enum lassim_status read_all(const char *path, FILE *stream, char **text, size_t *size,
                                   struct lassim_error *error)
{
    struct stat info;
    if (fstat(fileno(stream), &info) != 0 || !S_ISREG(info.st_mode))
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "expected a regular file");
    if (info.st_size > JSON_FILE_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "%lld bytes, expected at most %d",
                           (long long)info.st_size, JSON_FILE_MAX);
    *size = (size_t)info.st_size;
    *text = malloc(*size + 1);
    if (*text == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for %zu bytes", *size);
    if (fread(*text, 1, *size, stream) == *size) return LASSIM_OK;
    free(*text);
    *text = NULL;
    return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot read %zu bytes", *size);
}

enum lassim_status json_read_text(const char *path, char **text, size_t *size, struct lassim_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    FILE *stream = descriptor < 0 ? NULL : fdopen(descriptor, "rb");
    if (stream == NULL) return lassim_fail(error, LASSIM_ERR_FILE, path, NULL, "cannot open: %s", strerror(errno));
    enum lassim_status status = read_all(path, stream, text, size, error);
    fclose(stream);
    return status;
}

enum lassim_status json_read_file(const char *path, json_t **value, struct lassim_error *error)
{
    char *text = NULL;
    size_t size = 0;
    enum lassim_status status = json_read_text(path, &text, &size, error);
    if (status == LASSIM_OK) status = json_parse(path, NULL, text, size, value, error);
    free(text);
    return status;
}

const char *json_type_name(const json_t *value)
{
    static const char *const names[] = {"object", "array", "string", "integer", "number", "true", "false", "null"};
    return value == NULL ? "nothing" : names[json_typeof(value)];
}

/* Sets *member to object's key, or to NULL where it is optional and absent or null. */
static enum lassim_status find_member(const char *file, const json_t *object, const char *key, enum json_need need,
                                      const char *expected, const json_t **member, struct lassim_error *error)
{
    if (!json_is_object(object))
        return lassim_fail(error, LASSIM_ERR_FILE, file, key, "expected an object around it, found %s",
                           json_type_name(object));
    *member = json_object_get(object, key);
    if (*member != NULL && !json_is_null(*member)) return LASSIM_OK;
    if (need == JSON_REQUIRED)
        return lassim_fail(error, LASSIM_ERR_FILE, file, key, "expected %s, found %s", expected,
                           json_type_name(*member));
    *member = NULL;
    return LASSIM_OK;
}

static enum lassim_status fail_type(const char *file, const char *key, const char *expected, const json_t *found,
                                    struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_FILE, file, key, "expected %s, found %s", expected, json_type_name(found));
}

enum lassim_status json_get_integer(const char *file, const json_t *object, const char *key, enum json_need need,
                                    int64_t low, int64_t high, int64_t *out, struct lassim_error *error)
{
    const json_t *member = NULL;
    enum lassim_status status = find_member(file, object, key, need, "an integer", &member, error);
    if (status != LASSIM_OK || member == NULL) return status;
    if (!json_is_integer(member)) return fail_type(file, key, "an integer", member, error);
    int64_t found = json_integer_value(member);
    if (found < low || found > high)
        return lassim_fail(error, LASSIM_ERR_FILE, file, key,
                           "expected an integer in %" PRId64 " .. %" PRId64 ", found %" PRId64, low, high, found);
    *out = found;
    return LASSIM_OK;
}

enum lassim_status json_get_number(const char *file, const json_t *object, const char *key, enum json_need need,
                                   double *out, struct lassim_error *error)
{
    const json_t *member = NULL;
    enum lassim_status status = find_member(file, object, key, need, "a number", &member, error);
    if (status != LASSIM_OK || member == NULL) return status;
    if (!json_is_number(member) || !isfinite(json_number_value(member)))
        return fail_type(file, key, "a finite number", member, error);
    *out = json_number_value(member);
    return LASSIM_OK;
}

enum lassim_status json_get_bool(const char *file, const json_t *object, const char *key, enum json_need need, int *out,
                                 struct lassim_error *error)
{
    const json_t *member = NULL;
    enum lassim_status status = find_member(file, object, key, need, "true or false", &member, error);
    if (status != LASSIM_OK || member == NULL) return status;
    if (!json_is_boolean(member)) return fail_type(file, key, "true or false", member, error);
    *out = json_is_true(member);
    return LASSIM_OK;
}

enum lassim_status json_get_string(const char *file, const json_t *object, const char *key, enum json_need need,
                                   const char **out, struct lassim_error *error)
{
    const json_t *member = NULL;
    enum lassim_status status = find_member(file, object, key, need, "a string", &member, error);
    if (status != LASSIM_OK || member == NULL) return status;
    if (!json_is_string(member)) return fail_type(file, key, "a string", member, error);
    *out = json_string_value(member);
    return LASSIM_OK;
}

enum lassim_status json_get_object(const char *file, const json_t *object, const char *key, enum json_need need,
                                   const json_t **out, struct lassim_error *error)
{
    const json_t *member = NULL;
    enum lassim_status status = find_member(file, object, key, need, "an object", &member, error);
    if (status != LASSIM_OK || member == NULL) return status;
    if (!json_is_object(member)) return fail_type(file, key, "an object", member, error);
    *out = member;
    return LASSIM_OK;
}

enum lassim_status json_get_array(const char *file, const json_t *object, const char *key, enum json_need need,
                                  const json_t **out, struct lassim_error *error)
{
    const json_t *member = NULL;
    enum lassim_status status = find_member(file, object, key, need, "an array", &member, error);
    if (status != LASSIM_OK || member == NULL) return status;
    if (!json_is_array(member)) return fail_type(file, key, "an array", member, error);
    *out = member;
    return LASSIM_OK;
}
