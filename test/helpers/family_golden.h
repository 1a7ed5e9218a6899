/* The golden checkpoints of test/data/families (made by make_golden.py there): which there are, their token ids and what
 * the reference implementation computes from them.  Failures fail the test. */
#ifndef LASSIM_TEST_FAMILY_GOLDEN_H
#define LASSIM_TEST_FAMILY_GOLDEN_H

#include <stddef.h>
#include <stdint.h>

/* Names of those that have a golden and are converted, and of those that are refused with a part of the line that says
 * so. */
extern const char *const golden_families[];
extern const size_t golden_family_count;
struct golden_refusal {
    const char *name, *part;
};
extern const struct golden_refusal golden_refusals[];
extern const size_t golden_refusal_count;

enum { GOLDEN_ROWS = 8, GOLDEN_TOKENS = 64 };

/* Rows of "2,17,5" lines. */
struct golden_rows {
    size_t rows, length[GOLDEN_ROWS];
    uint32_t number[GOLDEN_ROWS][GOLDEN_TOKENS];
};
/* "test/data/families/NAME/FILE" into path[size]. */
void golden_path(const char *name, const char *file, char *path, size_t size);
struct golden_rows golden_read_rows(const char *name, const char *file);

/* Largest difference of values[rows][columns] from the array in FILE, in standard deviations of that array; fails unless
 * the shapes agree. */
double golden_difference(const char *name, const char *file, const double *values, size_t rows, size_t columns);

/* The mean of hidden [tokens][width], normalised: a sentence vector. */
void golden_mean(const double *hidden, size_t tokens, size_t width, double *vector);

#endif
