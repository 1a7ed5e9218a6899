/* Exact counts of what was executed (docs/design.md, Counting), one set per population and one
 * per token.  The table below is the one definition of their names: metrics JSON, help and tests are
 * made from it. */
#ifndef LASSIM_KERNEL_COUNTERS_H
#define LASSIM_KERNEL_COUNTERS_H

#include <stdint.h>

/* X(field, what it counts) */
#define LASSIM_COUNTERS(X)                                                          \
    X(windows, "population x token windows opened")                                 \
    X(events, "non-empty spike packets (population, token, block, timestep)")       \
    X(spikes, "signed spikes, input spikes included, gates not")                    \
    X(spikes_positive, "positive ones of spikes")                                   \
    X(spikes_negative, "negative ones of spikes")                                   \
    X(spikes_normal, "spikes of kind 0: normal sub-neurons and input")              \
    X(spikes_outlier, "spikes of outlier sub-neurons")                              \
    X(spikes_gate, "gate spikes of HG neurons")                                     \
    X(spikes_lost, "of spikes: emitted, but lost on the way (--drop-spikes)")       \
    X(saturations, "neurons that saturated")                                        \
    X(active_neurons, "(neuron, window) pairs with at least one spike")             \
    X(synaptic_operations, "spikes that arrive x fan-out")                          \
    X(spike_product_operations, "the same x visible partners in spike products")    \
    X(membrane_updates, "synaptic + product operations + resets + bias injections") \
    X(threshold_tests, "T x neurons that opened a window")                          \
    X(dense_macs, "multiply-accumulates of the dense network for the same tokens")

struct counters {
#define LASSIM_COUNTER_FIELD(field, text) uint64_t field;
    LASSIM_COUNTERS(LASSIM_COUNTER_FIELD)
#undef LASSIM_COUNTER_FIELD
};

static inline void counters_add(struct counters *to, const struct counters *from)
{
#define LASSIM_COUNTER_ADD(field, text) to->field += from->field;
    LASSIM_COUNTERS(LASSIM_COUNTER_ADD)
#undef LASSIM_COUNTER_ADD
}

#endif
