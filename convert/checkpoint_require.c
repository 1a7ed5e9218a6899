/* The part of convert/checkpoint.h that looks tensors up by role and checks what it finds. */
#include <stdio.h>
#include <string.h>

#include "convert/checkpoint.h"

enum { SHAPE_TEXT = 200, NAMES_TEXT = 400 };

const struct checkpoint_tensor *checkpoint_find_prefixed(const struct checkpoint *checkpoint,
                                                         const char *const *prefixes, const char *suffix)
{
    for (; *prefixes != NULL; prefixes++) {
        char name[TENSOR_NAME_MAX + 1];
        int length = snprintf(name, sizeof name, "%s%s", *prefixes, suffix);
        if (length < 0 || (size_t)length >= sizeof name) continue; /* longer than any name in a file */
        const struct checkpoint_tensor *tensor = checkpoint_find(checkpoint, name);
        if (tensor != NULL) return tensor;
    }
    return NULL;
}

static const struct checkpoint_tensor *find_head(const struct checkpoint *checkpoint,
                                                 const struct checkpoint_names *names)
{
    const struct checkpoint_tensor *tensor = NULL;
    for (const char *const *name = names->heads; tensor == NULL && *name != NULL; name++)
        tensor = checkpoint_find(checkpoint, *name);
    return tensor;
}

/* "A, B or C" of prefix + suffix for all prefixes; cut where text ends. */
static void list_names(const char *const *prefixes, const char *suffix, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; prefixes[i] != NULL && used < size; i++) {
        const char *between = i == 0 ? "" : prefixes[i + 1] == NULL ? " or " : ", ";
        used += (size_t)snprintf(text + used, size - used, "%s%s%s", between, prefixes[i], suffix);
    }
}

/* Type and shape of a tensor that was found. */
static enum lassim_status check_tensor(const struct checkpoint *checkpoint, const struct checkpoint_tensor *tensor,
                                       uint32_t rank, const uint64_t *shape, struct lassim_error *error)
{
    if (!tensor->readable)
        return lassim_fail(error, LASSIM_ERR_FILE, tensor->file, tensor->name, "elements of type %s, expected %s",
                           tensor->dtype, checkpoint_gguf(checkpoint) != NULL ? GGUF_READABLE : "F32, F16 or BF16");
    if (tensor->rank == rank && memcmp(tensor->shape, shape, rank * sizeof *shape) == 0) return LASSIM_OK;
    char found[SHAPE_TEXT], expected[SHAPE_TEXT];
    tensor_shape_text(tensor->shape, tensor->rank, found, sizeof found);
    tensor_shape_text(shape, rank, expected, sizeof expected);
    return lassim_fail(error, LASSIM_ERR_FILE, tensor->file, tensor->name, "shape %s, expected %s", found, expected);
}

enum lassim_status checkpoint_require(const struct checkpoint *checkpoint, const char *const *prefixes,
                                      const char *suffix, uint32_t rank, const uint64_t *shape,
                                      const struct checkpoint_tensor **tensor, struct lassim_error *error)
{
    char expected[NAMES_TEXT];
    *tensor = checkpoint_find_prefixed(checkpoint, prefixes, suffix);
    if (*tensor != NULL) return check_tensor(checkpoint, *tensor, rank, shape, error);
    list_names(prefixes, suffix, expected, sizeof expected);
    return lassim_fail(error, LASSIM_ERR_FILE, checkpoint_path(checkpoint), suffix, "tensor missing, expected %s",
                       expected);
}

enum lassim_status checkpoint_require_embedding(const struct checkpoint *checkpoint,
                                                const struct checkpoint_names *names, int tied, uint64_t vocabulary,
                                                uint64_t width, const struct checkpoint_tensor **tensor,
                                                struct lassim_error *error)
{
    const uint64_t shape[] = {vocabulary, width};
    const struct checkpoint_tensor *head = tied ? find_head(checkpoint, names) : NULL;
    if (head == NULL || checkpoint_find_prefixed(checkpoint, names->prefixes, names->embedding) != NULL)
        return checkpoint_require(checkpoint, names->prefixes, names->embedding, 2, shape, tensor, error);
    *tensor = head;
    return check_tensor(checkpoint, head, 2, shape, error);
}

enum lassim_status checkpoint_require_head(const struct checkpoint *checkpoint, const struct checkpoint_names *names,
                                           int tied, uint64_t vocabulary, uint64_t width,
                                           const struct checkpoint_tensor **tensor, struct lassim_error *error)
{
    const uint64_t shape[] = {vocabulary, width};
    char expected[NAMES_TEXT];
    if (tied) return checkpoint_require_embedding(checkpoint, names, tied, vocabulary, width, tensor, error);
    *tensor = find_head(checkpoint, names);
    if (*tensor != NULL) return check_tensor(checkpoint, *tensor, 2, shape, error);
    list_names(names->heads, "", expected, sizeof expected);
    return lassim_fail(error, LASSIM_ERR_FILE, checkpoint_path(checkpoint), names->heads[0],
                       "tensor missing, expected %s: tie_word_embeddings is false", expected);
}

enum lassim_status checkpoint_require_finite(const struct checkpoint_tensor *tensor, struct lassim_error *error)
{
    int64_t index = checkpoint_first_nonfinite(tensor);
    if (index < 0) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_FILE, tensor->file, tensor->name,
                       "element %lld is NaN or infinite, expected finite weights", (long long)index);
}
