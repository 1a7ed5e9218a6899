#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "neurons/lif.h"
#include "test/neurons/sample.h"

/* neurons/lif.h's page, neuron by neuron. */
struct naive {
    double v;
    uint64_t ready;
};

static int naive_step(const struct lif_params *p, uint64_t t, struct naive *n, double x)
{
    if (t < n->ready) return 0;
    n->v = p->leak * n->v;
    n->v = n->v + x;
    if (!(n->v >= p->threshold)) return 0;
    n->v = p->subtract ? n->v - p->threshold : 0;
    n->ready = t + 1 + p->refractory;
    return 1;
}

static void compare_run(const struct lif_params *p, uint32_t n, uint64_t *seed)
{
    double v[LIF_SPAN], x[LIF_SPAN];
    uint64_t ready[LIF_SPAN] = {0}, fired[LIF_SPAN / 64];
    struct naive naive[LIF_SPAN] = {{0, 0}};
    for (uint32_t i = 0; i < n; i++) v[i] = naive[i].v = sample_uniform(seed, -1, 3);
    for (uint64_t t = 5; t < 60; t++) {
        int any = 0, restless, expect_restless = 0;
        for (uint32_t i = 0; i < n; i++) x[i] = t % 7 == 0 ? 0 : sample_uniform(seed, -0.5, 1);
        int returned = lif_step(p, t, v, p->refractory > 0 ? ready : NULL, x, n, fired, &restless);
        for (uint32_t i = 0; i < LIF_SPAN; i++) {
            int spike = i < n && naive_step(p, t, &naive[i], x[i]);
            assert_int_equal(fired[i / 64] >> i % 64 & 1, spike);
            any |= spike;
            if (i >= n) continue;
            assert_int_equal(bits_of_double(v[i]), bits_of_double(naive[i].v));
            expect_restless |= naive[i].v >= p->threshold;
        }
        assert_int_equal(returned, any);
        assert_int_equal(restless, expect_restless);
    }
}

static void steps_are_the_naive_model(void **state)
{
    (void)state;
    uint64_t seed = 11;
    const uint32_t sizes[] = {1, 3, 63, 64, 65, 200, LIF_SPAN};
    const double leaks[] = {0, 0.3, 0.9, 1};
    printf("lif: seed %llu\n", (unsigned long long)seed);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t l = 0; l < sizeof leaks / sizeof *leaks; l++)
            for (uint32_t refractory = 0; refractory <= 3; refractory++)
                for (int subtract = 0; subtract <= 1; subtract++) {
                    const struct lif_params params = {0.75, leaks[l], subtract, refractory};
                    compare_run(&params, sizes[s], &seed);
                }
}

/* The threshold itself spikes; a refractory neuron loses what arrives; the remainder stays. */
static void the_order_of_a_step(void **state)
{
    (void)state;
    const struct lif_params zero = {1, 0.5, 0, 2}, subtract = {1, 1, 1, 0};
    double v = 1.5, x = 0.25;
    uint64_t ready = 0, fired[LIF_SPAN / 64];
    int restless;
    assert_int_equal(lif_step(&zero, 10, &v, &ready, &x, 1, fired, &restless), 1); /* 0.75 + 0.25 */
    assert_true(v == 0);
    assert_int_equal(ready, 13);
    x = 9;
    assert_int_equal(lif_step(&zero, 11, &v, &ready, &x, 1, fired, &restless), 0);
    assert_int_equal(lif_step(&zero, 12, &v, &ready, &x, 1, fired, &restless), 0);
    assert_true(v == 0);
    assert_int_equal(lif_step(&zero, 13, &v, &ready, &x, 1, fired, &restless), 1);
    v = 0, x = 2.25;
    assert_int_equal(lif_step(&subtract, 0, &v, NULL, &x, 1, fired, &restless), 1);
    assert_true(v == 1.25 && restless == 1);
    x = 0;
    assert_int_equal(lif_step(&subtract, 1, &v, NULL, &x, 1, fired, &restless), 1);
    assert_true(v == 0.25 && restless == 0);
    assert_int_equal(lif_step(&subtract, 2, &v, NULL, &x, 1, fired, &restless), 0);
}

static void leak_of_a_membrane(void **state)
{
    (void)state;
    assert_true(lif_leak(1, 0) == 1);
    assert_true(lif_leak(1e300, 1) == 1);
    assert_int_equal(bits_of_double(lif_leak(20, 0.1)), bits_of_double(0.99501247919268232)); /* e^-0.005 */
    assert_true(lif_leak(1, 1000) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_are_the_naive_model),
        cmocka_unit_test(the_order_of_a_step),
        cmocka_unit_test(leak_of_a_membrane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
