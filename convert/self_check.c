#include "convert/self_check.h"

#include <stdlib.h>

#include "kernel/compare.h"
#include "kernel/session.h"

enum { DENSE_ROWS_AT_ONCE = 16 };
#define PRODUCTS_MAX UINT64_C(500000000) /* weights times tokens: some ten seconds of one core */

struct check_run {
    const struct dense_double *dense;
    const struct graph *graph;
    const struct calibration_text *text;
    size_t first, end; /* tokens of the sequence being fed */
    size_t held;       /* first row whose dense values are held */
    double *logits;    /* [DENSE_ROWS_AT_ONCE][head_width] */
    double *scratch;   /* [head_width] */
    struct comparison comparison;
};

static uint64_t total_weights(const struct graph *graph)
{
    uint64_t weights = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->population[graph->matrix[m].source].code != CODE_INPUT)
            weights += (uint64_t)graph->matrix[m].sources * graph->matrix[m].targets;
    return weights;
}

size_t self_check_tokens(const struct graph *graph, const struct calibration_text *text)
{
    uint64_t tokens = PRODUCTS_MAX / (total_weights(graph) + 1);
    if (tokens < SELF_CHECK_TOKENS_MIN) tokens = SELF_CHECK_TOKENS_MIN;
    if (tokens > SELF_CHECK_TOKENS_MAX) tokens = SELF_CHECK_TOKENS_MAX;
    if (graph->config.encoder) tokens = tokens < text->context ? text->context : tokens - tokens % text->context;
    return tokens < text->tokens ? tokens : text->tokens;
}

/* The dense values of a row: a token's, or a sequence's where its first token is read. */
static const double *dense_row(struct check_run *run, size_t row, size_t end)
{
    if (row < run->held || row >= run->held + DENSE_ROWS_AT_ONCE) {
        size_t rows = end - row < DENSE_ROWS_AT_ONCE ? end - row : DENSE_ROWS_AT_ONCE;
        dense_double_logits(run->dense, row, rows, run->logits);
        run->held = row;
    }
    return run->logits + (row - run->held) * run->graph->head_width;
}

/* What follows a decoder's token; an encoder's own token; the label that the dense network gives. */
static uint32_t target_of(const struct check_run *run, size_t at, const double *dense)
{
    uint32_t best = 0;
    if (run->graph->config.head != HEAD_CLASSIFY) return run->text->ids[run->graph->config.encoder ? at : at + 1];
    for (uint32_t i = 1; i < run->graph->head_width; i++)
        if (dense[i] > dense[best]) best = i;
    return best;
}

static void compare(void *context, uint32_t token, const float *spiking)
{
    struct check_run *run = context;
    size_t at = run->first + token;
    const double *dense = run->graph->config.head == HEAD_CLASSIFY
                              ? dense_row(run, at / run->text->context, at / run->text->context + 1)
                              : dense_row(run, at, run->end);
    if (run->graph->config.head == HEAD_VALUES)
        comparison_add_vector(&run->comparison, dense, spiking, run->graph->head_width);
    else
        comparison_add(&run->comparison, dense, spiking, run->graph->head_width, target_of(run, at, dense),
                       run->scratch);
}

static uint64_t saturations(const lassim_session *session, uint32_t populations)
{
    const struct counters *counters = session_population_counters(session);
    uint64_t sum = 0;
    for (uint32_t p = 0; p < populations; p++) sum += counters[p].saturations;
    return sum;
}

/* All sequences; each token of a decoder but the last of a sequence predicts the next. */
static enum lassim_status feed(struct check_run *run, lassim_session *session, size_t tokens,
                               convert_progress *progress, void *progress_context, struct self_check *check,
                               struct lassim_error *error)
{
    const struct calibration_text *text = run->text;
    size_t left_out = run->graph->config.encoder ? 0 : 1;
    for (run->first = 0; run->first + 1 < tokens; run->first += text->context) {
        run->end = run->first + text->context < tokens ? run->first + text->context : tokens;
        run->held = SIZE_MAX / 2;
        uint32_t inputs = (uint32_t)(run->end - run->first - left_out);
        if (progress != NULL) progress(progress_context, "self-check", run->first, tokens);
        enum lassim_status status =
            lassim_session_feed(session, text->ids + run->first, inputs, LASSIM_READ_ALL, compare, run, error);
        if (status != LASSIM_OK) return status;
        check->saturations += saturations(session, run->graph->populations);
        lassim_session_reset(session);
    }
    check->tokens = run->comparison.tokens;
    if (run->graph->config.head != HEAD_VALUES) {
        check->ppl_dense = comparison_ppl_reference(&run->comparison);
        check->ppl_spiking = comparison_ppl_other(&run->comparison);
    }
    check->kl_mean = comparison_kl_mean(&run->comparison);
    check->kl_max = run->comparison.kl_max;
    check->top1_agreement = comparison_top1(&run->comparison);
    return LASSIM_OK;
}

enum lassim_status self_check_run(const struct model *model, const struct dense_double *dense,
                                  const struct calibration_text *text, size_t tokens, unsigned threads,
                                  convert_progress *progress, void *progress_context, struct self_check *check,
                                  struct lassim_error *error)
{
    *check = (struct self_check){0};
    struct check_run run = {.dense = dense, .graph = model->graph, .text = text};
    run.logits = malloc(sizeof *run.logits * DENSE_ROWS_AT_ONCE * model->graph->head_width);
    run.scratch = malloc(sizeof *run.scratch * model->graph->head_width);
    /* A context just long enough, so that a session's KV cache stays small. */
    const struct lassim_options options = {.threads = threads,
                                           .context = (uint32_t)(text->context < tokens ? text->context : tokens)};
    lassim_session *session = NULL;
    enum lassim_status status = LASSIM_OK;
    if (run.logits == NULL || run.scratch == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, "self-check", "no memory for the logits");
    if (status == LASSIM_OK) status = session_open_model(model, &options, &session, error);
    if (status == LASSIM_OK) status = feed(&run, session, tokens, progress, progress_context, check, error);
    lassim_session_close(session);
    free(run.logits);
    free(run.scratch);
    return status;
}
