#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/row_sum.h"
#include "test/helpers/trace_samples.h"

enum { SOURCES = 700, TARGETS = 600 };

static struct row_matrix random_matrix(struct sample_random *random, uint64_t integer_max, int64_t *plain)
{
    struct row_matrix matrix = {row_width_of(integer_max), SOURCES, TARGETS, integer_max, NULL};
    size_t bytes = row_matrix_bytes(matrix.width, SOURCES, TARGETS);
    matrix.weights = aligned_alloc(64, bytes);
    assert_non_null(matrix.weights);
    memset(matrix.weights, 0, bytes);
    for (uint32_t s = 0; s < SOURCES; s++)
        for (uint32_t t = 0; t < TARGETS; t++) {
            /* Every fourth row is extreme: lanes that overflow would show. */
            uint64_t span = 2 * integer_max + 1;
            int64_t value = s % 4 == 0 ? (int64_t)integer_max : (int64_t)(sample_next(random) % span - integer_max);
            plain[s * TARGETS + t] = value;
            row_matrix_set(&matrix, s, t, value);
            assert_int_equal(row_matrix_get(&matrix, s, t), value);
        }
    return matrix;
}

static void compare_sums(const struct row_matrix *matrix, const int64_t *plain, const uint32_t *rows, uint32_t count)
{
    for (enum row_cpu cpu = ROW_CPU_PORTABLE; cpu <= row_cpu_best(); cpu++)
        for (uint32_t tile = 0; tile * ROW_TILE < TARGETS; tile++) {
            double out[ROW_TILE] __attribute__((aligned(64)));
            row_sum(matrix, cpu, tile, rows, count, 0.125, out);
            for (uint32_t i = 0; i < ROW_TILE; i++) {
                int64_t sum = 0;
                uint32_t target = tile * ROW_TILE + i;
                for (uint32_t r = 0; target < TARGETS && r < count; r++) sum += plain[rows[r] * TARGETS + target];
                assert_true(out[i] == (double)sum * 0.125);
            }
        }
}

/* Every width at its limits and every instruction set give what 64-bit integers give. */
static void sums_are_exact(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("row_sum");
    const uint64_t limits[] = {1, 127, ROW_16_MAX, ROW_16_MAX + 1, ROW_32_MAX, ROW_32_MAX + 1, UINT64_C(1) << 50};
    const uint32_t counts[] = {0, 1, 7, 8, 9, 258, 260, SOURCES};
    int64_t *plain = malloc(sizeof *plain * SOURCES * TARGETS);
    uint32_t rows[SOURCES];
    assert_non_null(plain);
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        struct row_matrix matrix = random_matrix(&random, limits[l], plain);
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            for (uint32_t r = 0; r < counts[c]; r++)
                rows[r] = counts[c] == SOURCES ? r : sample_below(&random, SOURCES / 4) * 4;
            compare_sums(&matrix, plain, rows, counts[c]);
        }
        free(matrix.weights);
    }
    free(plain);
}

static void widths(void **state)
{
    (void)state;
    assert_int_equal(row_width_of(0), ROW_16);
    assert_int_equal(row_width_of(ROW_16_MAX), ROW_16);
    assert_int_equal(row_width_of(ROW_16_MAX + 1), ROW_32);
    assert_int_equal(row_width_of(ROW_32_MAX), ROW_32);
    assert_int_equal(row_width_of(ROW_32_MAX + 1), ROW_64);
    assert_int_equal(row_matrix_bytes(ROW_16, 3, 257), 3 * 512 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact),
        cmocka_unit_test(widths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
