#include "layers/train.h"

#include <string.h>

#include "layers/graph.h"

uint64_t train_spikes_max(uint32_t neurons, unsigned steps, int gates)
{
    return (uint64_t)neurons * (steps + (gates ? 2u : 0u));
}

/* A neuron's spikes in the two trains' common form. */
struct firing {
    struct spike_steps steps;
    uint32_t flags; /* SPIKE_OUTLIER, or both gates */
    uint32_t lost;  /* those of steps.fired that do not arrive */
};

static struct firing oat_firing(const struct train *train, uint32_t i, enum spike_code code, unsigned steps)
{
    uint32_t packed = train->codes[i];
    struct firing firing = {code_steps(code, steps, packed & OAT_MAGNITUDE), packed & OAT_OUTLIER ? SPIKE_OUTLIER : 0,
                            0};
    if (packed & OAT_NEGATIVE) firing.steps.negative ^= firing.steps.fired;
    return firing;
}

static struct firing hg_firing(const struct train *train, uint32_t i, enum spike_code code, unsigned steps)
{
    const struct hg_code *hg = &train->hg[i];
    struct firing firing = {{0, 0}, 0, 0};
    if (hg->silent) return firing;
    firing.steps = code_steps(code, steps, hg->magnitude);
    firing.flags = SPIKE_GATES;
    return firing;
}

/* One block's packets being laid out: how many spikes each step has, then where the next one goes. */
struct block_layout {
    uint32_t next[SPIKE_STEPS_MAX];
    struct packet *packet[SPIKE_STEPS_MAX];
};

static void count_block(struct block_layout *layout, const struct firing *firings, uint32_t count)
{
    memset(layout->next, 0, sizeof layout->next);
    for (uint32_t i = 0; i < count; i++) {
        if (firings[i].flags & SPIKE_GATES) layout->next[0] += 2;
        for (uint32_t fired = firings[i].steps.fired; fired != 0; fired &= fired - 1)
            layout->next[__builtin_ctz(fired)]++;
    }
}

/* Turns the counts into packets at train->packets and offsets into train->spikes from *used on. */
static void place_block(struct train *train, struct block_layout *layout, unsigned steps, uint32_t block,
                        uint32_t *used)
{
    for (unsigned t = 0; t < steps; t++) {
        uint32_t count = layout->next[t];
        layout->next[t] = *used;
        if (count == 0) continue;
        struct packet *packet = &train->packets[train->packet_count++];
        *packet = (struct packet){train->spikes + *used,
                                  0,
                                  train->population,
                                  train->token,
                                  block,
                                  t,
                                  train->position,
                                  train->visible,
                                  0,
                                  0,
                                  0,
                                  0};
        layout->packet[t] = packet;
        *used += count;
    }
}

static void add_spike(struct train *train, struct block_layout *layout, unsigned t, uint32_t spike)
{
    struct packet *packet = layout->packet[t];
    train->spikes[layout->next[t]++] = spike;
    packet->count++;
    packet->gates += (spike & SPIKE_GATES) != 0;
    packet->negative += (spike & SPIKE_NEGATIVE) != 0;
    packet->outlier += (spike & SPIKE_OUTLIER) != 0;
}

static void fill_neuron(struct train *train, struct block_layout *layout, const struct firing *firing, uint32_t neuron)
{
    if (firing->flags & SPIKE_GATES) {
        add_spike(train, layout, 0, neuron | SPIKE_OCTAVE_GATE);
        add_spike(train, layout, 0, neuron | SPIKE_SUB_GATE);
    }
    for (uint32_t lost = firing->lost; lost != 0; lost &= lost - 1) {
        unsigned t = (unsigned)__builtin_ctz(lost);
        struct packet *packet = layout->packet[t];
        packet->lost++;
        packet->negative += firing->steps.negative >> t & 1;
        packet->outlier += (firing->flags & SPIKE_OUTLIER) != 0;
    }
    for (uint32_t fired = firing->steps.fired & ~firing->lost; fired != 0; fired &= fired - 1) {
        unsigned t = (unsigned)__builtin_ctz(fired);
        uint32_t sign = firing->steps.negative >> t & 1 ? SPIKE_NEGATIVE : 0;
        add_spike(train, layout, t, neuron | sign | (firing->flags & SPIKE_OUTLIER));
    }
    train->active += firing->steps.fired != 0;
}

typedef struct firing firing_of(const struct train *train, uint32_t i, enum spike_code code, unsigned steps);

static inline __attribute__((always_inline)) void build(struct train *train, enum spike_code code, unsigned steps,
                                                        const struct perturb_key *key, firing_of *firing_at)
{
    struct firing firings[GRAPH_BLOCK_NEURONS];
    uint32_t used = 0;
    train->packet_count = 0;
    train->active = 0;
    for (uint32_t i = 0; i < train->neurons;) {
        uint32_t block = train_neuron(train, i) / GRAPH_BLOCK_NEURONS, count = 0;
        while (i + count < train->neurons && train_neuron(train, i + count) / GRAPH_BLOCK_NEURONS == block) {
            struct firing *firing = &firings[count];
            *firing = firing_at(train, i + count, code, steps);
            if (key != NULL) firing->lost = perturb_lost(key, train_neuron(train, i + count), firing->steps.fired);
            count++;
        }
        struct block_layout layout;
        count_block(&layout, firings, count);
        place_block(train, &layout, steps, block, &used);
        for (uint32_t k = 0; k < count; k++) fill_neuron(train, &layout, &firings[k], train_neuron(train, i + k));
        i += count;
    }
}

void train_build_oat(struct train *train, enum spike_code code, unsigned steps, const struct perturb_key *key)
{
    build(train, code, steps, key, oat_firing);
}

void train_build_hg(struct train *train, enum spike_code code, unsigned steps, const struct perturb_key *key)
{
    build(train, code, steps, key, hg_firing);
}
