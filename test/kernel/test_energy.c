/* Energy: the formula of docs/design.md, Counting, with figures worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/energy.h"

static int close_to(double a, double b)
{
    double difference = a > b ? a - b : b - a;
    return difference <= 1e-12 * (b > 0 ? b : 1);
}

/* 1000 updates and 200 tests at 0.9 pJ, 30 products at 3.7 pJ: 1080 + 111 = 1191 pJ. */
static void spiking_by_hand(void **state)
{
    (void)state;
    const struct energy_counts counts = {1000, 200, 30, 500};
    assert_true(close_to(energy_spiking(energy_table(0), &counts) * 1e12, 1191.0));
}

/* 500 multiply-accumulates at 4.6 pJ: 2300 pJ. */
static void dense_by_hand(void **state)
{
    (void)state;
    const struct energy_counts counts = {1000, 200, 30, 500};
    assert_true(close_to(energy_dense(energy_table(0), &counts) * 1e12, 2300.0));
}

static void first_table_is_horowitz(void **state)
{
    (void)state;
    assert_true(energy_tables() >= 1);
    assert_string_equal(energy_table(0)->name, "horowitz45_fp32");
    const struct energy_counts none = {0, 0, 0, 0};
    assert_true(energy_spiking(energy_table(0), &none) == 0 && energy_dense(energy_table(0), &none) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spiking_by_hand),
        cmocka_unit_test(dense_by_hand),
        cmocka_unit_test(first_table_is_horowitz),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
