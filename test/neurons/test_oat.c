/* OAT codes against the definition evaluated one neuron at a time in exact arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "neurons/code.h"
#include "neurons/cpu.h"
#include "neurons/oat.h"
#include "neurons/real.h"
#include "test/helpers/aborts.h"
#include "test/neurons/sample.h"

static const uint64_t seed = 4711;

/* The definition, without blocks, masks or the rounding trick of oat.c. */
static uint32_t naive_code(const struct oat_params *p, size_t neuron, double x, uint64_t *saturated)
{
    double lsb = p->lsb * (p->shift != NULL ? ldexp(1, p->shift[neuron]) : 1.0);
    double q = fabs(x) / lsb;
    if (p->relu && x <= 0) return 0;
    double c = q > 1e9 ? 1e9 : floor(q) + (q - floor(q) >= 0.5);
    double largest = ldexp(1, (int)p->steps) - 1;
    uint32_t flags = x < 0 ? OAT_NEGATIVE : 0;
    if (c > largest) {
        c = floor(ldexp(c, -(int)p->j) + 0.5);
        flags |= OAT_OUTLIER;
    }
    if (c > largest) {
        c = largest;
        ++*saturated;
    }
    return c == 0 ? 0 : (uint32_t)c | flags;
}

static void assert_codes_agree_at(enum cpu_level level, const struct oat_params *p, size_t first, const double *x,
                                  size_t n)
{
    uint32_t codes[300];
    int32_t values[300];
    uint64_t saturated = 0;
    memset(codes, 0xff, sizeof codes);
    assert_true(n < 300);
    cpu_limit(level);
    uint64_t counted = oat_encode(p, first, x, n, codes);
    oat_values(codes, n, p->j, values);
    cpu_limit(CPU_AMX);
    for (size_t i = 0; i < n; i++) {
        uint32_t expected = naive_code(p, first + i, x[i], &saturated);
        if (codes[i] != expected)
            print_error("T %u j %u x/lsb %a: 0x%x, expected 0x%x\n", p->steps, p->j, x[i] / p->lsb, codes[i], expected);
        assert_int_equal(codes[i], expected);
        assert_int_equal(values[i], oat_value(codes[i], p->j));
    }
    assert_int_equal(counted, saturated);
    for (size_t i = n; i < 300; i++) assert_int_equal(codes[i], 0xffffffffu);
}

static void assert_codes_agree(const struct oat_params *p, size_t first, const double *x, size_t n)
{
    for (int level = CPU_PORTABLE; level <= CPU_AMX; level++)
        assert_codes_agree_at((enum cpu_level)level, p, first, x, n);
}

/* Potentials near every kind of edge: halves and their neighbours, thresholds, saturation, far out. */
static double awkward(uint64_t *random, double lsb, unsigned steps, unsigned j)
{
    double base[] = {0.0, 0.5, 1.0, ldexp(1, (int)steps) - 1, ldexp(ldexp(1, (int)steps) - 1, (int)j), 1e300, 0x1p27};
    uint64_t choice = sample_bits(random);
    double q =
        base[choice % 7] + (double)((int)(choice >> 8 & 7) - 3) * 0.5 * (choice >> 16 & 1 ? 1 : ldexp(1, (int)j));
    if (choice >> 20 & 1) q = sample_uniform(random, 0, ldexp(1, (int)(choice >> 24 & 31)));
    if (choice >> 21 & 1) q = nextafter(q, choice >> 22 & 1 ? INFINITY : -INFINITY);
    return (choice >> 23 & 1 ? -q : q) * lsb;
}

