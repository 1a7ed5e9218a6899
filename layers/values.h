/* What integer sums are worth at a close: arrays of the few IEEE operations that the design fixes (docs/design.md,
 * Exactness), element by element, in vectors where the CPU has AVX-512.  Same bits at every level. */
#ifndef LASSIM_LAYERS_VALUES_H
#define LASSIM_LAYERS_VALUES_H

#include <stdint.h>

#define VALUES_POTENTIAL_MAX (INT64_C(1) << 52) /* of a residual's |integer| */

/* x[i] = (double)sum[i] (unit scale[i]), then + bias[i]; the sums become 0.  scale, bias: [n] or NULL.  O(n). */
void values_of_sums(int64_t *sum, const double *scale, const double *bias, double unit, uint32_t n, double *x);

/* potential[i] += value[i] per_grid, rounded once, half away from zero, and clamped to +-VALUES_POTENTIAL_MAX, as the
 * potentials are before.  Returns how many were clamped.  No value is NaN.  O(n). */
uint64_t values_into_potentials(const double *value, double per_grid, uint32_t n, int64_t *potential);

#endif
