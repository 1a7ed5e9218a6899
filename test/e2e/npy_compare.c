/* npy_compare A.npy REFERENCE.npy LIMIT: prints the largest |a - reference| in standard deviations of the reference;
 * exit status 1 if it is above LIMIT or the shapes differ. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/npy.h"
#include "neurons/real.h"

static double deviation(const struct npy_matrix *m)
{
    uint64_t n = m->rows * m->columns;
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < n; i++) sum += m->data[i];
    double mean = sum / (double)n;
    for (uint64_t i = 0; i < n; i++) squares += (m->data[i] - mean) * (m->data[i] - mean);
    return real_sqrt(squares / (double)n);
}

/* NaN where one of the elements is. */
static double largest_difference(const struct npy_matrix *a, const struct npy_matrix *b)
{
    double largest = 0;
    for (uint64_t i = 0; i < a->rows * a->columns; i++) {
        double difference = (double)a->data[i] - b->data[i];
        if (difference < 0) difference = -difference;
        if (largest == largest && !(difference <= largest)) largest = difference;
    }
    return largest;
}

int main(int argc, char **argv)
{
    struct npy_matrix a, b;
    struct lassim_error error;
    if (argc != 4) {
        fprintf(stderr, "usage: npy_compare A.npy REFERENCE.npy LIMIT\n");
        return 2;
    }
    if (npy_read_f32(argv[1], &a, &error) != LASSIM_OK || npy_read_f32(argv[2], &b, &error) != LASSIM_OK) {
        fprintf(stderr, "%s\n", error.text);
        return 3;
    }
    int same_shape = a.rows == b.rows && a.columns == b.columns && a.rows * a.columns > 0;
    double difference = same_shape ? largest_difference(&a, &b) / deviation(&b) : 0;
    if (same_shape)
        printf("%.2e\n", difference);
    else
        printf("another shape\n");
    npy_matrix_free(&a);
    npy_matrix_free(&b);
    return same_shape && difference <= strtod(argv[3], NULL) ? 0 : 1;
}
