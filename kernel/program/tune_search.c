#include "kernel/program/tune_search.h"

#include <stdlib.h>
#include <string.h>

enum {
    SHAPES = 6, /* of thresholds: the model's, j + 1, floors 1 .. 4 */
    STEPS_MAX = 16,
    PRICE_STEPS = 80,
    REFINEMENTS = 4 /* times that a choice on estimates is measured and made again */
};
#define NEAR 0.98       /* of the budget: near enough */
#define WIDTH 1.01      /* of the bracket around the target: narrow enough */
#define LEAST_LOSS 1e-4 /* of the model's own: what a group's loss is taken for if it measures as less */

/* A group in one setting, all others as the model has them. */
struct figure {
    int measured;
    double loss, cost; /* beyond the model's */
};

struct search {
    const struct tune_problem *problem;
    struct tune_measurement start;
    struct figure (*figure)[SHAPES][STEPS_MAX + 1]; /* [groups] */
    struct tune_setting *trial;                     /* [groups] */
    unsigned char *shape;                           /* [groups] of the trial */
    /* Settings to measure next: group, shape, T. */
    struct wish {
        unsigned group, shape, steps;
    } * wish; /* [groups SHAPES 2] */
    unsigned wishes;
};

static int allowed(const struct search *search, unsigned g, unsigned shape)
{
    const struct tune_problem *problem = search->problem;
    if (shape == 0) return 1;
    if (shape == 1) return problem->start[g].j < problem->most_j[g];
    return shape - 1 <= problem->most_floor[g];
}

static struct tune_setting setting_of(const struct search *search, unsigned g, unsigned shape, unsigned steps)
{
    struct tune_setting setting = search->problem->start[g];
    setting.steps = (uint8_t)steps;
    if (shape == 1) setting.j++;
    if (shape > 1) setting.floor = (uint8_t)(shape - 1);
    return setting;
}

