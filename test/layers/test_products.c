/* products_add against one product after the other, all widths, strides, zero factors, extreme values. */
#include "layers/products.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
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
    int64_t sum[WIDTH + 1], expected[WIDTH + 1];
    (void)unused;
    for (uint32_t n = 0; n <= WIDTH; n++) {
        uint32_t rows = next() % (ROWS + 1), offset = next() % (STRIDE - WIDTH);
        for (int i = 0; i < ROWS; i++) factor[i] = value() >> 6;
        for (int i = 0; i < ROWS * STRIDE; i++) partner[i] = value();
        for (uint32_t j = 0; j <= WIDTH; j++) sum[j] = expected[j] = value();
        for (uint32_t j = 0; j < n; j++)
            for (uint32_t i = 0; i < rows; i++) expected[j] += (int64_t)factor[i] * partner[i * STRIDE + offset + j];
        products_add(factor, rows, partner + offset, STRIDE, n, sum);
        assert_memory_equal(sum, expected, sizeof sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_widths)};
    state = (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)state);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
