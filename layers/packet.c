#include "layers/packet.h"

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
