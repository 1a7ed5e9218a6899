/* Matrix products in double whose every sum has one order, whatever the blocking, the SIMD width, the
 * compiler or the number of threads: output element = (((0 + x0 w0) + x1 w1) + ...), source 0 first, no
 * contraction.  SIMD runs across outputs, never along a sum. */
#ifndef LASSIM_CONVERT_DENSE_KERNELS_H
#define LASSIM_CONVERT_DENSE_KERNELS_H

#include <stddef.h>

#include "convert/tensor.h"

enum { DENSE_PANEL = 8, DENSE_ROWS = 4 };

/* y[r * DENSE_PANEL + i] += x[r * stride + 0] panel[i] + x[r * stride + 1] panel[DENSE_PANEL + i] + ...,
 * left to right, for r < rows (1 .. DENSE_ROWS), i < DENSE_PANEL, over `sources` sources.
 * panel: [sources][DENSE_PANEL]. */
void dense_panel_product(const double *x, size_t stride, unsigned rows, const double *panel, size_t sources, double *y);

/* y[t][i] = sum_j x[t][j] weight[i][j], then + bias[i] unless bias is NULL, for t < tokens and
 * i < targets.  weight: [targets][sources], as linear layers of a checkpoint lie.
 * x: [tokens][sources], y: [tokens][targets], not overlapping.  O(tokens targets sources) on `threads`
 * threads; weights are widened tile by tile on the stack (about 130 kB a thread). */
void dense_linear(unsigned threads, const struct checkpoint_tensor *weight, const double *bias, const double *x,
                  size_t tokens, size_t sources, size_t targets, double *y);

/* The same with the weights of a stored matrix of an integer type: integer * scale. */
void dense_linear_stored(unsigned threads, const struct matrix *stored, const double *bias, const double *x,
                         size_t tokens, size_t sources, size_t targets, double *y);

#endif
