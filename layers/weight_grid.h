/* Weights as integers on one power-of-two grid, so that their sums are exact in any order.
 *
 * The grid of a set of synapses is the finest on which every weight is an integer, or, if then some target's
 * sum of |integers| would reach 2^62, the finest that keeps every such sum below: weights then move to the
 * nearest grid point (halves away from zero) and are counted.  At most one spike per synapse arrives in a
 * timestep, so no sum of arrivals can overflow 64 bits: that is the proof. */
#ifndef LASSIM_LAYERS_WEIGHT_GRID_H
#define LASSIM_LAYERS_WEIGHT_GRID_H

#include <stdint.h>

/* Largest |exponent| of a grid, so that integer x 2^grid stays a normal double. */
enum { WEIGHT_GRID_MAX = 900 };

struct weight_grid {
    int32_t grid;         /* weight = integer 2^grid */
    uint64_t integer_max; /* largest |integer| */
    uint64_t bound;       /* what no target's sum of |integers| exceeds, < 2^62 */
    uint64_t moved;       /* weights that are not on the grid */
    double moved_max;     /* largest displacement */
};

/* Chooses the grid of count weights.  target: [count] target of each, < targets; NULL: a dense matrix, weight i goes
 * to i % targets.  May allocate 16 bytes per target.  Returns NULL or what is wrong, a static string, with *at the
 * weight's index (UINT64_MAX: no memory): not finite, or outside 2^-800 .. 2^800 while not 0.  O(count), and as
 * often again as the grid must be coarsened. */
const char *weight_grid_choose(const double *weights, uint64_t count, const uint32_t *target, uint32_t targets,
                               struct weight_grid *grid, uint64_t *at);
/* weight / 2^grid, rounded half away from zero; exact unless the weight was counted as moved. */
int64_t weight_grid_integer(double weight, int32_t grid);

#endif
