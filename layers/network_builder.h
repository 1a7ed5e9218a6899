/* Inside of network_new: memory of a network's state, handed out or added up (network_new.c, network_membranes.c). */
#ifndef LASSIM_LAYERS_NETWORK_BUILDER_H
#define LASSIM_LAYERS_NETWORK_BUILDER_H

#include "layers/network_state.h"

/* Hands out memory, or with allocate == NULL only adds up what would be asked for. */
struct builder {
    network_allocate *allocate;
    void *context;
    uint64_t bytes;
    int failed;
    unsigned node; /* where what is taken next lies */
};

/* count * size zeroed bytes of builder->node, or NULL where there are none or they are only added up. */
void *network_take(struct builder *builder, uint64_t count, uint64_t size);
/* Where tokens go level by level, what a level leaves behind is used up before the same kind of level comes again: its
 * memory serves all layers.  The first population, matrix, norm of a kind and size whose memory `index` shares, or
 * index itself. */
uint32_t network_first_population(const struct network *network, uint32_t p);
/* The membranes of norms, attention, and populations fed neuron by neuron, in every copy; the KV cache. */
void network_take_membranes(struct builder *builder, struct network *network);
/* Keys and values of one layer of the cache: numbers of int32_t, keys in whole blocks. */
uint64_t network_cached_keys(const struct network *network);
uint64_t network_cached_values(const struct network *network);

#endif
