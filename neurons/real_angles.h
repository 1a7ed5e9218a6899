/* What rotary positions need beside neurons/real.h, by the same rules: sine, cosine and powers without libm, the same bits
 * everywhere.  Sources: argument reduction after Cody and Waite with pi/2 in four parts; Taylor series (A&S 4.3.65,
 * 4.3.66); the logarithm's series (A&S 4.1.27) in twice the precision.
 *
 * Largest error in units in the last place, as test/neurons/test_real_angles.c asserts it: sine and cosine 1, powers 1.5.
 * All are pure, O(1), and allocate nothing. */
#ifndef LASSIM_NEURONS_REAL_ANGLES_H
#define LASSIM_NEURONS_REAL_ANGLES_H

/* Sine and cosine of |x| <= REAL_ANGLE_MAX radians; NaN beyond, and for NaN.  The sine keeps the sign of zero. */
#define REAL_ANGLE_MAX 0x1p20
double real_sin(double x);
double real_cos(double x);

/* x^y for finite x > 0 and finite y; NaN otherwise.  Beyond |y ln x| = 700 the error grows to that of real_exp of the
 * rounded product. */
double real_pow(double x, double y);

#endif
