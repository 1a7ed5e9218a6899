#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/sweep_grid.h"

static void lists_are_read(void **state)
{
    (void)state;
    struct sweep_grid grid = {.models = 1};
    assert_null(sweep_grid_parse(&grid, SWEEP_TIMESTEPS, "4,8-10,16"));
    const struct sweep_axis *axis = &grid.axis[SWEEP_TIMESTEPS];
    static const double steps[] = {4, 8, 9, 10, 16};
    assert_int_equal(axis->count, 5);
    for (unsigned i = 0; i < 5; i++) assert_true(axis->value[i].number == steps[i] && axis->value[i].choice == -1);
    assert_null(sweep_grid_parse(&grid, SWEEP_HG, "exact,0.01,table"));
    assert_int_equal(grid.axis[SWEEP_HG].value[0].choice, 1);
    assert_true(grid.axis[SWEEP_HG].value[1].number == 0.01);
    assert_int_equal(grid.axis[SWEEP_HG].value[2].choice, 0);
    assert_null(sweep_grid_parse(&grid, SWEEP_DROP, "0,1e-3"));
    assert_null(sweep_grid_parse(&grid, SWEEP_WEIGHTS, "q4"));
    assert_null(sweep_grid_parse(&grid, SWEEP_TIMESTEPS, "1-16"));
    assert_int_equal(sweep_grid_points(&grid), 16 * 3 * 2);
}

static void what_is_no_list_is_refused(void **state)
{
    static const struct {
        enum sweep_axis_id id;
        const char *text;
    } cases[] = {
        {SWEEP_TIMESTEPS, ""},
        {SWEEP_TIMESTEPS, "0"},
        {SWEEP_TIMESTEPS, "17"},
        {SWEEP_TIMESTEPS, "4,"},
        {SWEEP_TIMESTEPS, ",4"},
        {SWEEP_TIMESTEPS, "4,,8"},
        {SWEEP_TIMESTEPS, "4.5"},
        {SWEEP_TIMESTEPS, "8-4"},
        {SWEEP_TIMESTEPS, "4,4"},
        {SWEEP_TIMESTEPS, "4-8,6"},
        {SWEEP_TIMESTEPS, "4-"},
        {SWEEP_TIMESTEPS, "4 8"},
        {SWEEP_TIMESTEPS, "4-8-9"},
        {SWEEP_TIMESTEPS, "nan"},
        {SWEEP_CODE, "binary"},
        {SWEEP_CODE, "1"},
        {SWEEP_OAT, "on,off,on"},
        {SWEEP_HG, "2"},
        {SWEEP_HG, "0"},
        {SWEEP_HG, "tables"},
        {SWEEP_DROP, "-0.1"},
        {SWEEP_DROP, "1.1"},
        {SWEEP_DROP, "inf"},
        {SWEEP_NOISE, "17"},
        {SWEEP_WEIGHTS, "keep,f16"},
        {SWEEP_THRESHOLD, "median"},
        {SWEEP_DROP, "0.0000000000000000000000000000000000000000000000000000000000000000001"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sweep_grid grid = {.models = 1};
        if (sweep_grid_parse(&grid, cases[i].id, cases[i].text) == NULL) fail_msg("'%s' was taken", cases[i].text);
    }
}

static void points_run_through_the_grid_in_order(void **state)
{
    (void)state;
    struct sweep_grid grid = {.models = 2};
    assert_null(sweep_grid_parse(&grid, SWEEP_TIMESTEPS, "8,16"));
    assert_null(sweep_grid_parse(&grid, SWEEP_OAT, "on,off"));
    assert_null(sweep_grid_parse(&grid, SWEEP_WEIGHTS, "keep,q8"));
    assert_null(sweep_grid_parse(&grid, SWEEP_HG, "table,0.5"));
    assert_int_equal(sweep_grid_points(&grid), 32);
    assert_int_equal(sweep_grid_group(&grid), 8);
    for (uint32_t i = 0; i < 32; i++) {
        struct sweep_point point = sweep_grid_point(&grid, i);
        assert_int_equal(point.model, i / 16);
        assert_int_equal(point.weights, i / 8 % 2 ? CONVERT_WEIGHTS_Q8 : CONVERT_WEIGHTS_KEEP);
        assert_int_equal(point.hg, i / 4 % 2 ? VARIANT_HG_REFIT : VARIANT_HG_TABLE);
        assert_int_equal(point.oat, i / 2 % 2 == 0);
        assert_int_equal(point.timesteps, i % 2 ? 16 : 8);
        assert_int_equal(point.code, -1);
        assert_int_equal(point.rule, VARIANT_MODEL);
        assert_true(point.drop == 0 && point.noise == 0);
    }
}

static void too_many_points_are_none(void **state)
{
    (void)state;
    struct sweep_grid grid = {.models = UINT32_MAX};
    assert_int_equal(sweep_grid_points(&grid), UINT32_MAX);
    assert_null(sweep_grid_parse(&grid, SWEEP_OAT, "on,off"));
    assert_int_equal(sweep_grid_points(&grid), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_read),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(points_run_through_the_grid_in_order),
        cmocka_unit_test(too_many_points_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
