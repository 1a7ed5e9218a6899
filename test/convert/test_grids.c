/* Weight grids: exact bounds, the finest grid, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/grids.h"
#include "convert/matrix_write.h"
#include "neurons/real.h"

enum { SEED = 20260501 };
static uint64_t random_state;

static uint32_t next(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 32);
}

static uint16_t half(int sign, int exponent, unsigned mantissa) /* exponent 0 .. 30 */
{
    return (uint16_t)(sign << 15 | exponent << 10 | (int)mantissa);
}

static struct checkpoint_tensor tensor_of(enum weight_type type, const void *data, uint64_t rows, uint64_t columns)
{
    static char name[] = "w";
    return (struct checkpoint_tensor){.name = name,
                                      .readable = 1,
                                      .type = type,
                                      .rank = 2,
                                      .shape = {rows, columns},
                                      .elements = rows * columns,
                                      .data = data,
                                      .file = "memory"};
}

/* Two targets, three sources; every number below is worked out on paper. */
static void test_by_hand(void **state)
{
    (void)state;
    const float w[6] = {1.5f, -0.25f, 0, -2, 0.75f, 3};
    const struct checkpoint_tensor tensor = tensor_of(WEIGHT_F32, w, 2, 3);
    const struct grid_matrix matrix = {&tensor, 3, 2, 0};
    const struct grid_range range = grid_range_of(1, &tensor);
    assert_false(range.zero);
    assert_int_equal(range.lowest, -2);
    assert_true(range.largest == 3);
    const int8_t shift[3] = {0, 3, 1};
    struct matrix out = {0};
    /* integers at 2^-2: 6 -1 0 / -8 3 12; sums with shifts: 6 + 8, 8 + 24 + 24. */
    assert_int_equal(grid_evaluate(1, &matrix, shift, 2, -2, &out), 0);
    assert_int_equal(out.integer_max, 12);
    assert_int_equal(out.bound, 56u * 65535 * 4);
    assert_int_equal(out.moved, 0);
    /* at 2^0: 2 0 0 / 2 1 3, halves away from zero; four weights move, by 0.5, 0.25, 0.25. */
    assert_int_equal(grid_evaluate(1, &matrix, NULL, 0, 0, &out), 0);
    assert_int_equal(out.integer_max, 3);
    assert_int_equal(out.bound, 6u * 65535);
    assert_int_equal(out.moved, 3);
    assert_true(out.moved_max == 0.5);
    assert_true(out.moved_rms == real_sqrt(0.375 / 3));
    const int exponent[3] = {5, 8, 6};
    struct grid_reach reach;
    assert_int_equal(grid_reach_new(2, &matrix, exponent, -2, &reach), 0);
    assert_int_equal(reach.lowest, 5);
    assert_int_equal(reach.buckets, 4);
    assert_true(grid_reach_bound(&reach, 5) == 56u * 65535);
    assert_true(grid_reach_bound(&reach, 8) == 23u * 65535);
    grid_reach_free(&reach);
}

static void test_rounding(void **state)
{
    (void)state;
    assert_true(grid_round(2.5, 0) == 3);
    assert_true(grid_round(-2.5, 0) == -3);
    assert_true(grid_round(0.49999997, 0) == 0);
    assert_true(grid_round(0x1.8p-10, -9) == 0x1p-9);
    assert_true(grid_round(-0x1p-149, -140) == 0);
    assert_true(grid_round(0x1.fffffep127, 80) == 0x1.fffffep127);
}

/* F16 keeps every weight, its lowest bit down to a denormal's, or is refused. */
static void test_f16_never_moves(void **state)
{
    (void)state;
    uint16_t w[4] = {half(0, 15, 0), half(1, 14, 512), half(0, 0, 1), half(1, 17, 1023)};
    struct checkpoint_tensor tensor = tensor_of(WEIGHT_F16, w, 2, 2);
    struct grid_matrix matrix = {&tensor, 2, 2, 0};
    struct grid_range range = grid_range_of(1, &tensor);
    assert_int_equal(range.lowest, -24);
    assert_int_equal(grid_provisional(WEIGHT_F16, &range), -24);
    struct matrix out = {0};
    assert_int_equal(grid_choose(1, &matrix, &range, NULL, 10, &out), 0);
    assert_int_equal(out.grid, -24);
    assert_int_equal(out.moved, 0);
    const int8_t far[2] = {30, 30};
    assert_int_equal(grid_choose(1, &matrix, &range, far, 10, &out), -1);
}

static void test_zero_matrix(void **state)
{
    (void)state;
    const float w[4] = {0, -0.0f, 0, 0};
    const struct checkpoint_tensor tensor = tensor_of(WEIGHT_F32, w, 2, 2);
    const struct grid_matrix matrix = {&tensor, 2, 2, 0};
    const struct grid_range range = grid_range_of(3, &tensor);
    struct matrix out = {.bound = 1};
    assert_true(range.zero);
    assert_int_equal(grid_choose(1, &matrix, &range, NULL, 10, &out), 0);
    assert_int_equal(out.bound, 0);
    assert_int_equal(out.integer_max, 0);
}

/* Random weights over 40 octaves: the grid is the finest that the bound allows, every weight lies within half a
 * step of where it was, and the written matrix proves itself. */
