#include "kernel/program/tune_search.h"

#include <stdlib.h>
#include <string.h>

enum { MOVES = 5, TRIES = 8, PRICE_STEPS = 60 };
#define SHRINK 0.98       /* of what a sum that broke the budget should have been */
#define LEAST_SAVING 1e-3 /* a round must save that share of the cost */

/* One group's moves of a round; what is not allowed has allowed 0. */
struct option {
    struct tune_setting to[MOVES];
    double loss[MOVES], cost[MOVES]; /* changes when it alone moves */
    uint8_t allowed[MOVES];
};

struct search {
    const struct tune_problem *problem;
    struct tune_setting *now, *trial;          /* [groups] */
    struct option *option;                     /* [groups] */
    struct tune_setting *memory;               /* [groups MOVES][groups]: the round's configurations */
    const struct tune_setting **configuration; /* [groups MOVES] */
    struct tune_measurement *measured;         /* [groups MOVES] */
};

static enum lassim_status measure_one(const struct search *search, const struct tune_setting *configuration,
                                      struct tune_measurement *out, struct lassim_error *error)
{
    return search->problem->measure(search->problem->context, &configuration, 1, out, error);
}

static void offer(struct option *option, unsigned move, unsigned steps, unsigned j, unsigned floor)
{
    option->to[move] = (struct tune_setting){(uint8_t)steps, (uint8_t)j, (uint8_t)floor};
    option->allowed[move] = 1;
}

static void find_moves(const struct search *search, unsigned g)
{
    const struct tune_problem *problem = search->problem;
    struct option *option = &search->option[g];
    struct tune_setting now = search->now[g];
    memset(option, 0, sizeof *option);
    if (!problem->costs[g]) return;
    if (now.steps > 1) offer(option, 0, now.steps - 1u, now.j, now.floor);
    if (now.steps > 1 && now.j < problem->most_j[g]) offer(option, 1, now.steps - 1u, now.j + 1u, now.floor);
    if (now.steps < problem->start[g].steps) offer(option, 2, now.steps + 1u, now.j, now.floor);
    if (now.floor < problem->most_floor[g]) offer(option, 3, now.steps, now.j, now.floor + 1u);
    if (now.floor > problem->start[g].floor) offer(option, 4, now.steps, now.j, now.floor - 1u);
}

/* Measures every group's moves from `now`, whose own figures are `at`. */
static enum lassim_status measure_moves(struct search *search, const struct tune_measurement *at,
                                        struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    unsigned n = 0, groups = problem->groups;
    for (unsigned g = 0; g < groups; g++) {
        find_moves(search, g);
        for (unsigned m = 0; m < MOVES; m++) {
            if (!search->option[g].allowed[m]) continue;
            struct tune_setting *configuration = search->memory + (size_t)n * groups;
            memcpy(configuration, search->now, groups * sizeof *configuration);
            configuration[g] = search->option[g].to[m];
            search->configuration[n++] = configuration;
        }
    }
    enum lassim_status status = problem->measure(problem->context, search->configuration, n, search->measured, error);
    n = 0;
    for (unsigned g = 0; g < groups && status == LASSIM_OK; g++)
        for (unsigned m = 0; m < MOVES; m++) {
            if (!search->option[g].allowed[m]) continue;
            search->option[g].loss[m] = search->measured[n].loss - at->loss;
            search->option[g].cost[m] = search->measured[n++].cost - at->cost;
        }
    return status;
}

/* Every group's best move at this price of loss into `trial`; returns the loss that they add up to. */
static double choose(const struct search *search, double price)
{
    double loss = 0;
    for (unsigned g = 0; g < search->problem->groups; g++) {
        const struct option *option = &search->option[g];
        double least = 0, its_loss = 0;
        search->trial[g] = search->now[g];
        for (unsigned m = 0; m < MOVES; m++) {
            double value = option->cost[m] + price * option->loss[m];
            if (!option->allowed[m] || !(value < least)) continue;
            least = value;
            its_loss = option->loss[m];
            search->trial[g] = option->to[m];
        }
        loss += its_loss;
    }
    return loss;
}

/* The moves at the lowest price that keeps the sum of losses within slack; returns that sum. */
static double choose_within(const struct search *search, double slack, double cost)
{
    double low = 0, high = cost / (search->problem->budget > 0 ? search->problem->budget : 1);
    for (int i = 0; i < PRICE_STEPS && choose(search, high) > slack; i++) high *= 4;
    for (int i = 0; i < PRICE_STEPS; i++) {
        double middle = (low + high) / 2;
        if (choose(search, middle) > slack)
            low = middle;
        else
            high = middle;
    }
    return choose(search, high);
}

