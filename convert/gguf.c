#include "convert/gguf.h"

#include <stdlib.h>
#include <string.h>

#include "convert/gguf_cursor.h"
#include "convert/gguf_tensors.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "GGUF is read in place: little-endian");

enum {
    VERSION_MIN = 2,
    VERSION_MAX = 3,
    HEADER_BYTES = 24,
    ENTRY_BYTES_MIN = 8 + 1 + 4 + 1,
    TENSOR_BYTES_MIN = 8 + 1 + 4 + 4 + 8
};

static const struct {
    const char *name;
    uint32_t bytes;
} types[GGUF_TYPES] = {
    [GGUF_UINT8] = {"uint8", 1},     [GGUF_INT8] = {"int8", 1},     [GGUF_UINT16] = {"uint16", 2},
    [GGUF_INT16] = {"int16", 2},     [GGUF_UINT32] = {"uint32", 4}, [GGUF_INT32] = {"int32", 4},
    [GGUF_FLOAT32] = {"float32", 4}, [GGUF_BOOL] = {"bool", 1},     [GGUF_STRING] = {"string", 0},
    [GGUF_ARRAY] = {"array", 0},     [GGUF_UINT64] = {"uint64", 8}, [GGUF_INT64] = {"int64", 8},
    [GGUF_FLOAT64] = {"float64", 8},
};

const char *gguf_type_name(enum gguf_type type)
{
    return types[type].name;
}

uint32_t gguf_type_size(enum gguf_type type)
{
    return types[type].bytes;
}

int gguf_text_compare(struct gguf_text a, struct gguf_text b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

int gguf_text_equal(struct gguf_text text, const char *string)
{
    return gguf_text_compare(text, (struct gguf_text){string, strlen(string)}) == 0;
}

/* --- values --- */

static enum lassim_status take_type(struct gguf_cursor *cursor, const char *key, enum gguf_type *type)
{
    uint64_t number;
    enum lassim_status status = gguf_take(cursor, key, 4, &number);
    if (status != LASSIM_OK) return status;
    if (number >= GGUF_TYPES)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, key,
                           "byte %llu: a value of type %llu, expected 0 to %d", (unsigned long long)cursor->at - 4,
                           (unsigned long long)number, GGUF_TYPES - 1);
    *type = (enum gguf_type)number;
    return LASSIM_OK;
}

/* count numbers or booleans of one type. */
static enum lassim_status skip_numbers(struct gguf_cursor *cursor, const char *key, enum gguf_type type, uint64_t count)
{
    const uint8_t *data = cursor->data + cursor->at;
    if (count > gguf_left(cursor) / types[type].bytes)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, key,
                           "byte %llu: %llu values of type %s, expected at most the %llu bytes that follow",
                           (unsigned long long)cursor->at, (unsigned long long)count, types[type].name,
                           (unsigned long long)gguf_left(cursor));
    for (uint64_t i = 0; type == GGUF_BOOL && i < count; i++)
        if (data[i] > 1)
            return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, key,
                               "byte %llu: a bool of value %u, expected 0 or 1", (unsigned long long)cursor->at + i,
                               data[i]);
    cursor->at += count * types[type].bytes;
    return LASSIM_OK;
}

static enum lassim_status skip_value(struct gguf_cursor *cursor, const char *key, enum gguf_type type, unsigned depth);

/* Element type and count of an array. */
static enum lassim_status take_array_head(struct gguf_cursor *cursor, const char *key, enum gguf_type *element,
                                          uint64_t *count)
{
    enum lassim_status status = take_type(cursor, key, element);
    return status == LASSIM_OK ? gguf_take(cursor, key, 8, count) : status;
}

static enum lassim_status skip_elements(struct gguf_cursor *cursor, const char *key, enum gguf_type element,
                                        uint64_t count, unsigned depth)
{
    enum lassim_status status = LASSIM_OK;
    if (types[element].bytes != 0) return skip_numbers(cursor, key, element, count);
    for (uint64_t i = 0; i < count && status == LASSIM_OK; i++) status = skip_value(cursor, key, element, depth);
    return status;
}