static void check_random(enum weight_type type, uint32_t sources, uint32_t targets, int input)
{
    size_t n = (size_t)sources * targets, size = weight_size(type);
    uint8_t *raw = malloc(n * size), *written = malloc(n * size);
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (next() & 0x807fffff) | (90 + next() % 40) << 23;
        uint16_t upper = (uint16_t)(bits >> 16);
        memcpy(raw + i * size, size == 4 ? (void *)&bits : (void *)&upper, size);
    }
    const struct checkpoint_tensor tensor =
        input ? tensor_of(type, raw, sources, targets) : tensor_of(type, raw, targets, sources);
    const struct grid_matrix matrix = {&tensor, sources, targets, input};
    const struct grid_range range = grid_range_of(2, &tensor);
    int8_t *shift = calloc(sources, 1);
    for (uint32_t i = 0; i < sources; i++) shift[i] = (int8_t)(next() % 5);
    struct matrix out = {0}, finer = {0}, again = {0};
    assert_int_equal(grid_choose(1, &matrix, &range, shift, 3, &out), 0);
    assert_int_equal(grid_choose(3, &matrix, &range, shift, 3, &again), 0);
    assert_memory_equal(&out, &again, sizeof out);
    if (out.grid > range.lowest && !input)
        assert_int_equal(grid_evaluate(1, &matrix, shift, 3, out.grid - 1, &finer), -1);
    const struct matrix_tensor source = {.weight = &tensor, .by_source = input};
    const struct matrix_slot slot = {.sources = sources, .targets = targets};
    matrix_write(2, &source, &slot, &out, written);
    uint64_t moved = 0, largest = 0;
    unsigned __int128 bound = 0;
    for (uint32_t t = 0; t < targets; t++) {
        unsigned __int128 sum = 0;
        for (uint32_t s = 0; s < sources; s++) {
            uint64_t at = (uint64_t)s * targets + t;
            double w = weight_value(type, raw, input ? at : (uint64_t)t * sources + s);
            double stored = weight_value(type, written, at), off = stored - w;
            double steps = real_ldexp(stored < 0 ? -stored : stored, -out.grid);
            assert_true((double)(uint64_t)steps == steps);
            assert_true(real_ldexp(off < 0 ? -off : off, -out.grid) <= 0.5);
            moved += off != 0;
            if ((uint64_t)steps > largest) largest = (uint64_t)steps;
            sum += (unsigned __int128)(uint64_t)steps << shift[s];
        }
        if (sum > bound) bound = sum;
    }
    bound = input ? largest : bound * 65535 << 3;
    assert_int_equal(moved, out.moved);
    assert_int_equal(largest, out.integer_max);
    assert_true(bound == out.bound);
    assert_true(bound < GRID_BOUND);
    free(raw);
    free(written);
    free(shift);
}

static void test_random(void **state)
{
    (void)state;
    random_state = SEED;
    print_message("seed %d\n", SEED);
    for (int i = 0; i < 6; i++) {
        uint32_t sources = 1 + next() % 700, targets = 1 + next() % 150;
        check_random(WEIGHT_F32, sources, targets, 0);
        check_random(WEIGHT_BF16, sources, targets, 0);
        check_random(WEIGHT_F32, sources, targets, 1);
    }
}

/* Widest F32 matrix: the largest float beside the smallest still gets a grid. */
static void test_widest_range(void **state)
{
    (void)state;
    const float w[4] = {0x1.fffffep127f, 0x1p-149f, -0x1p100f, 0x1p-126f};
    const struct checkpoint_tensor tensor = tensor_of(WEIGHT_F32, w, 2, 2);
    const struct grid_range range = grid_range_of(1, &tensor);
    struct matrix out = {0};
    for (int input = 0; input < 2; input++) {
        const struct grid_matrix matrix = {&tensor, 2, 2, input};
        assert_int_equal(grid_choose(1, &matrix, &range, NULL, 0, &out), 0);
        assert_true(out.bound < GRID_BOUND);
        assert_int_equal(out.moved, 2);
        assert_int_equal(out.grid, input ? 127 - 61 : 127 - 61 + 16);
    }
}

/* Every F16 and BF16 there is, read by rows, is what weight_value says, NaN and infinities too. */
static void test_widening(void **state)
{
    (void)state;
    uint16_t *w = malloc(65536 * sizeof *w);
    double *wide = malloc(65536 * sizeof *wide);
    for (uint32_t i = 0; i < 65536; i++) w[i] = (uint16_t)i;
    for (enum weight_type type = WEIGHT_F16; type <= WEIGHT_BF16; type++) {
        const struct checkpoint_tensor tensor = tensor_of(type, w, 1, 65536);
        checkpoint_tensor_f64(&tensor, 0, 65536, wide);
        for (uint32_t i = 0; i < 65536; i++) {
            double expected = weight_value(type, w, i);
            assert_true(wide[i] == expected || (wide[i] != wide[i] && expected != expected));
            assert_true(__builtin_signbit(wide[i]) == __builtin_signbit(expected) || expected != expected);
        }
    }
    free(w);
    free(wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),     cmocka_unit_test(test_rounding), cmocka_unit_test(test_f16_never_moves),
        cmocka_unit_test(test_zero_matrix), cmocka_unit_test(test_random),   cmocka_unit_test(test_widest_range),
        cmocka_unit_test(test_widening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
