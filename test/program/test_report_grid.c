/* Columns that merge: against a plain list of what was added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/program/report_grid.h"
#include "test/helpers/trace_samples.h"

enum { ROWS = 3, ADDED = 500 };

/* The sums that the definition gives for the grid's bin. */
static void compare(const struct report_grid *grid, const uint64_t *position, const uint64_t *value, uint32_t count)
{
    uint64_t sums[ROWS][REPORT_COLUMNS] = {0}, largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(position[i] / grid->bin < REPORT_COLUMNS);
        sums[i % ROWS][position[i] / grid->bin] += value[i];
        if (position[i] > largest) largest = position[i];
    }
    assert_int_equal(grid->columns, largest / grid->bin + 1);
    for (uint32_t row = 0; row < ROWS; row++)
        for (uint32_t column = 0; column < REPORT_COLUMNS; column++)
            assert_int_equal(grid->cell[row * REPORT_COLUMNS + column], sums[row][column]);
}

static void random_positions(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("report_grid");
    for (int round = 0; round < 200; round++) {
        struct report_grid grid;
        uint64_t position[ADDED], value[ADDED];
        uint32_t unit = 1 + sample_below(&random, 16);
        unsigned bits = 1 + sample_below(&random, 61);
        assert_int_equal(report_grid_init(&grid, ROWS, unit), 0);
        for (uint32_t i = 0; i < ADDED; i++) {
            position[i] = sample_next(&random) >> (64 - bits) >> sample_below(&random, bits);
            value[i] = sample_below(&random, 1000);
            report_grid_add(&grid, i % ROWS, position[i], value[i]);
        }
        compare(&grid, position, value, ADDED);
        /* No wider than need be: one merge less would not have been enough; a divisor of unit or unit 2^i. */
        uint64_t most = (uint64_t)REPORT_COLUMNS * (grid.bin < unit ? grid.bin : unit);
        assert_true(grid.bin == 1 || (uint64_t)grid.columns * 16 > most / 16 / unit);
        assert_true(grid.bin <= unit ? unit % grid.bin == 0
                                     : (grid.bin % unit == 0 && ((grid.bin / unit) & (grid.bin / unit - 1)) == 0));
        report_grid_free(&grid);
    }
}

static void steps_follow_the_unit(void **state)
{
    (void)state;
    static const uint64_t expected[] = {1, 2, 4, 12, 24, 48}; /* unit 12 */
    struct report_grid grid;
    assert_int_equal(report_grid_init(&grid, 1, 12), 0);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        report_grid_reach(&grid, expected[i] * REPORT_COLUMNS - 1);
        assert_int_equal(grid.bin, expected[i]);
        assert_int_equal(grid.columns, REPORT_COLUMNS);
    }
    report_grid_free(&grid);
}

static void json(void **state)
{
    (void)state;
    struct report_grid grid;
    assert_int_equal(report_grid_init(&grid, 2, 1), 0);
    report_grid_add(&grid, 1, 2, 7);
    json_t *object = report_grid_json(&grid);
    json_t *expected = json_pack("{s:i, s:i, s:[[i,i,i],[i,i,i]]}", "bin", 1, "columns", 3, "rows", 0, 0, 0, 0, 0, 7);
    assert_true(json_equal(object, expected));
    json_decref(object);
    json_decref(expected);
    report_grid_free(&grid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_positions), cmocka_unit_test(steps_follow_the_unit),
                                       cmocka_unit_test(json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
