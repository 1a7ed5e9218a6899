#include "convert/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "checkpoint elements are read in place: little-endian");

/* --- lists --- */

static enum lassim_status list_grow(struct tensor_list *list, struct lassim_error *error)
{
    if (list->count < list->capacity) return LASSIM_OK;
    if (list->count >= TENSOR_LIST_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, NULL, NULL, "more than %d tensors", TENSOR_LIST_MAX);
    size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
    struct checkpoint_tensor *grown = realloc(list->tensor, capacity * sizeof *grown);
    if (grown == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for %zu tensors", capacity);
    list->tensor = grown;
    list->capacity = capacity;
    return LASSIM_OK;
}

enum lassim_status tensor_name_check(const char *file, const char *name, size_t length, struct lassim_error *error)
{
    if (length > 0 && length <= TENSOR_NAME_MAX && memchr(name, '\0', length) == NULL) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_FILE, file, NULL, "a tensor name of %zu bytes, expected 1 to %d without NUL",
                       length, TENSOR_NAME_MAX);
}

enum lassim_status tensor_list_add(struct tensor_list *list, const struct checkpoint_tensor *tensor, const char *name,
                                   size_t length, struct lassim_error *error)
{
    enum lassim_status status = tensor_name_check(tensor->file, name, length, error);
    if (status == LASSIM_OK) status = list_grow(list, error);
    if (status != LASSIM_OK) return status;
    char *copy = strndup(name, length);
    if (copy == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a tensor name");
    list->tensor[list->count] = *tensor;
    list->tensor[list->count].name = copy;
    list->count++;
    return LASSIM_OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct checkpoint_tensor *)a)->name, ((const struct checkpoint_tensor *)b)->name);
}

enum lassim_status tensor_list_sort(struct tensor_list *list, struct lassim_error *error)
{
    if (list->count == 0) return LASSIM_OK;
    qsort(list->tensor, list->count, sizeof *list->tensor, compare_names);
    for (size_t i = 1; i < list->count; i++) {
        const struct checkpoint_tensor *a = &list->tensor[i - 1], *b = &list->tensor[i];
        if (strcmp(a->name, b->name) == 0)
            return lassim_fail(error, LASSIM_ERR_FILE, a->file, a->name, "tensor defined twice (also in %s)", b->file);
    }
    return LASSIM_OK;
}

const struct checkpoint_tensor *tensor_list_find(const struct tensor_list *list, const char *name)
{
    struct checkpoint_tensor key = {.name = (char *)name};
    if (list->count == 0) return NULL;
    return bsearch(&key, list->tensor, list->count, sizeof key, compare_names);
}

void tensor_list_clear(struct tensor_list *list)
{
    for (size_t i = 0; i < list->count; i++) free(list->tensor[i].name);
    free(list->tensor);
    *list = (struct tensor_list){0};
}

/* --- shapes --- */

int tensor_elements(const uint64_t *shape, uint32_t rank, uint64_t *elements)
{
    uint64_t product = 1;
    for (uint32_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(product, shape[i], &product)) return 0;
    *elements = product;
    return 1;
}

void tensor_shape_text(const uint64_t *shape, uint32_t rank, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "[");
    for (uint32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, i == 0 ? "%llu" : ", %llu", (unsigned long long)shape[i]);
    if (used < size) snprintf(text + used, size - used, "]");
}

/* --- elements --- */

enum { SEGMENT = 256 };

/* An element's bits; a half is the word's low half. */
union element {
    uint32_t word;
    uint16_t half;
};

static inline union element load(const struct checkpoint_tensor *tensor, uint32_t size, uint64_t index)
{
    union element element = {0};
    const uint8_t *at = (const uint8_t *)tensor->data + index * size;
    if (size == sizeof element.word)
        memcpy(&element.word, at, sizeof element.word);
    else
        memcpy(&element.half, at, sizeof element.half);
    return element;
}

/* Exact for all three types; NaN and infinities stay such.  A half is a float's bits with the exponent moved:
 * one exact product scales it, denormals included. */
static inline float widen(enum weight_type type, union element element)
{
    uint32_t bits = element.word;
    float value;
    if (type == WEIGHT_BF16) bits = (uint32_t)element.half << 16;
    if (type == WEIGHT_F16) {
        bits = (element.half & 0x8000u) << 16 | (element.half & 0x7fffu) << 13;
        if ((element.half & 0x7c00u) == 0x7c00u) bits |= 0x7f800000u;
    }
    memcpy(&value, &bits, sizeof value);
    return type == WEIGHT_F16 ? value * 0x1p112f : value;
}

/* The exponent's bits: all set in NaN and infinities, and only there. */
static uint32_t exponent_mask(enum weight_type type)
{
    switch (type) {
    case WEIGHT_F32: return 0x7f800000u;
    case WEIGHT_F16: return 0x7c00u;
    default: return 0x7f80u;
    }
}

static void check_range(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count)
{
    LASSIM_INVARIANT(tensor->readable, "tensor %s of type %s", tensor->name, tensor->dtype);
    LASSIM_INVARIANT(first <= tensor->elements && count <= tensor->elements - first, "tensor %s: elements %llu + %llu",
                     tensor->name, (unsigned long long)first, (unsigned long long)count);
}

void checkpoint_tensor_f32(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out)
{
    check_range(tensor, first, count);
    switch (tensor->type) {
    case WEIGHT_F32:
        for (uint64_t i = 0; i < count; i++) out[i] = widen(WEIGHT_F32, load(tensor, 4, first + i));
        break;
    case WEIGHT_F16:
        for (uint64_t i = 0; i < count; i++) out[i] = widen(WEIGHT_F16, load(tensor, 2, first + i));
        break;
    default:
        for (uint64_t i = 0; i < count; i++) out[i] = widen(WEIGHT_BF16, load(tensor, 2, first + i));
        break;
    }
}

void checkpoint_tensor_f64(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, double *out)
{
    check_range(tensor, first, count);
    float narrow[SEGMENT];
    for (uint64_t at = 0; at < count; at += SEGMENT) {
        uint64_t n = count - at < SEGMENT ? count - at : SEGMENT;
        checkpoint_tensor_f32(tensor, first + at, n, narrow);
        for (uint64_t i = 0; i < n; i++) out[at + i] = narrow[i];
    }
}

int64_t checkpoint_first_nonfinite(const struct checkpoint_tensor *tensor)
{
    check_range(tensor, 0, tensor->elements);
    uint32_t mask = exponent_mask(tensor->type), size = weight_size(tensor->type);
    for (uint64_t i = 0; i < tensor->elements; i++) {
        if ((load(tensor, size, i).word & mask) == mask) return (int64_t)i;
    }
    return -1;
}
