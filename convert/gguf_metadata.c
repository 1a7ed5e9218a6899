#include "convert/gguf_metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLOAT_DIGITS = 9, NUMBER_TEXT = 32 };

/* "an array of 3 uint32", "a string": what an error line says was found. */
static void describe(const struct gguf_value *value, char *text, size_t size)
{
    if (value->type == GGUF_ARRAY)
        snprintf(text, size, "an array of %llu %s", (unsigned long long)value->count, gguf_type_name(value->element));
    else
        snprintf(text, size, "a value of type %s", gguf_type_name(value->type));
}

static enum lassim_status wrong(const struct gguf *gguf, const char *key, const char *expected,
                                const struct gguf_value *value, struct lassim_error *error)
{
    char found[80];
    describe(value, found, sizeof found);
    return lassim_fail(error, LASSIM_ERR_FILE, gguf->file, key, "expected %s, found %s", expected, found);
}

/* The value of key, or NULL; absent and required: *status says so. */
static const struct gguf_value *find(const struct gguf *gguf, const char *key, enum gguf_need need,
                                     const char *expected, enum lassim_status *status, struct lassim_error *error)
{
    const struct gguf_entry *entry = gguf_find_entry(gguf, key);
    *status = LASSIM_OK;
    if (entry == NULL && need == GGUF_REQUIRED)
        *status = lassim_fail(error, LASSIM_ERR_FILE, gguf->file, key, "expected %s, found nothing", expected);
    return entry == NULL ? NULL : &entry->value;
}

static int is_integer(enum gguf_type type)
{
    return type <= GGUF_INT32 || type == GGUF_UINT64 || type == GGUF_INT64;
}

/* An integer of any width; a uint64 beyond int64 is INT64_MAX. */
static int64_t load_integer(enum gguf_type type, const uint8_t *data)
{
    uint64_t bits = 0;
    unsigned width = gguf_type_size(type), shift = 64 - 8 * width;
    memcpy(&bits, data, width);
    switch (type) {
    case GGUF_INT8:
    case GGUF_INT16:
    case GGUF_INT32:
    case GGUF_INT64: return (int64_t)(bits << shift) >> shift;
    default: return bits > INT64_MAX ? INT64_MAX : (int64_t)bits;
    }
}

static float load_float(const uint8_t *data)
{
    float value;
    memcpy(&value, data, sizeof value);
    return value;
}

enum lassim_status gguf_get_integer(const struct gguf *gguf, const char *key, enum gguf_need need, int64_t low,
                                    int64_t high, int64_t *out, struct lassim_error *error)
{
    enum lassim_status status;
    const struct gguf_value *value = find(gguf, key, need, "an integer", &status, error);
    if (value == NULL) return status;
    if (!is_integer(value->type)) return wrong(gguf, key, "an integer", value, error);
    int64_t integer = load_integer(value->type, value->data);
    if (integer < low || integer > high)
        return lassim_fail(error, LASSIM_ERR_FILE, gguf->file, key, "expected an integer from %lld to %lld, found %lld",
                           (long long)low, (long long)high, (long long)integer);
    *out = integer;
    return LASSIM_OK;
}

double gguf_shortest(float value)
{
    char text[NUMBER_TEXT];
    double decimal = value;
    for (int digits = 1; digits <= FLOAT_DIGITS; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)value);
        decimal = strtod(text, NULL);
        if ((float)decimal == value) return decimal;
    }
    return value;
}

enum lassim_status gguf_get_number(const struct gguf *gguf, const char *key, enum gguf_need need, double *out,
                                   struct lassim_error *error)
{
    enum lassim_status status;
    double number = 0;
    const struct gguf_value *value = find(gguf, key, need, "a number", &status, error);
    if (value == NULL) return status;
    if (is_integer(value->type))
        number = (double)load_integer(value->type, value->data);
    else if (value->type == GGUF_FLOAT32)
        number = gguf_shortest(load_float(value->data));
    else if (value->type == GGUF_FLOAT64)
        memcpy(&number, value->data, sizeof number);
    else
        return wrong(gguf, key, "a number", value, error);
    if (!__builtin_isfinite(number))
        return lassim_fail(error, LASSIM_ERR_FILE, gguf->file, key, "expected a finite number, found NaN or infinity");
    *out = number;
    return LASSIM_OK;
}

enum lassim_status gguf_get_bool(const struct gguf *gguf, const char *key, enum gguf_need need, int *out,
                                 struct lassim_error *error)
{
    enum lassim_status status;
    const struct gguf_value *value = find(gguf, key, need, "a bool", &status, error);
    if (value == NULL) return status;
    if (value->type != GGUF_BOOL) return wrong(gguf, key, "a bool", value, error);
    *out = *value->data;
    return LASSIM_OK;
}

enum lassim_status gguf_get_text(const struct gguf *gguf, const char *key, enum gguf_need need, struct gguf_text *out,
                                 struct lassim_error *error)
{
    enum lassim_status status;
    const struct gguf_value *value = find(gguf, key, need, "a string", &status, error);
    if (value == NULL) return status;
    if (value->type != GGUF_STRING) return wrong(gguf, key, "a string", value, error);
    *out = (struct gguf_text){(const char *)value->data + 8, value->size - 8};
    return LASSIM_OK;
}

enum lassim_status gguf_get_array(const struct gguf *gguf, const char *key, enum gguf_need need,
                                  enum gguf_elements elements, const struct gguf_value **out,
                                  struct lassim_error *error)
{
    static const char *const expected[] = {
        [GGUF_STRINGS] = "an array of string",
        [GGUF_FLOATS] = "an array of float32",
        [GGUF_INTEGERS] = "an array of integers",
    };
    enum lassim_status status;
    const struct gguf_value *value = find(gguf, key, need, expected[elements], &status, error);
    if (value == NULL) return status;
    int fits = elements == GGUF_INTEGERS ? is_integer(value->element)
               : elements == GGUF_FLOATS ? value->element == GGUF_FLOAT32
                                         : value->element == GGUF_STRING;
    if (value->type != GGUF_ARRAY || (!fits && value->count != 0))
        return wrong(gguf, key, expected[elements], value, error);
    *out = value;
    return LASSIM_OK;
}

static const uint8_t *element_at(const struct gguf_value *array, uint64_t index)
{
    LASSIM_INVARIANT(array->type == GGUF_ARRAY && index < array->count, "element %llu of %llu",
                     (unsigned long long)index, (unsigned long long)array->count);
    return array->data + index * gguf_type_size(array->element);
}

float gguf_float_at(const struct gguf_value *array, uint64_t index)
{
    LASSIM_INVARIANT(array->element == GGUF_FLOAT32, "elements of type %s", gguf_type_name(array->element));
    return load_float(element_at(array, index));
}

int64_t gguf_integer_at(const struct gguf_value *array, uint64_t index)
{
    LASSIM_INVARIANT(is_integer(array->element), "elements of type %s", gguf_type_name(array->element));
    return load_integer(array->element, element_at(array, index));
}

struct gguf_strings gguf_strings_start(const struct gguf_value *array)
{
    LASSIM_INVARIANT(array->type == GGUF_ARRAY && (array->element == GGUF_STRING || array->count == 0),
                     "elements of type %s", gguf_type_name(array->element));
    return (struct gguf_strings){array->data, array->count};
}

int gguf_strings_next(struct gguf_strings *strings, struct gguf_text *text)
{
    if (strings->left == 0) return 0;
    memcpy(&text->size, strings->at, 8);
    text->data = (const char *)strings->at + 8;
    strings->at += 8 + text->size;
    strings->left--;
    return 1;
}
