#include "kernel/program/eval.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/program/run_loop.h"

void eval_watch_stop(struct eval_watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    watch->stopped = 1;
    for (unsigned job = 0; job < EVAL_JOBS_MAX; job++)
        if (watch->session[job] != NULL) lassim_session_stop(watch->session[job]);
    if (watch->dense != NULL) dense_engine_stop(watch->dense);
    pthread_mutex_unlock(&watch->lock);
}

/* Shows the session to whoever stops it; fails if everything was stopped already. */
static enum lassim_status enter(struct eval_watch *watch, unsigned job, lassim_session *session,
                                struct lassim_error *error)
{
    pthread_mutex_lock(&watch->lock);
    int stopped = watch->stopped;
    watch->session[job] = session;
    pthread_mutex_unlock(&watch->lock);
    return stopped ? lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted") : LASSIM_OK;
}

/* One evaluation under way. */
struct eval {
    const struct model *model;
    const struct eval_text *text;
    const struct eval_dense *dense;
    struct eval_watch *watch;
    lassim_session *session;
    size_t at; /* first target of the chunk */
    double *wide, *scratch;
    struct eval_result *result;
};

static void compare(void *context, uint32_t token, const float *logits)
{
    struct eval *eval = context;
    uint32_t vocabulary = eval->dense->vocabulary;
    const float *dense = eval->dense->logits + (eval->at + token) * vocabulary;
    for (uint32_t i = 0; i < vocabulary; i++) eval->wide[i] = dense[i];
    comparison_add(&eval->result->comparison, eval->wide, logits, vocabulary, eval->text->ids[eval->at + token],
                   eval->scratch);
    atomic_fetch_add(&eval->watch->tokens, 1);
}

static void take_counts(struct eval *eval)
{
    const struct counters *counters = session_population_counters(eval->session);
    for (uint32_t p = 0; p < eval->model->graph->populations; p++)
        counters_add(&eval->result->population[p], &counters[p]);
    uint64_t timesteps = session_timesteps(eval->session);
    eval->result->timesteps += timesteps;
    eval->result->dense_macs += session_dense_macs(eval->session);
    atomic_fetch_add(&eval->watch->timesteps, timesteps);
}

static enum lassim_status run_chunks(struct eval *eval, struct lassim_error *error)
{
    const struct eval_text *text = eval->text;
    uint32_t *inputs = malloc(text->context * sizeof *inputs);
    enum lassim_status status = LASSIM_OK;
    if (inputs == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a chunk");
    for (size_t at = 0; at < text->count && status == LASSIM_OK; at += text->context - 1) {
        eval->at = at;
        uint32_t n = eval_text_chunk(text, at, inputs);
        status = lassim_session_feed(eval->session, inputs, n, LASSIM_READ_ALL, compare, eval, error);
        if (status == LASSIM_OK) take_counts(eval);
        lassim_session_reset(eval->session);
    }
    free(inputs);
    return status;
}

/* Sums over populations; a window of T tests each of its neurons T times. */
static void sum_up(const struct model *model, unsigned window, struct eval_result *result)
{
    const struct graph *graph = model->graph;
    for (uint32_t p = 0; p < graph->populations; p++) {
        const struct counters *counters = &result->population[p];
        uint64_t windows = counters->threshold_tests / params_steps(&model->population[p], window);
        int weights = 0;
        for (uint32_t m = 0; m < graph->matrices; m++) weights |= graph->matrix[m].source == p;
        counters_add(&result->total, counters);
        result->neuron_windows += windows;
        if (!weights || graph->population[p].code == CODE_INPUT) continue;
        counters_add(&result->into_weights, counters);
        result->into_weights_windows += windows;
    }
}

static enum lassim_status prepare(struct eval *eval, struct lassim_error *error)
{
    uint32_t vocabulary = eval->dense->vocabulary;
    eval->result->population = calloc(eval->model->graph->populations, sizeof *eval->result->population);
    eval->wide = malloc(vocabulary * sizeof *eval->wide);
    eval->scratch = malloc(vocabulary * sizeof *eval->scratch);
    if (eval->result->population != NULL && eval->wide != NULL && eval->scratch != NULL) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the logits");
}

enum lassim_status eval_run(const struct model *model, const struct lassim_options *options,
                            const struct eval_text *text, const struct eval_dense *dense, struct eval_watch *watch,
                            unsigned job, struct eval_result *result, struct lassim_error *error)
{
    struct eval eval = {.model = model, .text = text, .dense = dense, .watch = watch, .result = result};
    struct lassim_options own = *options;
    double start = run_seconds();
    own.context = text->context;
    LASSIM_INVARIANT(job < EVAL_JOBS_MAX, "job %u", job);
    memset(result, 0, sizeof *result);
    enum lassim_status status = session_open_model(model, &own, &eval.session, error);
    if (status == LASSIM_OK) status = prepare(&eval, error);
    if (status == LASSIM_OK) status = enter(watch, job, eval.session, error);
    if (status == LASSIM_OK) status = run_chunks(&eval, error);
    if (status == LASSIM_OK) sum_up(model, session_steps(eval.session), result);
    enter(watch, job, NULL, NULL);
    lassim_session_close(eval.session);
    free(eval.wide);
    free(eval.scratch);
    result->seconds = run_seconds() - start;
    if (status != LASSIM_OK) eval_result_free(result);
    return status;
}

void eval_result_free(struct eval_result *result)
{
    free(result->population);
    result->population = NULL;
}

struct energy_work *eval_energy_work(const struct model *model, const struct eval_result *result)
{
    const struct graph *graph = model->graph;
    struct energy_work *work = calloc(graph->populations, sizeof *work);
    for (uint32_t p = 0; work != NULL && p < graph->populations; p++)
        energy_work_of(graph, model, p, &result->population[p], (uint32_t)result->comparison.tokens, &work[p]);
    return work;
}
