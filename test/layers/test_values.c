/* Values at a close: vectors and plain C give the bits that the definition gives, at and beyond every limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "neurons/cpu.h"
#include "layers/values.h"

enum { N = 203, ROUNDS = 300 };

static uint64_t random_state = UINT64_C(0x1d872b41f0a9c3e5);
static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    return random_state ^= random_state << 17;
}

/* Any sign, 1 to `bits` bits. */
static int64_t any_integer(unsigned bits)
{
    int64_t magnitude = (int64_t)(next_random() >> (64 - 1 - next_random() % bits));
    return next_random() & 1 ? -magnitude : magnitude;
}

static void sums_become_values(void **state)
{
    (void)state;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t sum[N], copy[N];
        double scale[N], bias[N], x[N], unit = (double)any_integer(60) * 0x1p-70;
        const double *scales = round & 1 ? scale : NULL, *biases = round & 2 ? bias : NULL;
        uint32_t n = (uint32_t)(next_random() % (N + 1));
        for (uint32_t i = 0; i < n; i++) {
            sum[i] = any_integer(62);
            scale[i] = (double)any_integer(53) * 0x1p-60;
            bias[i] = (double)any_integer(53) * 0x1p-40;
        }
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            memcpy(copy, sum, sizeof copy);
            values_of_sums(copy, scales, biases, unit, n, x);
            for (uint32_t i = 0; i < n; i++) {
                double wanted = (double)sum[i] * (scales != NULL ? unit * scale[i] : unit);
                if (biases != NULL) wanted = wanted + bias[i];
                assert_memory_equal(&x[i], &wanted, sizeof wanted);
                assert_int_equal(copy[i], 0);
            }
        }
        cpu_limit(CPU_AMX);
    }
}

static void differences_become_values(void **state)
{
    (void)state;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t sum[N], copy[N], times = round & 1 ? 1 : any_integer(20), minus = any_integer(60);
        double x[N], unit = (double)any_integer(50) * 0x1p-60;
        uint32_t n = (uint32_t)(next_random() % (N + 1));
        for (uint32_t i = 0; i < n; i++) sum[i] = any_integer(41);
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            memcpy(copy, sum, sizeof copy);
            values_of_differences(copy, times, minus, unit, n, x);
            for (uint32_t i = 0; i < n; i++) {
                double wanted = (double)(times * sum[i] - minus) * unit;
                assert_memory_equal(&x[i], &wanted, sizeof wanted);
                assert_int_equal(copy[i], 0);
            }
        }
        cpu_limit(CPU_AMX);
    }
}

static void potentials_become_values(void **state)
{
    (void)state;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t potential[N], largest = INT64_MIN;
        double x[N], unit = (double)any_integer(50) * 0x1p-60;
        uint32_t n = 1 + (uint32_t)(next_random() % N);
        for (uint32_t i = 0; i < n; i++) {
            potential[i] = any_integer(round & 1 ? 4 : 63);
            if (potential[i] > largest) largest = potential[i];
        }
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            values_of_potentials(potential, unit, n, x);
            assert_int_equal(values_largest(potential, n), largest);
            for (uint32_t i = 0; i < n; i++) {
                double wanted = (double)potential[i] * unit;
                assert_memory_equal(&x[i], &wanted, sizeof wanted);
            }
        }
        cpu_limit(CPU_AMX);
    }
}

/* The nearest double, ties to even, by integers. */
static double nearest(__int128 product)
{
    unsigned __int128 size = product < 0 ? -(unsigned __int128)product : (unsigned __int128)product;
    unsigned drop = 0;
    while (size >> drop >> 53 != 0) drop++;
    uint64_t kept = (uint64_t)(size >> drop);
    unsigned __int128 rest = size - ((unsigned __int128)kept << drop), half = (unsigned __int128)1 << drop;
    if (2 * rest > half || (drop > 0 && 2 * rest == half && (kept & 1) != 0)) kept++;
    double value = (double)kept;
    for (; drop > 0; drop--) value *= 2;
    return product < 0 ? -value : value;
}

/* A partner so that the product with `factor` is a double's half, or next to one, where there is such. */
static int64_t partner_near_tie(int64_t factor)
{
    unsigned drop = 1 + (unsigned)(next_random() % 30);
    uint64_t tie = ((next_random() >> 11 | UINT64_C(1) << 52) << 1 | 1); /* 54 bits, the last one set */
    __int128 by = ((__int128)tie << (drop - 1)) / (factor == 0 ? 1 : factor);
    __int128 limit = (__int128)1 << 62;
    by += (__int128)(next_random() % 3) - 1;
    return by < limit && by > -limit ? (int64_t)by : any_integer(62);
}

