/* Input spikes as read from a file, with their places in it, checked against the network. */
#ifndef LASSIM_KERNEL_IF_SPIKE_CHECK_H
#define LASSIM_KERNEL_IF_SPIKE_CHECK_H

#include <stdint.h>

#include "kernel/if_engine.h"

struct spike_rows {
    const char *unit;       /* what a place counts: "line", "row" */
    struct if_spike *spike; /* [count], malloced */
    uint64_t *place;        /* [count], malloced; NULL: a spike's place is its index */
    uint64_t count;
};

/* The population of spikes that name none: the first input; UINT32_MAX if there is none. */
uint32_t spike_first_input(const struct if_network *network);
/* Refuses, naming the place: a population that is no input, a neuron that it has not, a time before `now` or from 2^40
 * on, the same spike twice.  O(count log count). */
enum lassim_status spike_rows_check(const char *path, const struct spike_rows *rows, const struct if_network *network,
                                    uint64_t now, struct lassim_error *error);
/* Hands the spikes over if status is LASSIM_OK, else frees them; frees the places.  Returns status. */
enum lassim_status spike_rows_end(struct spike_rows *rows, enum lassim_status status, struct if_spike **spikes,
                                  uint64_t *count);

#endif
