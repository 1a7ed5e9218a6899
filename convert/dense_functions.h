/* The original network's functions of single values, in double and without libm: the same bits for any number of threads. */
#ifndef LASSIM_CONVERT_DENSE_FUNCTIONS_H
#define LASSIM_CONVERT_DENSE_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "neurons/hg.h"

/* x[rows][columns] becomes function(x), times factor[rows][columns] unless that is NULL.  O(rows columns). */
void dense_activate(unsigned threads, enum hg_function function, double *x, const double *factor, size_t rows,
                    size_t columns);

/* Turns each head of x[rows][heads * head_dim] by its row's position, row mod context: the pair (i, i + head_dim / 2)
 * by table[position][i] (convert/rotary.h). */
void dense_turn(const int32_t *table, double *x, size_t rows, size_t context, size_t heads, size_t head_dim);

/* x - mean into centered [rows][width], the variance + epsilon into variance [rows]. */
void dense_center(const double *x, size_t rows, size_t width, double epsilon, double *centered, double *variance);
/* The mean of squares + epsilon into variance [rows]. */
void dense_mean_square(const double *x, size_t rows, size_t width, double epsilon, double *variance);
/* out = x / sqrt(variance), times gamma [width], plus beta [width], each unless NULL; out may be x. */
void dense_scale(const double *x, const double *variance, const double *gamma, const double *beta, size_t rows,
                 size_t width, double *out);

#endif
