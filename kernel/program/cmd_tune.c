/* lassim tune: least cost within a loss budget, by a T and outlier shift for each population. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/outfile.h"
#include "kernel/program/cmd_tune.h"
#include "kernel/program/energy_option.h"
#include "kernel/program/run_loop.h"

enum { ROUNDS_MAX = 12 };
#define RESERVE 0.15 /* of the budget: texts differ */

static int take_cost(struct tune *tune)
{
    const char *name = cli_text(tune->cli, OPTION_COST);
    struct lassim_error error;
    if (energy_option_open(tune->cli, &tune->energy, &error) != LASSIM_OK) return cli_error(&error);
    if (strcmp(name, "sops") == 0) return 0;
    tune->bench.cost = energy_list_find(&tune->energy, name);
    if (tune->bench.cost != NULL) return 0;
    energy_option_unknown(&tune->energy, "--cost", "sops", name, &error);
    return cli_error(&error);
}

static int take_settings(struct tune *tune)
{
    const struct cli *cli = tune->cli;
    int wrong = take_cost(tune);
    if (wrong) return wrong;
    if (cli_given(cli, OPTION_TUNE_MAX_KL) == cli_given(cli, OPTION_TUNE_MAX_DPPL))
        return cli_usage(OPTION_TUNE_MAX_KL, "expected either this or --max-dppl");
    tune->bench.perplexity = cli_given(cli, OPTION_TUNE_MAX_DPPL);
    tune->budget =
        tune->bench.perplexity ? cli_real(cli, OPTION_TUNE_MAX_DPPL) / 100 : cli_real(cli, OPTION_TUNE_MAX_KL);
    tune->bench.threads = (unsigned)cli_integer(cli, OPTION_THREADS);
    if (tune->bench.threads == 0) tune->bench.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (snprintf(tune->journal, sizeof tune->journal, "%s.tune", cli_text(cli, OPTION_OUTPUT)) >=
        (int)sizeof tune->journal)
        return cli_usage(OPTION_OUTPUT, "the name is too long");
    return 0;
}

static enum lassim_status open_bench(struct tune *tune, struct lassim_error *error)
{
    const struct cli *cli = tune->cli;
    const char *path = cli_text(cli, OPTION_MODEL), *reference = cli_text(cli, OPTION_REFERENCE);
    enum lassim_status status = outfile_check(cli_text(cli, OPTION_OUTPUT), cli_flag(cli, OPTION_NO_CLOBBER), error);
    if (status == LASSIM_OK) status = lassim_model_open(path, &tune->model, error);
    if (status != LASSIM_OK) return status;
    const struct model *model = model_of(tune->model);
    if (tune->bench.perplexity && model->graph->config.head != HEAD_LM)
        return lassim_fail(error, LASSIM_ERR_USAGE, "--max-dppl", NULL, "expected --max-kl for an encoder, %s", path);
    tune->bench.model = model;
    tune->bench.groups = &tune->groups;
    tune->bench.text = &tune->text;
    tune->bench.dense = &tune->dense;
    tune->bench.watch = &tune->watch;
    tune->bench.journal = tune->journal;
    status = eval_text_read(model, path, cli_text(cli, OPTION_TEXT), (uint64_t)cli_integer(cli, OPTION_TUNE_TOKENS_MAX),
                            (uint32_t)cli_integer(cli, OPTION_CONTEXT), &tune->text, error);
    if (status == LASSIM_OK) status = tune_groups_new(model, &tune->groups, error);
    if (status == LASSIM_OK)
        status = eval_dense_new(model, reference, &tune->text, tune->journal, tune->bench.threads, &tune->watch,
                                &tune->dense, error);
    return status == LASSIM_OK ? tune_bench_open(&tune->bench, reference, error) : status;
}

/* Populations whose spikes cost: with synapses for SOPs, all for an energy table. */
static uint8_t *costly(const struct tune *tune)
{
    uint8_t *costs = calloc(tune->groups.count + 1u, 1);
    for (unsigned g = 0; costs != NULL && g < tune->groups.count; g++)
        costs[g] =
            tune->bench.cost != NULL || tune->bench.model->graph->population[tune->groups.population[g]].fan_out > 0;
    return costs;
}

static enum lassim_status search(struct tune *tune, struct lassim_error *error)
{
    uint8_t *costs = costly(tune);
    tune->best = calloc(tune->groups.count, sizeof *tune->best);
    enum lassim_status status = LASSIM_OK;
    if (costs == NULL || tune->best == NULL) status = lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    const struct tune_problem problem = {.groups = tune->groups.count,
                                         .steps = tune->bench.model->timesteps,
                                         .start = tune->groups.start,
                                         .costs = costs,
                                         .most_j = tune->groups.most_j,
                                         .most_floor = tune->groups.most_floor,
                                         .budget = tune->budget,
                                         .reserve = RESERVE,
                                         .rounds = ROUNDS_MAX,
                                         .measure = tune_bench_measure,
                                         .context = &tune->bench};
    if (status == LASSIM_OK) status = tune_search(&problem, tune->best, &tune->found, error);
    if (status == LASSIM_OK)
        status = tune_bench_run(&tune->bench, tune->groups.start, tune->bench.threads, 0, &tune->before, error);
    if (status == LASSIM_OK)
        status = tune_bench_run(&tune->bench, tune->best, tune->bench.threads, 0, &tune->after, error);
    free(costs);
    return status;
}