/* One round: 1 in *moved if something cheaper within the budget was found; then it is `now`, *at its figures. */
static enum lassim_status run_round(struct search *search, struct tune_measurement *at, int *moved,
                                    struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    double slack = problem->budget - at->loss;
    *moved = 0;
    enum lassim_status status = measure_moves(search, at, error);
    for (int i = 0; i < TRIES && status == LASSIM_OK; i++) {
        struct tune_measurement got;
        double expected = choose_within(search, slack, at->cost);
        status = measure_one(search, search->trial, &got, error);
        if (status != LASSIM_OK) break;
        if (got.loss <= problem->budget && got.cost < at->cost * (1 - LEAST_SAVING)) {
            memcpy(search->now, search->trial, problem->groups * sizeof *search->now);
            *at = got;
            *moved = 1;
            break;
        }
        if (got.loss <= problem->budget) break;
        slack = SHRINK * expected * (problem->budget - at->loss) / (got.loss - at->loss);
    }
    return status;
}

/* All T at once: the cheapest within the budget; then groups without cost go back to the start's. */
static enum lassim_status find_uniform(struct search *search, struct tune_result *result, struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    unsigned groups = problem->groups;
    struct tune_measurement measured[256];
    const struct tune_setting *configuration[256];
    struct tune_setting *settings = calloc((size_t)problem->steps * groups, sizeof *settings);
    if (settings == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    for (unsigned t = 0; t < problem->steps; t++) {
        configuration[t] = settings + (size_t)t * groups;
        for (unsigned g = 0; g < groups; g++)
            settings[(size_t)t * groups + g] =
                (struct tune_setting){(uint8_t)(t + 1 < problem->start[g].steps ? t + 1 : problem->start[g].steps),
                                      problem->start[g].j, problem->start[g].floor};
    }
    enum lassim_status status = problem->measure(problem->context, configuration, problem->steps, measured, error);
    for (unsigned t = 0; t < problem->steps && status == LASSIM_OK; t++) {
        if (!(measured[t].loss <= problem->budget)) continue;
        if (result->uniform_steps != 0 && measured[t].cost >= result->uniform.cost) continue;
        result->uniform_steps = t + 1;
        result->uniform = measured[t];
    }
    if (status == LASSIM_OK) result->start = measured[problem->steps - 1];
    if (status == LASSIM_OK && result->uniform_steps == 0)
        status = lassim_fail(error, LASSIM_ERR_CHECK, NULL, "budget", "the model itself loses %.3g, the budget is %.3g",
                             result->start.loss, problem->budget);
    for (unsigned g = 0; g < groups && status == LASSIM_OK; g++)
        search->now[g] = problem->costs[g] ? configuration[result->uniform_steps - 1][g] : problem->start[g];
    free(settings);
    return status;
}

static enum lassim_status run(struct search *search, struct tune_result *result, struct lassim_error *error)
{
    int moved = 1;
    enum lassim_status status = find_uniform(search, result, error);
    if (status == LASSIM_OK) status = measure_one(search, search->now, &result->best, error);
    if (status == LASSIM_OK && !(result->best.loss <= search->problem->budget)) { /* rounding does not always add up */
        for (unsigned g = 0; g < search->problem->groups; g++) search->now[g] = search->problem->start[g];
        result->best = result->start;
    }
    while (status == LASSIM_OK && moved && result->rounds < search->problem->rounds) {
        status = run_round(search, &result->best, &moved, error);
        result->rounds++;
    }
    return status;
}

enum lassim_status tune_search(const struct tune_problem *problem, struct tune_setting *best,
                               struct tune_result *result, struct lassim_error *error)
{
    size_t groups = problem->groups, configurations = groups * MOVES;
    struct search search = {.problem = problem, .now = best};
    LASSIM_INVARIANT(groups > 0 && problem->steps >= 1 && problem->steps <= 255, "%u timesteps", problem->steps);
    memset(result, 0, sizeof *result);
    search.trial = calloc(groups, sizeof *search.trial);
    search.option = calloc(groups, sizeof *search.option);
    search.memory = calloc(configurations * groups, sizeof *search.memory);
    search.configuration = calloc(configurations, sizeof *search.configuration);
    search.measured = calloc(configurations, sizeof *search.measured);
    enum lassim_status status = LASSIM_OK;
    if (!search.trial || !search.option || !search.memory || !search.configuration || !search.measured)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    if (status == LASSIM_OK) status = run(&search, result, error);
    free(search.trial);
    free(search.option);
    free(search.memory);
    free(search.configuration);
    free(search.measured);
    return status;
}
