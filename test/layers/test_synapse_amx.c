/* Window kernels on AMX tiles: the definition's integers for every weight type, odd shapes, any split of the targets,
 * values of every number of digits, and largest weights and codes; and what they leave to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "neurons/cpu.h"
#include "layers/synapse.h"
#include "layers/synapse_amx.h"
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
    uint32_t sources, targets, tokens, j, shift_max, active_per_mille;
    unsigned bits; /* of a float type's largest integer */
    int extreme;   /* the largest weights and codes only */
    int natural;   /* no negative code */
};

struct problem {
    struct matrix matrix;
    struct population_params source;
    int8_t *shift;
    uint32_t *codes;
    int64_t *wanted, *sum;
    struct synapse_window *window;
    void *weights, *scratch;
};

static void *room(size_t bytes)
{
    void *memory = NULL;
    assert_int_equal(posix_memalign(&memory, 64, bytes + 64), 0);
    return memset(memory, 0, bytes + 64);
}

/* An integer of up to `bits` bits as the type's bits on the grid 2^-10; the type holds it exactly. */
static uint32_t float_bits(enum weight_type type, int64_t integer)
{
    float value = (float)integer * 0x1p-10f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (type == WEIGHT_F32) return bits;
    if (type == WEIGHT_BF16) return bits >> 16;
    return integer == 0 ? 0 : (bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff);
}

static uint32_t float_weight(const struct setting *s)
{
    unsigned mantissa = s->type == WEIGHT_F32 ? 24 : s->type == WEIGHT_F16 ? 11 : 8;
    unsigned bits = s->bits < mantissa ? s->bits : mantissa, up = s->bits - bits;
    int64_t integer = (INT64_C(1) << bits) - 1;
    if (!s->extreme) integer = (int64_t)(next_random() & (uint64_t)integer);
    integer <<= s->extreme ? up : below(up + 1);
    return float_bits(s->type, next_random() & 1 ? -integer : integer);
}

static void fill_weights(const struct setting *s, struct problem *p)
{
    size_t bytes = weight_bytes(s->type, s->sources, s->targets);
    uint8_t *to = p->weights = room(bytes);
    for (size_t i = 0; i < bytes; i++) to[i] = (uint8_t)next_random();
    if (weight_is_float(s->type))
        for (uint64_t i = 0; i < (uint64_t)s->sources * s->targets; i++) {
            uint32_t weight = float_weight(s);
            memcpy(to + i * weight_size(s->type), &weight, weight_size(s->type));
        }
    else if (s->extreme) /* 0x8000, 0x80; nibbles 8 of scale 0x88: the largest that bytes can hold or near it */
        for (size_t i = 0; i < bytes; i++)
            to[i] = s->type == WEIGHT_I16 && i % 2 == 0 ? 0 : s->type == WEIGHT_I4 ? 0x88 : 0x80;
    p->matrix = (struct matrix){.type = s->type,
                                .grid = weight_is_float(s->type) ? -10 : 0,
                                .integer_max = (UINT64_C(1) << s->bits) - 1,
                                .weights = p->weights};
}

static void add_naive(const struct setting *s, const struct problem *p, const uint32_t *codes, int64_t *sum)
{
    for (uint32_t k = 0; k < s->sources; k++) {
        int64_t value = oat_value(codes[k], s->j);
        if (p->source.shift != NULL) value *= INT64_C(1) << p->shift[k];
        for (uint32_t i = 0; value != 0 && i < s->targets; i++)
            sum[i] += value * synapse_integer(&p->matrix, s->targets, k, i);
    }
}

