/* The search on networks made up: losses add up like rounding errors, costs grow with T. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/tune_search.h"

enum { GROUPS = 9, STEPS = 16 };

struct world {
    double loss[GROUPS]; /* at T = 0: a quarter with every timestep more */
    double cost[GROUPS]; /* of a timestep */
    double crossed;      /* loss of two neighbours that both went below 8: what does not add up */
    unsigned measured;
};

static struct tune_measurement figures(const struct world *world, const struct tune_setting *at)
{
    struct tune_measurement sum = {0, 0, 0};
    for (unsigned g = 0; g < GROUPS; g++) {
        double fine = 1;
        for (unsigned t = 0; t < at[g].steps; t++) fine /= 4;
        for (unsigned j = 0; j < at[g].j; j++) fine /= 3;
        for (unsigned f = 0; f < at[g].floor; f++) fine *= 1.5;
        sum.loss += world->loss[g] * fine;
        sum.cost += world->cost[g] * (at[g].steps + 0.8 * at[g].j - 0.5 * at[g].floor);
        if (g > 0 && at[g].steps < 8 && at[g - 1].steps < 8) sum.loss += world->crossed;
    }
    sum.guide = sum.loss;
    return sum;
}

static enum lassim_status measure(void *context, const struct tune_setting *const *configuration, unsigned n,
                                  struct tune_measurement *out, struct lassim_error *error)
{
    struct world *world = context;
    (void)error;
    for (unsigned i = 0; i < n; i++) out[i] = figures(world, configuration[i]);
    world->measured += n;
    return LASSIM_OK;
}

static enum lassim_status interrupted(void *context, const struct tune_setting *const *configuration, unsigned n,
                                      struct tune_measurement *out, struct lassim_error *error)
{
    (void)context;
    (void)configuration;
    (void)n;
    (void)out;
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted");
}

static const struct tune_setting start[GROUPS] = {{16, 0, 0}, {16, 0, 0}, {16, 0, 0}, {16, 0, 0}, {16, 0, 0},
                                                  {16, 0, 0}, {16, 0, 0}, {16, 0, 0}, {16, 0, 0}};
static const uint8_t all[GROUPS] = {1, 1, 1, 1, 1, 1, 1, 1, 1}, none[GROUPS] = {0};

static struct tune_problem problem_of(struct world *world, double budget)
{
    return (struct tune_problem){.groups = GROUPS,
                                 .steps = STEPS,
                                 .start = start,
                                 .costs = all,
                                 .most_j = none,
                                 .most_floor = none,
                                 .budget = budget,
                                 .rounds = 20,
                                 .measure = measure,
                                 .context = world};
}

static struct world spread(void)
{
    struct world world = {.crossed = 0};
    for (unsigned g = 0; g < GROUPS; g++) {
        world.loss[g] = g % 3 == 0 ? 1000 : g % 3 == 1 ? 30 : 1;
        world.cost[g] = g % 2 == 0 ? 1 : 10;
    }
    return world;
}

/* The least cost by trying everything a round may end in is out of reach; the best allocation of whole timesteps by
 * marginal ratios, one at a time, is what a search must come close to. */
static double greedy_cost(const struct world *world, double budget)
{
    struct tune_setting at[GROUPS];
    memcpy(at, start, sizeof at);
    for (;;) {
        double best = 0;
        unsigned which = GROUPS;
        struct tune_measurement now = figures(world, at);
        for (unsigned g = 0; g < GROUPS; g++) {
            if (at[g].steps == 1) continue;
            at[g].steps--;
            struct tune_measurement then = figures(world, at);
            at[g].steps++;
            double ratio = (now.cost - then.cost) / (then.loss - now.loss);
            if (then.loss > budget || ratio <= best) continue;
            best = ratio;
            which = g;
        }
        if (which == GROUPS) return now.cost;
        at[which].steps--;
    }
}

static void as_good_as_one_at_a_time(void **state)
{
    (void)state;
    for (double budget = 1e-6; budget < 10; budget *= 7) {
        struct world world = spread();
        struct tune_setting best[GROUPS];
        struct tune_result result;
        struct lassim_error error;
        const struct tune_problem problem = problem_of(&world, budget);
        assert_int_equal(tune_search(&problem, best, &result, &error), LASSIM_OK);
        struct tune_measurement got = figures(&world, best);
        assert_true(got.loss == result.best.loss && got.cost == result.best.cost);
        assert_true(got.loss <= budget);
        assert_true(got.cost <= result.uniform.cost);
        assert_true(got.cost <= 1.03 * greedy_cost(&world, budget));
    }
}

