/* Weight grids and the exactness proof (docs/design.md, Exactness).
 *
 * A weight is integer * 2^grid.  The proof for a matrix: for every target
 *   bound = sum_j |w_ij / 2^grid| (2^16 - 1) 2^(j + shift_j) < 2^62,
 * j being the source population's outlier shift and shift_j its channel's.  Input populations send one spike
 * of weight 1 a token: their bound is the largest |w / 2^grid|.  All integers are exact. */
#ifndef LASSIM_CONVERT_GRIDS_H
#define LASSIM_CONVERT_GRIDS_H

#include <stddef.h>
#include <stdint.h>

#include "convert/tensor.h"
#include "layers/params.h"

#define GRID_BOUND ((unsigned __int128)1 << 62)
enum {
    GRID_BITS = 24,    /* F32, BF16: bits kept below the largest weight before channel shifts are limited */
    GRID_SPAN_MAX = 30 /* largest channel shift */
};

/* A matrix as the checkpoint holds it. */
struct grid_matrix {
    const struct checkpoint_tensor *tensor; /* finite */
    uint32_t sources, targets;
    int input; /* fed by input spikes; the tensor is then [sources][targets], otherwise [targets][sources] */
};

struct grid_range {
    int zero;       /* 1: every weight is 0 */
    int lowest;     /* exponent of the lowest set bit of all weights; 0 if zero */
    double largest; /* largest |w| */
};
/* O(elements). */
struct grid_range grid_range_of(unsigned threads, const struct checkpoint_tensor *tensor);

/* The coarsest grid that a matrix may need to take: its lowest bit (F16), for other types GRID_BITS below its
 * largest weight, or its lowest bit if that is coarser.  With it |w / 2^grid| < 2^40. */
int grid_provisional(enum weight_type type, const struct grid_range *range);

/* Per target the sums of |w / 2^grid| over the sources of each threshold exponent. */
struct grid_reach {
    uint32_t targets;
    int lowest;       /* exponent of bucket 0; sources with a smaller one are counted there */
    unsigned buckets; /* 1 .. GRID_SPAN_MAX + 1; the last is the largest exponent */
    uint64_t *sum;    /* [targets][buckets], owned */
};
/* exponent: [sources], those of the channels' thresholds.  matrix->input must be 0.  Returns 0, or -1 for no
 * memory.  O(elements). */
int grid_reach_new(unsigned threads, const struct grid_matrix *matrix, const int *exponent, int grid,
                   struct grid_reach *reach);
/* The same without sums: allocates and zeroes them, and returns each source's bucket [sources], which the caller frees.
 * NULL: no memory. */
uint8_t *grid_reach_begin(uint32_t sources, uint32_t targets, const int *exponent, struct grid_reach *reach);
void grid_reach_free(struct grid_reach *reach);
/* The bound for j = 0 and shift_j = max(0, exponent_j - base).  base >= reach->lowest.  O(targets buckets). */
unsigned __int128 grid_reach_bound(const struct grid_reach *reach, int base);

/* Fills grid, integer_max, bound, moved, moved_max and moved_rms of *out for the weights rounded half away
 * from zero to 2^grid; largest |w| 2^-grid must be below 2^62.  shift: [sources] or NULL.  Returns 0, or -1 if
 * the bound is 2^62 or more.  O(elements). */
int grid_evaluate(unsigned threads, const struct grid_matrix *matrix, const int8_t *shift, unsigned j, int grid,
                  struct matrix *out);
/* The same for the matrix's own grid: F16 its lowest bit; otherwise the finest grid, no finer than the lowest
 * bit, that the bound allows.  Returns -1 if an F16 matrix breaks the bound. */
int grid_choose(unsigned threads, const struct grid_matrix *matrix, const struct grid_range *range, const int8_t *shift,
                unsigned j, struct matrix *out);

/* w rounded half away from zero to a multiple of 2^grid, w finite, |w| 2^-grid < 2^62. */
double grid_round(double w, int grid);

#endif
