/* Sparse synapses: connection lists by source (compressed rows), integer weights on one grid.
 *
 * A row holds the synapses of one source with targets ascending; sources without synapses have none.  A pair may be connected more than once.  Sums
 * are exact 64-bit integers (layers/weight_grid.h), so they do not depend on order. */
#ifndef LASSIM_LAYERS_SYNAPSE_LIST_H
#define LASSIM_LAYERS_SYNAPSE_LIST_H

#include <stdint.h>

struct synapse_list {
    uint32_t sources, targets;
    uint32_t rows;    /* <= sources */
    uint32_t *row;    /* [rows] source of each, ascending; NULL if rows is sources */
    uint64_t *start;  /* [rows + 1]: where each row begins */
    uint32_t *target; /* [start[rows]], ascending within a row */
    int64_t *weight;  /* [start[rows]] */
};

/* The synapses [*first, *end) of a source.  O(1), or O(log rows) where sources are left out. */
void synapse_list_row(const struct synapse_list *list, uint32_t source, uint64_t *first, uint64_t *end);

/* Adds the synapses of the sources rows[0 .. count) into targets [from, to) to sum[target - from].
 * O(count log(row) + synapses met). */
void synapse_list_sum(const struct synapse_list *list, const uint32_t *rows, uint32_t count, uint32_t from, uint32_t to,
                      int64_t *sum);

#endif
