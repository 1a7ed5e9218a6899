/* real.h against libm's long double functions (accuracy) and against committed checksums (bits). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "neurons/real.h"
#include "test/neurons/sample.h"

enum { POINTS = 200000 };
static const uint64_t seed = 20250509;

struct subject {
    const char *name;
    double (*function)(double);
    long double (*truth)(long double);
    double bound;      /* ulp */
    uint64_t checksum; /* of the bits on the samples of check_bits */
    double ranges[5][2];
};

static const struct subject subjects[] = {
    {"exp",
     real_exp,
     expl,
     1.0,
     UINT64_C(0x5f769a4c3f2dfd47),
     {{-1, 1}, {-40, 40}, {-708, 709.7}, {-745.2, -708}, {-1e-9, 1e-9}}},
    {"log",
     real_log,
     logl,
     1.0,
     UINT64_C(0x15b6ff49b2520d19),
     {{0.5, 2}, {0.99, 1.01}, {1e-300, 1e-290}, {0, 1e-310}, {1, 1e300}}},
    {"erf",
     real_erf,
     erfl,
     2.5,
     UINT64_C(0x8b6a78f9c1360bbc),
     {{-1, 1}, {-6.5, 6.5}, {0.9, 1.1}, {-1e-7, 1e-7}, {-1e-308, 1e-308}}},
    {"tanh",
     real_tanh,
     tanhl,
     1.5,
     UINT64_C(0xc2c6b8acfb90b031),
     {{-1, 1}, {-21, 21}, {0.55, 0.65}, {-1e-7, 1e-7}, {-1e-308, 1e-308}}},
    {"sqrt",
     real_sqrt,
     sqrtl,
     0.5001,
     UINT64_C(0x48ccfdef4ba03828),
     {{0, 1}, {0, 1e300}, {1e-5, 4}, {0, 1e-310}, {0, 1e-300}}},
};
enum { SUBJECTS = sizeof subjects / sizeof subjects[0] };

/* Distance of y from the truth in units of the last place of y's binade (denormal spacing at least). */
static double ulps(double y, long double truth)
{
    int exponent;
    frexp(y, &exponent);
    double ulp = ldexp(1.0, exponent - 53 < -1074 ? -1074 : exponent - 53);
    return (double)(fabsl((long double)y - truth) / ulp);
}

static void check_accuracy(const struct subject *s)
{
    double worst = 0, where = 0;
    uint64_t state = seed;
    for (int range = 0; range < 5; range++) {
        for (int i = 0; i < POINTS; i++) {
            double x = sample_uniform(&state, s->ranges[range][0], s->ranges[range][1]);
            double y = s->function(x);
            long double truth = s->truth((long double)x);
            if (isinf(y) && isinf((double)truth)) continue;
            double error = ulps(y, truth);
            if (!(error <= worst)) worst = error, where = x;
        }
    }
    printf("real_%s: largest error %.3f ulp, at %a (seed %llu)\n", s->name, worst, where, (unsigned long long)seed);
    assert_true(worst <= s->bound);
}

static int bits_differ(const struct subject *s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325), state = seed + 1;
    for (int range = 0; range < 5; range++) {
        for (int i = 0; i < 20000; i++) {
            double y = s->function(sample_uniform(&state, s->ranges[range][0], s->ranges[range][1]));
            hash = (hash ^ bits_of_double(y)) * UINT64_C(0x100000001b3);
        }
    }
    if (hash != s->checksum) printf("real_%s: checksum of bits 0x%016llx\n", s->name, (unsigned long long)hash);
    return hash != s->checksum;
}

static void test_accuracy(void **state)
{
    (void)state;
    for (size_t i = 0; i < SUBJECTS; i++) check_accuracy(&subjects[i]);
}

static void test_same_bits_on_every_compiler(void **state)
{
    (void)state;
    int different = 0;
    for (size_t i = 0; i < SUBJECTS; i++) different += bits_differ(&subjects[i]);
    assert_int_equal(different, 0);
}

static void assert_same(double a, double b)
{
    if (isnan(b))
        assert_true(isnan(a));
    else
        assert_int_equal(bits_of_double(a), bits_of_double(b));
}

/* Where IEEE or the limit says exactly what comes out. */
static void test_special_values(void **state)
{
    (void)state;
    static const double special[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, DBL_MAX, -DBL_MAX};
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++) {
        double x = special[i];
        assert_same(real_exp(x), exp(x));
        assert_same(real_erf(x), erf(x));
        assert_same(real_tanh(x), tanh(x));
        assert_same(real_sqrt(x), sqrt(x));
        if (x != DBL_MAX) assert_same(real_log(x), log(x));
    }
    assert_same(real_log(1.0), 0.0);
    assert_same(real_exp(-745.2), 0.0);
    assert_same(real_exp(-745.1), 0x1p-1074);
    assert_same(real_exp(709.79), INFINITY);
    assert_same(real_log(0x1p-1074), log(0x1p-1074));
    assert_same(real_erf(-7.0), -1.0);
    assert_same(real_tanh(0x1p-1074), 0x1p-1074);
    for (int k = -1074; k < 1024; k++) assert_true(fabs(real_log(ldexp(1, k)) - k * M_LN2) <= 2e-13);
}

