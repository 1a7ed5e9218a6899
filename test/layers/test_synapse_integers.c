/* Window kernels of the integer weight types give the sums by definition: every type, every level of instructions,
 * sparse and dense, shifts and outliers, any split, the largest weights and codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/packet.h"
#include "layers/synapse.h"
#include "layers/synapse_integers.h"
#include "test/helpers/amx_ready.h"
#include "neurons/oat.h"

static uint64_t random_state;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static void seed(uint64_t value)
{
    random_state = value;
    print_message("seed %llx\n", (unsigned long long)value);
}

/* What one comparison is about. */
struct setting {
    enum weight_type type;
    uint32_t sources, targets, tokens;
    unsigned steps, j, shift_max;
    unsigned active_per_mille, outlier_per_mille;
    int extreme;      /* 1: weights and codes of the largest magnitude and one sign, 2: of any sign */
    uint32_t without; /* extreme: bits that the codes lack; 0x7f makes the low plane's least value, -128 */
};

struct problem {
    struct matrix matrix;
    struct population_params source;
    int8_t *shift;
    uint32_t *codes;
    int64_t *sum, *wanted;
    struct synapse_window *window;
    void *weights, *scratch;
};

static void *room(size_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 64, bytes + 64), 0);
    return memory;
}

/* Any bytes, or the largest weights. */
static void fill_weights(const struct setting *s, uint8_t *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) bytes[i] = (uint8_t)(next_random() >> 20);
    for (uint64_t i = 0; s->extreme && i < n; i++) {
        int negative = s->extreme == 2 && next_random() % 2;
        if (s->type == WEIGHT_I16 && i % 2 == 0) {
            int16_t weight = negative ? -INT16_MAX : INT16_MAX;
            if (i + 1 < n) memcpy(bytes + i, &weight, sizeof weight);
        }
        if (s->type == WEIGHT_I8) bytes[i] = negative ? 0x81 : 0x7f;
    }
    for (uint32_t k = 0; s->extreme && s->type == WEIGHT_I4 && k < s->sources; k++) {
        const uint8_t *scales;
        uint8_t *row = bytes + ((const uint8_t *)weight_row(WEIGHT_I4, bytes, s->targets, k, &scales) - bytes);
        memset(bytes + (scales - bytes), 255, (s->targets + 31) / 32 * 32);
        memset(row, s->extreme == 2 && next_random() % 2 ? 0x97 : 0x77, (s->targets + 31) / 32 * 16);
    }
}

static uint32_t random_code(const struct setting *s)
{
    uint32_t largest = (1u << s->steps) - 1, flags = 0;
    if (next_random() % 1000 >= s->active_per_mille) return 0;
    if (next_random() % 1000 < s->outlier_per_mille) flags |= OAT_OUTLIER;
    if (s->extreme) return (largest & ~s->without) | flags | (s->extreme == 2 && next_random() % 2 ? OAT_NEGATIVE : 0);
    if (next_random() % 2) flags |= OAT_NEGATIVE;
    return ((uint32_t)next_random() & largest) >> next_random() % 6 | flags;
}

/* By definition, from the weights' integers. */
static void naive(const struct setting *s, struct problem *p)
{
    for (uint32_t k = 0; k < s->sources; k++)
        for (uint32_t i = 0; i < s->targets; i++) {
            int64_t weight = synapse_integer(&p->matrix, s->targets, k, i);
            for (uint32_t t = 0; t < s->tokens; t++)
                p->wanted[(size_t)t * s->targets + i] +=
                    oat_value(p->codes[(size_t)t * s->sources + k], s->j) * (INT64_C(1) << p->shift[k]) * weight;
        }
}

static void make(const struct setting *s, struct problem *p)
{
    uint64_t bytes = weight_bytes(s->type, s->sources, s->targets);
    size_t sums = (size_t)s->tokens * s->targets;
    *p = (struct problem){.shift = room(s->sources),
                          .codes = room((size_t)s->tokens * s->sources * sizeof *p->codes),
                          .sum = room(sums * sizeof *p->sum),
                          .wanted = calloc(sums, sizeof *p->wanted),
                          .window = room(s->tokens * sizeof *p->window),
                          .weights = malloc(bytes), /* so that a sanitizer sees a read behind the end */
                          .scratch = room(synapse_integers_scratch(s->sources, s->tokens))};
    fill_weights(s, p->weights, bytes);
    p->matrix = (struct matrix){.type = s->type, .weights = p->weights};
    p->source = (struct population_params){.j = s->j, .shift = s->shift_max > 0 ? p->shift : NULL};
    for (uint32_t k = 0; k < s->sources; k++) p->shift[k] = (int8_t)(next_random() % (s->shift_max + 1));
    for (size_t i = 0; i < (size_t)s->tokens * s->sources; i++) p->codes[i] = random_code(s);
    for (uint32_t t = 0; t < s->tokens; t++)
        p->window[t] = (struct synapse_window){p->codes + (size_t)t * s->sources, p->sum + (size_t)t * s->targets};
    naive(s, p);
}

static void drop(struct problem *p)
{
    free(p->shift), free(p->codes), free(p->sum), free(p->wanted), free(p->window), free(p->weights), free(p->scratch);
}

