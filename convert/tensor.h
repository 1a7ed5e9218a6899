/* One tensor of a checkpoint: where its elements lie in a mapped file and how to read them.
 *
 * F32, F16 and BF16 elements (little-endian, row-major, contiguous) can be read; any other type is
 * legal in a file but only listed.  Widening to float or double is exact for all three types. */
#ifndef LASSIM_CONVERT_TENSOR_H
#define LASSIM_CONVERT_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "layers/params.h"

enum { TENSOR_RANK_MAX = 8, TENSOR_NAME_MAX = 200, TENSOR_LIST_MAX = 1 << 20 };

struct checkpoint_tensor {
    char *name;            /* as the file names it, UTF-8 */
    char dtype[32];        /* the file's name of the element type: "F16", "HalfStorage", "I64"; a .bin's view
                               * that is not contiguous: "strided HalfStorage" */
    int readable;          /* 1: type says F32, F16 or BF16, contiguous; 0: listed only, data must not be read */
    enum weight_type type; /* meaningful if readable */
    uint32_t rank;         /* 0 .. TENSOR_RANK_MAX; 0 is a scalar of one element */
    uint64_t shape[TENSOR_RANK_MAX];
    uint64_t elements; /* product of shape */
    const void *data;  /* elements * weight_size(type) bytes in the mapping; may be unaligned */
    const char *file;  /* path of the file that holds it, for error messages */
};

/* Tensors found in one or several files, in the order found; sorted by tensor_list_sort. */
struct tensor_list {
    struct checkpoint_tensor *tensor;
    size_t count, capacity;
};

/* LASSIM_ERR_FILE unless the name has 1 to TENSOR_NAME_MAX bytes and no NUL among them. */
enum lassim_status tensor_name_check(const char *file, const char *name, size_t length, struct lassim_error *error);
/* Appends a copy of *tensor with its own copy of the name, which is checked.  LASSIM_ERR_FILE: bad name, or
 * more than TENSOR_LIST_MAX tensors; LASSIM_ERR_RUN: no memory.  Amortised O(length). */
enum lassim_status tensor_list_add(struct tensor_list *list, const struct checkpoint_tensor *tensor, const char *name,
                                   size_t length, struct lassim_error *error);
/* Sorts by name (bytes).  LASSIM_ERR_FILE if two tensors share a name; the error names it and both files. */
enum lassim_status tensor_list_sort(struct tensor_list *list, struct lassim_error *error);
/* Binary search in a sorted list; NULL if absent. */
const struct checkpoint_tensor *tensor_list_find(const struct tensor_list *list, const char *name);
/* Frees names and array (not the mapping); the list is empty afterwards. */
void tensor_list_clear(struct tensor_list *list);

/* Product of shape in *elements; 0 if it overflows 64 bits, else 1. */
int tensor_elements(const uint64_t *shape, uint32_t rank, uint64_t *elements);
/* "[4096, 256]" into text (cut at size - 1). */
void tensor_shape_text(const uint64_t *shape, uint32_t rank, char *text, size_t size);

/* Widens elements [first, first + count) in row-major order into out[0 .. count), exactly; NaN and
 * infinities stay such.  The tensor must be readable and the range inside it (invariant).  O(count). */
void checkpoint_tensor_f32(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out);
void checkpoint_tensor_f64(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, double *out);
/* Row-major index of the first NaN or infinite element, or -1.  Readable tensors only.  Reads all of it. */
int64_t checkpoint_first_nonfinite(const struct checkpoint_tensor *tensor);

#endif
