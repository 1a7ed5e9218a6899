/* A spike packet: the spikes of one population block at one timestep, the event that the queue orders.
 *
 * A spike is one uint32_t: the neuron in bits 0-27 and how it fired above.  Within a packet the neurons
 * ascend, and a neuron's gates stand before its code spike (docs/design.md, Schedule). */
#ifndef LASSIM_LAYERS_PACKET_H
#define LASSIM_LAYERS_PACKET_H

#include <stdint.h>

#define SPIKE_NEURON 0x0fffffffu
#define SPIKE_NEGATIVE 0x10000000u
#define SPIKE_OUTLIER 0x20000000u
#define SPIKE_OCTAVE_GATE 0x40000000u /* HG: octave gate; the neuron's row is in its hg_code */
#define SPIKE_SUB_GATE 0x80000000u    /* HG: sub-interval gate, carries f(l) */
#define SPIKE_GATES (SPIKE_OCTAVE_GATE | SPIKE_SUB_GATE)

struct packet {
    const uint32_t *spikes; /* [count], owned by the population's train */
    uint32_t count;
    uint32_t population, token, block;
    uint32_t step;                     /* timestep inside the window, 0..T-1 */
    uint32_t position, visible;        /* of the token in its sequence; keys that it sees */
    uint32_t gates, negative, outlier; /* how many of the spikes, lost ones included, are gates, negative, outliers */
    uint32_t lost;                     /* spikes that were emitted and are not among `spikes` (layers/perturb.h) */
};

/* NULL, or which invariant of the packet is broken: spikes ascend by neuron, all below `neurons`, a neuron's gates before
 * its code spike, and the counts are theirs (where none is lost).  O(count). */
const char *packet_validate(const struct packet *packet, uint32_t neurons);

/* The part [*first, *last) of the packet's spikes whose neurons lie in [from, to).  O(log count). */
void packet_slice(const struct packet *packet, uint32_t from, uint32_t to, uint32_t *first, uint32_t *last);

/* Worker's share [*from, *to) of `items`, cut at multiples of `grain`. */
void packet_share(uint32_t items, uint32_t grain, unsigned worker, unsigned workers, uint32_t *from, uint32_t *to);

#endif
