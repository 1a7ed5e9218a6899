/* One window's codes under perturbation: what arrives in whole windows is what arrives step by step, for every value
 * of both codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "layers/train.h"

enum { STEPS = 9, NEURONS = 1 << (STEPS + 1) };

static int64_t arrives_by_steps(const struct train *train, uint32_t neuron)
{
    int64_t sum = 0;
    for (uint32_t p = 0; p < train->packet_count; p++)
        for (uint32_t s = 0; s < train->packets[p].count; s++) {
            uint32_t spike = train->packets[p].spikes[s];
            if ((spike & SPIKE_NEURON) != neuron || spike & SPIKE_GATES) continue;
            int64_t weight = INT64_C(1) << (STEPS - 1 - train->packets[p].step + (spike & SPIKE_OUTLIER ? 3 : 0));
            sum += spike & SPIKE_NEGATIVE ? -weight : weight;
        }
    return sum;
}

/* The first half codes 0 .. 2^T - 1, the second the same with a sign or as outliers. */
static uint32_t code_at(uint32_t i)
{
    uint32_t magnitude = i % (NEURONS / 2);
    if (magnitude == 0 || i < NEURONS / 2) return magnitude;
    return magnitude | (i % 3 ? OAT_NEGATIVE : 0) | (i % 2 ? OAT_OUTLIER : 0);
}

static void both_ways_deliver_the_same(void **state)
{
    (void)state;
    static uint32_t codes[NEURONS], emitted[NEURONS], spikes[NEURONS * STEPS];
    static struct packet packets[NEURONS / 1024 * STEPS + STEPS];
    const struct perturbation rule = {.seed = 11, .drop = 0.4};
    const struct perturb_key key = perturb_window(&rule, 0, 2, 7);
    for (int code = 0; code < 2; code++) {
        struct train steps = {.neurons = NEURONS, .span = NEURONS, .stride = NEURONS, .codes = codes};
        steps.spikes = spikes;
        steps.packets = packets;
        for (uint32_t i = 0; i < NEURONS; i++) codes[i] = code_at(i);
        train_build_oat(&steps, (enum spike_code)code, STEPS, &key);
        struct train whole = {.neurons = NEURONS, .span = NEURONS, .stride = NEURONS, .codes = codes};
        whole.emitted = emitted;
        uint64_t lost = train_perturb_delivery(&whole, &key, (enum spike_code)code, STEPS, 0, NEURONS), counted = 0;
        for (uint32_t p = 0; p < steps.packet_count; p++) counted += packets[p].lost;
        assert_int_equal(lost, counted);
        assert_true(lost > 0);
        for (uint32_t i = 0; i < NEURONS; i += 1 + i % 7) {
            assert_int_equal(emitted[i], code_at(i));
            assert_int_equal(oat_value(codes[i], 3), arrives_by_steps(&steps, i));
        }
    }
}

static void hg_keeps_its_gates(void **state)
{
    (void)state;
    struct hg_code hg[4] = {{.row = 5, .magnitude = 0x155}, {.silent = 1}, {.magnitude = 7, .saturated = 1}, {0}};
    int32_t lost[4] = {1, 1, 1, 1};
    static const uint8_t stuck[4] = {STUCK_FIRING, STUCK_FIRING, STUCK_SILENT, STUCK_NOT};
    const uint8_t *const table[1] = {stuck};
    const struct perturbation rule = {.drop = 1, .stuck = table};
    const struct perturb_key key = perturb_window(&rule, 0, 0, 0);
    struct train train = {.neurons = 4, .span = 4, .stride = 4, .hg = hg, .lost = lost};
    assert_int_equal(train_perturb_codes(&train, &key, STEPS, 0, 4), 1); /* a stuck neuron does not saturate */
    assert_int_equal(hg[0].magnitude, (1 << STEPS) - 1);
    assert_int_equal(hg[0].row, 5);
    assert_true(hg[1].silent && hg[2].silent && !hg[3].silent);
    assert_int_equal(train_perturb_delivery(&train, &key, SPIKE_CODE_RADIX, STEPS, 0, 4), STEPS);
    assert_int_equal(lost[0], (1 << STEPS) - 1);
    assert_int_equal(lost[1], 0);
    assert_int_equal(hg[0].magnitude, (1 << STEPS) - 1); /* as emitted */
}

static void potentials_over_factors(void **state)
{
    (void)state;
    double x[6] = {1, 2, 3, 4, 5, 6};
    static const uint8_t stuck[12] = {[2] = STUCK_FIRING, [9] = STUCK_SILENT};
    const uint8_t *const table[1] = {stuck};
    const struct perturbation rule = {.seed = 3, .noise = 0.5, .stuck = table};
    const struct perturb_key key = perturb_window(&rule, 0, 0, 0);
    const struct train train = {.neurons = 6, .span = 3, .stride = 8}; /* neurons 0, 1, 2, 8, 9, 10 */
    train_perturb_potentials(&train, &key, 0, 6, x);
    assert_true(x[0] == 1 / perturb_threshold(&key, 0));
    assert_true(x[2] == 0 && x[4] == 0);
    assert_true(x[3] == 4 / perturb_threshold(&key, 8));
    assert_true(x[0] != 1 && x[3] != 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_deliver_the_same),
        cmocka_unit_test(hg_keeps_its_gates),
        cmocka_unit_test(potentials_over_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
