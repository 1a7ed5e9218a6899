/* Products of activations with weight matrices for the engine `dense`, by a team of threads.
 *
 * Up to DENSE_TOKENS rows read the mapped weights once in their own type (dense_rows.h), near the speed of
 * memory; more rows widen them to float32 panel by panel and call CBLAS, every worker on targets of its own. */
#ifndef LASSIM_KERNEL_DENSE_MULTIPLY_H
#define LASSIM_KERNEL_DENSE_MULTIPLY_H

#include "kernel/team.h"
#include "layers/params.h"

struct dense_multiplier;

/* widest: most targets of any matrix.  The team outlives it.  NULL without memory: 64 bytes per target and
 * 512 KiB per worker.  CBLAS is set to one thread, for the whole process: the team is what runs in parallel.
 * The caller owns the result: dense_multiplier_free. */
struct dense_multiplier *dense_multiplier_new(struct team *team, uint32_t widest);
void dense_multiplier_free(struct dense_multiplier *multiplier); /* NULL allowed */

struct dense_product {
    const struct matrix *matrix; /* [sources][targets], its bias is not used */
    uint32_t sources, targets, rows;
    const float *in; /* [rows] of `sources`, in_stride apart */
    size_t in_stride;
    const float *bias; /* [targets] or NULL */
    int add;           /* out += ..., else out = ... */
    float *out;        /* [rows][targets] */
};

/* out = (add ? out : 0) + in W + bias.  Up to DENSE_TOKENS rows the result depends on nothing but a row's own
 * input: not on the threads, not on the other rows.  Not from inside the team's work; no allocation. */
void dense_multiply(struct dense_multiplier *multiplier, const struct dense_product *product);

#endif
