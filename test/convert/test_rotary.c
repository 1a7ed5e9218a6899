/* Rotary tables: frequencies against the formulas with libm, and the table's grid. */
#include "convert/rotary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include <math.h>

#include "convert/dense_functions.h"
#include "kernel/dense_activations.h"

enum { HEAD_DIM = 64 };

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 4e-15 * fabs(b));
}

static void test_plain_and_linear(void **state)
{
    (void)state;
    const struct rotary plain = {.theta = 1e5}, linear = {.scaling = ROTARY_LINEAR, .theta = 1e5, .factor = 2.5};
    for (uint32_t i = 0; i < HEAD_DIM / 2; i++) {
        double f = pow(1e5, -2.0 * i / HEAD_DIM);
        assert_near(rotary_frequency(&plain, HEAD_DIM, i), f);
        assert_near(rotary_frequency(&linear, HEAD_DIM, i), f / 2.5);
    }
    assert_true(rotary_frequency(&plain, 2, 0) == 1);
}

static void test_llama3(void **state)
{
    (void)state;
    const struct rotary r = {
        .scaling = ROTARY_LLAMA3, .theta = 5e5, .factor = 8, .original = 8192, .low_frequency = 1, .high_frequency = 4};
    int kept = 0, divided = 0, between = 0;
    for (uint32_t i = 0; i < HEAD_DIM / 2; i++) {
        double f = pow(5e5, -2.0 * i / HEAD_DIM), wavelength = 2 * M_PI / f, smooth = (8192 / wavelength - 1) / 3;
        double want = (1 - smooth) * f / 8 + smooth * f;
        if (wavelength < 8192.0 / 4)
            want = f, kept++;
        else if (wavelength > 8192)
            want = f / 8, divided++;
        else
            between++;
        assert_near(rotary_frequency(&r, HEAD_DIM, i), want);
    }
    assert_true(kept > 0 && divided > 0 && between > 0);
}

static double ramp(double x)
{
    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void check_yarn(const struct rotary *r)
{
    double low = HEAD_DIM * log(r->original / (r->beta_fast * 2 * M_PI)) / (2 * log(r->theta));
    double high = HEAD_DIM * log(r->original / (r->beta_slow * 2 * M_PI)) / (2 * log(r->theta));
    if (!r->exact_range) low = floor(low), high = ceil(high);
    low = fmax(low, 0), high = fmin(high, HEAD_DIM - 1);
    int kept = 0, divided = 0;
    for (uint32_t i = 0; i < HEAD_DIM / 2; i++) {
        double f = pow(r->theta, -2.0 * i / HEAD_DIM), share = ramp((i - low) / (high - low));
        kept += share == 0;
        divided += share == 1;
        assert_true(fabs(rotary_frequency(r, HEAD_DIM, i) - (f / r->factor * share + f * (1 - share))) <= 1e-13 * f);
    }
    assert_true(kept > 0 && divided > 0);
}

static void test_yarn(void **state)
{
    (void)state;
    struct rotary r = {
        .scaling = ROTARY_YARN, .theta = 1e4, .factor = 16, .original = 4096, .beta_fast = 32, .beta_slow = 1};
    check_yarn(&r);
    r.exact_range = 1;
    check_yarn(&r);
    r.beta_fast = r.beta_slow = 1; /* both ends in one place: no singularity, each channel is kept or divided */
    double end = HEAD_DIM * log(r.original / (2 * M_PI)) / (2 * log(r.theta));
    for (uint32_t i = 0; i < HEAD_DIM / 2; i++)
        assert_near(rotary_frequency(&r, HEAD_DIM, i), pow(1e4, -2.0 * i / HEAD_DIM) / (i > end ? 16 : 1));
}

static void test_table(void **state)
{
    (void)state;
    enum { POSITIONS = 3000, PAIRS = HEAD_DIM / 2 };
    const struct rotary r = {.theta = 1e4};
    int32_t *table = malloc(sizeof *table * POSITIONS * HEAD_DIM);
    rotary_table(&r, POSITIONS, HEAD_DIM, table);
    for (uint32_t position = 0; position < POSITIONS; position++)
        for (uint32_t i = 0; i < PAIRS; i++) {
            const int32_t *entry = table + (position * PAIRS + i) * 2;
            long double angle = position * powl(1e4L, -2.0L * i / HEAD_DIM);
            assert_true(fabsl(entry[0] - cosl(angle) * ROTARY_ONE) <= 0.502L);
            assert_true(fabsl(entry[1] - sinl(angle) * ROTARY_ONE) <= 0.502L);
        }
    assert_true(table[0] == ROTARY_ONE && table[1] == 0);
    free(table);
}

/* Turning keeps lengths and depends on the distance of two positions only; double and float32 agree. */
static void test_turning(void **state)
{
    (void)state;
    enum { ROWS = 40, HEADS = 2, DIM = 6 };
    const struct rotary r = {.theta = 100};
    int32_t table[ROWS * DIM];
    double x[ROWS][HEADS * DIM];
    float narrow[ROWS][HEADS * DIM];
    rotary_table(&r, ROWS, DIM, table);
    for (int t = 0; t < ROWS; t++)
        for (int i = 0; i < HEADS * DIM; i++) narrow[t][i] = (float)(x[t][i] = i % 5 - 1.5);
    dense_turn(table, x[0], ROWS, ROWS, HEADS, DIM);
    for (int t = 0; t < ROWS; t++) {
        double dot = 0, first = 0;
        dense_rotate(table + (size_t)t * DIM, narrow[t], HEADS, DIM);
        for (int i = 0; i < HEADS * DIM; i++) assert_true(fabs(narrow[t][i] - x[t][i]) < 1e-6);
        for (int i = 0; t > 0 && i < DIM; i++) {
            dot += x[t][i] * x[t - 1][i];
            first += x[1][i] * x[0][i];
        }
        assert_true(fabs(dot - first) < 1e-7);
    }
    double again[ROWS * HEADS * DIM];
    for (int i = 0; i < ROWS * HEADS * DIM; i++) again[i] = i % (HEADS * DIM) % 5 - 1.5;
    dense_turn(table, again, ROWS, 10, HEADS, DIM); /* sequences of 10 start over */
    for (int i = 0; i < HEADS * DIM; i++) assert_true(again[13 * HEADS * DIM + i] == x[3][i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plain_and_linear), cmocka_unit_test(test_llama3),
                                       cmocka_unit_test(test_yarn), cmocka_unit_test(test_table),
                                       cmocka_unit_test(test_turning)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