/* depth: arrays around the value; recursion ends at GGUF_DEPTH_MAX. */
static enum lassim_status skip_value(struct gguf_cursor *cursor, const char *key, enum gguf_type type, unsigned depth)
{
    struct gguf_text text;
    enum gguf_type element;
    uint64_t count;
    if (type == GGUF_STRING) return gguf_take_text(cursor, key, &text);
    if (type != GGUF_ARRAY) return skip_numbers(cursor, key, type, 1);
    if (depth >= GGUF_DEPTH_MAX)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, key, "byte %llu: arrays nested deeper than %d",
                           (unsigned long long)cursor->at, GGUF_DEPTH_MAX);
    enum lassim_status status = take_array_head(cursor, key, &element, &count);
    return status == LASSIM_OK ? skip_elements(cursor, key, element, count, depth + 1) : status;
}

static enum lassim_status take_value(struct gguf_cursor *cursor, const char *key, struct gguf_value *value)
{
    enum lassim_status status = take_type(cursor, key, &value->type);
    if (status != LASSIM_OK) return status;
    value->element = value->type;
    value->count = 1;
    if (value->type == GGUF_ARRAY) status = take_array_head(cursor, key, &value->element, &value->count);
    if (status != LASSIM_OK) return status;
    uint64_t start = cursor->at;
    value->data = cursor->data + start;
    status = value->type == GGUF_ARRAY ? skip_elements(cursor, key, value->element, value->count, 1)
                                       : skip_value(cursor, key, value->type, 0);
    value->size = cursor->at - start;
    return status;
}

/* --- entries --- */

/* Printable ASCII; the specification's lower_snake_case is not kept by all writers. */
static enum lassim_status check_key(const struct gguf_cursor *cursor, struct gguf_text key)
{
    char shown[GGUF_SHOWN];
    int plain = key.size > 0 && key.size <= GGUF_KEY_MAX;
    for (uint64_t i = 0; i < key.size && plain; i++) plain = key.data[i] >= ' ' && key.data[i] <= '~';
    if (plain) return LASSIM_OK;
    return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, key.size > 0 ? gguf_show(key, shown) : "metadata",
                       "a key of %llu bytes, expected 1 to %d bytes of printable ASCII", (unsigned long long)key.size,
                       GGUF_KEY_MAX);
}

static enum lassim_status take_entries(struct gguf_cursor *cursor, struct gguf *gguf)
{
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < gguf->entries && status == LASSIM_OK; i++) {
        struct gguf_entry *entry = &gguf->entry[i];
        char shown[GGUF_SHOWN];
        status = gguf_take_text(cursor, "metadata", &entry->key);
        if (status == LASSIM_OK) status = check_key(cursor, entry->key);
        if (status == LASSIM_OK) status = take_value(cursor, gguf_show(entry->key, shown), &entry->value);
    }
    gguf->metadata_bytes = cursor->at;
    return status;
}

static int compare_keys(const void *a, const void *b)
{
    return gguf_text_compare(((const struct gguf_entry *)a)->key, ((const struct gguf_entry *)b)->key);
}

static enum lassim_status sort_entries(const struct gguf_cursor *cursor, struct gguf *gguf)
{
    char shown[GGUF_SHOWN];
    if (gguf->entries > 0) qsort(gguf->entry, gguf->entries, sizeof *gguf->entry, compare_keys);
    for (size_t i = 1; i < gguf->entries; i++)
        if (compare_keys(&gguf->entry[i - 1], &gguf->entry[i]) == 0)
            return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(gguf->entry[i].key, shown),
                               "key defined twice");
    return LASSIM_OK;
}

const struct gguf_entry *gguf_find_entry(const struct gguf *gguf, const char *key)
{
    struct gguf_entry wanted = {.key = {key, strlen(key)}};
    if (gguf->entries == 0) return NULL;
    return bsearch(&wanted, gguf->entry, gguf->entries, sizeof wanted, compare_keys);
}

