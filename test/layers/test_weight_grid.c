#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "layers/weight_grid.h"
#include "test/helpers/trace_samples.h"

static struct weight_grid chosen(const double *weights, uint64_t count, const uint32_t *target, uint32_t targets)
{
    struct weight_grid grid;
    uint64_t at;
    assert_null(weight_grid_choose(weights, count, target, targets, &grid, &at));
    assert_true(grid.bound < UINT64_C(1) << 62);
    return grid;
}

static void dyadic_weights_stay(void **state)
{
    (void)state;
    const double weights[] = {0.5, -0.75, 3, 0};
    struct weight_grid grid = chosen(weights, 4, NULL, 2);
    assert_int_equal(grid.grid, -2);
    assert_int_equal(grid.integer_max, 12);
    assert_true(grid.bound >= 14); /* 0.5 + 3 */
    assert_int_equal(grid.moved, 0);
    assert_int_equal(weight_grid_integer(-0.75, -2), -3);
    const double zeros[] = {0, -0.0};
    grid = chosen(zeros, 2, NULL, 1);
    assert_int_equal(grid.integer_max, 0);
    assert_int_equal(weight_grid_integer(0.0, grid.grid), 0);
}

static void rounding_is_half_away_from_zero(void **state)
{
    (void)state;
    assert_int_equal(weight_grid_integer(0.5, 0), 1);
    assert_int_equal(weight_grid_integer(-0.5, 0), -1);
    assert_int_equal(weight_grid_integer(0.49, 0), 0);
    assert_int_equal(weight_grid_integer(2.5, 0), 3);
    assert_int_equal(weight_grid_integer(1e-300, 0), 0);
    assert_int_equal(weight_grid_integer(0x1p61, 0), INT64_C(1) << 61);
}

/* Random doubles of one scale keep all their bits while the bound allows; far apart they move, by half a step at most. */
static void random_weights(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("weight_grid");
    double weights[300];
    uint32_t target[300];
    for (int round = 0; round < 200; round++) {
        int spread = round % 2 == 0 ? 3 : 120;
        for (int i = 0; i < 300; i++) {
            weights[i] = ((double)sample_next(&random) - 0x1p63) * 0x1p-64;
            weights[i] = ldexp(weights[i], (int)sample_below(&random, (uint32_t)spread));
            target[i] = sample_below(&random, 5);
        }
        struct weight_grid grid = chosen(weights, 300, target, 5);
        uint64_t moved = 0;
        double step = ldexp(1, grid.grid), sum[5] = {0};
        for (int i = 0; i < 300; i++) {
            int64_t integer = weight_grid_integer(weights[i], grid.grid);
            double distance = fabs((double)integer * step - weights[i]);
            moved += distance > 0;
            sum[target[i]] += fabs((double)integer);
            assert_true(distance <= step / 2 && distance <= grid.moved_max);
            assert_true((uint64_t)llabs(integer) <= grid.integer_max);
        }
        for (int t = 0; t < 5; t++) assert_true(sum[t] <= (double)grid.bound * (1 + 1e-12));
        assert_int_equal(moved, grid.moved);
        if (spread > 100) assert_true(grid.moved > 0 && grid.bound > UINT64_C(1) << 60);
    }
}

static void what_has_no_grid(void **state)
{
    (void)state;
    const double bad[] = {NAN, INFINITY, -INFINITY, 0x1p900, 0x1p-900, 5e-324};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double weights[] = {1, 2, bad[i], 3};
        struct weight_grid grid;
        uint64_t at = 99;
        assert_non_null(weight_grid_choose(weights, 4, NULL, 2, &grid, &at));
        assert_int_equal(at, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dyadic_weights_stay),
        cmocka_unit_test(rounding_is_half_away_from_zero),
        cmocka_unit_test(random_weights),
        cmocka_unit_test(what_has_no_grid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
