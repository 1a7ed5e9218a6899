/* Perturbations: the hash against the published generator, rates and moments of the draws, and that every number
 * depends on all of its coordinates. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layers/perturb.h"

enum { NEURONS = 20000 };

static struct perturb_key key_of(uint64_t seed, uint64_t sequence, uint32_t population, uint32_t token)
{
    const struct perturbation rule = {.seed = seed, .drop = 0.25, .noise = 0.1};
    return perturb_window(&rule, sequence, population, token);
}

/* SplitMix64's first numbers for seed 1234567 (Vigna's splitmix64.c): H(seed, i) is its number i. */
static void hash_is_splitmix64(void **state)
{
    static const uint64_t wanted[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                      UINT64_C(9817491932198370423), UINT64_C(4593380528125082431)};
    (void)state;
    for (uint64_t i = 0; i < 4; i++) assert_true(perturb_hash(1234567, i) == wanted[i]);
}

static void loss_has_its_rate(void **state)
{
    (void)state;
    struct perturb_key key = key_of(1, 0, 3, 5);
    uint64_t lost = 0, pairs = 0;
    for (uint32_t n = 0; n < NEURONS; n++) {
        uint32_t mask = perturb_lost(&key, n, 0xffff);
        lost += (unsigned)__builtin_popcount(mask);
        pairs += (mask & 3) == 3;
        assert_int_equal(perturb_lost(&key, n, 0x0f0f), mask & 0x0f0f); /* no spike's fate depends on another */
    }
    double spikes = NEURONS * 16.0, error = sqrt(spikes * 0.25 * 0.75); /* a standard deviation */
    assert_true(fabs((double)lost - 0.25 * spikes) < 4 * error);
    assert_true(fabs((double)pairs - NEURONS / 16.0) < 4 * sqrt(NEURONS / 16.0));
}

static void nothing_and_everything(void **state)
{
    (void)state;
    const struct perturbation none = {.seed = 9}, every = {.seed = 9, .drop = 1};
    struct perturb_key off = perturb_window(&none, 0, 1, 2), on = perturb_window(&every, 0, 1, 2);
    for (uint32_t n = 0; n < 1000; n++) {
        assert_int_equal(perturb_lost(&off, n, 0xffff), 0);
        assert_int_equal(perturb_lost(&on, n, 0xa5a5), 0xa5a5);
        assert_true(perturb_threshold(&off, n) == 1.0);
        assert_int_equal(perturb_stuck(&off, n), STUCK_NOT);
    }
}

static void thresholds_have_their_moments(void **state)
{
    (void)state;
    struct perturb_key key = key_of(1, 0, 3, 5);
    double sum = 0, squares = 0, fourths = 0;
    for (uint32_t n = 0; n < NEURONS; n++) {
        double g = (perturb_threshold(&key, n) - 1) / 0.1;
        sum += g;
        squares += g * g;
        fourths += g * g * g * g;
    }
    assert_true(fabs(sum / NEURONS) < 4 / sqrt(NEURONS));
    assert_true(fabs(squares / NEURONS - 1) < 4 * sqrt(2.0 / NEURONS));
    assert_true(fabs(fourths / NEURONS - 3) < 4 * sqrt(96.0 / NEURONS));
    const struct perturbation wild = {.noise = PERTURB_NOISE_MAX};
    key = perturb_window(&wild, 0, 0, 0);
    for (uint32_t n = 0; n < NEURONS; n++) assert_true(perturb_threshold(&key, n) >= 0.0625);
}

static void every_coordinate_counts(void **state)
{
    (void)state;
    const struct perturb_key key[] = {key_of(1, 0, 3, 5), key_of(2, 0, 3, 5), key_of(1, 1, 3, 5), key_of(1, 0, 4, 5),
                                      key_of(1, 0, 3, 6)};
    for (unsigned a = 0; a < 5; a++)
        for (unsigned b = 0; b < 5; b++) {
            unsigned same = 0, close = 0;
            for (uint32_t n = 0; n < 1000; n++) {
                same += perturb_lost(&key[a], n, 0xffff) == perturb_lost(&key[b], n, 0xffff);
                close += fabs(perturb_threshold(&key[a], n) - perturb_threshold(&key[b], n)) < 1e-6;
            }
            assert_true(a == b ? same == 1000 && close == 1000 : same < 30 && close < 30);
        }
}

static void weights_of_lost_spikes(void **state)
{
    (void)state;
    const struct spike_steps spikes = {.fired = 0xb, .negative = 0x2}; /* T = 4: +8 -4 +1 */
    assert_int_equal(perturb_weight(spikes, 0, 4), 0);
    assert_int_equal(perturb_weight(spikes, 0x1, 4), 8);
    assert_int_equal(perturb_weight(spikes, 0x2, 4), -4);
    assert_int_equal(perturb_weight(spikes, 0xb, 4), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_is_splitmix64),      cmocka_unit_test(loss_has_its_rate),
        cmocka_unit_test(nothing_and_everything),  cmocka_unit_test(thresholds_have_their_moments),
        cmocka_unit_test(every_coordinate_counts), cmocka_unit_test(weights_of_lost_spikes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
