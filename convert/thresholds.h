/* OAT thresholds from what a population integrates on the calibration text (docs/design.md, Codes).
 *
 *   alpha_out  the smallest power of two >= 4 times the largest |x| seen
 *   j          0 .. 10, the one with the least squared coding error at the model's T, the smaller on a tie
 *   alpha_nor  alpha_out 2^-j
 * LayerNorm outputs have an alpha_out per channel: 2^max(exponent_i, base), shift_i = max(0, exponent_i - base).
 * Powers of two only: the scale of every population is 1. */
#ifndef LASSIM_CONVERT_THRESHOLDS_H
#define LASSIM_CONVERT_THRESHOLDS_H

#include <stddef.h>
#include <stdint.h>

#include "layers/params.h"
#include "neurons/oat.h"

enum threshold_rule {
    THRESHOLD_OAT = 0,
    THRESHOLD_ONE_AT_MAX /* for comparison: alpha_nor = the largest |x| seen, j = 0, no channel shifts */
};

enum { THRESHOLD_EXPONENT_MAX = 200 };

/* What a population integrated: rows = tokens, columns = neurons, row-major. */
struct threshold_values {
    const double *x;
    size_t rows, columns;
    int relu; /* negative potentials never spike: they count as 0 */
};

/* Largest |x| of each column into maximum[columns]; returns 0, or -1 if an x is not finite.  O(rows columns). */
int threshold_maxima(const struct threshold_values *values, double *maximum);
/* Exponent of the smallest power of two >= 4 largest, largest > 0, clamped to +-THRESHOLD_EXPONENT_MAX - 20. */
int threshold_exponent(double largest);
/* Exponents of all channels; a silent one (maximum 0) takes the smallest of the others, all are 0 if all are
 * silent.  exponent: [columns]. */
void threshold_exponents(const double *maximum, size_t columns, int *exponent);

/* Sum of (coded - x)^2 for oat->steps, j, lsb and shift; oat->relu as in values.  The same bits for any number
 * of threads.  O(rows columns). */
double threshold_coding_error(unsigned threads, const struct threshold_values *values, const struct oat_params *oat);

/* Picks j and with it base[j]: the exponent of the smallest channel's alpha_out, INT_MAX where j is not
 * allowed; base[0] must be allowed.  exponent: [columns].  shift: [columns] out, at most 30 each (base is that
 * high), or NULL where base >= every exponent.  Fills scale, exponent, j and shift of *params. */
void threshold_choose(unsigned threads, const struct threshold_values *values, unsigned steps, const int *exponent,
                      const int base[OAT_SHIFT_MAX + 1], int8_t *shift, struct population_params *params);
/* THRESHOLD_ONE_AT_MAX; a silent population takes 1. */
void threshold_one(double largest, struct population_params *params);

#endif
