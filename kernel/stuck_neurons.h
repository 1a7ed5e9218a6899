/* The file of --stuck-neurons: neurons that never fire or always do (docs/interface.md).
 *
 * CSV of at most 2^28 bytes with the header "population,neuron,state": a population's name or number, a neuron in it, `silent` or `firing`; any order, no
 * neuron twice, no input population.  An error is one line "FILE: line N: expectation", LASSIM_ERR_FILE. */
#ifndef LASSIM_KERNEL_STUCK_NEURONS_H
#define LASSIM_KERNEL_STUCK_NEURONS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "layers/graph.h"

struct stuck_neurons {
    uint32_t populations;
    uint8_t **state; /* [populations] NULL or [neurons] of enum stuck_state (layers/perturb.h) */
    uint64_t count;
    uint64_t hash; /* XXH3-64 of each (population, neuron, state), 4 bytes each, little-endian, ascending; the seed is
                    * the hash before, 0 at first */
};

/* Reads the file at path.  The caller owns *stuck whatever is returned: stuck_neurons_free. */
enum lassim_status stuck_neurons_read(const char *path, const struct graph *graph, struct stuck_neurons *stuck,
                                      struct lassim_error *error);
/* The same from bytes; path is used in errors. */
enum lassim_status stuck_neurons_parse(const char *path, const char *text, size_t size, const struct graph *graph,
                                       struct stuck_neurons *stuck, struct lassim_error *error);
void stuck_neurons_free(struct stuck_neurons *stuck);

#endif