static void test_codes_follow_the_definition(void **state)
{
    (void)state;
    uint64_t random = seed;
    int8_t shift[600];
    double x[300];
    for (int i = 0; i < 600; i++) shift[i] = (int8_t)(sample_bits(&random) % 31);
    for (unsigned round = 0; round < 4; round++) {
        for (unsigned steps = 1; steps <= SPIKE_STEPS_MAX; steps++) {
            for (unsigned j = 0; j <= OAT_SHIFT_MAX; j++) {
                double lsb = round & 1 ? 0x1p-9 : sample_uniform(&random, 1e-6, 1e3);
                struct oat_params p = {lsb, round & 2 ? shift : NULL, steps, j, (int)(sample_bits(&random) & 1)};
                size_t n = sample_bits(&random) % 300, first = sample_bits(&random) % 300;
                for (size_t i = 0; i < n; i++)
                    x[i] = ldexp(awkward(&random, lsb, steps, j), p.shift != NULL ? shift[first + i] : 0);
                assert_codes_agree(&p, first, x, n);
            }
        }
    }
    printf("seed %llu\n", (unsigned long long)seed);
}

/* Normal: |y-x| <= lsb/2.  Outlier: c is within lsb/2 of |x| and y within 2^j lsb/2 of c. */
static void test_coding_error(void **state)
{
    (void)state;
    uint64_t random = seed + 1;
    double worst_normal = 0, worst_outlier = 0;
    for (int i = 0; i < 400000; i++) {
        struct oat_params p = {ldexp(1, -(i % 20)), NULL, 1 + (unsigned)i % 16, (unsigned)(i / 16) % 11, 0};
        double x = sample_uniform(&random, -1.2, 1.2) * ldexp(p.lsb, (int)(p.steps + p.j));
        uint32_t code;
        if (oat_encode(&p, 0, &x, 1, &code) != 0) continue;
        double error = fabs(oat_value(code, p.j) - x / p.lsb);
        if (fabs(x) < (ldexp(1, (int)p.steps) - 0.5) * p.lsb) {
            worst_normal = fmax(worst_normal, error);
            assert_int_equal(code & OAT_OUTLIER, 0);
        } else {
            worst_outlier = fmax(worst_outlier, error / (ldexp(1, (int)p.j) + (p.j > 0)));
        }
    }
    assert_true(worst_normal <= 0.5);
    assert_true(worst_outlier <= 0.5);
    assert_true(worst_normal > 0.49 && worst_outlier > 0.4);
}

static void test_edges_and_saturation(void **state)
{
    (void)state;
    double x[] = {INFINITY, -INFINITY, 0x1p-1074, -0.0, 1.0, -1.0, 2.0, 1.0 - 0x1p-17, 65535 * 0x1p-16, 1.7e308};
    uint32_t codes[10];
    struct oat_params p = {0x1p-16, NULL, 16, 1, 0};
    assert_int_equal(oat_encode(&p, 0, x, 10, codes), 4);
    assert_int_equal(codes[0], OAT_OUTLIER | 0xffff);
    assert_int_equal(codes[1], OAT_OUTLIER | OAT_NEGATIVE | 0xffff);
    assert_int_equal(codes[2], 0);
    assert_int_equal(codes[3], 0);
    assert_int_equal(codes[4], OAT_OUTLIER | 0x8000); /* e^0 = 1 with alpha_nor 1, j 1: one exact outlier spike */
    assert_int_equal(oat_value(codes[4], p.j), 65536);
    assert_int_equal(oat_value(codes[5], p.j), -65536);
    assert_int_equal(codes[6], OAT_OUTLIER | 0xffff); /* 2: code 0x10000 does not fit */
    assert_int_equal(codes[7], OAT_OUTLIER | 0x8000); /* half an lsb below 1 rounds up */
    assert_int_equal(codes[8], 0xffff);
    p.relu = 1;
    assert_int_equal(oat_encode(&p, 0, x, 10, codes), 3); /* -inf does not spike, does not saturate */
    assert_int_equal(codes[1] | codes[5], 0);
    p.j = 0; /* one threshold: nothing above 2^T - 1 */
    assert_int_equal(oat_encode(&p, 0, x, 10, codes), 5);
    assert_int_equal(oat_encode(&p, 0, x, 0, codes), 0);
    p = (struct oat_params){0x1p-1074, NULL, 4, 2, 0}; /* an lsb that is denormal */
    assert_int_equal(oat_encode(&p, 0, x + 2, 1, codes), 0);
    assert_int_equal(codes[0], 1);
}

