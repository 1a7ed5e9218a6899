/* Single spikes into integer weights give the sums by definition: every type, vector and portable kernels, any part of
 * the targets, the largest weights a packet can add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/graph.h"
#include "layers/packet.h"
#include "layers/synapse.h"
#include "layers/synapse_rows.h"

static uint64_t random_state;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static const enum weight_type TYPES[] = {WEIGHT_I16, WEIGHT_I8, WEIGHT_I4};

/* A matrix of any bytes, or (fill >= 0) of one byte everywhere. */
static struct matrix make(enum weight_type type, uint32_t sources, uint32_t targets, int fill)
{
    uint64_t bytes = weight_bytes(type, sources, targets);
    uint8_t *weights = malloc(bytes);
    for (uint64_t i = 0; i < bytes; i++) weights[i] = (uint8_t)(fill >= 0 ? fill : (int)(next_random() >> 20 & 255));
    return (struct matrix){.type = type, .weights = weights, .integer_max = synapse_weight_limit(type)};
}

/* By definition: +-w 2^(T-1-t+j+shift). */
static void naive(const struct matrix *matrix, uint32_t targets, const struct population_params *source, unsigned steps,
                  const struct packet *packet, int64_t *sum)
{
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t neuron = packet->spikes[s] & SPIKE_NEURON;
        unsigned shift = steps - 1 - packet->step + (packet->spikes[s] & SPIKE_OUTLIER ? source->j : 0) +
                         (source->shift ? (unsigned)source->shift[neuron] : 0);
        for (uint32_t i = 0; i < targets; i++) {
            int64_t term = synapse_integer(matrix, targets, neuron, i) * (INT64_C(1) << shift);
            sum[i] += packet->spikes[s] & SPIKE_NEGATIVE ? -term : term;
        }
    }
}

static void compare(enum weight_type type, uint32_t sources, uint32_t targets, int fill, int all)
{
    struct matrix matrix = make(type, sources, targets, fill);
    uint32_t *spikes = malloc(sources * sizeof *spikes), middle = (uint32_t)(next_random() % targets);
    int64_t *wanted = calloc(targets, sizeof *wanted), *got = calloc(targets, sizeof *got);
    int8_t *shift = malloc(sources);
    struct population_params source = {.j = (uint32_t)(next_random() % 11), .shift = next_random() % 2 ? shift : NULL};
    unsigned steps = 1 + (unsigned)(next_random() % 16);
    struct packet packet = {.spikes = spikes, .step = (uint32_t)(next_random() % steps)};
    for (uint32_t i = 0; i < sources; i++) {
        shift[i] = (int8_t)(all ? 0 : next_random() % 5);
        uint32_t flags = next_random() % 5 == 0 ? SPIKE_OUTLIER : 0;
        if (next_random() & 1) flags |= SPIKE_NEGATIVE;
        if (all || next_random() % 3 == 0) spikes[packet.count++] = i | (all ? 0 : flags);
    }
    naive(&matrix, targets, &source, steps, &packet, wanted);
    synapse_receive(&matrix, targets, &source, steps, &packet, 0, middle, got);
    synapse_receive(&matrix, targets, &source, steps, &packet, middle, targets, got);
    assert_memory_equal(got, wanted, targets * sizeof *got);
    free((void *)(uintptr_t)matrix.weights);
    free(spikes), free(wanted), free(got), free(shift);
}

static void sums_are_exact(void **state)
{
    (void)state;
    random_state = 0x9e3779b97f4a7c15u;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int round = 0; round < 150; round++)
        compare(TYPES[round % 3], 1 + (uint32_t)(next_random() % 300), 1 + (uint32_t)(next_random() % 1200), -1, 0);
}

/* A whole block of spikes of one sign into the largest weights: 0x7f7f, 127; 7 x 119; -128, -1 x 255. */
static void full_blocks_do_not_overflow(void **state)
{
    (void)state;
    random_state = 1;
    for (int t = 0; t < 3; t++)
        for (int i = 0; i < 3; i++) {
            const int fills[] = {0x7f, 0x77, 0x80};
            compare(TYPES[t], GRAPH_BLOCK_NEURONS, 70, fills[i], 1);
        }
}

static void portable_and_vector_kernels_agree(void **state)
{
    (void)state;
    enum { TARGETS = 700, SPIKES = 41 };
    static int64_t one[SYNAPSE_TILE], two[SYNAPSE_TILE];
    uint32_t spikes[SPIKES];
    random_state = 12345;
    for (uint32_t i = 0; i < SPIKES; i++) spikes[i] = i | (next_random() & 1 ? SPIKE_NEGATIVE : 0);
    for (int t = 0; t < 3; t++) {
        struct matrix matrix = make(TYPES[t], SPIKES, TARGETS, -1);
        const struct synapse_rows rows = {matrix.weights, matrix.type, 0, TARGETS};
        for (uint32_t width = 1; width <= SYNAPSE_TILE; width += 37)
            for (uint32_t tile = 0; tile <= 48; tile += 16 - (width & 1)) {
                memset(one, 0, sizeof one);
                memset(two, 0, sizeof two);
                synapse_rows_add(&rows, spikes, SPIKES, tile, width, 7, one);
                synapse_rows_add_portable(&rows, spikes, SPIKES, tile, width, 7, two);
                assert_memory_equal(one, two, sizeof one);
            }
        free((void *)(uintptr_t)matrix.weights);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(full_blocks_do_not_overflow),
        cmocka_unit_test(portable_and_vector_kernels_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
