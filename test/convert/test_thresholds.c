/* Thresholds: the margin, the least coding error, channels, the rule without OAT. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "convert/thresholds.h"
#include "neurons/real.h"

enum { SEED = 7, ROWS = 70, COLUMNS = 50, STEPS = 8 };

static void test_exponent(void **state)
{
    (void)state;
    assert_int_equal(threshold_exponent(1), 2);
    assert_int_equal(threshold_exponent(0x1.0000000000001p0), 3);
    assert_int_equal(threshold_exponent(0.25), 0);
    assert_int_equal(threshold_exponent(0.3), 1);
    assert_int_equal(threshold_exponent(1000), 12);
    assert_int_equal(threshold_exponent(0x1p-1074), -180);
    assert_int_equal(threshold_exponent(0x1p1000), 180);
}

static void test_silent_channels(void **state)
{
    (void)state;
    const double maximum[4] = {0, 1, 0.1, 0}, silent[2] = {0, 0};
    int exponent[4];
    threshold_exponents(maximum, 4, exponent);
    assert_int_equal(exponent[0], -1);
    assert_int_equal(exponent[1], 2);
    assert_int_equal(exponent[2], -1);
    assert_int_equal(exponent[3], -1);
    threshold_exponents(silent, 2, exponent);
    assert_int_equal(exponent[0], 0);
    assert_int_equal(exponent[1], 0);
}

static void test_maxima(void **state)
{
    (void)state;
    double x[6] = {1, -5, 0, -2, 3, 0}, maximum[3];
    struct threshold_values values = {x, 2, 3, 0};
    assert_int_equal(threshold_maxima(&values, maximum), 0);
    assert_true(maximum[0] == 2 && maximum[1] == 5 && maximum[2] == 0);
    values.relu = 1;
    assert_int_equal(threshold_maxima(&values, maximum), 0);
    assert_true(maximum[0] == 1 && maximum[1] == 3 && maximum[2] == 0);
    x[5] = __builtin_inf();
    assert_int_equal(threshold_maxima(&values, maximum), -1);
    x[5] = __builtin_nan("");
    assert_int_equal(threshold_maxima(&values, maximum), -1);
}

static double size_of(double x)
{
    return x < 0 ? -x : x;
}

/* The coding rule of docs/design.md written down again, without the code under test. */
static double coded(double x, double lsb, int j, int steps, int relu)
{
    if (relu && x < 0) return 0;
    double largest = real_power_of_two(steps) - 1, c = (double)(int64_t)(size_of(x) / lsb + 0.5);
    if (c > largest) {
        c = (double)(int64_t)(c / real_power_of_two(j) + 0.5);
        if (c > largest) c = largest;
        c *= real_power_of_two(j);
    }
    return x < 0 ? -c * lsb : c * lsb;
}

/* Mostly small values, a few 30 times larger: an outlier sub-neuron pays. */
static void fill(double *x)
{
    srand(SEED);
    print_message("seed %d\n", SEED);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        x[i] = (double)rand() / RAND_MAX - 0.5;
        if (rand() % 200 == 0) x[i] *= 30;
    }
}

