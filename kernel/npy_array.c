#include "kernel/npy_array.h"

#include <string.h>

#include "kernel/trace_format.h"

enum { PREFIX_1 = 10, PREFIX_2 = 12 };

static enum lassim_status bad(const char *path, const char *what, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_FILE, path, "NPY header", "%s", what);
}

/* A cursor in the header's Python literal. */
struct cursor {
    const char *at, *end;
};

static void skip_spaces(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\n')) c->at++;
}

static int take(struct cursor *c, char wanted)
{
    skip_spaces(c);
    if (c->at == c->end || *c->at != wanted) return 0;
    c->at++;
    return 1;
}

/* 'text' or "text" without escapes. */
static int take_string(struct cursor *c, char *out, size_t size)
{
    skip_spaces(c);
    if (c->at == c->end || (*c->at != '\'' && *c->at != '"')) return 0;
    char quote = *c->at++;
    size_t used = 0;
    for (; c->at < c->end && *c->at != quote; c->at++) {
        if (used + 1 >= size || *c->at == '\\') return 0;
        out[used++] = *c->at;
    }
    out[used] = '\0';
    return take(c, quote);
}

static int take_number(struct cursor *c, uint64_t *value)
{
    skip_spaces(c);
    const char *start = c->at;
    *value = 0;
    for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
        if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, *c->at - '0', value)) return 0;
    return c->at > start;
}

/* "<u4", "|b1", "<f8" to a field at the element's end. */
static int add_field(struct npy_array *array, const char *name, const char *type)
{
    if (array->fields == NPY_FIELDS_MAX || strlen(type) != 3) return 0;
    uint32_t bytes = (uint32_t)(type[2] - '0');
    int integer = (type[1] == 'u' || type[1] == 'i') && (bytes == 1 || bytes == 2 || bytes == 4 || bytes == 8);
    int real = type[1] == 'f' && (bytes == 4 || bytes == 8), boolean = type[1] == 'b' && bytes == 1;
    if (!integer && !real && !boolean) return 0;
    if (type[0] != '<' && !(type[0] == '|' && bytes == 1)) return 0;
    struct npy_field *field = &array->field[array->fields++];
    memcpy(field->name, name, strlen(name) + 1);
    field->kind = type[1];
    field->bytes = bytes;
    field->offset = array->element;
    array->element += bytes;
    return 1;
}

/* 'descr': a type or [('name', 'type'), ...]. */
static int take_descr(struct cursor *c, struct npy_array *array)
{
    char name[NPY_FIELD_NAME], type[8];
    if (!take(c, '[')) return take_string(c, type, sizeof type) && add_field(array, "", type);
    while (!take(c, ']')) {
        if (!take(c, '(') || !take_string(c, name, sizeof name) || !take(c, ',') || !take_string(c, type, sizeof type))
            return 0;
        if (!take(c, ')') || npy_array_field(array, name) != NULL || !add_field(array, name, type)) return 0;
        if (!take(c, ',')) return take(c, ']');
    }
    return array->fields > 0;
}

static int take_shape(struct cursor *c, struct npy_array *array)
{
    if (!take(c, '(')) return 0;
    while (!take(c, ')')) {
        if (array->dimensions == NPY_DIMENSIONS_MAX || !take_number(c, &array->shape[array->dimensions++])) return 0;
        if (!take(c, ',')) return take(c, ')');
    }
    return 1;
}

static int take_false(struct cursor *c)
{
    static const char word[] = "False";
    skip_spaces(c);
    if ((size_t)(c->end - c->at) < strlen(word) || memcmp(c->at, word, strlen(word)) != 0) return 0;
    c->at += strlen(word);
    return 1;
}

