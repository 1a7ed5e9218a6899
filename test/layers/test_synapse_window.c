/* Window kernels of float weights give the integers that the single spikes add up to: every type and level of
 * instructions, odd shapes, sparse and dense, one and two planes and the 64-bit path, shifts, any split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "neurons/cpu.h"
#include "layers/packet.h"
#include "layers/synapse.h"
#include "layers/synapse_window.h"
#include "test/helpers/amx_ready.h"
#include "neurons/oat.h"

static uint64_t random_state;
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

static uint32_t below(uint32_t n)
{
    return (uint32_t)(next_random() % n);
}

static void seed(uint64_t value)
{
    random_state = value;
    print_message("seed %llx\n", (unsigned long long)value);
}

/* What one comparison is about. */
struct setting {
    enum weight_type type;
    uint32_t sources, targets, tokens, j, shift_max, active_per_mille, outlier_per_mille;
    uint64_t bound; /* the sums' claimed bound decides the path; the true sums are below each */
};

struct problem {
    struct matrix matrix;
    struct population_params source;
    int8_t *shift;
    uint32_t *codes;       /* [tokens][sources] */
    int64_t *wanted, *sum; /* [tokens][targets] */
    struct synapse_window *window;
    void *weights, *scratch;
};

static void *room(size_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 64, bytes + 64), 0);
    return memset(memory, 0, bytes + 64);
}

/* The bits of k 2^-10, |k| < 2^10 (F16), 2^7 (BF16), 2^23. */
static uint32_t weight_bits(enum weight_type type, int32_t k)
{
    float value = (float)k * 0x1p-10f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (type == WEIGHT_F32) return bits;
    if (type == WEIGHT_BF16) return bits >> 16;
    return k == 0 ? 0 : (bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff);
}

static void fill_weights(const struct setting *s, struct problem *p)
{
    uint32_t limit = s->type == WEIGHT_F32 ? 1u << 23 : s->type == WEIGHT_F16 ? 1u << 10 : 1u << 7;
    p->weights = room((size_t)s->sources * s->targets * 4);
    for (uint64_t i = 0; i < (uint64_t)s->sources * s->targets; i++) {
        uint32_t bits = weight_bits(s->type, (int32_t)below(2 * limit - 1) - (int32_t)(limit - 1));
        if (s->type == WEIGHT_F32)
            ((uint32_t *)p->weights)[i] = bits;
        else
            ((uint16_t *)p->weights)[i] = (uint16_t)bits;
    }
    p->matrix = (struct matrix){
        .type = s->type, .grid = -10, .integer_max = limit - 1, .bound = s->bound, .weights = p->weights};
}

/* By definition, from the weights' integers. */
static void add_naive(const struct setting *s, const struct problem *p, const uint32_t *codes, int64_t *sum)
{
    for (uint32_t k = 0; k < s->sources; k++) {
        int64_t value = oat_value(codes[k], s->j);
        if (p->source.shift != NULL) value *= INT64_C(1) << p->shift[k];
        for (uint32_t i = 0; i < s->targets; i++) sum[i] += value * synapse_integer(&p->matrix, s->targets, k, i);
    }
}

static struct problem make(const struct setting *s)
{
    struct problem p = {.source = {.j = s->j}};
    fill_weights(s, &p);
    p.shift = room(s->sources);
    p.codes = room((size_t)s->tokens * s->sources * sizeof *p.codes);
    p.wanted = room((size_t)s->tokens * s->targets * sizeof *p.wanted);
    p.sum = room((size_t)s->tokens * s->targets * sizeof *p.sum);
    p.window = room(s->tokens * sizeof *p.window);
    p.scratch = room(synapse_window_scratch(s->sources, s->tokens));
    if (s->shift_max > 0) p.source.shift = p.shift;
    for (uint32_t k = 0; k < s->sources && s->shift_max > 0; k++) p.shift[k] = (int8_t)below(s->shift_max + 1);
    for (uint32_t t = 0; t < s->tokens; t++) {
        uint32_t *codes = p.codes + (size_t)t * s->sources;
        for (uint32_t k = 0; k < s->sources; k++) {
            uint32_t flags =
                (next_random() & 1 ? OAT_NEGATIVE : 0) | (below(1000) < s->outlier_per_mille ? OAT_OUTLIER : 0);
            if (below(1000) < s->active_per_mille) codes[k] = (uint32_t)(next_random() & OAT_MAGNITUDE) | flags;
        }
        add_naive(s, &p, codes, p.wanted + (size_t)t * s->targets);
        p.window[t] = (struct synapse_window){codes, p.sum + (size_t)t * s->targets};
    }
    return p;
}

static void discard(struct problem *p)
{
    free(p->weights);
    free(p->shift);
    free(p->codes);
    free(p->wanted);
    free(p->sum);
    free(p->window);
    free(p->scratch);
}

