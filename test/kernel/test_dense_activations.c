/* The engine dense's functions in float32 against the double ones that the spiking tables are made from. */
#include "kernel/dense_activations.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "convert/dense_functions.h"

enum { POINTS = 4001 };

static void test_functions(void **state)
{
    (void)state;
    static const enum hg_function functions[] = {HG_GELU_ERF, HG_GELU_TANH, HG_SILU, HG_QUICK_GELU, HG_TANH};
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        float x[POINTS];
        double wide[POINTS];
        for (int i = 0; i < POINTS; i++) {
            x[i] = (float)((i - 2000) * 0.01);
            wide[i] = x[i];
        }
        dense_function(functions[f], x, POINTS);
        dense_activate(2, functions[f], wide, NULL, 1, POINTS);
        for (int i = 0; i < POINTS; i++) {
            assert_true(wide[i] == hg_reference(functions[f], (float)((i - 2000) * 0.01)));
            assert_true(fabs(x[i] - wide[i]) <= 4e-7 * (1 + fabs(wide[i])));
        }
    }
}

/* A factor makes the gated product, row by row whatever the number of threads. */
static void test_gated(void **state)
{
    (void)state;
    enum { ROWS = 7, COLUMNS = 5 };
    double x[ROWS * COLUMNS], y[ROWS * COLUMNS], factor[ROWS * COLUMNS];
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        x[i] = y[i] = i * 0.1 - 1;
        factor[i] = 3 - i;
    }
    dense_activate(1, HG_SILU, x, factor, ROWS, COLUMNS);
    dense_activate(3, HG_SILU, y, factor, ROWS, COLUMNS);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        assert_true(x[i] == y[i] && x[i] == hg_reference(HG_SILU, i * 0.1 - 1) * (3 - i));
}

static void test_norms(void **state)
{
    (void)state;
    enum { N = 11 };
    float x[N], gamma[N], beta[N], y[N];
    double wide[N], centered[N], variance, wide_gamma[N], wide_beta[N], out[N];
    for (int i = 0; i < N; i++) {
        wide[i] = x[i] = (float)(i * i % 7) - 2.5f;
        wide_gamma[i] = gamma[i] = 0.5f + (float)i / 8;
        wide_beta[i] = beta[i] = 1 - (float)i / 4;
    }
    dense_norm(x, N, 0, 1e-5, gamma, beta, y);
    dense_center(wide, 1, N, 1e-5, centered, &variance);
    dense_scale(centered, &variance, wide_gamma, wide_beta, 1, N, out);
    for (int i = 0; i < N; i++) assert_true(fabs(y[i] - out[i]) < 1e-6);
    for (int i = 0; i < N; i++) beta[i] = 0;
    dense_norm(x, N, 1, 1e-5, gamma, beta, y);
    double squares = 0;
    for (int i = 0; i < N; i++) squares += wide[i] * wide[i];
    dense_mean_square(wide, 1, N, 1e-5, &variance);
    assert_true(fabs(variance - (squares / N + 1e-5)) < 1e-14);
    dense_scale(wide, &variance, wide_gamma, NULL, 1, N, out);
    for (int i = 0; i < N; i++) {
        assert_true(fabs(out[i] - wide[i] / sqrt(variance) * wide_gamma[i]) < 1e-14);
        assert_true(fabs(y[i] - out[i]) < 1e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_functions), cmocka_unit_test(test_gated),
                                       cmocka_unit_test(test_norms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
