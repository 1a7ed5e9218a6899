/* Sine, cosine and powers against libm's long double functions, and their bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "neurons/real_angles.h"
#include "test/neurons/sample.h"

enum { POINTS = 200000 };
static const uint64_t seed = 20250509;

static double ulps(double y, long double truth)
{
    int exponent;
    if (truth == 0) return y == 0 ? 0 : 1e9;
    frexp((double)truth, &exponent);
    return (double)(fabsl((long double)y - truth) / ldexp(1.0, exponent - 53));
}

static void add_bits(uint64_t *hash, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    *hash = (*hash ^ bits) * UINT64_C(0x100000001b3);
}

static void test_angles(void **state)
{
    (void)state;
    static const double ranges[][2] = {{-0.8, 0.8}, {-8, 8}, {0, 8192}, {-131072, 131072}, {-1048576, 1048576}};
    uint64_t random = seed;
    for (size_t r = 0; r < 5; r++) {
        double worst = 0;
        for (int i = 0; i < POINTS; i++) {
            double x = sample_uniform(&random, ranges[r][0], ranges[r][1]);
            double s = ulps(real_sin(x), sinl(x)), c = ulps(real_cos(x), cosl(x));
            worst = fmax(worst, fmax(s, c));
        }
        printf("sine, cosine on %g .. %g: largest error %.3f ulp\n", ranges[r][0], ranges[r][1], worst);
        assert_true(worst <= 1.0);
    }
}

/* Where the reduction cancels most: the doubles around every multiple of pi/2, whole numbers, tiny numbers. */
static void test_hard_angles(void **state)
{
    (void)state;
    double worst = 0;
    for (int k = 1; k < 660000; k += k < 2000 ? 1 : 37) {
        double x = (double)(k * 1.57079632679489661923132169163975144L);
        for (double at = nextafter(x, 0), i = 0; i < 3; i++, at = nextafter(at, INFINITY))
            worst = fmax(worst, fmax(ulps(real_sin(at), sinl(at)), ulps(real_cos(at), cosl(at))));
    }
    for (int k = 1; k <= 131072; k++)
        worst = fmax(worst, fmax(ulps(real_sin(k), sinl(k)), ulps(real_cos(-k), cosl(k))));
    for (int e = -1074; e < 0; e++) worst = fmax(worst, ulps(real_sin(ldexp(1, e)), sinl(ldexp(1, e))));
    printf("sine, cosine near multiples of pi/2 and at whole numbers: largest error %.3f ulp\n", worst);
    assert_true(worst <= 1.0);
    assert_true(real_sin(0) == 0 && !signbit(real_sin(0.0)) && signbit(real_sin(-0.0)) && real_cos(0) == 1);
    assert_true(isnan(real_sin(0x1.1p20)) && isnan(real_cos(-INFINITY)) && isnan(real_sin(NAN)));
}

static void test_powers(void **state)
{
    (void)state;
    static const double ranges[][4] = {{1, 1e7, -1, 0}, {0.5, 2, -30, 30}, {1e-300, 1e300, -1, 1}, {1e4, 1e6, -5, 5}};
    uint64_t random = seed;
    for (size_t r = 0; r < 4; r++) {
        double worst = 0;
        for (int i = 0; i < POINTS; i++) {
            double x = sample_uniform(&random, ranges[r][0], ranges[r][1]);
            double y = sample_uniform(&random, ranges[r][2], ranges[r][3]);
            worst = fmax(worst, ulps(real_pow(x, y), powl(x, y)));
        }
        printf("powers of %g .. %g: largest error %.3f ulp\n", ranges[r][0], ranges[r][1], worst);
        assert_true(worst <= 1.5);
    }
    assert_true(real_pow(10000, 0) == 1 && real_pow(2, 10) == 1024 && real_pow(1, -3.5) == 1);
    assert_true(real_pow(3, 1e-300) == 1 && real_pow(10, 400) == INFINITY && real_pow(10, -400) == 0);
    assert_true(isnan(real_pow(0, 1)) && isnan(real_pow(-2, 2)) && isnan(real_pow(INFINITY, 1)) &&
                isnan(real_pow(2, NAN)));
    assert_true(ulps(real_pow(0x1p-1070, 0.125), powl(0x1p-1070L, 0.125L)) <= 1.5);
}

/* The same bits whatever compiled this. */
static void test_bits(void **state)
{
    (void)state;
    uint64_t random = seed, hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < POINTS; i++) {
        double x = sample_uniform(&random, 0, 131072), y = sample_uniform(&random, -1, 0);
        add_bits(&hash, real_sin(x));
        add_bits(&hash, real_cos(x));
        add_bits(&hash, real_pow(x + 1, y));
    }
    printf("checksum 0x%016llx\n", (unsigned long long)hash);
    assert_int_equal(hash, UINT64_C(0xd2a624a05ae8b4f6));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_angles), cmocka_unit_test(test_hard_angles),
                                       cmocka_unit_test(test_powers), cmocka_unit_test(test_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
