/* OAT, the outlier-aware threshold neuron (LAS, arXiv 2505.09659; exact form: docs/design.md).
 *
 *   lsb = alpha_nor 2^-T,   c = round(|x| / lsb) half away from zero
 *   c <= 2^T - 1            normal sub-neuron codes c
 *   otherwise               outlier sub-neuron codes round(c 2^-j) on lsb 2^j; above 2^T - 1 it
 *                           saturates there and is counted
 * Parameters: lsb (population, > 0), shift (per channel, 0..30), T (1..16), j (0..10), relu.
 * Receives: a membrane potential x per neuron when the window closes, in IEEE double.
 * Sends: T timesteps of signed spikes of one sub-neuron (neurons/code.h); nothing for code 0.
 *
 * Exactness: c is the correctly rounded IEEE quotient |x| / lsb, rounded to an integer without further
 * error, so codes are the same on every machine.  For unsaturated x, in units of lsb,
 *   normal:  |y - x| <= 1/2;   outlier:  |y - c| <= 2^j / 2 and |c - x| <= 1/2
 * (c is rounded twice: a tie of the outlier sub-neuron may be met from half an lsb below it).
 *
 * A code is one uint32_t: magnitude in bits 0-15, OAT_NEGATIVE, OAT_OUTLIER.  0 is silent. */
#ifndef LASSIM_NEURONS_OAT_H
#define LASSIM_NEURONS_OAT_H

#include <stddef.h>
#include <stdint.h>

#define OAT_MAGNITUDE 0xffffu
#define OAT_NEGATIVE 0x10000u
#define OAT_OUTLIER 0x20000u
enum { OAT_SHIFT_MAX = 10 /* largest j */ };

struct oat_params {
    double lsb;          /* alpha_nor 2^-T, > 0, finite, of the population (of its smallest channel) */
    const int8_t *shift; /* per neuron: its lsb is lsb * 2^shift[i], 0..30; NULL: all 0.  Not owned */
    unsigned steps;      /* T, 1..16 */
    unsigned j;          /* outlier shift, 0..10 */
    int relu;            /* non-zero: a negative potential never spikes */
};

/* Codes x[0..n) into codes[0..n).  x finite (the kernel guarantees it; NaN is a bug and aborts, an
 * infinity saturates and is counted).  first is the index into shift of x[0].
 * Returns the number of saturated neurons (a negative one under relu never is).  Every code depends on its
 * own x and shift alone, whatever first and n.  O(n), no allocation; bench/micro/bench_neurons.c. */
uint64_t oat_encode(const struct oat_params *params, size_t first, const double *x, size_t n, uint32_t *codes);

/* value[i] = oat_value(codes[i], j) for i < n, j 0..10.  O(n), no allocation. */
void oat_values(const uint32_t *codes, size_t n, unsigned j, int32_t *value);

/* The signed integer that a code stands for, in units of the neuron's own lsb (shift not applied):
 * |value| < 2^26. */
static inline int32_t oat_value(uint32_t code, unsigned j)
{
    int32_t magnitude = (int32_t)((code & OAT_MAGNITUDE) << (code & OAT_OUTLIER ? j : 0));
    return code & OAT_NEGATIVE ? -magnitude : magnitude;
}

#endif
