/* Loss figures against a direct computation with libm, in long double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "kernel/compare.h"

enum { N_MAX = 5000, POSITIONS = 40 };

static uint64_t random_state;
static double uniform(void) /* -1 .. 1 */
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (double)(int64_t)random_state * 0x1p-63;
}

/* The same sums, straight from their definitions. */
struct direct {
    long double nll_reference, nll_other, kl_sum, kl_max, error_max;
    uint64_t agreed;
};

static long double log_sum(const long double *x, uint32_t n)
{
    long double sum = 0, largest = x[0];
    for (uint32_t i = 1; i < n; i++) largest = fmaxl(largest, x[i]);
    for (uint32_t i = 0; i < n; i++) sum += expl(x[i] - largest);
    return largest + logl(sum);
}

static uint32_t first_largest(const long double *x, uint32_t n)
{
    uint32_t at = 0;
    for (uint32_t i = 1; i < n; i++)
        if (x[i] > x[at]) at = i;
    return at;
}

static void direct_add(struct direct *direct, const double *reference, const float *other, uint32_t n, uint32_t target)
{
    static long double p[N_MAX], q[N_MAX];
    long double kl = 0;
    for (uint32_t i = 0; i < n; i++) {
        p[i] = reference[i];
        q[i] = other[i];
        direct->error_max = fmaxl(direct->error_max, fabsl(p[i] - q[i]));
    }
    long double lp = log_sum(p, n), lq = log_sum(q, n);
    for (uint32_t i = 0; i < n; i++) kl += expl(p[i] - lp) * ((p[i] - lp) - (q[i] - lq));
    direct->agreed += first_largest(p, n) == first_largest(q, n);
    direct->nll_reference += lp - p[target];
    direct->nll_other += lq - q[target];
    direct->kl_sum += kl;
    direct->kl_max = fmaxl(direct->kl_max, kl);
}

static void assert_near(double got, long double want, double tolerance, const char *what)
{
    if (!(fabsl(got - want) <= tolerance * (1 + fabsl(want)))) fail_msg("%s: %.17g, directly %.17Lg", what, got, want);
}

static void check(uint32_t n, double spread, double noise)
{
    static double reference[N_MAX], scratch[N_MAX];
    static float other[N_MAX];
    struct comparison comparison = {0};
    struct direct direct = {0};
    for (int position = 0; position < POSITIONS; position++) {
        uint32_t target = (uint32_t)position * 7919 % n;
        for (uint32_t i = 0; i < n; i++) {
            reference[i] = spread * uniform();
            other[i] = (float)(reference[i] + noise * uniform());
        }
        comparison_add(&comparison, reference, other, n, target, scratch);
        direct_add(&direct, reference, other, n, target);
    }
    assert_int_equal(comparison.tokens, POSITIONS);
    assert_int_equal(comparison.agreed, direct.agreed);
    assert_near(comparison.kl_sum, direct.kl_sum, 1e-13 * (1 + spread), "KL");
    assert_near(comparison.kl_max, direct.kl_max, 1e-13 * (1 + spread), "largest KL");
    assert_near(comparison.nll_reference, direct.nll_reference, 1e-14, "reference");
    assert_near(comparison.nll_other, direct.nll_other, 1e-14, "other");
    assert_near(comparison.logit_error_max, direct.error_max, 1e-15, "logit error");
    long double ppl = expl(direct.nll_reference / POSITIONS), ppl_other = expl(direct.nll_other / POSITIONS);
    assert_near(comparison_ppl_reference(&comparison), ppl, 1e-14 * (10 + spread), "perplexity");
    assert_near(comparison_ppl_other(&comparison), ppl_other, 1e-14 * (10 + spread), "other perplexity");
    assert_near(comparison_dppl_percent(&comparison), 100 * (ppl_other / ppl - 1), 1e-12 * (10 + spread), "dPPL");
    assert_near(comparison_kl_mean(&comparison), direct.kl_sum / POSITIONS, 1e-13 * (1 + spread), "mean KL");
    assert_near(comparison_top1(&comparison), (long double)direct.agreed / POSITIONS, 1e-15, "top-1");
}

static void random_logits(void **state)
{
    static const double noises[] = {0, 1e-6, 1e-3, 0.5, 20};
    (void)state;
    random_state = 2024;
    printf("seed 2024\n");
    for (uint32_t n = 1; n <= N_MAX; n = n * 3 + 1)
        for (size_t k = 0; k < sizeof noises / sizeof *noises; k++) {
            check(n, 1, noises[k]);
            check(n, 30, noises[k]);
            check(n, 300, noises[k]); /* perplexities near the end of what a double holds */
        }
}

/* A KL of 1e-9 must be resolved, not lost in rounding: two logits apart by d give about p (1-p) d^2 / 2. */
static void small_losses_are_resolved(void **state)
{
    (void)state;
    for (double d = 0x1p-8; d >= 0x1p-20; d /= 4) {
        struct comparison comparison = {0};
        double reference[2] = {0, 0}, scratch[2];
        float other[2] = {(float)d, 0};
        comparison_add(&comparison, reference, other, 2, 0, scratch);
        /* ln of the mean of 1 and e^d, less d / 2: d^2 / 8 - d^4 / 192 */
        double want = d * d / 8 - d * d * d * d / 192;
        if (!(fabs(comparison.kl_sum - want) <= 1e-3 * want + 1e-15))
            fail_msg("%g instead of %g", comparison.kl_sum, want);
    }
}

static void identical_networks_lose_nothing(void **state)
{
    struct comparison comparison = {0};
    double reference[3] = {1.5, -2, 1.5}, scratch[3];
    float other[3] = {1.5f, -2, 1.5f};
    (void)state;
    comparison_add(&comparison, reference, other, 3, 2, scratch);
    assert_true(comparison.kl_sum == 0 && comparison.kl_max == 0 && comparison.logit_error_max == 0);
    assert_true(comparison_dppl_percent(&comparison) == 0);
    assert_true(comparison_top1(&comparison) == 1);
}

/* Of equal logits the first is the most likely one, in both networks alike. */
static void ties_go_to_the_first(void **state)
{
    struct comparison comparison = {0};
    double reference[3] = {2, 2, 1}, scratch[3];
    float other[3] = {1, 2, 2};
    (void)state;
    comparison_add(&comparison, reference, other, 3, 0, scratch);
    assert_int_equal(comparison.agreed, 0);
    other[0] = 2;
    comparison_add(&comparison, reference, other, 3, 0, scratch);
    assert_int_equal(comparison.agreed, 1);
}

static void no_tokens_give_zero(void **state)
{
    const struct comparison comparison = {0};
    (void)state;
    assert_true(comparison_kl_mean(&comparison) == 0 && comparison_top1(&comparison) == 0 &&
                comparison_dppl_percent(&comparison) == 0);
    assert_true(comparison_ppl_reference(&comparison) == 0 && comparison_ppl_other(&comparison) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_logits),        cmocka_unit_test(small_losses_are_resolved),
        cmocka_unit_test(ties_go_to_the_first), cmocka_unit_test(identical_networks_lose_nothing),
        cmocka_unit_test(no_tokens_give_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
