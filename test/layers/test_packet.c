#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layers/packet.h"

/* Spikes of neurons 2, 5 (two gates and a code spike), 9, 2^28-1. */
static const uint32_t spikes[] = {2,
                                  5 | SPIKE_OCTAVE_GATE,
                                  5 | SPIKE_SUB_GATE,
                                  5 | SPIKE_NEGATIVE,
                                  9 | SPIKE_OUTLIER,
                                  SPIKE_NEURON | SPIKE_NEGATIVE | SPIKE_OUTLIER};
static const struct packet packet = {.spikes = spikes, .count = 6, .gates = 2, .negative = 2, .outlier = 2};

static void slices_by_neuron_whatever_the_flags(void **state)
{
    (void)state;
    const struct {
        uint32_t from, to, first, last;
    } cases[] = {{0, 2, 0, 0},
                 {0, 3, 0, 1},
                 {3, 6, 1, 4},
                 {5, 5, 1, 1},
                 {6, 10, 4, 5},
                 {10, SPIKE_NEURON, 5, 5},
                 {0, SPIKE_NEURON, 0, 5},
                 {SPIKE_NEURON, SPIKE_NEURON + 1, 5, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t first, last;
        packet_slice(&packet, cases[i].from, cases[i].to, &first, &last);
        assert_int_equal(first, cases[i].first);
        assert_int_equal(last, cases[i].last);
    }
}

static void broken_packets_are_told(void **state)
{
    (void)state;
    static const uint32_t twice[] = {2, 2}, descends[] = {5, 2}, late_gate[] = {5, 5 | SPIKE_SUB_GATE},
                          gates[] = {5 | SPIKE_SUB_GATE, 5 | SPIKE_OCTAVE_GATE};
    static const struct {
        struct packet packet;
        uint32_t neurons;
        const char *word;
    } cases[] = {
        {{.spikes = spikes, .count = 6, .gates = 2, .negative = 2, .outlier = 2}, SPIKE_NEURON, "no neuron"},
        {{.spikes = spikes, .count = 2, .gates = 1}, 5, "no neuron"},
        {{.spikes = twice, .count = 2}, 9, "order"},
        {{.spikes = descends, .count = 2}, 9, "order"},
        {{.spikes = late_gate, .count = 2, .gates = 1}, 9, "order"},
        {{.spikes = gates, .count = 2, .gates = 2}, 9, "order"},
        {{.spikes = spikes, .count = 5, .gates = 1, .negative = 1, .outlier = 1}, 10, "miscounted"},
        {{.spikes = spikes, .count = 5, .gates = 2, .negative = 2, .outlier = 1}, 10, "miscounted"},
        {{.spikes = spikes, .count = 5, .gates = 2, .negative = 1, .outlier = 0}, 10, "miscounted"},
        {{.spikes = spikes, .count = 5, .gates = 2, .negative = 0, .outlier = 1, .lost = 1}, 10, "miscounted"},
        {{.spikes = spikes, .count = 0}, 10, "no spike"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *broken = packet_validate(&cases[i].packet, cases[i].neurons);
        if (broken == NULL || strstr(broken, cases[i].word) == NULL) fail_msg("case %zu: %s", i, broken);
    }
    assert_null(packet_validate(&packet, SPIKE_NEURON + 1));
    struct packet lossy = packet;
    lossy.lost = 1;
    lossy.negative = 3;
    assert_null(packet_validate(&lossy, SPIKE_NEURON + 1));
}

/* Shares of any number of workers tile the items, in order, cut at the grain. */
static void shares_tile_the_items(void **state)
{
    (void)state;
    const uint32_t items[] = {0, 1, 15, 16, 17, 63, 64, 1000, 4096, UINT32_MAX};
    const uint32_t grains[] = {1, 16, 64};
    for (size_t i = 0; i < sizeof items / sizeof *items; i++)
        for (size_t g = 0; g < sizeof grains / sizeof *grains; g++)
            for (unsigned workers = 1; workers <= 9; workers++) {
                uint32_t next = 0;
                for (unsigned w = 0; w < workers; w++) {
                    uint32_t from, to;
                    packet_share(items[i], grains[g], w, workers, &from, &to);
                    assert_int_equal(from, next);
                    assert_true(to >= from && (to == items[i] || to % grains[g] == 0));
                    next = to;
                }
                assert_int_equal(next, items[i]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_by_neuron_whatever_the_flags),
        cmocka_unit_test(broken_packets_are_told),
        cmocka_unit_test(shares_tile_the_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
