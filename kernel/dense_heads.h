/* Attention of the engine `dense`: one token's head at a time, in float32. */
#ifndef LASSIM_KERNEL_DENSE_HEADS_H
#define LASSIM_KERNEL_DENSE_HEADS_H

#include <stdint.h>

#include "kernel/team.h"

/* All arrays are row-major, a head's dim neighbours; kv_heads divides heads, head h reads h / (heads / kv_heads). */
struct dense_heads {
    const float *query;         /* [rows][heads * dim] */
    const float *keys, *values; /* [past + rows][kv_heads * dim] */
    float *attention;           /* [rows][heads * dim] out */
    float *scores;              /* [workers][positions] scratch */
    uint32_t rows, past, heads, kv_heads, dim, positions;
    int encoder; /* 1: every row sees all past + rows keys */
    float scale; /* factor of query.key */
};

/* attention = softmax(scale query keys^T) values, row r over the keys 0 .. past + r.  Workers take heads of
 * rows by turns; the result does not depend on them.  No allocation. */
void dense_heads_attend(struct team *team, const struct dense_heads *heads);

#endif
