/* Spike products on whole windows: integer codes times the complete sums of their partners. */
#ifndef LASSIM_LAYERS_PRODUCTS_H
#define LASSIM_LAYERS_PRODUCTS_H

#include <stdint.h>

/* sum[j] += sum over i < rows of factor[i] * partner[i * stride + j], for j < n.  q.k: factors are one head's
 * channels of q, partners a block of keys; e.v: factors are e's keys, partners one head's channels of v.
 * Rows whose factor is 0 are not read.  The sums must fit int64 (params_check_products).  AVX2 where the CPU has it, else
 * portable C; same integers. */
void products_add(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride, uint32_t n,
                  int64_t *sum);

#endif
