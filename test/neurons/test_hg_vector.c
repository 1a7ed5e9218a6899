/* Arrays of HG neurons: at every level of instructions the codes and values of the single neurons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/cpu.h"
#include "neurons/hg.h"
#include "test/neurons/sample.h"

enum { TABLES = 4000, N = 41, CAPACITY = 1 << 14 };

static const uint64_t seed = 1618;
static int64_t base[CAPACITY], slope[CAPACITY];

/* Any layout of any function, rows at random; 0 if it breaks a bound. */
static int random_table(uint64_t *random, struct hg_table *table)
{
    enum hg_function function = (enum hg_function)(sample_bits(random) % HG_FUNCTIONS);
    *table = (struct hg_table){.function = function,
                               .positive = hg_function_positive(function),
                               .negative = hg_function_negative(function),
                               .underflow = hg_function_finite_at_zero(function),
                               .silent_beyond = (int)(sample_bits(random) % 2),
                               .sub_bits = (unsigned)(sample_bits(random) % 8),
                               .lo = (int)(sample_bits(random) % 80) - 60,
                               .base = base,
                               .slope = slope};
    table->hi = table->lo + 1 + (int)(sample_bits(random) % 40);
    int least = table->hi - 62, most = table->lo - (int)table->sub_bits;
    if (least > most) return 0;
    table->input_grid = least + (int)(sample_bits(random) % (unsigned)(most - least + 1));
    table->rows = hg_rows(table);
    return table->rows > 0 && table->rows <= CAPACITY;
}

/* Edges of the table's octaves and sub-intervals and their neighbours, numbers of all sizes, and none. */
static double awkward(uint64_t *random, const struct hg_table *table)
{
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 0x1p-1074, -0x1p-1074, 1e300, -1e300};
    uint64_t kind = sample_bits(random) % 8;
    if (kind == 0) return special[sample_bits(random) % (sizeof special / sizeof special[0])];
    if (kind == 1) return sample_double(random);
    double grid = ldexp(1, table->input_grid);
    double x = ldexp(1, table->lo - 2 + (int)(sample_bits(random) % (unsigned)(table->hi - table->lo + 4)));
    if (kind < 5) x *= sample_uniform(random, 1, 2);
    if (kind < 4) x = floor(x / grid) * grid + (double)(sample_bits(random) % 5) * (grid / 4);
    if (kind == 5) x += (double)(sample_bits(random) % 3) * grid - grid;
    return sample_bits(random) & 1 ? -x : x;
}

static void compare(const struct hg_table *table, unsigned steps, const double *x, size_t n)
{
    struct hg_code codes[N + 1], guard = {.row = 0x5a5a5a5au};
    int64_t values[N + 1];
    uint64_t saturated = 0;
    codes[n] = guard;
    values[n] = 77;
    uint64_t counted = hg_encode_all(table, steps, x, n, codes);
    hg_values(table, steps, codes, n, values);
    for (size_t i = 0; i < n; i++) {
        struct hg_code code;
        hg_encode(table, steps, x[i], &code);
        if (memcmp(&code, &codes[i], sizeof code) != 0)
            print_error("%s x %a T %u: row %u magnitude %u, expected %u %u\n", hg_function_name(table->function), x[i],
                        steps, codes[i].row, codes[i].magnitude, code.row, code.magnitude);
        assert_memory_equal(&code, &codes[i], sizeof code);
        assert_int_equal(values[i], hg_value(table, steps, &code));
        saturated += code.saturated;
    }
    assert_int_equal(counted, saturated);
    assert_memory_equal(&codes[n], &guard, sizeof guard);
    assert_int_equal(values[n], 77);
}

static void arrays_are_the_single_neurons(void **state)
{
    (void)state;
    uint64_t random = seed;
    int seen = 0;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int64_t i = 0; i < CAPACITY; i++) {
        base[i] = (int64_t)(sample_bits(&random) >> 3) - (INT64_C(1) << 60);
        slope[i] = ((int64_t)(sample_bits(&random) >> 20) - (INT64_C(1) << 43)) * HG_SLOPE_GRAIN;
    }
    for (int k = 0; k < TABLES; k++) {
        struct hg_table table;
        if (!random_table(&random, &table)) continue;
        double x[N];
        size_t n = (size_t)(sample_bits(&random) % (N + 1));
        unsigned steps = 1 + (unsigned)(sample_bits(&random) % 16);
        for (size_t i = 0; i < n; i++) x[i] = awkward(&random, &table);
        seen++;
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            compare(&table, steps, x, n);
        }
    }
    cpu_limit(CPU_AMX);
    print_message("%d tables\n", seen);
    assert_true(seen > TABLES / 4);
}

static void exact_values_are_the_functions(void **state)
{
    (void)state;
    int64_t *cells = malloc(2 * CAPACITY * sizeof *cells);
    struct hg_table table;
    double x[N];
    assert_non_null(cells);
    assert_int_equal(hg_fit(HG_SILU, -9, 5, 1e-4, cells, CAPACITY, &table), 0);
    table.exact = 1;
    for (int i = 0; i < N; i++) x[i] = (i - 20) * 0.37;
    compare(&table, 16, x, N);
    free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_are_the_single_neurons),
        cmocka_unit_test(exact_values_are_the_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
