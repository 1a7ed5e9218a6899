/* The sampler: greedy ties, top-k and top-p cut where they should, frequencies follow the softmax, the
 * generator matches its published reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <math.h>

#include "kernel/program/sampler.h"

static uint32_t pick_once(const struct sampler_options *options, const float *logits, uint32_t n)
{
    struct sampler *sampler = sampler_new(n, options);
    uint32_t id = sampler_pick(sampler, logits);
    sampler_free(sampler);
    return id;
}

static void greedy_takes_the_first_largest(void **state)
{
    (void)state;
    const struct sampler_options greedy = {0, 1, 0, 0};
    const float tie[] = {1, 3, 2, 3}, broken[] = {NAN, -5, NAN, -4}, one[] = {7};
    assert_int_equal(pick_once(&greedy, tie, 4), 1);
    assert_int_equal(pick_once(&greedy, broken, 4), 3);
    assert_int_equal(pick_once(&greedy, one, 1), 0);
}

/* xoshiro256** from the state {1, 2, 3, 4}: the first outputs of the authors' reference program; splitmix64
 * from 0: the first of its reference. */
static void generator_matches_reference(void **state)
{
    (void)state;
    struct random_state random = {{1, 2, 3, 4}};
    assert_true(random_next(&random) == 11520);
    assert_true(random_next(&random) == 0);
    assert_true(random_next(&random) == 1509978240);
    assert_true(random_next(&random) == UINT64_C(1215971899390074240));
    random_seed(&random, 0);
    assert_true(random.word[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(random.word[1] == UINT64_C(0x6e789e6aa1b965f4));
}

/* 40,000 draws of softmax(0, 1, 2): a chi-square statistic of 2 degrees of freedom stays below 13.8
 * (alpha = 0.001). */
static void frequencies_follow_softmax(void **state)
{
    (void)state;
    const uint64_t seed = 42;
    const float logits[] = {0, 1, 2};
    const struct sampler_options options = {1, 1, 0, seed};
    printf("seed %llu\n", (unsigned long long)seed);
    struct sampler *sampler = sampler_new(3, &options);
    double count[3] = {0, 0, 0}, chi = 0, total = exp(0) + exp(1) + exp(2);
    for (int i = 0; i < 40000; i++) count[sampler_pick(sampler, logits)]++;
    sampler_free(sampler);
    for (int i = 0; i < 3; i++) {
        double expected = 40000 * exp(logits[i]) / total;
        chi += (count[i] - expected) * (count[i] - expected) / expected;
    }
    assert_true(chi < 13.8);
}

/* Marks in seen[] the ids drawn in 2,000 picks. */
static void draw_many(const struct sampler_options *options, const float *logits, int *seen, uint32_t n)
{
    struct sampler *sampler = sampler_new(n, options);
    memset(seen, 0, n * sizeof *seen);
    for (int i = 0; i < 2000; i++) seen[sampler_pick(sampler, logits)]++;
    sampler_free(sampler);
}

static void cuts_keep_the_likely(void **state)
{
    (void)state;
    const float logits[] = {0.5f, 1, 1, 0}; /* order: 1, 2, 0, 3 */
    int seen[4];
    draw_many(&(struct sampler_options){1, 1, 2, 7}, logits, seen, 4);
    assert_true(seen[1] > 0 && seen[2] > 0 && seen[0] == 0 && seen[3] == 0);
    draw_many(&(struct sampler_options){1, 1, 1, 7}, logits, seen, 4);
    assert_int_equal(seen[1], 2000);
    draw_many(&(struct sampler_options){1, 0, 0, 7}, logits, seen, 4);
    assert_int_equal(seen[1], 2000);
    draw_many(&(struct sampler_options){1, 0.6, 0, 7}, logits, seen, 4); /* shares .34 .34 .20 .12 */
    assert_true(seen[1] > 0 && seen[2] > 0 && seen[0] == 0 && seen[3] == 0);
    draw_many(&(struct sampler_options){1, 0.8, 0, 7}, logits, seen, 4);
    assert_true(seen[0] > 0 && seen[3] == 0);
    draw_many(&(struct sampler_options){1e-3, 1, 0, 7}, (const float[]){1, 2, 3, 4}, seen, 4);
    assert_int_equal(seen[3], 2000);
}

static void seed_decides(void **state)
{
    (void)state;
    float logits[64] = {0};
    const struct sampler_options a = {1, 1, 0, 1}, b = {1, 1, 0, 2};
    struct sampler *first = sampler_new(64, &a), *again = sampler_new(64, &a), *other = sampler_new(64, &b);
    int differ = 0;
    for (int i = 0; i < 100; i++) {
        uint32_t id = sampler_pick(first, logits);
        assert_int_equal(id, sampler_pick(again, logits));
        differ += id != sampler_pick(other, logits);
    }
    assert_true(differ > 50);
    sampler_free(first);
    sampler_free(again);
    sampler_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_first_largest),
        cmocka_unit_test(generator_matches_reference),
        cmocka_unit_test(frequencies_follow_softmax),
        cmocka_unit_test(cuts_keep_the_likely),
        cmocka_unit_test(seed_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
