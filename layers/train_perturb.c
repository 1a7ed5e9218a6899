/* What perturbations (layers/perturb.h) do to one window's codes. */
#include "layers/train.h"
#include "neurons/real.h"

void train_perturb_potentials(const struct train *train, const struct perturb_key *key, uint32_t from, uint32_t to,
                              double *x)
{
    for (uint32_t i = from; i < to; i++) {
        uint32_t neuron = train_neuron(train, i);
        if (perturb_stuck(key, neuron) != STUCK_NOT)
            x[i] = 0;
        else
            x[i] /= perturb_threshold(key, neuron);
    }
}

/* The sub-neuron that the gates chose, with its threshold off by a factor; returns 1 if a saturation is withdrawn. */
static unsigned perturb_hg(struct hg_code *code, const struct perturb_key *key, uint32_t neuron, uint32_t largest)
{
    int stuck = perturb_stuck(key, neuron);
    unsigned withdrawn = stuck != STUCK_NOT && code->saturated;
    if (withdrawn) code->saturated = 0;
    if (stuck == STUCK_SILENT) {
        *code = (struct hg_code){.silent = 1};
    } else if (stuck == STUCK_FIRING) {
        code->magnitude = code->silent ? 0 : (uint16_t)largest;
    } else if (!code->silent) {
        int64_t magnitude = real_round_half_away(code->magnitude / perturb_threshold(key, neuron));
        code->magnitude = (uint16_t)(magnitude < largest ? magnitude : largest);
    }
    return withdrawn;
}

uint64_t train_perturb_codes(struct train *train, const struct perturb_key *key, unsigned steps, uint32_t from,
                             uint32_t to)
{
    uint32_t largest = (UINT32_C(1) << steps) - 1;
    uint64_t withdrawn = 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t neuron = train_neuron(train, i);
        if (train->hg != NULL)
            withdrawn += perturb_hg(&train->hg[i], key, neuron, largest);
        else if (perturb_stuck(key, neuron) != STUCK_NOT)
            train->codes[i] = perturb_stuck(key, neuron) == STUCK_FIRING ? largest : 0;
    }
    return withdrawn;
}

/* The packed code of a signed value; 0 is silent. */
static uint32_t pack(int32_t value, uint32_t outlier)
{
    if (value == 0) return 0;
    return value < 0 ? (uint32_t)-value | OAT_NEGATIVE | outlier : (uint32_t)value | outlier;
}

static unsigned deliver_oat(struct train *train, uint32_t i, const struct perturb_key *key, enum spike_code code,
                            unsigned steps)
{
    uint32_t packed = train->codes[i], magnitude = packed & OAT_MAGNITUDE;
    train->emitted[i] = packed;
    if (magnitude == 0) return 0;
    struct spike_steps spikes = code_steps(code, steps, magnitude);
    uint32_t lost = perturb_lost(key, train_neuron(train, i), spikes.fired);
    if (lost == 0) return 0;
    int32_t left = (int32_t)magnitude - perturb_weight(spikes, lost, steps);
    train->codes[i] = pack(packed & OAT_NEGATIVE ? -left : left, packed & OAT_OUTLIER);
    return code_count(lost);
}

static unsigned deliver_hg(struct train *train, uint32_t i, const struct perturb_key *key, enum spike_code code,
                           unsigned steps)
{
    train->lost[i] = 0;
    if (train->hg[i].silent) return 0;
    struct spike_steps spikes = code_steps(code, steps, train->hg[i].magnitude);
    uint32_t lost = perturb_lost(key, train_neuron(train, i), spikes.fired);
    train->lost[i] = perturb_weight(spikes, lost, steps);
    return code_count(lost);
}

uint64_t train_perturb_delivery(struct train *train, const struct perturb_key *key, enum spike_code code,
                                unsigned steps, uint32_t from, uint32_t to)
{
    uint64_t lost = 0;
    if (train->emitted != NULL)
        for (uint32_t i = from; i < to; i++) lost += deliver_oat(train, i, key, code, steps);
    if (train->lost != NULL)
        for (uint32_t i = from; i < to; i++) lost += deliver_hg(train, i, key, code, steps);
    return lost;
}
