#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layers/synapse_list.h"

/* Sources 1 and 4 of 5; a pair twice; targets at both ends. */
static uint32_t row[] = {1, 4};
static uint64_t start[] = {0, 4, 5};
static uint32_t target[] = {0, 3, 3, 9, 5};
static int64_t weight[] = {10, 1, 2, -7, 100};
static const struct synapse_list sparse = {5, 10, 2, row, start, target, weight};
/* The same rows as sources 0 and 1 of 2. */
static const struct synapse_list whole = {2, 10, 2, NULL, start, target, weight};

static void rows_are_found(void **state)
{
    (void)state;
    const uint64_t first[] = {0, 0, 0, 0, 4}, end[] = {0, 4, 0, 0, 5};
    uint64_t f, e;
    for (uint32_t s = 0; s < 5; s++) {
        synapse_list_row(&sparse, s, &f, &e);
        assert_int_equal(f, first[s]);
        assert_int_equal(e, end[s]);
    }
    synapse_list_row(&whole, 1, &f, &e);
    assert_int_equal(f, 4);
    assert_int_equal(e, 5);
}

static void compare_cut(const struct synapse_list *list, const uint32_t *rows, uint32_t count, uint32_t from,
                        uint32_t to)
{
    int64_t sum[10] = {0}, expected[10] = {0};
    for (uint32_t r = 0; r < count; r++) {
        uint64_t first, end;
        synapse_list_row(list, rows[r], &first, &end);
        for (uint64_t s = first; s < end; s++)
            if (target[s] >= from && target[s] < to) expected[target[s] - from] += weight[s];
    }
    synapse_list_sum(list, rows, count, from, to, sum);
    for (uint32_t i = 0; i < 10; i++) assert_int_equal(sum[i], expected[i]);
}

static void sums_of_every_cut(void **state)
{
    (void)state;
    const uint32_t rows[] = {0, 1, 3, 4}, plain[] = {0, 1};
    for (uint32_t from = 0; from <= 10; from++)
        for (uint32_t to = from; to <= 10; to++) {
            compare_cut(&sparse, rows, 4, from, to);
            compare_cut(&whole, plain, 2, from, to);
        }
    int64_t sum[10] = {0};
    synapse_list_sum(&sparse, rows, 4, 0, 10, sum);
    const int64_t all[10] = {10, 0, 0, 3, 0, 100, 0, 0, 0, -7};
    for (uint32_t i = 0; i < 10; i++) assert_int_equal(sum[i], all[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found),
        cmocka_unit_test(sums_of_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
