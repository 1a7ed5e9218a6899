/* A tally equals what the packets of the same train hold, at every level of instructions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/graph.h"
#include "layers/tally.h"
#include "neurons/cpu.h"

enum { NEURONS = 3000, PACKETS = 4 * (NEURONS / GRAPH_BLOCK_NEURONS + 2) * SPIKE_STEPS_MAX };

static uint64_t random_state = 0x2545f4914f6cdd1dull;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static struct tally of_packets(const struct train *train)
{
    struct tally tally = {.events = train->packet_count, .active = train->active};
    for (uint32_t i = 0; i < train->packet_count; i++) {
        const struct packet *packet = &train->packets[i];
        tally.spikes += packet->count - packet->gates;
        tally.gates += packet->gates;
        tally.negative += packet->negative;
        tally.outlier += packet->outlier;
    }
    return tally;
}

/* The whole window's tally, counted in parts that begin and end anywhere. */
static struct tally in_parts(const struct train *train, int hg, enum spike_code code, unsigned steps)
{
    struct tally tally = {0};
    uint32_t fired[2][PACKETS] = {{0}};
    for (uint32_t from = 0, to, part = 0; from < train->neurons; from = to, part++) {
        to = from + 1 + (uint32_t)(next_random() % train->neurons);
        if (to > train->neurons) to = train->neurons;
        if (hg)
            tally_hg(train, from, to, code, steps, &tally, fired[part % 2]);
        else
            tally_oat(train, from, to, code, steps, &tally, fired[part % 2]);
    }
    for (uint32_t block = 0; block < PACKETS; block++) fired[0][block] |= fired[1][block];
    tally.events = tally_events(fired[0], PACKETS);
    return tally;
}

static void assert_tally(const struct train *train, int hg, enum spike_code code, unsigned steps, int silent)
{
    struct tally wanted = of_packets(train);
    for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
        cpu_limit((enum cpu_level)level);
        struct tally tally = in_parts(train, hg, code, steps);
        assert_memory_equal(&tally, &wanted, sizeof tally);
        assert_true(!silent || (tally.events > 0 && tally.spikes == 0));
    }
    cpu_limit(CPU_AMX);
}

static void check(struct train *train, enum spike_code code, unsigned steps)
{
    for (uint32_t i = 0; i < train->neurons; i++) {
        uint32_t magnitude = next_random() % 3 ? 0 : (uint32_t)(next_random() % (1u << steps));
        uint32_t flags = (next_random() & 1 ? OAT_NEGATIVE : 0) | (next_random() % 9 == 0 ? OAT_OUTLIER : 0);
        train->codes[i] = magnitude ? magnitude | flags : 0;
        train->hg[i] = (struct hg_code){.magnitude = (uint16_t)magnitude, .silent = next_random() % 5 == 0};
    }
    train_build_oat(train, code, steps, NULL);
    assert_tally(train, 0, code, steps, 0);
    train_build_hg(train, code, steps, NULL);
    assert_tally(train, 1, code, steps, 0);
    for (uint32_t i = 0; i < train->neurons; i++) train->hg[i].magnitude = 0; /* gates alone */
    train_build_hg(train, code, steps, NULL);
    assert_tally(train, 1, code, steps, 1);
}

static void tallies_equal_packets(void **state)
{
    (void)state;
    struct train train = {.codes = malloc(NEURONS * sizeof(uint32_t)),
                          .hg = malloc(NEURONS * sizeof(struct hg_code)),
                          .spikes = malloc(NEURONS * (SPIKE_STEPS_MAX + 2) * sizeof(uint32_t)),
                          .packets = malloc(PACKETS * sizeof(struct packet))};
    for (unsigned steps = 1; steps <= SPIKE_STEPS_MAX; steps++)
        for (int code = 0; code < 2; code++) {
            train.neurons = train.span = train.stride = NEURONS;
            check(&train, (enum spike_code)code, steps);
            train.neurons = 5 * 100; /* 5 heads, 100 visible keys, rows 700 apart */
            train.span = 100;
            train.stride = 700;
            check(&train, (enum spike_code)code, steps);
        }
    free(train.codes);
    free(train.hg);
    free(train.spikes);
    free(train.packets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tallies_equal_packets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
