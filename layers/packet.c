#include "layers/packet.h"

#include <stddef.h>

/* First index whose neuron is not below `neuron`. */
static uint32_t lower_bound(const struct packet *packet, uint32_t neuron)
{
    uint32_t low = 0, high = packet->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((packet->spikes[middle] & SPIKE_NEURON) < neuron)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Ascends within a packet. */
static uint64_t place(uint32_t spike)
{
    unsigned rank = spike & SPIKE_OCTAVE_GATE ? 0 : spike & SPIKE_SUB_GATE ? 1 : 2;
    return (uint64_t)(spike & SPIKE_NEURON) * 3 + rank;
}

const char *packet_validate(const struct packet *packet, uint32_t neurons)
{
    uint32_t gates = 0, negative = 0, outlier = 0;
    for (uint32_t i = 0; i < packet->count; i++) {
        uint32_t spike = packet->spikes[i];
        if ((spike & SPIKE_NEURON) >= neurons) return "a spike of no neuron";
        if (i > 0 && place(packet->spikes[i - 1]) >= place(spike)) return "spikes out of order";
        gates += (spike & SPIKE_GATES) != 0;
        negative += (spike & SPIKE_NEGATIVE) != 0;
        outlier += (spike & SPIKE_OUTLIER) != 0;
    }
    if (packet->count == 0 && packet->lost == 0) return "no spike";
    if (packet->lost == 0 ? packet->gates != gates || packet->negative != negative || packet->outlier != outlier
                          : packet->gates < gates || packet->negative < negative || packet->outlier < outlier)
        return "gates, negative or outlier spikes miscounted";
    return NULL;
}

void packet_slice(const struct packet *packet, uint32_t from, uint32_t to, uint32_t *first, uint32_t *last)
{
    *first = lower_bound(packet, from);
    *last = lower_bound(packet, to);
}

void packet_share(uint32_t items, uint32_t grain, unsigned worker, unsigned workers, uint32_t *from, uint32_t *to)
{
    uint64_t grains = (items + (uint64_t)grain - 1) / grain;
    uint64_t low = grains * worker / workers * grain, high = grains * (worker + 1) / workers * grain;
    *from = (uint32_t)(low < items ? low : items);
    *to = (uint32_t)(high < items ? high : items);
}