/* --- the file --- */

static enum lassim_status take_version(struct gguf_cursor *cursor)
{
    uint64_t version = 0;
    if (cursor->size < HEADER_BYTES || memcmp(cursor->data, "GGUF", 4) != 0)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, "header",
                           "not a GGUF file, expected %d bytes that start with \"GGUF\"", HEADER_BYTES);
    cursor->at = 4;
    enum lassim_status status = gguf_take(cursor, "header", 4, &version);
    if (status != LASSIM_OK || (version >= VERSION_MIN && version <= VERSION_MAX)) return status;
    int swapped = __builtin_bswap32((uint32_t)version) <= VERSION_MAX;
    return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, "header", "version %llu%s, expected %d or %d",
                       (unsigned long long)version, swapped ? " (a big-endian file)" : "", VERSION_MIN, VERSION_MAX);
}

/* A count of table rows of at least row_bytes each. */
static enum lassim_status check_count(const struct gguf_cursor *cursor, const char *what, uint64_t count, uint64_t most,
                                      uint64_t row_bytes)
{
    uint64_t fit = gguf_left(cursor) / row_bytes;
    if (count <= most && count <= fit) return LASSIM_OK;
    return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, "header",
                       "%llu %s, expected at most %llu and at most the %llu that the file has room for",
                       (unsigned long long)count, what, (unsigned long long)most, (unsigned long long)fit);
}

/* Counts, and room for that many rows. */
static enum lassim_status take_counts(struct gguf_cursor *cursor, struct gguf *gguf)
{
    uint64_t tensors = 0, entries = 0;
    enum lassim_status status = gguf_take(cursor, "header", 8, &tensors);
    if (status == LASSIM_OK) status = gguf_take(cursor, "header", 8, &entries);
    if (status == LASSIM_OK) status = check_count(cursor, "tensors", tensors, GGUF_TENSORS_MAX, TENSOR_BYTES_MIN);
    if (status == LASSIM_OK) status = check_count(cursor, "entries", entries, GGUF_ENTRIES_MAX, ENTRY_BYTES_MIN);
    if (status != LASSIM_OK) return status;
    gguf->tensors = (size_t)tensors;
    gguf->entries = (size_t)entries;
    gguf->tensor = calloc(gguf->tensors + 1, sizeof *gguf->tensor);
    gguf->entry = calloc(gguf->entries + 1, sizeof *gguf->entry);
    if (gguf->tensor == NULL || gguf->entry == NULL)
        return lassim_fail(cursor->error, LASSIM_ERR_RUN, cursor->file, NULL, "no memory for its tables");
    return LASSIM_OK;
}

static enum lassim_status read_tables(struct gguf_cursor *cursor, struct gguf *gguf)
{
    enum lassim_status status = take_version(cursor);
    if (status == LASSIM_OK) status = take_counts(cursor, gguf);
    if (status == LASSIM_OK) status = take_entries(cursor, gguf);
    if (status == LASSIM_OK) status = sort_entries(cursor, gguf);
    return status == LASSIM_OK ? gguf_tensors_read(cursor, gguf) : status;
}

enum lassim_status gguf_open(const char *file, const uint8_t *data, uint64_t size, struct gguf **gguf,
                             struct lassim_error *error)
{
    struct gguf_cursor cursor = {file, data, size, 0, error};
    struct gguf *opened = calloc(1, sizeof *opened);
    *gguf = NULL;
    if (opened == NULL) return lassim_fail(error, LASSIM_ERR_RUN, file, NULL, "no memory for its tables");
    opened->file = file;
    opened->data = data;
    enum lassim_status status = read_tables(&cursor, opened);
    if (status == LASSIM_OK)
        *gguf = opened;
    else
        gguf_close(opened);
    return status;
}

void gguf_close(struct gguf *gguf)
{
    if (gguf == NULL) return;
    free(gguf->tensor);
    free(gguf->entry);
    free(gguf);
}