/* All parts [cut[i], cut[i + 1]) by themselves. */
static void receive_parts(const struct setting *s, struct problem *p, const struct synapse_lanes *lanes,
                          enum synapse_way way, const uint32_t *cut, unsigned parts)
{
    size_t bytes = (size_t)s->tokens * s->targets * sizeof *p->sum;
    memset(p->sum, 0, bytes);
    for (unsigned i = 0; i < parts; i++)
        synapse_integers_receive_by(lanes, way, &p->matrix, s->sources, s->targets, &p->source, p->window, s->tokens,
                                    cut[i], cut[i + 1], p->scratch);
    assert_memory_equal(p->sum, p->wanted, bytes);
}

static void compare(const struct setting *s)
{
    const struct synapse_lanes *levels[] = {NULL, synapse_lanes_avx2(), synapse_lanes_avx512()};
    struct problem p;
    uint32_t middle = (uint32_t)(next_random() % s->targets), edge = middle / 64 * 64;
    const uint32_t whole[] = {0, s->targets}, odd[] = {0, middle, s->targets}, even[] = {0, edge, s->targets};
    make(s, &p);
    for (unsigned level = 0; level < 3; level++) {
        if (level > 0 && levels[level] == NULL) continue;
        for (enum synapse_way way = SYNAPSE_WAY_BEST; way <= SYNAPSE_WAY_TWO_PLANES; way++) {
            receive_parts(s, &p, levels[level], way, whole, 1);
            receive_parts(s, &p, levels[level], way, odd, 2);
            receive_parts(s, &p, levels[level], way, even, 2);
        }
    }
    memset(p.sum, 0, (size_t)s->tokens * s->targets * sizeof *p.sum);
    void *memory;
    const struct synapse_amx_ready *ready = amx_ready(&p.source, p.window, s->tokens, s->sources, 1, 0, &memory);
    synapse_integers_receive(&p.matrix, s->sources, s->targets, &p.source, p.window, s->tokens, 0, s->targets, ready,
                             p.scratch);
    free(memory);
    assert_memory_equal(p.sum, p.wanted, (size_t)s->tokens * s->targets * sizeof *p.sum);
    drop(&p);
}

static const enum weight_type TYPES[] = {WEIGHT_I16, WEIGHT_I8, WEIGHT_I4};

static void sums_are_those_of_the_definition(void **state)
{
    (void)state;
    seed(0x9e3779b97f4a7c15u);
    for (int round = 0; round < 240; round++) {
        const unsigned active[] = {0, 30, 300, 1000}, outliers[] = {0, 20, 1000};
        struct setting s = {.type = TYPES[round % 3],
                            .sources = 1 + (uint32_t)(next_random() % 400),
                            .targets = 1 + (uint32_t)(next_random() % 500),
                            .tokens = 1 + (uint32_t)(next_random() % 14),
                            .steps = 1 + (unsigned)(next_random() % 16),
                            .j = (unsigned)(next_random() % 11),
                            .shift_max = next_random() % 2 ? (unsigned)(next_random() % 13) : 0,
                            .active_per_mille = active[next_random() % 4],
                            .outlier_per_mille = outliers[next_random() % 3]};
        compare(&s);
    }
}

/* |sum| comes near 2^62 with the largest shifts. */
static void largest_shifts_reach_the_sum(void **state)
{
    (void)state;
    seed(0x2545f4914f6cdd1du);
    for (int round = 0; round < 12; round++) {
        struct setting s = {.type = TYPES[round % 3],
                            .sources = 5,
                            .targets = 70,
                            .tokens = 7,
                            .steps = 1 + (unsigned)(round % 4), /* 5 2^15 2^4 2^40 < 2^62 */
                            .j = 10,
                            .shift_max = 30,
                            .active_per_mille = 1000,
                            .outlier_per_mille = 500};
        compare(&s);
    }
}

/* Sums of many largest products: 32 bits overflow unless they are folded in time. */
static void largest_products_do_not_overflow(void **state)
{
    (void)state;
    seed(0xda942042e4dd58b5u);
    for (int round = 0; round < 48; round++) {
        const unsigned steps[] = {16, 15, 13, 8, 16, 15, 13, 8};
        struct setting s = {.type = TYPES[round % 3],
                            .sources = 2500,
                            .targets = 100,
                            .tokens = 8,
                            .steps = steps[round / 6],
                            .j = 3,
                            .active_per_mille = 1000,
                            .outlier_per_mille = round % 2 ? 1000 : 0,
                            .extreme = 1 + round / 3 % 2,
                            .without = round < 24 ? 0 : 0x7f};
        compare(&s);
    }
}

/* More rows of one shift than a group holds, and folds than an accumulator takes. */
static void groups_are_cut(void **state)
{
    (void)state;
    seed(0x853c49e6748fea9bu);
    for (int extreme = 0; extreme < 2; extreme++) {
        struct setting s = {.type = WEIGHT_I16,
                            .sources = 70001,
                            .targets = 33,
                            .tokens = 2,
                            .steps = 16,
                            .j = 1,
                            .shift_max = 1,
                            .active_per_mille = 1000,
                            .outlier_per_mille = 1,
                            .extreme = extreme};
        compare(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_those_of_the_definition),
        cmocka_unit_test(largest_shifts_reach_the_sum),
        cmocka_unit_test(largest_products_do_not_overflow),
        cmocka_unit_test(groups_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
