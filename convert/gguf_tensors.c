#include "convert/gguf_tensors.h"

#include <stdlib.h>
#include <string.h>

#include "convert/gguf_blocks.h"
#include "convert/gguf_metadata.h"

enum { ALIGNMENT = 32 /* unless general.alignment says otherwise */, ALIGNMENT_MIN = 8, ALIGNMENT_MAX = 1 << 16 };

static enum lassim_status fail(const struct gguf_cursor *cursor, const struct gguf_tensor *tensor, const char *text)
{
    char shown[GGUF_SHOWN];
    return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(tensor->name, shown), "%s", text);
}

static enum lassim_status take_name(struct gguf_cursor *cursor, struct gguf_text *name)
{
    char shown[GGUF_SHOWN];
    enum lassim_status status = gguf_take_text(cursor, "tensors", name);
    if (status != LASSIM_OK) return status;
    if (name->size > 0 && name->size <= GGUF_NAME_MAX && memchr(name->data, '\0', name->size) == NULL) return LASSIM_OK;
    return lassim_fail(
        cursor->error, LASSIM_ERR_FILE, cursor->file, name->size > 0 ? gguf_show(*name, shown) : "tensors",
        "a tensor name of %llu bytes, expected 1 to %d without NUL", (unsigned long long)name->size, GGUF_NAME_MAX);
}

static enum lassim_status take_dimensions(struct gguf_cursor *cursor, struct gguf_tensor *tensor)
{
    char shown[GGUF_SHOWN];
    uint64_t rank;
    enum lassim_status status = gguf_take(cursor, gguf_show(tensor->name, shown), 4, &rank);
    if (status != LASSIM_OK) return status;
    if (rank > GGUF_RANK_MAX)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, shown, "%llu dimensions, expected at most %d",
                           (unsigned long long)rank, GGUF_RANK_MAX);
    tensor->rank = (uint32_t)rank;
    tensor->elements = 1;
    for (uint32_t i = 0; i < tensor->rank; i++) {
        status = gguf_take(cursor, shown, 8, &tensor->dimension[i]);
        if (status != LASSIM_OK) return status;
        if (__builtin_mul_overflow(tensor->elements, tensor->dimension[i], &tensor->elements))
            return fail(cursor, tensor, "dimensions of more than 2^64 elements, expected what the file can hold");
    }
    return LASSIM_OK;
}

/* bytes from type and dimensions. */
static enum lassim_status size_tensor(const struct gguf_cursor *cursor, struct gguf_tensor *tensor)
{
    char shown[GGUF_SHOWN];
    const struct gguf_format *format = gguf_format(tensor->type);
    if (format == NULL)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(tensor->name, shown),
                           "elements of type number %u, expected one of ggml's", tensor->type);
    uint64_t row = tensor->rank > 0 ? tensor->dimension[0] : 1;
    if (row % format->elements != 0)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(tensor->name, shown),
                           "rows of %llu elements of type %s, expected a multiple of %u", (unsigned long long)row,
                           format->name, format->elements);
    if (__builtin_mul_overflow(tensor->elements / format->elements, (uint64_t)format->bytes, &tensor->bytes))
        return fail(cursor, tensor, "more than 2^64 bytes, expected what the file can hold");
    return LASSIM_OK;
}

/* Reads one info; *offset is relative to the data's start, which is known only after the last info. */
static enum lassim_status take_info(struct gguf_cursor *cursor, uint64_t alignment, struct gguf_tensor *tensor,
                                    uint64_t *offset)
{
    char shown[GGUF_SHOWN];
    uint64_t type = 0;
    enum lassim_status status = take_name(cursor, &tensor->name);
    if (status == LASSIM_OK) status = take_dimensions(cursor, tensor);
    if (status == LASSIM_OK) status = gguf_take(cursor, gguf_show(tensor->name, shown), 4, &type);
    if (status == LASSIM_OK) status = gguf_take(cursor, gguf_show(tensor->name, shown), 8, offset);
    if (status != LASSIM_OK) return status;
    tensor->type = (uint32_t)type;
    status = size_tensor(cursor, tensor);
    if (status != LASSIM_OK || *offset % alignment == 0) return status;
    return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(tensor->name, shown),
                       "data at offset %llu, expected a multiple of the alignment %llu", (unsigned long long)*offset,
                       (unsigned long long)alignment);
}

