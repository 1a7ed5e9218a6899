/* Double functions without libm: the same bits on every compiler, optimisation level and machine.
 *
 * Everything that the spikes depend on and that is not an integer goes through these (docs/design.md,
 * Exactness): a fixed order of IEEE operations, no contraction (-ffp-contract=off), no library call.
 * Sources: argument reduction after Cody and Waite, "Software Manual for the Elementary Functions"
 * (1980); series and continued fractions from Abramowitz and Stegun, "Handbook of Mathematical
 * Functions" (1964), numbers given at each function.
 *
 * Largest error in units in the last place of the result, as test/neurons/test_real.c asserts it
 * against libm on dense sweeps over the whole domain:
 *
 *   real_exp   1 ulp        real_tanh  1.5 ulp      real_sqrt  0.5 ulp (correctly rounded)
 *   real_log   1 ulp        real_erf   2.5 ulp      real_ldexp 0.5 ulp (exact where the result is normal)
 *
 * All are pure, O(1), allocate nothing, and take every double: NaN gives NaN, the sign of zero is kept
 * where the function is odd, denormals are exact inputs and correctly scaled outputs. */
#ifndef LASSIM_NEURONS_REAL_H
#define LASSIM_NEURONS_REAL_H

#include <stdint.h>

/* e^x; +inf beyond 709.78, 0 below -745.13. */
double real_exp(double x);
/* ln x; -inf at +-0, NaN below 0. */
double real_log(double x);
/* The error function 2/sqrt(pi) int_0^x e^-t^2 dt; odd. */
double real_erf(double x);
/* Hyperbolic tangent; odd. */
double real_tanh(double x);

/* sqrt(x), correctly rounded; -0 at -0, NaN below 0.  The processor's instruction where there is one. */
double real_sqrt(double x);
/* The same bits by integers alone: what real_sqrt is on other machines, far slower. */
double real_sqrt_portable(double x);

/* x 2^exponent for any int, rounded once (to even) where the result is denormal. */
double real_ldexp(double x, int exponent);
/* floor(log2 |x|), exact for denormals too; INT_MIN for 0, INT_MAX for an infinity or NaN. */
int real_floor_log2(double x);
/* The nearest integer, halves away from zero, exact; clamped to +-(2^63 - 1), 0 for NaN. */
int64_t real_round_half_away(double x);

/* 2^exponent, exponent -1022 .. 1023 (not checked). */
static inline double real_power_of_two(int exponent)
{
    union {
        uint64_t bits;
        double value;
    } u = {.bits = (uint64_t)(exponent + 1023) << 52};
    return u.value;
}

#endif