/* Every level that the CPU has; the targets cut at odd places. */
static void compare(const struct setting *s)
{
    struct problem p = make(s);
    size_t bytes = (size_t)s->tokens * s->targets * sizeof *p.sum;
    for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
        uint32_t from = 0;
        void *memory;
        cpu_limit((enum cpu_level)level);
        if ((int)cpu_level() < level) break;
        const struct synapse_amx_ready *ready = amx_ready(&p.source, p.window, s->tokens, s->sources, 2, 1, &memory);
        memset(p.sum, 0, bytes);
        while (from < s->targets) {
            uint32_t to = from + 1 + below(s->targets - from);
            synapse_window_receive(&p.matrix, s->sources, s->targets, &p.source, p.window, s->tokens, from, to, ready,
                                   p.scratch);
            from = to;
        }
        free(memory);
        if (memcmp(p.sum, p.wanted, bytes) != 0)
            print_message("level %d, %s, %u x %u, %u tokens, active %u, outliers %u, shifts to %u, bound %llx\n", level,
                          weight_type_name(s->type), s->sources, s->targets, s->tokens, s->active_per_mille,
                          s->outlier_per_mille, s->shift_max, (unsigned long long)s->bound);
        assert_memory_equal(p.sum, p.wanted, bytes);
    }
    cpu_limit(CPU_AMX);
    discard(&p);
}

/* In double; only the planes apart; not even those. */
static const uint64_t bounds[] = {(UINT64_C(1) << 53) - 1, UINT64_C(1) << 53, UINT64_C(1) << 59, UINT64_C(3) << 60};

static void every_type_path_and_density(void **state)
{
    (void)state;
    const uint32_t active[] = {0, 20, 400, 1000}, tokens[] = {1, 2, 5, 6, 9, 13};
    seed(0x9e3779b97f4a7c15ull);
    for (int type = WEIGHT_F32; type <= WEIGHT_BF16; type++)
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < 4; b++)
                for (int t = 0; t < 6; t++) {
                    struct setting s = {(enum weight_type)type, 301,       215, tokens[t], 6,
                                        2 * below(2),           active[a], 100, bounds[b]};
                    compare(&s);
                }
}

static void random_shapes(void **state)
{
    (void)state;
    seed(0xd1b54a32d192ed03ull);
    for (int i = 0; i < 400; i++) {
        uint32_t outliers = below(3) == 0 ? 0 : below(1001);
        struct setting s = {(enum weight_type)(WEIGHT_F32 + below(3)),
                            1 + below(i % 10 == 0 ? 700 : 40),
                            1 + below(100),
                            1 + below(i % 7 == 0 ? 40 : 8),
                            below(7),
                            below(4),
                            below(1001),
                            outliers,
                            bounds[below(4)]};
        compare(&s);
    }
}

/* More targets than a tile has, and one code of each kind. */
static void wide_rows(void **state)
{
    (void)state;
    seed(0x2545f4914f6cdd1dull);
    for (int type = WEIGHT_F32; type <= WEIGHT_BF16; type++) {
        struct setting s = {(enum weight_type)type, 19, 8192 + 45, 1, 3, 0, 900, 100, bounds[0]};
        compare(&s);
    }
}

/* Sums at the edge of what a double holds exactly: all weights, codes and signs the largest. */
static void largest_exact_sums(void **state)
{
    (void)state;
    enum { SOURCES = 511, TOKENS = 7 };
    seed(1);
    for (int outlier = 0; outlier < 2; outlier++) {
        struct setting s = {WEIGHT_F32, SOURCES, 70, TOKENS, 5, 0, 1000, 0, bounds[1]};
        struct problem p = make(&s);
        for (uint32_t i = 0; i < s.sources * s.targets; i++)
            ((uint32_t *)p.weights)[i] = weight_bits(WEIGHT_F32, (1 << 23) - 1 - (int32_t)(i & 1));
        memset(p.wanted, 0, s.tokens * s.targets * sizeof *p.wanted);
        for (uint32_t t = 0; t < TOKENS; t++) {
            uint32_t *codes = p.codes + (size_t)t * SOURCES;
            for (uint32_t k = 0; k < SOURCES; k++)
                codes[k] = (OAT_MAGNITUDE - k % 3) | (outlier && k % 2 ? OAT_OUTLIER : 0) | (t & 1 ? OAT_NEGATIVE : 0);
            add_naive(&s, &p, codes, p.wanted + (size_t)t * s.targets);
        }
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            memset(p.sum, 0, s.tokens * s.targets * sizeof *p.sum);
            synapse_window_receive(&p.matrix, SOURCES, s.targets, &p.source, p.window, TOKENS, 0, s.targets, NULL,
                                   p.scratch);
            assert_memory_equal(p.sum, p.wanted, s.tokens * s.targets * sizeof *p.sum);
        }
        cpu_limit(CPU_AMX);
        discard(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_path_and_density),
        cmocka_unit_test(random_shapes),
        cmocka_unit_test(wide_rows),
        cmocka_unit_test(largest_exact_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
