#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/graph.h"
#include "layers/synapse.h"
#include "layers/synapse_rows.h"

enum { SOURCES = 300, TARGETS = 1111 };

static uint64_t random_state;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* F16 by the definition of its fields. */
static double f16_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double value = exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * 0x1p-25 * (double)(1u << exponent);
    return half & 0x8000 ? -value : value;
}

static double value_at(const struct matrix *matrix, uint64_t index)
{
    switch (matrix->type) {
    case WEIGHT_F32: return ((const float *)matrix->weights)[index];
    case WEIGHT_F16: return f16_value(((const uint16_t *)matrix->weights)[index]);
    default: return float_of((uint32_t)((const uint16_t *)matrix->weights)[index] << 16);
    }
}

/* Random weights on the grid 2^grid with |integer| <= limit. */
static void fill(struct matrix *matrix, void *weights, uint64_t limit)
{
    matrix->weights = weights;
    matrix->integer_max = 0;
    for (uint64_t i = 0; i < (uint64_t)SOURCES * TARGETS; i++) {
        if (matrix->type == WEIGHT_F16) {
            uint16_t half = (uint16_t)(next_random() & 0x87ff) | (uint16_t)(next_random() % 13 << 10);
            ((uint16_t *)weights)[i] = half;
        } else {
            int64_t integer = (int64_t)(next_random() % (limit < 1 << 24 ? limit : 1 << 24));
            float value = (float)(matrix->type == WEIGHT_BF16 ? integer & 0xff : integer); /* exact below 2^24 */
            value = value * (float)(limit >> 24 ? limit >> 24 : 1);
            value *= float_of((uint32_t)(127 + matrix->grid) << 23) * (next_random() & 1 ? -1.0f : 1.0f);
            if (matrix->type == WEIGHT_F32)
                ((float *)weights)[i] = value;
            else
                ((uint16_t *)weights)[i] = (uint16_t)(bits_of(value) >> 16);
        }
        double integer = value_at(matrix, i) * (1.0 / float_of((uint32_t)(127 + matrix->grid) << 23));
        uint64_t magnitude = (uint64_t)(integer < 0 ? -integer : integer);
        if (magnitude > matrix->integer_max) matrix->integer_max = magnitude;
    }
}

/* Sum over the packet by definition: +-(weight / 2^grid) 2^(T-1-t+j+shift). */
static void naive(const struct matrix *matrix, const struct population_params *source, unsigned steps,
                  const struct packet *packet, int64_t *sum)
{
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t neuron = packet->spikes[s] & SPIKE_NEURON;
        unsigned shift = steps - 1 - packet->step + (packet->spikes[s] & SPIKE_OUTLIER ? source->j : 0) +
                         (source->shift ? (unsigned)source->shift[neuron] : 0);
        for (uint32_t i = 0; i < TARGETS; i++) {
            double integer = value_at(matrix, (uint64_t)neuron * TARGETS + i) *
                             (1.0 / float_of((uint32_t)(127 + matrix->grid) << 23));
            int64_t term = (int64_t)integer * (INT64_C(1) << shift);
            sum[i] += packet->spikes[s] & SPIKE_NEGATIVE ? -term : term;
        }
    }
}

static void compare(enum weight_type type, int grid, uint64_t limit, int channel_shifts)
{
    static uint32_t spikes[SOURCES];
    static int64_t wanted[TARGETS], got[TARGETS];
    static int8_t shift[SOURCES];
    struct matrix matrix = {.type = type, .grid = grid};
    void *weights = malloc((size_t)SOURCES * TARGETS * 4);
    fill(&matrix, weights, limit);
    assert_int_equal(matrix.integer_max <= INT32_MAX, limit <= UINT64_C(1) << 31); /* narrow kernel or wide */
    struct population_params source = {.j = 5, .shift = channel_shifts ? shift : NULL};
    for (int round = 0; round < 20; round++) {
        unsigned steps = 1 + (unsigned)(next_random() % 16);
        struct packet packet = {.spikes = spikes, .step = (uint32_t)(next_random() % steps)};
        for (uint32_t i = 0; i < SOURCES; i++) {
            shift[i] = (int8_t)(next_random() % 5);
            if (next_random() % 3 == 0)
                spikes[packet.count++] =
                    i | (next_random() & 1 ? SPIKE_NEGATIVE : 0) | (next_random() % 6 == 0 ? SPIKE_OUTLIER : 0);
        }
        memset(wanted, 0, sizeof wanted);
        memset(got, 0, sizeof got);
        naive(&matrix, &source, steps, &packet, wanted);
        unsigned workers = 1 + (unsigned)(next_random() % 4);
        for (unsigned w = 0; w < workers; w++) {
            uint32_t from, to;
            packet_share(TARGETS, 64, w, workers, &from, &to);
            synapse_receive(&matrix, TARGETS, &source, steps, &packet, from, to, got);
        }
        assert_memory_equal(got, wanted, sizeof got);
    }
    free(weights);
}

static void sums_are_exact(void **state)
{
    (void)state;
    random_state = 0x9e3779b97f4a7c15u;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int shifts = 0; shifts < 2; shifts++) {
        compare(WEIGHT_F16, -24, 0, shifts);
        compare(WEIGHT_BF16, -12, 1 << 8, shifts);
        compare(WEIGHT_F32, -30, 1 << 24, shifts);
        compare(WEIGHT_F32, -40, UINT64_C(1) << 30, shifts); /* narrow, few spikes a spill */
        compare(WEIGHT_F32, -40, UINT64_C(1) << 34, shifts); /* above 31 bits: the wide kernel */
    }
}

/* Every finite F16 bit pattern is the integer that its fields say. */
static void every_f16_is_its_integer(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        uint16_t half = (uint16_t)bits;
        struct matrix matrix = {.type = WEIGHT_F16, .grid = -24, .weights = &half};
        if ((bits & 0x7c00) == 0x7c00) continue;
        assert_true((double)synapse_integer(&matrix, 1, 0, 0) == f16_value(half) * 0x1p24);
    }
}

/* The vector kernel and portable C give the same integers. */
static void portable_and_vector_kernels_agree(void **state)
{
    (void)state;
    static uint16_t weights[64 * TARGETS];
    static int64_t one[SYNAPSE_TILE], two[SYNAPSE_TILE];
    uint32_t spikes[64];
    random_state = 12345;
    for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) weights[i] = (uint16_t)(next_random() & 0xafff);
    for (uint32_t i = 0; i < 64; i++) spikes[i] = i | (next_random() & 1 ? SPIKE_NEGATIVE : 0);
    const enum weight_type types[] = {WEIGHT_F16, WEIGHT_BF16};
    for (int t = 0; t < 2; t++)
        for (uint32_t width = 1; width <= SYNAPSE_TILE; width += 37) {
            const struct synapse_rows rows = {weights, types[t], types[t] == WEIGHT_F16 ? -24 : 0, TARGETS};
            if (types[t] == WEIGHT_BF16) /* integers below 2^8 */
                for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
                    weights[i] = (uint16_t)(bits_of((float)(next_random() & 0xff)) >> 16);
            memset(one, 0, sizeof one);
            memset(two, 0, sizeof two);
            synapse_rows_add(&rows, spikes, 64, 3, width, 7, one);
            synapse_rows_add_portable(&rows, spikes, 64, 3, width, 7, two);
            assert_memory_equal(one, two, sizeof one);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(every_f16_is_its_integer),
        cmocka_unit_test(portable_and_vector_kernels_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
