/* The part of convert/checkpoint.h that looks tensors up by role and checks what it finds. */
#include <stdio.h>
#include <string.h>

#include "convert/checkpoint.h"

enum { SHAPE_TEXT = 200 };

static const char *const prefixes[] = {"model.decoder.", "decoder.", ""};
static const char *const head_names[] = {"lm_head.weight", "model.lm_head.weight"};

const struct checkpoint_tensor *checkpoint_find_opt(const struct checkpoint *checkpoint, const char *suffix)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        char name[TENSOR_NAME_MAX + 1];
        int length = snprintf(name, sizeof name, "%s%s", prefixes[i], suffix);
        if (length < 0 || (size_t)length >= sizeof name) continue; /* longer than any name in a file */
        const struct checkpoint_tensor *tensor = checkpoint_find(checkpoint, name);
        if (tensor != NULL) return tensor;
    }
    return NULL;
}

static const struct checkpoint_tensor *find_head(const struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < sizeof head_names / sizeof *head_names; i++) {
        const struct checkpoint_tensor *tensor = checkpoint_find(checkpoint, head_names[i]);
        if (tensor != NULL) return tensor;
    }
    return NULL;
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

enum lassim_status checkpoint_require(const struct checkpoint *checkpoint, const char *suffix, uint32_t rank,
                                      const uint64_t *shape, const struct checkpoint_tensor **tensor,
                                      struct lassim_error *error)
{
    *tensor = checkpoint_find_opt(checkpoint, suffix);
    if (*tensor == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, checkpoint_path(checkpoint), suffix,
                           "tensor missing, expected %s%s, %s%s or %s", prefixes[0], suffix, prefixes[1], suffix,
                           suffix);
    return check_tensor(checkpoint, *tensor, rank, shape, error);
}

enum lassim_status checkpoint_require_embedding(const struct checkpoint *checkpoint, int tied, uint64_t vocabulary,
                                                uint64_t width, const struct checkpoint_tensor **tensor,
                                                struct lassim_error *error)
{
    static const char suffix[] = "embed_tokens.weight";
    const uint64_t shape[] = {vocabulary, width};
    const struct checkpoint_tensor *head = tied ? find_head(checkpoint) : NULL;
    if (head == NULL || checkpoint_find_opt(checkpoint, suffix) != NULL)
        return checkpoint_require(checkpoint, suffix, 2, shape, tensor, error);
    *tensor = head;
    return check_tensor(checkpoint, head, 2, shape, error);
}

enum lassim_status checkpoint_require_head(const struct checkpoint *checkpoint, int tied, uint64_t vocabulary,
                                           uint64_t width, const struct checkpoint_tensor **tensor,
                                           struct lassim_error *error)
{
    const uint64_t shape[] = {vocabulary, width};
    if (tied) return checkpoint_require_embedding(checkpoint, tied, vocabulary, width, tensor, error);
    *tensor = find_head(checkpoint);
    if (*tensor == NULL)
        return lassim_fail(error, LASSIM_ERR_FILE, checkpoint_path(checkpoint), head_names[0],
                           "tensor missing, expected %s or %s: tie_word_embeddings is false", head_names[0],
                           head_names[1]);
    return check_tensor(checkpoint, *tensor, 2, shape, error);
}

enum lassim_status checkpoint_require_finite(const struct checkpoint_tensor *tensor, struct lassim_error *error)
{
    int64_t index = checkpoint_first_nonfinite(tensor);
    if (index < 0) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_FILE, tensor->file, tensor->name,
                       "element %lld is NaN or infinite, expected finite weights", (long long)index);
}
