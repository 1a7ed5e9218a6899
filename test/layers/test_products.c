/* products_add against one product after the other, all widths, strides, zero factors, extreme values; sums and
 * squares; at every level of instructions. */
#include "layers/products.h"
#include "neurons/cpu.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROWS = 37, WIDTH = 90, STRIDE = 97 };

static uint64_t state;

static uint32_t next(void)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static int32_t value(void)
{
    switch (next() % 8) {
    case 0: return 0;
    case 1: return INT32_MAX;
    case 2: return INT32_MIN;
    default: return (int32_t)next() >> next() % 24;
    }
}

static void test_widths(void **unused)
{
    static int32_t factor[ROWS], partner[ROWS * STRIDE];
    int64_t start[WIDTH + 1], sum[WIDTH + 1], expected[WIDTH + 1];
    (void)unused;
    for (uint32_t n = 0; n <= WIDTH; n++) {
        uint32_t rows = next() % (ROWS + 1), offset = next() % (STRIDE - WIDTH);
        for (int i = 0; i < ROWS; i++) factor[i] = value() >> 6;
        for (int i = 0; i < ROWS * STRIDE; i++) partner[i] = value();
        for (uint32_t j = 0; j <= WIDTH; j++) start[j] = expected[j] = value();
        for (uint32_t j = 0; j < n; j++)
            for (uint32_t i = 0; i < rows; i++) expected[j] += (int64_t)factor[i] * partner[i * STRIDE + offset + j];
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            memcpy(sum, start, sizeof sum);
            products_add(factor, rows, partner + offset, STRIDE, n, sum);
            assert_memory_equal(sum, expected, sizeof sum);
        }
    }
    cpu_limit(CPU_AMX);
}

static void test_blocks(void **unused)
{
    enum { BLOCKS = (WIDTH + PRODUCTS_BLOCK - 1) / PRODUCTS_BLOCK, APART = ROWS * PRODUCTS_BLOCK + 13 };
    static int32_t factor[ROWS], partner[BLOCKS * APART];
    int64_t start[WIDTH + 1], sum[WIDTH + 1], expected[WIDTH + 1];
    (void)unused;
    for (uint32_t n = 0; n <= WIDTH; n++) {
        uint32_t rows = next() % (ROWS + 1);
        for (int i = 0; i < ROWS; i++) factor[i] = value() >> 6;
        for (int i = 0; i < BLOCKS * APART; i++) partner[i] = value();
        for (uint32_t j = 0; j <= WIDTH; j++) start[j] = expected[j] = value();
        for (uint32_t j = 0; j < n; j++)
            for (uint32_t i = 0; i < rows; i++)
                expected[j] +=
                    (int64_t)factor[i] * partner[j / PRODUCTS_BLOCK * APART + i * PRODUCTS_BLOCK + j % PRODUCTS_BLOCK];
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            memcpy(sum, start, sizeof sum);
            products_add_blocks(factor, rows, partner, APART, n, sum);
            assert_memory_equal(sum, expected, sizeof sum);
        }
    }
    cpu_limit(CPU_AMX);
}

static void test_shifts(void **unused)
{
    int32_t values[WIDTH];
    int8_t shift[WIDTH];
    (void)unused;
    for (uint32_t n = 0; n <= WIDTH; n++) {
        for (uint32_t i = 0; i < n; i++) values[i] = value() >> 2, shift[i] = (int8_t)(next() % 31);
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            int64_t sum[WIDTH + 1];
            sum[n] = 7;
            cpu_limit((enum cpu_level)level);
            products_shift(values, shift, n, sum);
            for (uint32_t i = 0; i < n; i++) assert_int_equal(sum[i], values[i] * (INT64_C(1) << shift[i]));
            assert_int_equal(sum[n], 7);
        }
    }
    cpu_limit(CPU_AMX);
}

static void test_sums_and_squares(void **unused)
{
    int32_t values[WIDTH];
    (void)unused;
    for (uint32_t n = 0; n <= WIDTH; n++) {
        int64_t sum = 0, squares = 0;
        for (uint32_t i = 0; i < n; i++) {
            values[i] = value() >> 5;
            sum += values[i];
            squares += (int64_t)values[i] * values[i];
        }
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            int64_t copy[WIDTH + 1] = {0}, other[WIDTH + 1] = {0};
            copy[n] = other[n] = 7;
            cpu_limit((enum cpu_level)level);
            assert_int_equal(products_sum(values, n, copy), sum);
            assert_int_equal(products_squares(values, n, other), squares);
            for (uint32_t i = 0; i < n; i++) assert_true(copy[i] == values[i] && other[i] == values[i]);
            assert_true(copy[n] == 7 && other[n] == 7);
        }
    }
    cpu_limit(CPU_AMX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths), cmocka_unit_test(test_blocks),
                                       cmocka_unit_test(test_shifts), cmocka_unit_test(test_sums_and_squares)};
    state = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)state);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
