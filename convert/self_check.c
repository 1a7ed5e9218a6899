#include "convert/self_check.h"

#include <stdlib.h>

#include "kernel/compare.h"
#include "kernel/session.h"

enum { DENSE_ROWS_AT_ONCE = 16 };
#define PRODUCTS_MAX UINT64_C(500000000) /* weights times tokens: some ten seconds of one core */

struct check_run {
    const struct dense_double *dense;
    const uint32_t *ids;
    size_t first, end; /* tokens of the sequence being fed */
    size_t held;       /* first token whose dense logits are held */
    uint32_t vocabulary;
    double *logits;  /* [DENSE_ROWS_AT_ONCE][vocabulary] */
    double *scratch; /* [vocabulary] */
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

size_t self_check_tokens(const struct graph *graph, size_t available)
{
    uint64_t tokens = PRODUCTS_MAX / (total_weights(graph) + 1);
    if (tokens < SELF_CHECK_TOKENS_MIN) tokens = SELF_CHECK_TOKENS_MIN;
    if (tokens > SELF_CHECK_TOKENS_MAX) tokens = SELF_CHECK_TOKENS_MAX;
    return tokens < available ? tokens : available;
}

static void compare(void *context, uint32_t token, const float *spiking)
{
    struct check_run *run = context;
    size_t at = run->first + token;
    if (at < run->held || at >= run->held + DENSE_ROWS_AT_ONCE) {
        size_t rows = run->end - at < DENSE_ROWS_AT_ONCE ? run->end - at : DENSE_ROWS_AT_ONCE;
        dense_double_logits(run->dense, at, rows, run->logits);
        run->held = at;
    }
    comparison_add(&run->comparison, run->logits + (at - run->held) * run->vocabulary, spiking, run->vocabulary,
                   run->ids[at + 1], run->scratch);
}

static uint64_t saturations(const lassim_session *session, uint32_t populations)
{
    const struct counters *counters = session_population_counters(session);
    uint64_t sum = 0;
    for (uint32_t p = 0; p < populations; p++) sum += counters[p].saturations;
    return sum;
}

/* All sequences; each token but the last of a sequence predicts the next. */
static enum lassim_status feed(struct check_run *run, lassim_session *session, const struct calibration_text *text,
                               size_t tokens, uint32_t populations, convert_progress *progress, void *progress_context,
                               struct self_check *check, struct lassim_error *error)
{
    for (run->first = 0; run->first + 1 < tokens; run->first += text->context) {
        run->end = run->first + text->context < tokens ? run->first + text->context : tokens;
        run->held = run->end;
        uint32_t inputs = (uint32_t)(run->end - run->first) - 1;
        if (progress != NULL) progress(progress_context, "self-check", run->first, tokens);
        enum lassim_status status =
            lassim_session_feed(session, text->ids + run->first, inputs, LASSIM_READ_ALL, compare, run, error);
        if (status != LASSIM_OK) return status;
        check->saturations += saturations(session, populations);
        lassim_session_reset(session);
    }
    check->tokens = run->comparison.tokens;
    check->ppl_dense = comparison_ppl_reference(&run->comparison);
    check->ppl_spiking = comparison_ppl_other(&run->comparison);
    check->kl_mean = comparison_kl_mean(&run->comparison);
    check->kl_max = run->comparison.kl_max;
    check->top1_agreement = comparison_top1(&run->comparison);
    return LASSIM_OK;
}

/* The model with a context just long enough for the check, so that a session's KV cache stays small. */
static struct graph *short_graph(const struct model *model, size_t context, struct lassim_error *error)
{
    const char *reason = NULL;
    struct model_config config = model->graph->config;
    config.positions = (uint32_t)context;
    config.position_rows = config.positions + config.position_offset;
    struct graph *graph = graph_build(&config, &reason);
    if (graph == NULL) lassim_fail(error, LASSIM_ERR_RUN, NULL, "self-check", "%s", reason);
    return graph;
}

enum lassim_status self_check_run(const struct model *model, const struct dense_double *dense,
                                  const struct calibration_text *text, size_t tokens, unsigned threads,
                                  convert_progress *progress, void *progress_context, struct self_check *check,
                                  struct lassim_error *error)
{
    struct model shortened = *model;
    uint32_t vocabulary = model->graph->config.vocabulary;
    *check = (struct self_check){0};
    shortened.graph = short_graph(model, text->context < tokens ? text->context : tokens, error);
    if (shortened.graph == NULL) return LASSIM_ERR_RUN;
    struct check_run run = {.dense = dense, .ids = text->ids, .vocabulary = vocabulary};
    run.logits = malloc(sizeof *run.logits * DENSE_ROWS_AT_ONCE * vocabulary);
    run.scratch = malloc(sizeof *run.scratch * vocabulary);
    const struct lassim_options options = {.threads = threads};
    lassim_session *session = NULL;
    enum lassim_status status = LASSIM_OK;
    if (run.logits == NULL || run.scratch == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, "self-check", "no memory for the logits");
    if (status == LASSIM_OK) status = session_open_model(&shortened, &options, &session, error);
    if (status == LASSIM_OK)
        status = feed(&run, session, text, tokens, model->graph->populations, progress, progress_context, check, error);
    lassim_session_close(session);
    free(run.logits);
    free(run.scratch);
    graph_free(shortened.graph);
    return status;
}