static void test_odd_and_monotone(void **state)
{
    (void)state;
    double before_erf = 0, before_tanh = 0, before_exp = 0;
    for (int i = 0; i <= 700000; i++) {
        double x = i * 1e-5;
        double e = real_erf(x), t = real_tanh(x), p = real_exp(x);
        assert_same(real_erf(-x), -e);
        assert_same(real_tanh(-x), -t);
        assert_true(e >= before_erf && t >= before_tanh && p >= before_exp);
        before_erf = e, before_tanh = t, before_exp = p;
    }
}

static void test_sqrt_by_integers(void **state)
{
    (void)state;
    uint64_t random = seed + 2;
    static const double edges[] = {0.0,
                                   -0.0,
                                   -1.0,
                                   INFINITY,
                                   -INFINITY,
                                   NAN,
                                   0x1p-1074,
                                   0x1p-1022,
                                   DBL_MAX,
                                   1.0,
                                   0x1.fffffffffffffp0,
                                   0x1.0000000000001p0,
                                   0x1.fffffffffffffp1};
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++)
        assert_same(real_sqrt_portable(edges[i]), sqrt(edges[i]));
    for (int i = 0; i < 100000; i++) {
        double x = fabs(sample_double(&random));
        assert_same(real_sqrt_portable(x), sqrt(x));
        assert_same(real_sqrt(x), sqrt(x));
        double root =
            1.0 + (double)(sample_bits(&random) >> 38) * 0x1p-26; /* 26 bits: exact squares and their neighbours */
        assert_same(real_sqrt_portable(root * root), root);
        assert_same(real_sqrt_portable(nextafter(root * root, 8)), sqrt(nextafter(root * root, 8)));
        assert_same(real_sqrt_portable(nextafter(root * root, 0)), sqrt(nextafter(root * root, 0)));
    }
}

static void test_ldexp_and_floor_log2(void **state)
{
    (void)state;
    uint64_t random = seed + 3;
    assert_int_equal(real_floor_log2(0.0), INT_MIN);
    assert_int_equal(real_floor_log2(-INFINITY), INT_MAX);
    assert_int_equal(real_floor_log2(NAN), INT_MAX);
    assert_same(real_ldexp(INFINITY, INT_MIN), INFINITY);
    assert_same(real_ldexp(NAN, 3), NAN);
    assert_same(real_ldexp(-0.0, INT_MAX), -0.0);
    for (int i = 0; i < 300000; i++) {
        double x = sample_double(&random);
        if (i % 4 == 0) x = ldexp(x, -1030); /* many denormals */
        int exponent = (int)(sample_bits(&random) % 4400) - 2200;
        assert_same(real_ldexp(x, exponent), ldexp(x, exponent));
        assert_same(real_ldexp(x, i % 2 ? INT_MAX : INT_MIN), ldexp(x, i % 2 ? 5000 : -5000));
        if (x != 0) assert_int_equal(real_floor_log2(x), ilogb(x));
    }
    for (int e = -1022; e < 1024; e++) assert_same(real_power_of_two(e), ldexp(1.0, e));
}

static void test_round_half_away(void **state)
{
    (void)state;
    uint64_t random = seed + 4;
    assert_int_equal(real_round_half_away(0x1.fffffffffffffp-2), 0);
    assert_int_equal(real_round_half_away(0.5), 1);
    assert_int_equal(real_round_half_away(-0.5), -1);
    assert_int_equal(real_round_half_away(2.5), 3);
    assert_int_equal(real_round_half_away(-2.5), -3);
    assert_int_equal(real_round_half_away(0x1p52 + 1), (INT64_C(1) << 52) + 1);
    assert_int_equal(real_round_half_away(0x1.fffffffffffffp51), INT64_C(1) << 52);
    assert_int_equal(real_round_half_away(0x1.fffffffffffffp62), INT64_C(0x7ffffffffffffc00));
    assert_int_equal(real_round_half_away(0x1p63), INT64_MAX);
    assert_int_equal(real_round_half_away(-0x1p63), -INT64_MAX);
    assert_int_equal(real_round_half_away(-INFINITY), -INT64_MAX);
    assert_int_equal(real_round_half_away(NAN), 0);
    for (int i = 0; i < 300000; i++) {
        double x = sample_uniform(&random, -1, 1) * ldexp(1, i % 60);
        assert_int_equal(real_round_half_away(x), llround(x));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accuracy),         cmocka_unit_test(test_same_bits_on_every_compiler),
        cmocka_unit_test(test_special_values),   cmocka_unit_test(test_odd_and_monotone),
        cmocka_unit_test(test_sqrt_by_integers), cmocka_unit_test(test_ldexp_and_floor_log2),
        cmocka_unit_test(test_round_half_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