static void test_channel_shift(void **state)
{
    (void)state;
    int8_t shift[100];
    double x[100];
    uint32_t codes[100];
    for (int i = 0; i < 100; i++) shift[i] = (int8_t)(i % 31), x[i] = 5.0 * ldexp(1, i % 31);
    struct oat_params p = {1.0, shift, 8, 3, 0};
    assert_int_equal(oat_encode(&p, 0, x, 100, codes), 0);
    for (int i = 0; i < 100; i++) assert_int_equal(codes[i], 5);
    assert_int_equal(oat_encode(&p, 31, x, 69, codes), 0); /* 31 later: the same shifts again */
    for (int i = 0; i < 69; i++) assert_int_equal(codes[i], 5);
}

/* The codes of a neuron do not depend on the block it is coded in. */
static void test_any_split_gives_the_same_codes(void **state)
{
    (void)state;
    uint64_t random = seed + 2;
    double x[257];
    int8_t shift[257];
    uint32_t whole[257], parts[257];
    struct oat_params p = {0.37, shift, 12, 5, 0};
    for (int i = 0; i < 257; i++) {
        shift[i] = (int8_t)(sample_bits(&random) % 8);
        x[i] = sample_uniform(&random, -3e5, 3e5);
    }
    uint64_t saturated = oat_encode(&p, 0, x, 257, whole);
    for (int repeat = 0; repeat < 50; repeat++) {
        uint64_t counted = 0;
        for (size_t at = 0, n; at < 257; at += n) {
            n = 1 + sample_bits(&random) % 90;
            if (n > 257 - at) n = 257 - at;
            counted += oat_encode(&p, at, x + at, n, parts + at);
        }
        assert_int_equal(counted, saturated);
        assert_memory_equal(whole, parts, sizeof whole);
    }
}

static void encode_nan(void *context)
{
    double x[70] = {0};
    uint32_t codes[70];
    struct oat_params p = {1.0, NULL, 16, 0, 1};
    x[*(size_t *)context] = NAN;
    oat_encode(&p, 0, x, 70, codes);
}

static void test_nan_is_a_bug(void **state)
{
    (void)state;
    for (size_t at = 0; at < 70; at += 69)
        assert_aborts(encode_nan, &at, at == 0 ? "neurons 0..63 is NaN" : "neurons 64..127 is NaN");
}

/* Both spike codes of an OAT code sum to its value. */
static void test_spikes_sum_to_the_value(void **state)
{
    (void)state;
    uint64_t random = seed + 3;
    for (int i = 0; i < 100000; i++) {
        struct oat_params p = {1.0, NULL, 1 + (unsigned)i % 16, (unsigned)(i / 16) % 11, 0};
        double x = sample_uniform(&random, -1, 1) * ldexp(1, (int)(p.steps + p.j));
        uint32_t code;
        oat_encode(&p, 0, &x, 1, &code);
        for (int c = 0; c < 2; c++) {
            struct spike_steps spikes = code_steps((enum spike_code)c, p.steps, code & OAT_MAGNITUDE);
            int64_t sum = 0;
            for (unsigned t = 0; t < p.steps; t++) {
                int64_t weight = INT64_C(1) << (p.steps - 1 - t + (code & OAT_OUTLIER ? p.j : 0));
                if (spikes.fired >> t & 1) sum += spikes.negative >> t & 1 ? -weight : weight;
            }
            assert_int_equal(code & OAT_NEGATIVE ? -sum : sum, oat_value(code, p.j));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_follow_the_definition),    cmocka_unit_test(test_coding_error),
        cmocka_unit_test(test_edges_and_saturation),           cmocka_unit_test(test_channel_shift),
        cmocka_unit_test(test_any_split_gives_the_same_codes), cmocka_unit_test(test_nan_is_a_bug),
        cmocka_unit_test(test_spikes_sum_to_the_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
