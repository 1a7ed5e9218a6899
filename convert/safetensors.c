#include "convert/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/json.h"

enum { HEADER_MAX = 100000000, DTYPE_NAME_MAX = 23 };

static const struct {
    const char *name;
    uint32_t bits;
} element_types[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
};

/* One tensor's bytes in the data section, for the check against holes and overlap. */
struct span {
    uint64_t begin, end;
    const char *name;
};

struct reader {
    const char *file;
    const uint8_t *data; /* data section */
    uint64_t size;       /* of it */
    struct tensor_list *list;
    struct span *span; /* [tensors] */
    size_t spans;
    struct lassim_error *error;
};

/* Bits of one element, 0 for a type outside the format's list. */
static uint32_t type_bits(const char *name)
{
    for (size_t i = 0; i < sizeof element_types / sizeof *element_types; i++)
        if (strcmp(element_types[i].name, name) == 0) return element_types[i].bits;
    return 0;
}

static void set_type(struct checkpoint_tensor *tensor, const char *name)
{
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", name);
    static const enum weight_type readable[] = {WEIGHT_F32, WEIGHT_F16, WEIGHT_BF16};
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++)
        if (strcmp(name, weight_type_name(readable[i])) == 0) {
            tensor->readable = 1;
            tensor->type = readable[i];
        }
}

static int is_count(const json_t *value)
{
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

/* shape and rank of *tensor from the entry. */
static enum lassim_status read_shape(const struct reader *reader, const char *name, const json_t *entry,
                                     struct checkpoint_tensor *tensor)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > TENSOR_RANK_MAX)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                           "shape: expected an array of at most %d sizes", TENSOR_RANK_MAX);
    tensor->rank = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < tensor->rank; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!is_count(size))
            return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                               "shape[%u]: expected an integer >= 0", i);
        tensor->shape[i] = (uint64_t)json_integer_value(size);
    }
    if (!tensor_elements(tensor->shape, tensor->rank, &tensor->elements))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                           "shape: more than 2^64 elements, expected what the file can hold");
    return LASSIM_OK;
}

/* begin and end of the entry's bytes, inside the data section. */
static enum lassim_status read_offsets(const struct reader *reader, const char *name, const json_t *entry,
                                       struct span *span)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !is_count(begin) || !is_count(end))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                           "data_offsets: expected two integers >= 0");
    *span = (struct span){(uint64_t)json_integer_value(begin), (uint64_t)json_integer_value(end), name};
    if (span->begin > span->end || span->end > reader->size)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                           "data_offsets [%llu, %llu], expected an ascending pair within %llu bytes of data",
                           (unsigned long long)span->begin, (unsigned long long)span->end,
                           (unsigned long long)reader->size);
    return LASSIM_OK;
}

/* end - begin = elements * bits / 8 in whole bytes. */
static enum lassim_status check_bytes(const struct reader *reader, const struct checkpoint_tensor *tensor,
                                      const struct span *span)
{
    uint32_t bits = type_bits(tensor->dtype);
    uint64_t total = 0;
    if (bits == 0) return LASSIM_OK;
    if (__builtin_mul_overflow(tensor->elements, (uint64_t)bits, &total) || total % 8 != 0 ||
        total / 8 != span->end - span->begin) {
        char shape[200];
        tensor_shape_text(tensor->shape, tensor->rank, shape, sizeof shape);
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, span->name,
                           "%s of shape %s in %llu bytes, expected its elements' exact size", tensor->dtype, shape,
                           (unsigned long long)(span->end - span->begin));
    }
    return LASSIM_OK;
}