static void test_least_error(void **state)
{
    (void)state;
    double x[ROWS * COLUMNS], maximum[COLUMNS], largest = 0;
    int exponent[COLUMNS], base[OAT_SHIFT_MAX + 1];
    fill(x);
    for (int relu = 0; relu < 2; relu++) {
        const struct threshold_values values = {x, ROWS, COLUMNS, relu};
        assert_int_equal(threshold_maxima(&values, maximum), 0);
        for (int i = 0; i < COLUMNS; i++) largest = maximum[i] > largest ? maximum[i] : largest;
        int one = threshold_exponent(largest);
        for (int i = 0; i < COLUMNS; i++) exponent[i] = one;
        for (int j = 0; j <= OAT_SHIFT_MAX; j++) base[j] = one;
        struct population_params params;
        threshold_choose(2, &values, STEPS, exponent, base, NULL, &params);
        double least = 0;
        unsigned best = 0;
        for (unsigned j = 0; j <= OAT_SHIFT_MAX; j++) {
            double lsb = real_power_of_two(one - (int)j - STEPS), error = 0;
            for (int i = 0; i < ROWS * COLUMNS; i++) {
                double off = coded(x[i], lsb, (int)j, STEPS, relu) - (relu && x[i] < 0 ? 0 : x[i]);
                error += off * off;
            }
            const struct oat_params oat = {.lsb = lsb, .steps = STEPS, .j = j, .relu = relu};
            double measured = threshold_coding_error(3, &values, &oat);
            assert_true(size_of(measured - error) <= 1e-12 * error);
            assert_true(measured == threshold_coding_error(1, &values, &oat));
            if (j == 0 || error < least) {
                least = error;
                best = j;
            }
        }
        assert_true(best > 0);
        assert_int_equal(params.j, best);
        assert_int_equal(params.exponent, one - (int)best);
        assert_true(params.scale == 1);
        assert_true(real_ldexp(1, params.exponent + (int)params.j) >= 4 * largest);
        assert_true(real_ldexp(1, params.exponent + (int)params.j) < 8 * largest);
        /* Where that j is not allowed the next best is taken. */
        for (unsigned j = best; j <= OAT_SHIFT_MAX; j++) base[j] = INT_MAX;
        threshold_choose(1, &values, STEPS, exponent, base, NULL, &params);
        assert_true(params.j < best);
    }
}

static void test_tie_takes_smaller(void **state)
{
    (void)state;
    const double x[4] = {0, 1, -1, 0.5};
    const struct threshold_values values = {x, 2, 2, 0};
    int exponent[2] = {2, 2}, base[OAT_SHIFT_MAX + 1];
    for (int j = 0; j <= OAT_SHIFT_MAX; j++) base[j] = 2;
    struct population_params params;
    threshold_choose(1, &values, 16, exponent, base, NULL, &params);
    assert_int_equal(params.j, 0);
}

static void test_channels(void **state)
{
    (void)state;
    const double x[6] = {100, 1, 0.01, -90, 0.5, 0.02};
    const struct threshold_values values = {x, 2, 3, 0};
    double maximum[3];
    int exponent[3], base[OAT_SHIFT_MAX + 1];
    int8_t shift[3];
    struct population_params params;
    assert_int_equal(threshold_maxima(&values, maximum), 0);
    threshold_exponents(maximum, 3, exponent);
    assert_int_equal(exponent[0], 9);
    assert_int_equal(exponent[1], 2);
    assert_int_equal(exponent[2], -3);
    for (int j = 0; j <= OAT_SHIFT_MAX; j++) base[j] = -3;
    threshold_choose(1, &values, 8, exponent, base, shift, &params);
    assert_int_equal(shift[0], 12);
    assert_int_equal(shift[1], 5);
    assert_int_equal(shift[2], 0);
    assert_ptr_equal(params.shift, shift);
    /* A proof that allows less: the smaller channels share the smallest alpha. */
    for (int j = 0; j <= OAT_SHIFT_MAX; j++) base[j] = 4;
    threshold_choose(1, &values, 8, exponent, base, shift, &params);
    assert_int_equal(shift[0], 5);
    assert_int_equal(shift[1], 0);
    assert_int_equal(shift[2], 0);
    assert_int_equal(params.exponent + (int)params.j, 4);
}

static void test_one_threshold(void **state)
{
    (void)state;
    struct population_params params = {.j = 3};
    threshold_one(12.5, &params);
    assert_true(real_ldexp(params.scale, params.exponent) == 12.5);
    assert_int_equal(params.j, 0);
    assert_null(params.shift);
    threshold_one(0, &params);
    assert_true(real_ldexp(params.scale, params.exponent) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exponent),      cmocka_unit_test(test_silent_channels),
        cmocka_unit_test(test_maxima),        cmocka_unit_test(test_least_error),
        cmocka_unit_test(test_channels),      cmocka_unit_test(test_tie_takes_smaller),
        cmocka_unit_test(test_one_threshold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