static enum lassim_status place(const struct gguf_cursor *cursor, uint64_t start, struct gguf_tensor *tensor,
                                uint64_t offset)
{
    char shown[GGUF_SHOWN];
    uint64_t size = cursor->size - start;
    if (offset > size || tensor->bytes > size - offset)
        return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(tensor->name, shown),
                           "%llu bytes at offset %llu, expected them within the %llu bytes of data",
                           (unsigned long long)tensor->bytes, (unsigned long long)offset, (unsigned long long)size);
    tensor->data = cursor->data + start + offset;
    return LASSIM_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct gguf_tensor *x = a, *y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static enum lassim_status check_overlap(const struct gguf_cursor *cursor, struct gguf *gguf)
{
    char shown[GGUF_SHOWN];
    if (gguf->tensors > 0) qsort(gguf->tensor, gguf->tensors, sizeof *gguf->tensor, compare_places);
    for (size_t i = 1; i < gguf->tensors; i++) {
        const struct gguf_tensor *before = &gguf->tensor[i - 1], *tensor = &gguf->tensor[i];
        if (before->bytes > (uint64_t)(tensor->data - before->data))
            return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, gguf_show(tensor->name, shown),
                               "data starts inside that of %.*s, expected tensors apart", (int)before->name.size,
                               before->name.data);
    }
    return LASSIM_OK;
}

static int compare_names(const void *a, const void *b)
{
    return gguf_text_compare(((const struct gguf_tensor *)a)->name, ((const struct gguf_tensor *)b)->name);
}

static enum lassim_status sort_names(const struct gguf_cursor *cursor, struct gguf *gguf)
{
    if (gguf->tensors > 0) qsort(gguf->tensor, gguf->tensors, sizeof *gguf->tensor, compare_names);
    for (size_t i = 1; i < gguf->tensors; i++)
        if (compare_names(&gguf->tensor[i - 1], &gguf->tensor[i]) == 0)
            return fail(cursor, &gguf->tensor[i], "tensor defined twice");
    return LASSIM_OK;
}

static enum lassim_status read_alignment(const struct gguf_cursor *cursor, const struct gguf *gguf, uint64_t *alignment)
{
    int64_t value = ALIGNMENT;
    enum lassim_status status =
        gguf_get_integer(gguf, "general.alignment", GGUF_OPTIONAL, ALIGNMENT_MIN, ALIGNMENT_MAX, &value, cursor->error);
    *alignment = (uint64_t)value;
    if (status != LASSIM_OK || (*alignment & (*alignment - 1)) == 0) return status;
    return lassim_fail(cursor->error, LASSIM_ERR_FILE, cursor->file, "general.alignment",
                       "%llu, expected a power of two", (unsigned long long)*alignment);
}

/* Infos, then their places in the data, which starts at the next multiple of the alignment. */
static enum lassim_status read_infos(struct gguf_cursor *cursor, struct gguf *gguf, uint64_t *offset)
{
    uint64_t alignment = ALIGNMENT;
    enum lassim_status status = read_alignment(cursor, gguf, &alignment);
    for (size_t i = 0; i < gguf->tensors && status == LASSIM_OK; i++)
        status = take_info(cursor, alignment, &gguf->tensor[i], &offset[i]);
    if (status != LASSIM_OK) return status;
    uint64_t padding = (alignment - cursor->at % alignment) % alignment, start = cursor->size;
    if (padding < gguf_left(cursor)) start = cursor->at + padding;
    for (size_t i = 0; i < gguf->tensors && status == LASSIM_OK; i++)
        status = place(cursor, start, &gguf->tensor[i], offset[i]);
    return status;
}

enum lassim_status gguf_tensors_read(struct gguf_cursor *cursor, struct gguf *gguf)
{
    uint64_t *offset = calloc(gguf->tensors + 1, sizeof *offset);
    if (offset == NULL)
        return lassim_fail(cursor->error, LASSIM_ERR_RUN, cursor->file, NULL, "no memory for its tables");
    enum lassim_status status = read_infos(cursor, gguf, offset);
    free(offset);
    if (status == LASSIM_OK) status = check_overlap(cursor, gguf);
    return status == LASSIM_OK ? sort_names(cursor, gguf) : status;
}

const struct gguf_tensor *gguf_find_tensor(const struct gguf *gguf, const char *name)
{
    struct gguf_tensor wanted = {.name = {name, strlen(name)}};
    if (gguf->tensors == 0) return NULL;
    return bsearch(&wanted, gguf->tensor, gguf->tensors, sizeof wanted, compare_names);
}