static enum lassim_status read_entry(struct reader *reader, const char *name, const json_t *entry)
{
    enum lassim_status status = tensor_name_check(reader->file, name, strlen(name), reader->error);
    if (status != LASSIM_OK) return status;
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    if (dtype == NULL || strlen(dtype) > DTYPE_NAME_MAX)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, name,
                           "expected an object with dtype, shape and data_offsets");
    struct checkpoint_tensor tensor = {.file = reader->file};
    set_type(&tensor, dtype);
    struct span *span = &reader->span[reader->spans];
    status = read_shape(reader, name, entry, &tensor);
    if (status == LASSIM_OK) status = read_offsets(reader, name, entry, span);
    if (status == LASSIM_OK) status = check_bytes(reader, &tensor, span);
    if (status != LASSIM_OK) return status;
    tensor.data = reader->data + span->begin;
    reader->spans++;
    return tensor_list_add(reader->list, &tensor, name, strlen(name), reader->error);
}

static enum lassim_status check_metadata(const struct reader *reader, json_t *metadata)
{
    const char *key;
    json_t *value;
    if (!json_is_object(metadata))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "__metadata__", "expected an object");
    json_object_foreach(metadata, key, value) if (!json_is_string(value)) return lassim_fail(
        reader->error, LASSIM_ERR_FILE, reader->file, "__metadata__", "%.80s: expected a string", key);
    return LASSIM_OK;
}

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Tensors cover the data section exactly: no hole, no overlap, nothing after the last. */
static enum lassim_status check_cover(struct reader *reader)
{
    uint64_t end = 0;
    qsort(reader->span, reader->spans, sizeof *reader->span, compare_spans);
    for (size_t i = 0; i < reader->spans; i++) {
        const struct span *span = &reader->span[i];
        if (span->begin != end)
            return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, span->name,
                               "data starts at %llu, expected %llu: tensors follow each other without hole or overlap",
                               (unsigned long long)span->begin, (unsigned long long)end);
        end = span->end;
    }
    if (end != reader->size)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "data",
                           "%llu bytes, expected the %llu that the tensors take", (unsigned long long)reader->size,
                           (unsigned long long)end);
    return LASSIM_OK;
}

static enum lassim_status read_entries(struct reader *reader, json_t *header)
{
    const char *key;
    json_t *value;
    if (!json_is_object(header))
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "header", "expected a JSON object");
    reader->span = calloc(json_object_size(header) + 1, sizeof *reader->span);
    if (reader->span == NULL)
        return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, NULL, "no memory for its list of tensors");
    enum lassim_status status = LASSIM_OK;
    json_object_foreach(header, key, value)
    {
        if (strcmp(key, "__metadata__") == 0)
            status = check_metadata(reader, value);
        else
            status = read_entry(reader, key, value);
        if (status != LASSIM_OK) return status;
    }
    return check_cover(reader);
}

/* The JSON's length, checked against the file. */
static enum lassim_status header_length(const char *file, const uint8_t *data, uint64_t size, uint64_t *length,
                                        struct lassim_error *error)
{
    if (size < 8)
        return lassim_fail(error, LASSIM_ERR_FILE, file, "header", "%llu bytes, expected at least 8",
                           (unsigned long long)size);
    memcpy(length, data, sizeof *length);
    if (*length > HEADER_MAX || *length > size - 8)
        return lassim_fail(error, LASSIM_ERR_FILE, file, "header",
                           "length %llu, expected at most %d and at most the %llu bytes that follow",
                           (unsigned long long)*length, HEADER_MAX, (unsigned long long)(size - 8));
    if (*length == 0 || data[8] != '{')
        return lassim_fail(error, LASSIM_ERR_FILE, file, "header", "expected JSON that starts with {");
    return LASSIM_OK;
}

enum lassim_status safetensors_read(const char *file, const uint8_t *data, uint64_t size, struct tensor_list *list,
                                    struct lassim_error *error)
{
    uint64_t length = 0;
    json_t *header = NULL;
    enum lassim_status status = header_length(file, data, size, &length, error);
    if (status == LASSIM_OK) status = json_parse(file, "header", data + 8, length, &header, error);
    if (status != LASSIM_OK) return status;
    struct reader reader = {file, data + 8 + length, size - 8 - length, list, NULL, 0, error};
    status = read_entries(&reader, header);
    free(reader.span);
    json_decref(header);
    return status;
}
