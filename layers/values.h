/* What integer sums are worth at a close: arrays of the few IEEE operations that the design fixes (docs/design.md,
 * Exactness), element by element, in vectors where the CPU has AVX-512.  Same bits at every level. */
#ifndef LASSIM_LAYERS_VALUES_H
#define LASSIM_LAYERS_VALUES_H

#include <stdint.h>

#define VALUES_POTENTIAL_MAX (INT64_C(1) << 52) /* of a residual's |integer| */

/* x[i] = (double)sum[i] (unit scale[i]), then + bias[i]; the sums become 0.  scale, bias: [n] or NULL.  O(n). */
void values_of_sums(int64_t *sum, const double *scale, const double *bias, double unit, uint32_t n, double *x);

/* x[i] = (double)potential[i] unit.  O(n). */
void values_of_potentials(const int64_t *potential, double unit, uint32_t n, double *x);

/* The largest of sum[0 .. n), n >= 1.  O(n). */
int64_t values_largest(const int64_t *sum, uint32_t n);

/* x[i] = (double)(times sum[i] - minus) unit, exact in 64 bits before it is rounded; the sums become 0.  O(n). */
void values_of_differences(int64_t *sum, int64_t times, int64_t minus, double unit, uint32_t n, double *x);

/* What a complete train's integers are worth times those of another: x[i] = (double)(factor[i] by[i]) unit, the
 * product of |factor| < 2^VALUES_FACTOR_BITS and |by| < 2^62 exact before it is rounded once; then times
 * scale[i], then + bias[i].  by_stride: 1, or 0 for one partner of all.  scale, bias: [n] or NULL.  O(n). */
enum { VALUES_FACTOR_BITS = 27 };
struct values_products {
    const int64_t *factor, *by;
    uint32_t by_stride;
    double unit;
    const double *scale, *bias;
};
void values_of_products(const struct values_products *products, uint32_t n, double *x);

/* potential[i] += value[i] per_grid, rounded once, half away from zero, and clamped to +-VALUES_POTENTIAL_MAX, as the
 * potentials are before.  Returns how many were clamped.  No value is NaN.  O(n). */
uint64_t values_into_potentials(const double *value, double per_grid, uint32_t n, int64_t *potential);

#endif