static uint32_t any_code(const struct setting *s)
{
    uint32_t flags =
        (!s->natural && next_random() & 1 ? OAT_NEGATIVE : 0) | (s->j > 0 && below(20) == 0 ? OAT_OUTLIER : 0);
    if (s->extreme) return OAT_MAGNITUDE | (s->j > 0 ? OAT_OUTLIER : 0) | (flags & OAT_NEGATIVE);
    return (uint32_t)(next_random() >> below(16) & OAT_MAGNITUDE) | flags;
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
    p.scratch = room(synapse_amx_scratch(s->sources, s->tokens));
    if (s->shift_max > 0) p.source.shift = p.shift;
    for (uint32_t k = 0; k < s->sources && s->shift_max > 0; k++)
        p.shift[k] = (int8_t)(s->extreme ? s->shift_max : below(s->shift_max + 1));
    for (uint32_t t = 0; t < s->tokens; t++) {
        uint32_t *codes = p.codes + (size_t)t * s->sources;
        for (uint32_t k = 0; k < s->sources; k++)
            if (below(1000) < s->active_per_mille) codes[k] = any_code(s);
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

static int receive_if(const struct setting *s, struct problem *p, uint32_t from, uint32_t to, int always)
{
    void *memory;
    unsigned workers = 1 + below(4);
    const struct synapse_amx_ready *ready =
        amx_ready(&p->source, p->window, s->tokens, s->sources, workers, below(workers), &memory);
    int taken = synapse_amx_receive(ready, &p->matrix, s->targets, p->window, s->tokens, from, to, always, p->scratch);
    free(memory);
    return taken;
}

static int receive(const struct setting *s, struct problem *p, uint32_t from, uint32_t to)
{
    return receive_if(s, p, from, to, 1);
}

/* The targets cut at odd places, of I4 at whole groups. */
static void compare_signed(const struct setting *s)
{
    struct problem p = make(s);
    uint32_t from = 0;
    while (from < s->targets) {
        uint32_t to = from + 1 + below(s->targets - from);
        if (s->type == WEIGHT_I4) to = (to + WEIGHT_GROUP - 1) / WEIGHT_GROUP * WEIGHT_GROUP;
        if (to > s->targets) to = s->targets;
        assert_int_equal(receive(s, &p, from, to), 1);
        from = to;
    }
    if (memcmp(p.sum, p.wanted, (size_t)s->tokens * s->targets * sizeof *p.sum) != 0)
        fail_msg("%s of %u bits, %u x %u, %u tokens, j %u, shifts to %u, active %u%s", weight_type_name(s->type),
                 s->bits, s->sources, s->targets, s->tokens, s->j, s->shift_max, s->active_per_mille,
                 s->natural ? ", no negative one" : "");
    discard(&p);
}

static void compare(struct setting s)
{
    for (s.natural = 0; s.natural < 2; s.natural++) compare_signed(&s);
}

static int no_tiles(void)
{
    cpu_limit(CPU_AMX);
    if (cpu_level() >= CPU_AMX) return 0;
    print_message("no AMX here\n");
    return 1;
}

/* The most bits of the integers that a type holds on the grid 2^-10: F16 ends at 2^16. */
static unsigned most_bits(enum weight_type type)
{
    return type == WEIGHT_F16 ? 26 : weight_is_float(type) ? 31 : type == WEIGHT_I16 ? 15 : type == WEIGHT_I8 ? 7 : 11;
}

static void every_type_and_digit(void **state)
{
    (void)state;
    if (no_tiles()) skip();
    seed(UINT64_C(0x94d049bb133111eb));
    for (int type = 0; type < WEIGHT_TYPES; type++)
        for (unsigned bits = 7; bits <= most_bits((enum weight_type)type); bits += 8)
            for (uint32_t shift = 0; shift <= 24; shift += 6)
                for (uint32_t j = 0; j <= 6; j += 3) {
                    struct setting s = {(enum weight_type)type, 150, 90, 19, j, shift, 600, bits, 0, 0};
                    compare(s);
                }
}

static void random_shapes(void **state)
{
    (void)state;
    if (no_tiles()) skip();
    seed(UINT64_C(0x2545f4914f6cdd1d));
    for (int round = 0; round < 150; round++) {
        enum weight_type type = (enum weight_type)below(WEIGHT_TYPES);
        struct setting s = {type,
                            1 + below(400),
                            1 + below(150),
                            SYNAPSE_AMX_TOKENS + below(60),
                            below(7),
                            below(20),
                            1 + below(1000),
                            1 + below(most_bits(type)),
                            0,
                            0};
        compare(s);
    }
}

/* Sums of bytes come nearest to their 32 bits where all are large. */
static void largest_sums(void **state)
{
    (void)state;
    if (no_tiles()) skip();
    seed(1);
    for (int type = 0; type < WEIGHT_TYPES; type++) {
        unsigned bits = most_bits((enum weight_type)type);
        struct setting s = {(enum weight_type)type, SYNAPSE_AMX_ROWS / 2, 40, 5, 0, 0, 1000, bits, 1, 0};
        compare(s);
        s.j = 10, s.shift_max = bits > 20 ? 5 : 20, s.sources = 200;
        compare(s);
    }
}

static void what_is_beyond_is_left(void **state)
{
    (void)state;
    if (no_tiles()) skip();
    struct setting s = {WEIGHT_F16, 64, 40, 8, 10, 30, 1000, 12, 1, 0};
    struct problem p = make(&s);
    assert_int_equal(receive(&s, &p, 0, 40), 0); /* 56 bits of v */
    p.source.shift = NULL;
    assert_int_equal(receive(&s, &p, 0, 40), 1);
    p.matrix.integer_max = UINT64_C(1) << 31;
    assert_int_equal(receive(&s, &p, 0, 40), 0);
    p.matrix.integer_max = 100;
    p.matrix.grid = -127;
    assert_int_equal(receive(&s, &p, 0, 40), 0);
    p.matrix.grid = -10;
    s.tokens = SYNAPSE_AMX_TOKENS - 1;
    assert_int_equal(receive(&s, &p, 0, 40), 0);
    s.tokens = 8;
    cpu_limit(CPU_AVX512);
    assert_int_equal(receive(&s, &p, 0, 40), 0);
    cpu_limit(CPU_AMX);
    s.sources = SYNAPSE_AMX_ROWS + 1;
    assert_int_equal(receive(&s, &p, 0, 40), 0);
    discard(&p);
}

/* A network whose widest population has too many rows still has room for its narrower ones. */
static void room_for_the_narrower(void **state)
{
    (void)state;
    if (no_tiles()) skip();
    const uint32_t beyond = SYNAPSE_AMX_ROWS + 64;
    assert_int_equal(synapse_amx_takes(beyond, 8), 0);
    assert_true(synapse_amx_scratch(beyond, 8) == synapse_amx_scratch(SYNAPSE_AMX_ROWS, 8));
    assert_true(synapse_amx_scratch(beyond, 8) > 0);
    assert_true(synapse_amx_shared_bytes(beyond, 8, 2) == synapse_amx_shared_bytes(SYNAPSE_AMX_ROWS, 8, 2));
    assert_true(synapse_amx_shared_bytes(beyond, 8, 2) > 0);
    assert_int_equal(synapse_amx_scratch(beyond, SYNAPSE_AMX_TOKENS - 1), 0);
}

/* Few active codes are cheaper row by row; nothing is added then. */
static void few_spikes_are_left(void **state)
{
    (void)state;
    if (no_tiles()) skip();
    seed(3);
    struct setting s = {WEIGHT_I16, 2000, 64, 16, 0, 0, 2, 15, 0, 0};
    struct problem p = make(&s);
    memset(p.wanted, 0, (size_t)s.tokens * s.targets * sizeof *p.wanted);
    assert_int_equal(receive_if(&s, &p, 0, 64, 0), 0);
    assert_memory_equal(p.sum, p.wanted, (size_t)s.tokens * s.targets * sizeof *p.sum);
    discard(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_and_digit), cmocka_unit_test(random_shapes),
        cmocka_unit_test(largest_sums),         cmocka_unit_test(what_is_beyond_is_left),
        cmocka_unit_test(few_spikes_are_left),  cmocka_unit_test(room_for_the_narrower),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
