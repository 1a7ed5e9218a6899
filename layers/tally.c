#include "layers/tally.h"

#include "neurons/cpu.h"
#include "layers/graph.h"

enum { LOOP = 64 /* codes of one pass: a constant, so that it becomes vectors */ };

/* Sums of one pass; 32 bits, since 64 neurons have at most 1,024 spikes. */
struct pass {
    uint32_t spikes, negative, outlier, active, fired;
};

/* Radix: the spikes are the set bits of the magnitude, all of the code's sign. */
static inline __attribute__((always_inline)) void add_radix(const uint32_t *codes, uint32_t n, struct pass *pass)
{
    uint32_t spikes = 0, negative = 0, outlier = 0, active = 0, fired = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE, count = code_count(magnitude);
        spikes += count;
        negative += codes[i] & OAT_NEGATIVE ? count : 0;
        outlier += codes[i] & OAT_OUTLIER ? count : 0;
        active += magnitude != 0;
        fired |= magnitude;
    }
    *pass = (struct pass){spikes, negative, outlier, active, fired};
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void add_radix_vector(const uint32_t *codes, struct pass *pass)
{
    add_radix(codes, LOOP, pass);
}
#endif

static void radix_pass(const uint32_t *codes, uint32_t n, struct pass *pass)
{
#if defined(__x86_64__)
    if (n == LOOP && cpu_has_vectors()) {
        add_radix_vector(codes, pass);
        return;
    }
#endif
    add_radix(codes, n, pass);
}

static void ternary_pass(const uint32_t *codes, uint32_t n, unsigned steps, struct pass *pass)
{
    *pass = (struct pass){0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE;
        if (magnitude == 0) continue;
        struct spike_steps digits = code_digits(SPIKE_CODE_TERNARY, steps, magnitude);
        uint32_t spikes = code_count(digits.fired), negatives = code_count(digits.negative);
        pass->spikes += spikes;
        pass->negative += codes[i] & OAT_NEGATIVE ? spikes - negatives : negatives;
        pass->outlier += codes[i] & OAT_OUTLIER ? spikes : 0;
        pass->active++;
        pass->fired |= digits.fired;
    }
}

/* From neuron i on: how many up to `to`, at most LOOP, lie in one row of the window and one block of the
 * population. */
static uint32_t run_of(const struct train *train, uint32_t i, uint32_t to, uint32_t *block)
{
    int rows = train->span != train->neurons;
    uint32_t neuron = rows ? i / train->span * train->stride + i % train->span : i;
    uint32_t row_left = rows ? train->span - i % train->span : train->neurons - i;
    uint32_t n = GRAPH_BLOCK_NEURONS - neuron % GRAPH_BLOCK_NEURONS;
    *block = neuron / GRAPH_BLOCK_NEURONS;
    if (n > row_left) n = row_left;
    if (n > to - i) n = to - i;
    return n < LOOP ? n : LOOP;
}

void tally_oat(const struct train *train, uint32_t from, uint32_t to, enum spike_code code, unsigned steps,
               struct tally *tally, uint32_t *fired)
{
    for (uint32_t i = from, n; i < to; i += n) {
        struct pass pass;
        uint32_t block;
        n = run_of(train, i, to, &block);
        if (code == SPIKE_CODE_RADIX)
            radix_pass(train_emitted(train) + i, n, &pass);
        else
            ternary_pass(train_emitted(train) + i, n, steps, &pass);
        tally->spikes += pass.spikes;
        tally->negative += pass.negative;
        tally->outlier += pass.outlier;
        tally->active += pass.active;
        fired[block] |= pass.fired;
    }
}

void tally_hg(const struct train *train, uint32_t from, uint32_t to, enum spike_code code, unsigned steps,
              struct tally *tally, uint32_t *fired)
{
    for (uint32_t i = from, n; i < to; i += n) {
        uint32_t block;
        n = run_of(train, i, to, &block);
        for (uint32_t k = i; k < i + n; k++) {
            if (train->hg[k].silent) continue;
            struct spike_steps digits = code_digits(code, steps, train->hg[k].magnitude);
            tally->gates += 2;
            tally->spikes += code_count(digits.fired);
            tally->negative += code_count(digits.negative);
            tally->active += digits.fired != 0;
            fired[block] |= digits.fired | UINT32_C(1) << (steps - 1); /* both gates spike at the first step */
        }
    }
}

uint64_t tally_events(const uint32_t *fired, uint32_t blocks)
{
    uint64_t events = 0;
    for (uint32_t block = 0; block < blocks; block++) events += code_count(fired[block]);
    return events;
}
