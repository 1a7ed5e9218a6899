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
        cmocka_unit_test(sums_become_values),
        cmocka_unit_test(potentials_round_and_clamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