/* A factor and a partner whose product, of 89 bits, ends in 2^35 and a little more or less: just beside the half of a
 * double's last place, by less than the last place of the product's smaller part. */
static void beside_tie(int64_t *factor, int64_t *by)
{
    const uint64_t last = (UINT64_C(1) << 36) - 1, a = UINT64_C(0x7800001) + 2 * (next_random() % 0x3fffff);
    uint64_t inverse = a; /* modulo 2^64, Newton */
    for (int i = 0; i < 6; i++) inverse *= 2 - a * inverse;
    uint64_t end = (UINT64_C(1) << 35) + (next_random() & 1 ? 1 + next_random() % 200 : -(1 + next_random() % 200));
    uint64_t high = UINT64_C(0x3c00000) + next_random() % 0x3fffff; /* 26 bits */
    *factor = (int64_t)(next_random() & 1 ? a : -a);
    *by = (int64_t)(high << 36 | (end * inverse & last));
}

static void products_round_once(void **state)
{
    (void)state;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int round = 0; round < 20 * ROUNDS; round++) {
        int64_t factor[N], by[N];
        double scale[N], bias[N], x[N], unit = round & 4 ? 1 : (double)any_integer(50) * 0x1p-60;
        struct values_products products = {
            factor, by, round & 8 ? 0 : 1, unit, round & 1 ? scale : NULL, round & 2 ? bias : NULL};
        uint32_t n = (uint32_t)(next_random() % (N + 1));
        for (uint32_t i = 0; i < n; i++) {
            unsigned bits = 1 + (unsigned)(next_random() % VALUES_FACTOR_BITS);
            factor[i] = any_integer(bits);
            if (round & 16) factor[i] = (factor[i] < 0 ? -1 : 1) * (INT64_C(1) << (next_random() % 27)); /* ties */
            by[i] = round & 32 ? partner_near_tie(factor[i]) : any_integer(62);
            if (round & 64 && i % 3 == 0) beside_tie(&factor[i], &by[i]);
            scale[i] = (double)any_integer(53) * 0x1p-60;
            bias[i] = (double)any_integer(53) * 0x1p-40;
        }
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            values_of_products(&products, n, x);
            for (uint32_t i = 0; i < n; i++) {
                double wanted = nearest((__int128)factor[i] * by[(size_t)i * products.by_stride]) * unit;
                if (products.scale != NULL) wanted *= scale[i];
                if (products.bias != NULL) wanted += bias[i];
                assert_memory_equal(&x[i], &wanted, sizeof wanted);
            }
        }
        cpu_limit(CPU_AMX);
    }
}

/* By integers: |value per_grid| is a multiple of 1/4 below 2^60. */
static int64_t naive(int64_t potential, int64_t quarters, uint64_t *clamped)
{
    int64_t magnitude = quarters < 0 ? -quarters : quarters, whole = (magnitude + 2) / 4;
    int64_t sum = potential + (quarters < 0 ? -whole : whole);
    if (sum >= -VALUES_POTENTIAL_MAX && sum <= VALUES_POTENTIAL_MAX) return sum;
    ++*clamped;
    return sum < 0 ? -VALUES_POTENTIAL_MAX : VALUES_POTENTIAL_MAX;
}

static void potentials_round_and_clamp(void **state)
{
    (void)state;
    print_message("seed %llx\n", (unsigned long long)random_state);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t before[N], after[N], wanted[N];
        double value[N];
        uint64_t clamped = 0;
        uint32_t n = (uint32_t)(next_random() % (N + 1));
        for (uint32_t i = 0; i < n; i++) {
            before[i] = any_integer(53);
            if (before[i] > VALUES_POTENTIAL_MAX || before[i] < -VALUES_POTENTIAL_MAX) before[i] = 0;
            if (next_random() % 50 == 0) before[i] = VALUES_POTENTIAL_MAX - (int64_t)(next_random() % 3);
            /* of at most 53 bits, so that the double is exact; some far beyond the limit */
            int64_t quarters = any_integer(53) * (next_random() % 60 == 0 ? 64 : 1);
            value[i] = (double)quarters * 0x1p-32;
            wanted[i] = naive(before[i], quarters, &clamped);
        }
        for (int level = CPU_PORTABLE; level <= CPU_AMX; level++) {
            cpu_limit((enum cpu_level)level);
            memcpy(after, before, sizeof after);
            assert_int_equal(values_into_potentials(value, 0x1p30, n, after), clamped);
            assert_memory_equal(after, wanted, n * sizeof *after);
        }
        cpu_limit(CPU_AMX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_become_values),         cmocka_unit_test(differences_become_values),
        cmocka_unit_test(potentials_become_values),   cmocka_unit_test(products_round_once),
        cmocka_unit_test(potentials_round_and_clamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
