/* Attention of the engine `dense`: one token's head at a time, in float32. */
#ifndef LASSIM_KERNEL_DENSE_HEADS_H
#define LASSIM_KERNEL_DENSE_HEADS_H

#include <stdint.h>

#include "kernel/team.h"

/* hidden = heads * dim; all arrays row-major with rows of `hidden`, a head's dim neighbours. */
struct dense_heads {
    const float *query, *keys, *values; /* [rows], [past + rows], [past + rows] */
    float *attention;                   /* [rows] out */
    float *scores;                      /* [workers][positions] scratch */
    uint32_t rows, past, heads, hidden, positions;
};

/* attention = softmax(query keys^T / sqrt(dim)) values, row r over the keys 0 .. past + r.  Workers take heads of
 * rows by turns; the result does not depend on them.  No allocation. */
void dense_heads_attend(struct team *team, const struct dense_heads *heads);

#endif
