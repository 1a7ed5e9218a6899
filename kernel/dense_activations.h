/* What the engine `dense` does to single values and vectors: functions, norms, rotary positions, in float32. */
#ifndef LASSIM_KERNEL_DENSE_ACTIVATIONS_H
#define LASSIM_KERNEL_DENSE_ACTIVATIONS_H

#include <stddef.h>
#include <stdint.h>

#include "neurons/hg.h"

/* x[0 .. count) becomes function(x): GELU (erf, tanh), SiLU, quick-GELU or tanh (invariant). */
void dense_function(enum hg_function function, float *x, size_t count);

/* y = (x - mean) / sqrt(variance + epsilon) gamma + beta of a row of n; rms: mean 0.  Sums in double. */
void dense_norm(const float *x, uint32_t n, int rms, double epsilon, const float *gamma, const float *beta, float *y);

/* Turns each head of x [heads * head_dim]: the pair (i, i + head_dim / 2) by angle[2 i] = cosine and angle[2 i + 1] = sine
 * times 2^30. */
void dense_rotate(const int32_t *angle, float *x, uint32_t heads, uint32_t head_dim);

#endif
