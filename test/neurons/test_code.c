/* Every value of every T in both codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "neurons/code.h"
#include "test/neurons/sample.h"

static int64_t sum_of_spikes(struct spike_steps spikes, unsigned steps)
{
    int64_t sum = 0;
    for (unsigned t = 0; t < steps; t++) {
        int64_t weight = INT64_C(1) << (steps - 1 - t);
        if (spikes.fired >> t & 1) sum += spikes.negative >> t & 1 ? -weight : weight;
    }
    return sum;
}

static void test_both_codes_say_the_value(void **state)
{
    (void)state;
    for (unsigned steps = 1; steps <= SPIKE_STEPS_MAX; steps++) {
        for (uint32_t value = 0; value < UINT32_C(1) << steps; value++) {
            struct spike_steps radix = code_steps(SPIKE_CODE_RADIX, steps, value);
            struct spike_steps ternary = code_steps(SPIKE_CODE_TERNARY, steps, value);
            assert_int_equal(sum_of_spikes(radix, steps), value);
            assert_int_equal(sum_of_spikes(ternary, steps), value);
            assert_int_equal(radix.negative, 0);
            assert_int_equal(__builtin_popcount(radix.fired), __builtin_popcount(value));
            assert_int_equal(ternary.negative & ~ternary.fired, 0);
            assert_int_equal((radix.fired | ternary.fired) >> steps, 0);
            assert_true(__builtin_popcount(ternary.fired) <= __builtin_popcount(radix.fired));
        }
    }
}

/* The rule of docs/design.md, step by step, in its own words: emit sign(v) iff 3|v| > 2^(T-t). */
static void test_ternary_follows_its_rule(void **state)
{
    (void)state;
    for (unsigned steps = 1; steps <= SPIKE_STEPS_MAX; steps++) {
        for (uint32_t value = 0; value < UINT32_C(1) << steps; value++) {
            struct spike_steps ternary = code_steps(SPIKE_CODE_TERNARY, steps, value);
            long v = (long)value;
            for (unsigned t = 0; t < steps; t++) {
                int fires = 3 * (v < 0 ? -v : v) > 1L << (steps - t);
                assert_int_equal(ternary.fired >> t & 1, fires);
                if (!fires) continue;
                assert_int_equal(ternary.negative >> t & 1, v < 0);
                v -= (v < 0 ? -1L : 1L) * (1L << (steps - 1 - t));
            }
            assert_int_equal(v, 0);
        }
    }
}

static void test_known_trains(void **state)
{
    (void)state;
    struct spike_steps seven = code_steps(SPIKE_CODE_TERNARY, 4, 7); /* 8 - 1 */
    assert_int_equal(seven.fired, 0x9);
    assert_int_equal(seven.negative, 0x8);
    assert_int_equal(code_steps(SPIKE_CODE_RADIX, 4, 7).fired, 0xe);
    assert_int_equal(code_steps(SPIKE_CODE_RADIX, 16, 0x8000).fired, 1); /* e^0 after OAT: one spike */
    assert_int_equal(code_steps(SPIKE_CODE_TERNARY, 16, 0x8000).fired, 1);
    assert_int_equal(code_steps(SPIKE_CODE_TERNARY, 1, 1).fired, 1);
    assert_int_equal(code_steps(SPIKE_CODE_TERNARY, 16, 0).fired, 0);
}

static void test_ternary_spikes_less(void **state)
{
    (void)state;
    uint64_t seed = 17, random = seed, radix = 0, ternary = 0;
    for (int i = 0; i < 200000; i++) {
        uint32_t value = (uint32_t)(sample_bits(&random) >> 48);
        radix += (unsigned)__builtin_popcount(code_steps(SPIKE_CODE_RADIX, 16, value).fired);
        ternary += (unsigned)__builtin_popcount(code_steps(SPIKE_CODE_TERNARY, 16, value).fired);
    }
    printf("spikes per uniform 16-bit code: radix %.3f, ternary %.3f (seed %llu)\n", (double)radix / 200000,
           (double)ternary / 200000, (unsigned long long)seed);
    assert_true((double)ternary <= 0.85 * (double)radix);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_codes_say_the_value),
        cmocka_unit_test(test_ternary_follows_its_rule),
        cmocka_unit_test(test_known_trains),
        cmocka_unit_test(test_ternary_spikes_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
