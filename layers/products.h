/* Spike products on whole windows: integer codes times the complete sums of their partners. */
#ifndef LASSIM_LAYERS_PRODUCTS_H
#define LASSIM_LAYERS_PRODUCTS_H

#include <stdint.h>

/* sum[j] += sum over i < rows of factor[i] * partner[i * stride + j], for j < n.  q.k: factors are one head's
 * channels of q, partners a block of keys; e.v: factors are e's keys, partners one head's channels of v.
 * Rows whose factor is 0 are not read.  The sums must fit int64 (params_check_products).  AVX-512 or AVX2 where the
 * CPU has it, else portable C; same integers. */
void products_add(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride, uint32_t n,
                  int64_t *sum);

/* The same for n columns that lie PRODUCTS_BLOCK side by side, blocks `block_stride` apart: column j of row i is
 * partner[j / PRODUCTS_BLOCK * block_stride + i * PRODUCTS_BLOCK + j % PRODUCTS_BLOCK].  Whole blocks are read. */
enum { PRODUCTS_BLOCK = 16 };
void products_add_blocks(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t block_stride,
                         uint32_t n, int64_t *sum);

/* sum[i] = value[i] 2^shift[i] for i < n; shift 0..30. */
void products_shift(const int32_t *value, const int8_t *shift, uint32_t n, int64_t *sum);

/* copy[i] = value[i] for i < n; returns their sum, or the sum of their squares.  |value| < 2^26, n < 2^11 for
 * products_squares and 2^37 for products_sum: the result fits int64. */
int64_t products_sum(const int32_t *value, uint32_t n, int64_t *copy);
int64_t products_squares(const int32_t *value, uint32_t n, int64_t *copy);

#endif
