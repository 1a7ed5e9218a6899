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
    struct eval_piece piece;
    size_t row;               /* its first one of the dense network's */
    double *wide, *scratch;   /* decoders: [width] */
    struct encoder_loss loss; /* encoders */
    float *values;            /* encoders: [context][width], the sequence's rows */
    uint32_t rows;            /* there so far */
    struct eval_result *result;
};

size_t eval_first_row(const struct graph *graph, size_t index, size_t at)
{
    return graph->config.head == HEAD_CLASSIFY ? index : at;
}

static void compare(void *context, uint32_t token, const float *logits)
{
    struct eval *eval = context;
    uint32_t width = eval->dense->width;
    const float *dense = eval->dense->logits + (eval->row + token) * width;
    for (uint32_t i = 0; i < width; i++) eval->wide[i] = dense[i];
    comparison_add(&eval->result->comparison, eval->wide, logits, width, eval->piece.targets[token], eval->scratch);
    atomic_fetch_add(&eval->watch->tokens, 1);
}

static void collect(void *context, uint32_t token, const float *values)
{
    struct eval *eval = context;
    (void)token;
    memcpy(eval->values + (size_t)eval->rows++ * eval->dense->width, values, eval->dense->width * sizeof *values);
}

static enum lassim_status run_sequence(struct eval *eval, struct lassim_error *error)
{
    const struct eval_piece *piece = &eval->piece;
    eval->rows = 0;
    enum lassim_status status = lassim_session_encode(eval->session, piece->inputs, piece->types, piece->n,
                                                      LASSIM_READ_ALL, collect, eval, error);
    if (status != LASSIM_OK) return status;
    encoder_loss_add(&eval->loss, piece->inputs, piece->n, eval->dense->logits + eval->row * eval->dense->width,
                     eval->values, &eval->result->comparison);
    atomic_fetch_add(&eval->watch->tokens, piece->n);
    return LASSIM_OK;
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

static enum lassim_status run_pieces(struct eval *eval, struct lassim_error *error)
{
    const struct eval_text *text = eval->text;
    const struct eval_piece *piece = &eval->piece;
    uint32_t *chunk = malloc(text->context * sizeof *chunk);
    enum lassim_status status = LASSIM_OK;
    if (chunk == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a chunk");
    for (size_t i = 0; i < eval_text_pieces(text) && status == LASSIM_OK; i++) {
        eval_text_piece(text, i, chunk, &eval->piece);
        eval->row = eval_first_row(eval->model->graph, i, piece->at);
        if (eval->values != NULL)
            status = run_sequence(eval, error);
        else
            status = lassim_session_feed(eval->session, piece->inputs, piece->n, LASSIM_READ_ALL, compare, eval, error);
        if (status == LASSIM_OK) take_counts(eval);
        lassim_session_reset(eval->session);
    }
    free(chunk);
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
    const struct graph *graph = eval->model->graph;
    uint32_t width = eval->dense->width;
    eval->result->population = calloc(graph->populations, sizeof *eval->result->population);
    if (eval->result->population == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the counters");
    if (graph->config.encoder) {
        eval->values = malloc((size_t)eval->text->context * width * sizeof *eval->values);
        if (eval->values != NULL) return encoder_loss_new(graph, &eval->loss, error);
    } else {
        eval->wide = malloc(width * sizeof *eval->wide);
        eval->scratch = malloc(width * sizeof *eval->scratch);
        if (eval->wide != NULL && eval->scratch != NULL) return LASSIM_OK;
    }
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the logits");
}

static void release(struct eval *eval)
{
    lassim_session_close(eval->session);
    encoder_loss_free(&eval->loss);
    free(eval->values);
    free(eval->wide);
    free(eval->scratch);
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
    if (status == LASSIM_OK) status = run_pieces(&eval, error);
    if (status == LASSIM_OK) sum_up(model, session_steps(eval.session), result);
    enter(watch, job, NULL, NULL);
    release(&eval);
    result->tokens = text->count;
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
        energy_work_of(graph, model, p, &result->population[p], (uint32_t)result->tokens, &work[p]);
    return work;
}