static void uniform_is_the_cheapest_that_keeps_the_budget(void **state)
{
    (void)state;
    struct world world = spread();
    struct tune_setting best[GROUPS], at[GROUPS];
    struct tune_result result;
    struct lassim_error error;
    const struct tune_problem problem = problem_of(&world, 1e-3);
    assert_int_equal(tune_search(&problem, best, &result, &error), LASSIM_OK);
    for (unsigned g = 0; g < GROUPS; g++) at[g] = (struct tune_setting){(uint8_t)result.uniform_steps, 0, 0};
    assert_true(figures(&world, at).loss <= 1e-3 && figures(&world, at).cost == result.uniform.cost);
    for (unsigned g = 0; g < GROUPS; g++) at[g].steps--;
    assert_true(figures(&world, at).loss > 1e-3);
}

/* Losses that do not add up cost tries, never the budget. */
static void the_budget_holds_where_losses_do_not_add_up(void **state)
{
    (void)state;
    for (double crossed = 1e-5; crossed < 1; crossed *= 10) {
        struct world world = spread();
        struct tune_setting best[GROUPS];
        struct tune_result result;
        struct lassim_error error;
        world.crossed = crossed;
        const struct tune_problem problem = problem_of(&world, 5e-3);
        assert_int_equal(tune_search(&problem, best, &result, &error), LASSIM_OK);
        assert_true(figures(&world, best).loss <= 5e-3);
        assert_true(result.best.cost <= result.uniform.cost);
    }
}

static void groups_without_cost_keep_their_setting(void **state)
{
    (void)state;
    struct world world = spread();
    struct tune_setting best[GROUPS];
    struct tune_result result;
    struct lassim_error error;
    uint8_t costs[GROUPS];
    memcpy(costs, all, sizeof costs);
    costs[3] = costs[4] = 0;
    struct tune_problem problem = problem_of(&world, 1e-2);
    problem.costs = costs;
    assert_int_equal(tune_search(&problem, best, &result, &error), LASSIM_OK);
    assert_int_equal(best[3].steps, 16);
    assert_int_equal(best[4].steps, 16);
    assert_true(best[1].steps < 16);
}

/* Thresholds move where that pays, within their bounds. */
static void thresholds_take_part(void **state)
{
    (void)state;
    static const uint8_t most_j[GROUPS] = {2, 2, 2, 2, 2, 0, 0, 0, 0}, most_floor[GROUPS] = {0, 0, 0, 0, 0, 3, 3, 3, 3};
    struct world world = spread();
    struct tune_setting best[GROUPS], plain[GROUPS];
    struct tune_result with, without;
    struct lassim_error error;
    struct tune_problem problem = problem_of(&world, 1e-2);
    assert_int_equal(tune_search(&problem, plain, &without, &error), LASSIM_OK);
    problem.most_j = most_j;
    problem.most_floor = most_floor;
    assert_int_equal(tune_search(&problem, best, &with, &error), LASSIM_OK);
    assert_true(with.best.cost < without.best.cost && with.best.loss <= 1e-2);
    unsigned floors = 0;
    for (unsigned g = 0; g < GROUPS; g++) {
        assert_true(best[g].j <= most_j[g] && best[g].floor <= most_floor[g]);
        floors += best[g].floor;
    }
    assert_true(floors > 0);
}

static void failures_are_handed_on(void **state)
{
    (void)state;
    struct world world = spread();
    struct tune_setting best[GROUPS];
    struct tune_result result;
    struct lassim_error error;
    struct tune_problem problem = problem_of(&world, 0);
    assert_int_equal(tune_search(&problem, best, &result, &error), LASSIM_ERR_CHECK);
    assert_non_null(strstr(error.text, "budget"));
    problem = problem_of(&world, 1);
    problem.measure = interrupted;
    assert_int_equal(tune_search(&problem, best, &result, &error), LASSIM_ERR_RUN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_good_as_one_at_a_time),
        cmocka_unit_test(uniform_is_the_cheapest_that_keeps_the_budget),
        cmocka_unit_test(the_budget_holds_where_losses_do_not_add_up),
        cmocka_unit_test(groups_without_cost_keep_their_setting),
        cmocka_unit_test(thresholds_take_part),
        cmocka_unit_test(failures_are_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
