#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/graph.h"
#include "layers/train.h"

enum { NEURONS = 2500, STEPS_MAX = SPIKE_STEPS_MAX };

struct fixture {
    struct train train;
    uint32_t codes[NEURONS];
    struct hg_code hg[NEURONS];
    uint32_t spikes[NEURONS * (STEPS_MAX + 2)];
    struct packet packets[(NEURONS / GRAPH_BLOCK_NEURONS + 2) * STEPS_MAX * 4];
};

static uint64_t random_state = 88172645463325252u;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void prepare(struct fixture *f, uint32_t neurons, uint32_t span, uint32_t stride)
{
    memset(f, 0, sizeof *f);
    f->train = (struct train){.population = 7,
                              .token = 3,
                              .position = 3,
                              .neurons = neurons,
                              .span = span,
                              .stride = stride,
                              .codes = f->codes,
                              .hg = f->hg,
                              .spikes = f->spikes,
                              .packets = f->packets};
}

/* The global neuron of window neuron i, written down independently. */
static uint32_t global_neuron(const struct fixture *f, uint32_t i)
{
    return i / f->train.span * f->train.stride + i % f->train.span;
}

/* Packets are non-empty, ordered by (block, step), hold their own block only, and neurons ascend with gates
 * before the code spike; their tallies are right. */
static void check_packets(const struct fixture *f, unsigned steps)
{
    for (uint32_t k = 0; k < f->train.packet_count; k++) {
        const struct packet *p = &f->packets[k];
        uint32_t gates = 0, negative = 0, outlier = 0;
        assert_true(p->count > 0 && p->step < steps);
        assert_int_equal(p->population, 7);
        assert_int_equal(p->token, 3);
        if (k > 0) assert_true(p[-1].block < p->block || (p[-1].block == p->block && p[-1].step < p->step));
        for (uint32_t s = 0; s < p->count; s++) {
            uint32_t spike = p->spikes[s], neuron = spike & SPIKE_NEURON;
            assert_int_equal(neuron / GRAPH_BLOCK_NEURONS, p->block);
            gates += (spike & SPIKE_GATES) != 0;
            negative += (spike & SPIKE_NEGATIVE) != 0;
            outlier += (spike & SPIKE_OUTLIER) != 0;
            if (s == 0) continue;
            uint32_t before = p->spikes[s - 1];
            assert_true((before & SPIKE_NEURON) < neuron ||
                        ((before & SPIKE_NEURON) == neuron && (before & SPIKE_GATES) != 0));
        }
        assert_int_equal(p->gates, gates);
        assert_int_equal(p->negative, negative);
        assert_int_equal(p->outlier, outlier);
    }
}

/* Sums every neuron's spikes by weight: the train must carry exactly the codes. */
static void decode(const struct fixture *f, unsigned steps, int64_t *value, uint32_t *outliers)
{
    memset(value, 0, NEURONS * 4 * sizeof *value);
    memset(outliers, 0, NEURONS * 4 * sizeof *outliers);
    for (uint32_t k = 0; k < f->train.packet_count; k++)
        for (uint32_t s = 0; s < f->packets[k].count; s++) {
            uint32_t spike = f->packets[k].spikes[s];
            if (spike & SPIKE_GATES) continue;
            int64_t weight = INT64_C(1) << (steps - 1 - f->packets[k].step);
            value[spike & SPIKE_NEURON] += spike & SPIKE_NEGATIVE ? -weight : weight;
            outliers[spike & SPIKE_NEURON] |= spike & SPIKE_OUTLIER;
        }
}

static void check_oat(struct fixture *f, unsigned steps, enum spike_code code)
{
    static int64_t value[NEURONS * 4];
    static uint32_t outliers[NEURONS * 4];
    uint32_t active = 0;
    for (uint32_t i = 0; i < f->train.neurons; i++) {
        uint32_t magnitude = next_random() % 3 == 0 ? 0 : (uint32_t)(next_random() % (1u << steps));
        f->codes[i] = magnitude | (next_random() & 1 ? OAT_NEGATIVE : 0) | (next_random() % 8 == 0 ? OAT_OUTLIER : 0);
        if (magnitude == 0) f->codes[i] = 0;
        active += magnitude != 0;
    }
    train_build_oat(&f->train, code, steps, NULL);
    check_packets(f, steps);
    decode(f, steps, value, outliers);
    assert_int_equal(f->train.active, active);
    for (uint32_t i = 0; i < f->train.neurons; i++) {
        int64_t wanted = f->codes[i] & OAT_MAGNITUDE;
        assert_int_equal(value[global_neuron(f, i)], f->codes[i] & OAT_NEGATIVE ? -wanted : wanted);
        if (wanted != 0) assert_int_equal(outliers[global_neuron(f, i)] != 0, (f->codes[i] & OAT_OUTLIER) != 0);
    }
}

static void oat_trains_carry_their_codes(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    for (unsigned steps = 1; steps <= STEPS_MAX; steps++)
        for (int code = 0; code < 2; code++) {
            prepare(f, NEURONS, NEURONS, NEURONS);
            check_oat(f, steps, (enum spike_code)code);
            prepare(f, 4 * 300, 300, NEURONS - 1); /* 4 heads, 300 visible keys, rows 2499 apart */
            check_oat(f, steps, (enum spike_code)code);
        }
    free(f);
}

static void hg_trains_carry_gates_then_codes(void **state)
{
    (void)state;
    static int64_t value[NEURONS * 4];
    static uint32_t outliers[NEURONS * 4];
    struct fixture *f = malloc(sizeof *f);
    for (unsigned steps = 1; steps <= STEPS_MAX; steps++) {
        uint32_t gated = 0, gates = 0, active = 0;
        prepare(f, NEURONS, NEURONS, NEURONS);
        for (uint32_t i = 0; i < NEURONS; i++) {
            f->hg[i].silent = next_random() % 4 == 0;
            f->hg[i].magnitude = (uint16_t)(next_random() % (1u << steps));
            gated += !f->hg[i].silent;
            active += !f->hg[i].silent && f->hg[i].magnitude != 0;
        }
        train_build_hg(&f->train, SPIKE_CODE_RADIX, steps, NULL);
        check_packets(f, steps);
        decode(f, steps, value, outliers);
        for (uint32_t k = 0; k < f->train.packet_count; k++) {
            gates += f->packets[k].gates;
            if (f->packets[k].step > 0) assert_int_equal(f->packets[k].gates, 0);
        }
        assert_int_equal(gates, 2 * gated);
        assert_int_equal(f->train.active, active);
        for (uint32_t i = 0; i < NEURONS; i++) assert_int_equal(value[i], f->hg[i].silent ? 0 : f->hg[i].magnitude);
    }
    free(f);
}

static void a_silent_train_has_no_packet(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    prepare(f, NEURONS, NEURONS, NEURONS);
    train_build_oat(&f->train, SPIKE_CODE_RADIX, 16, NULL);
    assert_int_equal(f->train.packet_count, 0);
    assert_int_equal(f->train.active, 0);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oat_trains_carry_their_codes),
        cmocka_unit_test(hg_trains_carry_gates_then_codes),
        cmocka_unit_test(a_silent_train_has_no_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
