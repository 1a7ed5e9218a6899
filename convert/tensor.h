/* One tensor of a checkpoint: where its elements lie in a mapped file and how to read them.
 *
 * F32, F16 and BF16 elements (little-endian) can be read, and GGUF's blocks of quantised ones; any other type is legal
 * in a file but only listed.  Widening to float or double is exact for the three types; a quantised tensor is one of
 * F32, its elements the float32 values that its blocks stand for, computed when they are read.  A view says where the
 * elements lie if not one after the other; nothing is ever copied as a whole. */
#ifndef LASSIM_CONVERT_TENSOR_H
#define LASSIM_CONVERT_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "convert/gguf_blocks.h"
#include "kernel/error.h"
#include "layers/params.h"

enum { TENSOR_RANK_MAX = 8, TENSOR_NAME_MAX = 200, TENSOR_LIST_MAX = 1 << 20 };

/* Element (r, c) of a tensor of R rows (its first dimension) of C elements each is element
 * first + r' row_stride + c column_stride of what is stored at data.  All 0: as they are read, one after the other. */
struct tensor_view {
    uint64_t first;
    uint64_t row_stride, column_stride; /* both 0: C and 1 */
    /* 0: r' = r.  Else rows of a head, even: a head's rows lie with the partners of a rotary pair next to each other,
     * as r' = 0, H/2, 1, H/2 + 1, .. of the H rows that checkpoints of the family have; this puts them back. */
    uint32_t head_rows;
};

struct checkpoint_tensor {
    char *name;            /* as the file names it, UTF-8 */
    char dtype[32];        /* the file's name of the element type: "F16", "HalfStorage", "I64"; a .bin's view
                               * that is not contiguous: "strided HalfStorage" */
    int readable;          /* 1: type says F32, F16 or BF16; 0: listed only, data must not be read */
    enum weight_type type; /* of the elements as they are read; meaningful if readable */
    uint32_t rank;         /* 0 .. TENSOR_RANK_MAX; 0 is a scalar of one element */
    uint64_t shape[TENSOR_RANK_MAX];
    uint64_t elements; /* product of shape */
    const void
        *data; /* in the mapping; may be unaligned.  Without blocks and view elements * weight_size(type) bytes */
    const struct gguf_format *blocks; /* NULL: elements of `type` lie at data; else blocks, and type is WEIGHT_F32 */
    int widened; /* 1: F32 lies at data, each element of which `type` holds exactly; without blocks */
    struct tensor_view view;
    const char *file; /* path of the file that holds it, for error messages */
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

/* Elements [first, first + count) in row-major order, widened exactly into out[0 .. count); NaN and infinities stay
 * such.  The tensor must be readable and the range inside it (invariant).  O(count). */
void checkpoint_tensor_f32(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, float *out);
void checkpoint_tensor_f64(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, double *out);
/* The same as elements of tensor->type: count * weight_size(tensor->type) bytes, bit by bit those stored unless in
 * blocks. */
void checkpoint_tensor_copy(const struct checkpoint_tensor *tensor, uint64_t first, uint64_t count, void *out);
/* Row-major index of the first NaN or infinite element, or -1.  Readable tensors only.  Reads all of it. */
int64_t checkpoint_first_nonfinite(const struct checkpoint_tensor *tensor);
/* Tells the kernel that this process does not need the pages of the tensor's elements any more. */
void checkpoint_tensor_release(const struct checkpoint_tensor *tensor);

/* A matrix [C, R] read as [R, C]: swaps the two sizes of *tensor (rank 2, without head_rows) and where elements lie. */
void checkpoint_tensor_turn(struct checkpoint_tensor *tensor);
/* If every element of an F32 tensor without blocks is an exact element of the narrower float type, it becomes one of
 * that type; else, and for WEIGHT_F32, nothing happens.  Reads all of it. */
void checkpoint_tensor_narrow(struct checkpoint_tensor *tensor, enum weight_type type);
/* Rows [from, to) of a readable matrix or vector, or columns of a matrix, without head_rows (invariant), as a tensor
 * of its own with the same name: valid as long as *tensor's data, whose name it borrows. */
struct checkpoint_tensor checkpoint_tensor_rows(const struct checkpoint_tensor *tensor, uint64_t from, uint64_t to);
struct checkpoint_tensor checkpoint_tensor_columns(const struct checkpoint_tensor *tensor, uint64_t from, uint64_t to);

#endif
