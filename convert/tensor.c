#include "convert/tensor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
