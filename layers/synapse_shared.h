/* One token's window of one matrix on several workers: how they share the work.
 *
 * Wide rows: each worker owns a share of the targets and reads its part of every row.  Narrow rows: such parts are short runs, and a core that reads short runs gets a fraction of the memory's bandwidth
 * (bench/micro/bench_synapse.c, "shapes"); so each worker takes whole rows of a share of the active sources
 * into sums of its own, and the last one to finish adds these up.  Sums are exact, so both give the same integers. */
#ifndef LASSIM_LAYERS_SYNAPSE_SHARED_H
#define LASSIM_LAYERS_SYNAPSE_SHARED_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "layers/synapse_window.h"

enum {
    SYNAPSE_SHARED_WORKERS = 8,   /* more do not split rows: adding their sums up would cost too much */
    SYNAPSE_SHARED_ROWS = 16,     /* active rows that each worker must get */
    SYNAPSE_SHARED_TARGETS = 4096 /* a share of the targets of this length is long enough */
};

/* What the workers hold in common for one matrix; all zero at the start, and again when every worker has returned. */
struct synapse_partials {
    int64_t *sum; /* [workers][targets], or NULL: targets are split always */
    _Atomic uint32_t finished;
};

/* Bytes of synapse_partials.sum: 0 where a matrix of that width never needs it on that many workers. */
size_t synapse_partials_bytes(uint32_t targets, unsigned workers);

/* Bytes of scratch memory that a worker needs. */
size_t synapse_shared_scratch(uint32_t sources);

/* Worker's share of synapse_window_receive of one token for all targets: every worker of the team calls it with the same arguments
 * (but worker and scratch), and the sums are complete when the last one has returned.  One that returns early may go on to
 * another matrix, which has partials of its own. */
void synapse_shared_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                            const struct population_params *source, const struct synapse_window *window,
                            struct synapse_partials *partials, unsigned worker, unsigned workers, void *scratch);

#endif