/* Measures all wishes, each alone. */
static enum lassim_status measure_wishes(struct search *search, struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    unsigned n = search->wishes, groups = problem->groups;
    search->wishes = 0;
    if (n == 0) return LASSIM_OK;
    struct tune_setting *memory = calloc((size_t)n * groups, sizeof *memory);
    const struct tune_setting **configuration = calloc(n, sizeof(void *));
    struct tune_measurement *measured = calloc(n, sizeof *measured);
    enum lassim_status status = LASSIM_OK;
    if (memory == NULL || configuration == NULL || measured == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    for (unsigned i = 0; i < n && status == LASSIM_OK; i++) {
        const struct wish *wish = &search->wish[i];
        struct tune_setting *own = memory + (size_t)i * groups;
        memcpy(own, problem->start, groups * sizeof *own);
        own[wish->group] = setting_of(search, wish->group, wish->shape, wish->steps);
        configuration[i] = own;
    }
    if (status == LASSIM_OK) status = problem->measure(problem->context, configuration, n, measured, error);
    for (unsigned i = 0; i < n && status == LASSIM_OK; i++) {
        const struct wish *wish = &search->wish[i];
        double loss = measured[i].guide - search->start.guide, least = LEAST_LOSS * search->start.guide;
        search->figure[wish->group][wish->shape][wish->steps] =
            (struct figure){1, loss > least ? loss : least, measured[i].cost - search->start.cost};
    }
    free(memory);
    free(configuration);
    free(measured);
    return status;
}

static void ask(struct search *search, unsigned g, unsigned shape, unsigned steps)
{
    if (search->figure[g][shape][steps].measured) return;
    search->wish[search->wishes++] = (struct wish){g, shape, steps};
}

/* Cost of a timestep of group g, from its two measured T that are furthest apart. */
static double slope_of(const struct search *search, unsigned g)
{
    const struct figure *figure = search->figure[g][0];
    unsigned low = 0, high = 0;
    for (unsigned t = 1; t <= STEPS_MAX; t++) {
        if (!figure[t].measured) continue;
        if (low == 0) low = t;
        high = t;
    }
    return high > low ? (figure[high].cost - figure[low].cost) / (high - low) : 0;
}

/* What group g's setting adds, measured or from the nearest T that was. */
static struct figure estimate(const struct search *search, unsigned g, unsigned shape, unsigned steps)
{
    const struct figure *figure = search->figure[g][shape];
    for (unsigned away = 0; away <= STEPS_MAX; away++) {
        if (steps + away <= STEPS_MAX && figure[steps + away].measured) { /* finer: each step less costs four times */
            struct figure near = figure[steps + away];
            for (unsigned i = 0; i < away; i++) near.loss *= 4;
            near.cost -= away * slope_of(search, g);
            near.measured = away == 0;
            return near;
        }
        if (steps > away && figure[steps - away].measured) {
            struct figure near = figure[steps - away];
            for (unsigned i = 0; i < away; i++) near.loss /= 4;
            near.cost += away * slope_of(search, g);
            near.measured = away == 0;
            return near;
        }
    }
    return (struct figure){0, 0, 0};
}

/* The setting as the model has it adds nothing. */
static struct figure figure_of(const struct search *search, unsigned g, unsigned shape, unsigned steps)
{
    if (shape == 0 && steps == search->problem->start[g].steps) return (struct figure){1, 0, 0};
    return estimate(search, g, shape, steps);
}

/* Every group's cheapest setting at this price of loss; returns the loss that they add up to. */
static double choose(struct search *search, double price)
{
    double sum = 0;
    for (unsigned g = 0; g < search->problem->groups; g++) {
        double least = 0, its_loss = 0;
        search->trial[g] = search->problem->start[g];
        search->shape[g] = 0;
        for (unsigned shape = 0; search->problem->costs[g] && shape < SHAPES; shape++)
            for (unsigned t = 1; allowed(search, g, shape) && t <= search->problem->start[g].steps; t++) {
                struct figure figure = figure_of(search, g, shape, t);
                double value = figure.cost + price * figure.loss;
                if (!(value < least)) continue;
                least = value;
                its_loss = figure.loss;
                search->trial[g] = setting_of(search, g, shape, t);
                search->shape[g] = (unsigned char)shape;
            }
        sum += its_loss;
    }
    return sum;
}

/* Single steps down that still fit, the one that saves most first; returns the new sum. */
static double fill(struct search *search, double sum, double target)
{
    for (;;) {
        double most = 0, its_loss = 0;
        unsigned which = search->problem->groups;
        for (unsigned g = 0; g < search->problem->groups; g++) {
            unsigned steps = search->trial[g].steps;
            if (!search->problem->costs[g] || steps == 1) continue;
            struct figure now = figure_of(search, g, search->shape[g], steps);
            struct figure then = figure_of(search, g, search->shape[g], steps - 1);
            if (sum + then.loss - now.loss > target || now.cost - then.cost <= most) continue;
            most = now.cost - then.cost;
            its_loss = then.loss - now.loss;
            which = g;
        }
        if (which == search->problem->groups) return sum;
        search->trial[which].steps--;
        sum += its_loss;
    }
}

/* The trial whose losses add up to at most target. */
static double choose_within(struct search *search, double target)
{
    double low = 0, high = 1;
    for (int i = 0; i < 4 * PRICE_STEPS && choose(search, high) > target; i++) high *= 4;
    for (int i = 0; i < PRICE_STEPS; i++) {
        double middle = (low + high) / 2;
        if (choose(search, middle) > target)
            low = middle;
        else
            high = middle;
    }
    return fill(search, choose(search, high), target);
}

/* The same with every setting of the trial measured; *sum: what their losses add up to. */
static enum lassim_status choose_measured(struct search *search, double target, double *sum, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (int i = 0; i < REFINEMENTS && status == LASSIM_OK; i++) {
        *sum = choose_within(search, target);
        for (unsigned g = 0; g < search->problem->groups; g++) {
            struct figure figure = figure_of(search, g, search->shape[g], search->trial[g].steps);
            if (search->problem->costs[g] && !figure.measured) ask(search, g, search->shape[g], search->trial[g].steps);
        }
        if (search->wishes == 0) break;
        status = measure_wishes(search, error);
    }
    if (status == LASSIM_OK) *sum = choose_within(search, target);
    return status;
}

/* The target moves until what is really lost comes near the budget. */
static enum lassim_status approach(struct search *search, struct tune_setting *best, struct tune_result *result,
                                   struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    const double budget = (1 - problem->reserve) * problem->budget;
    double target = budget - search->start.guide, low = 0, high = 0;
    enum lassim_status status = LASSIM_OK;
    while (status == LASSIM_OK && target > 0 && result->rounds < problem->rounds) {
        struct tune_measurement got;
        double sum;
        const struct tune_setting *trial = search->trial;
        status = choose_measured(search, target, &sum, error);
        if (status == LASSIM_OK) status = problem->measure(problem->context, &trial, 1, &got, error);
        if (status != LASSIM_OK) break;
        result->rounds++;
        int fits = got.loss <= budget;
        if (fits && got.cost < result->best.cost) {
            memcpy(best, trial, problem->groups * sizeof *best);
            result->best = got;
        }
        if (fits)
            low = target > low ? target : low;
        else
            high = high == 0 || target < high ? target : high;
        if ((fits && got.loss >= NEAR * budget) || (low > 0 && high > 0 && high < WIDTH * low)) break;
        target *= (got.loss > 0 ? (1 + NEAR) / 2 * budget / got.loss : 4);
        if (high > 0 && target >= high) target = low > 0 ? (low + high) / 2 : high / 1.1;
        if (low > 0 && target <= low) target = high > 0 ? (low + high) / 2 : low * 1.1;
    }
    return status;
}

/* Every group at the uniform T and two below, and its other shapes at the uniform one. */
static enum lassim_status probe(struct search *search, unsigned uniform, struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    for (unsigned g = 0; g < problem->groups; g++) {
        if (!problem->costs[g]) continue;
        unsigned most = problem->start[g].steps, at = uniform < most ? uniform : most - (most > 1);
        for (unsigned shape = 0; shape < SHAPES; shape++)
            if (allowed(search, g, shape)) ask(search, g, shape, at);
        if (at > 2)
            ask(search, g, 0, at - 2);
        else if (at < most)
            ask(search, g, 0, at + 1);
    }
    return measure_wishes(search, error);
}

/* All T at once: the cheapest within the budget. */
static enum lassim_status find_uniform(struct search *search, struct tune_setting *best, struct tune_result *result,
                                       struct lassim_error *error)
{
    const struct tune_problem *problem = search->problem;
    unsigned groups = problem->groups;
    struct tune_measurement measured[STEPS_MAX];
    const struct tune_setting *configuration[STEPS_MAX];
    struct tune_setting *settings = calloc((size_t)problem->steps * groups, sizeof *settings);
    if (settings == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    for (unsigned t = 0; t < problem->steps; t++) {
        struct tune_setting *own = settings + (size_t)t * groups;
        memcpy(own, problem->start, groups * sizeof *own);
        for (unsigned g = 0; g < groups; g++)
            if (t + 1 < own[g].steps) own[g].steps = (uint8_t)(t + 1);
        configuration[t] = own;
    }
    enum lassim_status status = problem->measure(problem->context, configuration, problem->steps, measured, error);
    for (unsigned t = 0; t < problem->steps && status == LASSIM_OK; t++) {
        if (!(measured[t].loss <= problem->budget)) continue;
        if (result->uniform_steps != 0 && measured[t].cost >= result->uniform.cost) continue;
        result->uniform_steps = t + 1;
        result->uniform = measured[t];
        memcpy(best, configuration[t], groups * sizeof *best);
    }
    if (status == LASSIM_OK) result->start = measured[problem->steps - 1];
    if (status == LASSIM_OK && result->uniform_steps == 0)
        status = lassim_fail(error, LASSIM_ERR_CHECK, NULL, "budget", "the model itself loses %.3g, the budget is %.3g",
                             result->start.loss, problem->budget);
    free(settings);
    return status;
}

enum lassim_status tune_search(const struct tune_problem *problem, struct tune_setting *best,
                               struct tune_result *result, struct lassim_error *error)
{
    size_t groups = problem->groups;
    struct search search = {.problem = problem};
    LASSIM_INVARIANT(groups > 0 && problem->steps >= 1 && problem->steps <= STEPS_MAX, "%u timesteps", problem->steps);
    memset(result, 0, sizeof *result);
    search.figure = calloc(groups, sizeof *search.figure);
    search.trial = calloc(groups, sizeof *search.trial);
    search.shape = calloc(groups, 1);
    search.wish = calloc(2 * SHAPES * groups, sizeof *search.wish);
    enum lassim_status status = LASSIM_OK;
    if (search.figure == NULL || search.trial == NULL || search.shape == NULL || search.wish == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    if (status == LASSIM_OK) status = find_uniform(&search, best, result, error);
    result->best = result->uniform;
    search.start = result->start;
    if (status == LASSIM_OK) status = probe(&search, result->uniform_steps, error);
    if (status == LASSIM_OK) status = approach(&search, best, result, error);
    free(search.figure);
    free(search.trial);
    free(search.shape);
    free(search.wish);
    return status;
}