/* The model's provenance with what was done here added; NULL without memory. */
static char *provenance(const struct tune *tune)
{
    const struct blob *old = &tune->bench.model->provenance;
    json_t *object = json_loadb((const char *)old->data, old->size, 0, NULL);
    char text_hash[17];
    snprintf(text_hash, sizeof text_hash, "%016llx", (unsigned long long)tune->text.hash);
    if (!json_is_object(object)) {
        json_decref(object);
        object = json_object();
    }
    json_object_set_new(object, "tuned",
                        json_pack("{s:s, s:I, s:s, s:f}", "text_tokens_xxh3", text_hash, "tokens",
                                  (json_int_t)tune->text.count, "limit", tune_limit_name(tune), "budget",
                                  tune_budget_as_given(tune)));
    char *text = json_dumps(object, JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    json_decref(object);
    return text;
}

/* The tuned model, its self-check replaced by what was measured here. */
static enum lassim_status write_model(struct tune *tune, struct lassim_error *error)
{
    struct model made;
    const struct comparison *c = &tune->after.comparison;
    enum lassim_status status = tune_model_make(tune->bench.model, &tune->groups, tune->best, &made, error);
    if (status != LASSIM_OK) return status;
    char *text = provenance(tune);
    if (text == NULL) {
        tune_model_free(&made, tune->bench.model);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "tune", "no memory");
    }
    made.provenance = (struct blob){(const uint8_t *)text, strlen(text)};
    int perplexity = tune_head(tune) != HEAD_VALUES;
    made.check = (struct self_check){c->tokens,
                                     tune->after.total.saturations,
                                     perplexity ? comparison_ppl_reference(c) : 0,
                                     perplexity ? comparison_ppl_other(c) : 0,
                                     comparison_kl_mean(c),
                                     c->kl_max,
                                     comparison_top1(c)};
    status = tune_model_write(&made, cli_text(tune->cli, OPTION_OUTPUT), cli_flag(tune->cli, OPTION_NO_CLOBBER), error);
    free(text);
    tune_model_free(&made, tune->bench.model);
    return status;
}

static void stop(void *context)
{
    struct tune *tune = context;
    eval_watch_stop(&tune->watch);
}

static void progress(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    struct tune *tune = context;
    *timesteps = atomic_load(&tune->watch.timesteps);
    *tokens = atomic_load(&tune->watch.tokens);
}

/* How long it takes is not known before: rounds go on as long as they save something. */
static void line(void *context, char *text, size_t size)
{
    const struct tune *tune = context;
    snprintf(text, size, "%u configurations measured, %llu tokens", (unsigned)atomic_load(&tune->bench.measured),
             (unsigned long long)atomic_load(&tune->watch.tokens));
}

static void release(struct tune *tune)
{
    eval_result_free(&tune->before);
    eval_result_free(&tune->after);
    eval_dense_free(&tune->dense);
    tune_groups_free(&tune->groups);
    eval_text_free(&tune->text);
    lassim_model_close(tune->model);
    free(tune->energy.more);
    free(tune->best);
}

static enum lassim_status run_tune(struct tune *tune, struct lassim_error *error)
{
    const struct run_watch watch = {stop, progress, tune, 0, cli_flag(tune->cli, OPTION_QUIET), line};
    run_watch(&watch);
    enum lassim_status status = open_bench(tune, error);
    if (status == LASSIM_OK) status = search(tune, error);
    run_unwatch();
    if (status == LASSIM_OK) status = write_model(tune, error);
    if (status == LASSIM_OK)
        tune_bench_forget(&tune->bench);
    else
        tune_bench_close(&tune->bench);
    return status;
}

int cmd_tune(const struct cli *cli)
{
    struct tune tune = {.cli = cli};
    struct lassim_error error = {LASSIM_OK, ""};
    int wrong = take_settings(&tune);
    if (wrong) {
        free(tune.energy.more);
        return wrong;
    }
    pthread_mutex_init(&tune.watch.lock, NULL);
    enum lassim_status status = run_tune(&tune, &error);
    if (status == LASSIM_OK && cli_flag(cli, OPTION_JSON))
        tune_print_json(&tune);
    else if (status == LASSIM_OK && !cli_flag(cli, OPTION_QUIET))
        tune_print_prose(&tune);
    release(&tune);
    if (status == LASSIM_OK) return LASSIM_OK;
    return run_interrupted() ? LASSIM_ERR_RUN : cli_error(&error);
}