static const char *parse_dictionary(struct cursor *c, struct npy_array *array)
{
    char key[24];
    unsigned seen = 0;
    if (!take(c, '{')) return "expected a dictionary";
    while (!take(c, '}')) {
        if (!take_string(c, key, sizeof key) || !take(c, ':')) return "expected descr, fortran_order and shape";
        unsigned bit = strcmp(key, "descr") == 0 ? 1 : strcmp(key, "fortran_order") == 0 ? 2 : 4;
        if ((seen & bit) || (bit == 4 && strcmp(key, "shape") != 0)) return "expected descr, fortran_order and shape";
        seen |= bit;
        if (bit == 1 && !take_descr(c, array)) return "descr: expected little-endian numbers of 1, 2, 4 or 8 bytes";
        if (bit == 2 && !take_false(c)) return "fortran_order: expected False (C order)";
        if (bit == 4 && !take_shape(c, array)) return "shape: expected at most 4 numbers";
        if (!take(c, ',') && !take(c, '}')) return "expected a comma";
        if (c->at[-1] == '}') break;
    }
    return seen == 7 ? NULL : "expected descr, fortran_order and shape";
}

enum lassim_status npy_array_parse(const char *path, const uint8_t *bytes, size_t size, struct npy_array *array,
                                   struct lassim_error *error)
{
    *array = (struct npy_array){.count = 1};
    if (size < PREFIX_2 || memcmp(bytes, "\x93NUMPY", 6) != 0 || bytes[6] < 1 || bytes[6] > 2 || bytes[7] != 0)
        return bad(path, "expected an NPY file of version 1.0 or 2.0", error);
    size_t prefix = bytes[6] == 1 ? PREFIX_1 : PREFIX_2;
    size_t length = bytes[6] == 1 ? bytes[8] | (size_t)bytes[9] << 8 : trace_get32(bytes + 8);
    if (length > size - prefix) return bad(path, "the file ends inside it", error);
    struct cursor cursor = {(const char *)bytes + prefix, (const char *)bytes + prefix + length};
    const char *reason = parse_dictionary(&cursor, array);
    if (reason != NULL) return bad(path, reason, error);
    uint64_t total = 0;
    int overflow = 0;
    for (uint32_t d = 0; d < array->dimensions; d++)
        overflow |= __builtin_mul_overflow(array->count, array->shape[d], &array->count);
    overflow |= __builtin_mul_overflow(array->count, array->element, &total);
    if (overflow || total != size - prefix - length)
        return bad(path, "the shape does not fit the file's length", error);
    array->data = bytes + prefix + length;
    return LASSIM_OK;
}

const struct npy_field *npy_array_field(const struct npy_array *array, const char *name)
{
    for (uint32_t f = 0; f < array->fields; f++)
        if (strcmp(array->field[f].name, name) == 0) return &array->field[f];
    return NULL;
}

static uint64_t raw(const struct npy_array *array, const struct npy_field *field, uint64_t index)
{
    const uint8_t *at = array->data + index * array->element + field->offset;
    uint64_t value = 0;
    for (uint32_t b = 0; b < field->bytes; b++) value |= (uint64_t)at[b] << 8 * b;
    return value;
}

static int64_t sign_extended(uint64_t value, uint32_t bytes)
{
    uint64_t sign = UINT64_C(1) << (8 * bytes - 1);
    return (int64_t)((value ^ sign) - sign);
}

double npy_array_number(const struct npy_array *array, const struct npy_field *field, uint64_t index)
{
    uint64_t value = raw(array, field, index);
    uint32_t word = (uint32_t)value;
    float single;
    double number;
    if (field->kind == 'i') return (double)sign_extended(value, field->bytes);
    if (field->kind != 'f') return (double)value;
    memcpy(&single, &word, sizeof single);
    memcpy(&number, &value, sizeof number);
    return field->bytes == 4 ? (double)single : number;
}

int npy_array_unsigned(const struct npy_array *array, const struct npy_field *field, uint64_t index, uint64_t *value)
{
    *value = raw(array, field, index);
    if (field->kind == 'i') return sign_extended(*value, field->bytes) >= 0;
    return field->kind != 'f';
}
