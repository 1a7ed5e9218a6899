/* Rows of a mapped weight matrix added up in float32: the inner loop of the engine `dense`. */
#ifndef LASSIM_KERNEL_DENSE_ROWS_H
#define LASSIM_KERNEL_DENSE_ROWS_H

#include <stddef.h>

#include "layers/params.h"

enum {
    DENSE_TOKENS = 4,           /* tokens taken through the weights at once */
    DENSE_ALIGN = WEIGHT_GROUP, /* what starts and widths of tiles are multiples of */
};

/* Part of a matrix: sources [first, first + count), targets [begin, begin + width) of `targets`.  begin is a
 * multiple of DENSE_ALIGN; width is one too, or ends at `targets`. */
struct dense_rows {
    const struct matrix *matrix;
    uint32_t targets, first, count, begin, width;
};

/* sum[t * sum_stride + i] += sum_j in[t * in_stride + j] * weight(first + j, begin + i), for i < width and
 * t < tokens (1 .. DENSE_TOKENS), without the targets' scale.  sum has room for width rounded up to DENSE_ALIGN.
 * In float32, in the order of the sources, whatever tile a target lies in and whatever the other tokens are.  Reads the
 * weights once, in their own type; AVX2, FMA and F16C where the CPU has them. */
void dense_rows_add(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens, float *sum,
                    size_t sum_stride);
/* The same in portable C; for tests and other CPUs. */
void dense_rows_add_portable(const struct dense_rows *rows, const float *in, size_t in_stride, uint32_t tokens,
                             float *sum, size_t sum_stride);

#endif
