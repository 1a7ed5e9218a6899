/* What a population's counters mean for the energy models: operations, and accesses with the size of their buffer
 * (docs/energy.md, Memory).  Words of potentials, spikes, biases and of the KV cache have 4 bytes, as in Lemaire et
 * al. 2022; weights have the bytes that the model stores. */
#ifndef LASSIM_KERNEL_ENERGY_WORK_H
#define LASSIM_KERNEL_ENERGY_WORK_H

#include "kernel/counters.h"
#include "kernel/energy.h"
#include "kernel/model.h"

enum { ENERGY_FIFO = 4000 /* bytes of the queue that spikes go through: 1,000 entries */ };

/* Fills *work from the counters of population p.  model: for the types of its weights and the sizes of its tables;
 * NULL: 4-byte weights, no tables.  tokens: processed, which write the dense network's KV cache and read its
 * embeddings.  O(matrices of the graph). */
void energy_work_of(const struct graph *graph, const struct model *model, uint32_t p, const struct counters *counters,
                    uint32_t tokens, struct energy_work *work);
/* Bytes of a row of matrix m. */
uint64_t energy_row_bytes(const struct graph *graph, const struct model *model, uint32_t m);
/* What population p's spikes do to the KV cache: "read", "write", "both" (an encoder's keys) or "none". */
const char *energy_cache_use(const struct graph *graph, uint32_t p);
/* Elements of one layer's keys, or values, at the longest context. */
uint64_t energy_cache_elements(const struct graph *graph);
/* Spike-product operations of an HG neuron's sub-interval gate. */
uint64_t energy_gate_partners(const struct graph *graph, uint32_t p);
/* The same counters had none of the population's code spikes been sent: windows, tests, biases and gates stay. */
struct counters energy_idle(const struct graph *graph, uint32_t p, const struct counters *counters);

#endif
