#include "layers/tally.h"

#include "layers/graph.h"

/* Adds one neuron's firing; fired gathers the steps at which its block has a packet. */
static void add_neuron(struct tally *tally, struct spike_steps steps, int negative, int outlier, uint32_t *fired)
{
    unsigned spikes = (unsigned)__builtin_popcount(steps.fired);
    unsigned negatives = (unsigned)__builtin_popcount(steps.negative);
    tally->spikes += spikes;
    tally->negative += negative ? spikes - negatives : negatives;
    tally->outlier += outlier ? spikes : 0;
    tally->active += spikes > 0;
    *fired |= steps.fired;
}

static uint32_t block_of(const struct train *train, uint32_t i)
{
    uint32_t neuron = train->span == train->neurons ? i : i / train->span * train->stride + i % train->span;
    return neuron / GRAPH_BLOCK_NEURONS;
}

static void end_block(struct tally *tally, uint32_t *fired)
{
    tally->events += (unsigned)__builtin_popcount(*fired);
    *fired = 0;
}

struct tally tally_oat(const struct train *train, enum spike_code code, unsigned steps)
{
    struct tally tally = {0};
    uint32_t fired = 0, block = 0;
    for (uint32_t i = 0; i < train->neurons; i++) {
        uint32_t packed = train->codes[i];
        if ((packed & OAT_MAGNITUDE) == 0) continue;
        if (block_of(train, i) != block) {
            end_block(&tally, &fired);
            block = block_of(train, i);
        }
        add_neuron(&tally, code_steps(code, steps, packed & OAT_MAGNITUDE), (packed & OAT_NEGATIVE) != 0,
                   (packed & OAT_OUTLIER) != 0, &fired);
    }
    end_block(&tally, &fired);
    return tally;
}

struct tally tally_hg(const struct train *train, enum spike_code code, unsigned steps)
{
    struct tally tally = {0};
    uint32_t fired = 0, block = 0;
    for (uint32_t i = 0; i < train->neurons; i++) {
        if (train->hg[i].silent) continue;
        if (block_of(train, i) != block) {
            end_block(&tally, &fired);
            block = block_of(train, i);
        }
        fired |= 1; /* both gates spike at the first step */
        tally.gates += 2;
        add_neuron(&tally, code_steps(code, steps, train->hg[i].magnitude), 0, 0, &fired);
    }
    end_block(&tally, &fired);
    return tally;
}
