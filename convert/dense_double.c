#include "convert/dense_double.h"

#include <stdlib.h>
#include <string.h>

#include "convert/dense_attention.h"
#include "convert/dense_kernels.h"
#include "convert/parallel.h"
#include "neurons/real.h"

struct dense_double {
    const struct opt_tensors *tensors;
    const struct matrix *stored; /* NULL: everything from the tensors */
    const struct model_config *config;
    size_t tokens, context;
    unsigned threads;
    uint32_t *ids;
    double *memory;
    /* [tokens][hidden] each: residual; a norm's output or the residual's copy; scratch; q, k, v, context. */
    double *residual, *normed, *scratch, *q, *k, *v, *ctx;
    double *ffn;         /* [tokens][ffn] */
    double *weight_sums; /* [tokens][heads] */
    double *variance;    /* [tokens] */
    double *narrow;      /* [tokens][embedding] */
    double *attention_scratch;
    const double *output; /* what the head reads: [tokens][embedding] */
};

struct watch {
    dense_observer *observer;
    void *context;
    struct lassim_error *error;
};

static enum lassim_status report(const struct dense_double *d, const struct watch *watch, uint32_t population,
                                 const double *values, size_t rows, size_t columns)
{
    LASSIM_INVARIANT(population < d->tensors->graph->populations, "population %u", (unsigned)population);
    if (watch->observer == NULL) return LASSIM_OK;
    return watch->observer(watch->context, population, values, rows, columns, watch->error);
}

/* Doubles per token in struct dense_double's arrays. */
static uint64_t doubles_per_token(const struct model_config *c)
{
    return 7ull * c->hidden + c->ffn + c->heads + 1 + c->embedding;
}

size_t dense_double_capacity(const struct model_config *config, uint64_t bytes)
{
    uint64_t tokens = bytes / (doubles_per_token(config) * sizeof(double));
    return tokens < 1 ? 1 : tokens;
}

static int allocate(struct dense_double *d)
{
    const struct model_config *c = d->config;
    size_t extra = dense_attention_scratch(d->threads, d->tokens, d->context, c->heads, c->hidden / c->heads);
    d->ids = malloc(d->tokens * sizeof *d->ids);
    d->memory = calloc(d->tokens * doubles_per_token(c) + extra, sizeof *d->memory);
    if (d->ids == NULL || d->memory == NULL) return -1;
    double *at = d->memory;
    double **wide[] = {&d->residual, &d->normed, &d->scratch, &d->q, &d->k, &d->v, &d->ctx};
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++, at += d->tokens * c->hidden) *wide[i] = at;
    d->ffn = at, at += d->tokens * c->ffn;
    d->weight_sums = at, at += d->tokens * c->heads;
    d->variance = at, at += d->tokens;
    d->narrow = at, at += d->tokens * c->embedding;
    d->attention_scratch = at;
    return 0;
}

enum lassim_status dense_double_open(const struct opt_tensors *tensors, const uint32_t *ids, size_t n, size_t context,
                                     unsigned threads, struct dense_double **dense, struct lassim_error *error)
{
    struct dense_double *d = calloc(1, sizeof *d);
    *dense = NULL;
    if (d == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory");
    d->tensors = tensors;
    d->config = &tensors->graph->config;
    d->tokens = n;
    d->context = context;
    d->threads = threads;
    LASSIM_INVARIANT(n >= 1 && context >= 1 && context <= d->config->positions, "context %zu", context);
    if (allocate(d) != 0) {
        dense_double_close(d);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory for %zu tokens", n);
    }
    memcpy(d->ids, ids, n * sizeof *ids);
    *dense = d;
    return LASSIM_OK;
}

void dense_double_close(struct dense_double *dense)
{
    if (dense == NULL) return;
    free(dense->ids);
    free(dense->memory);
    free(dense);
}

void dense_double_use_stored(struct dense_double *dense, const struct matrix *stored)
{
    dense->stored = stored;
}

/* y = x w + bias for `rows` rows. */
static void multiply(const struct dense_double *d, uint32_t m, const double *bias, const double *x, size_t rows,
                     double *y)
{
    const struct matrix_slot *slot = &d->tensors->graph->matrix[m];
    if (d->stored != NULL && !weight_is_float(d->stored[m].type))
        dense_linear_stored(d->threads, &d->stored[m], bias, x, rows, slot->sources, slot->targets, y);
    else
        dense_linear(d->threads, d->tensors->matrix[m].weight, bias, x, rows, slot->sources, slot->targets, y);
}

static void linear(const struct dense_double *d, int32_t layer, const char *name, const double *x, double *y)
{
    uint32_t m = opt_matrix_index(d->tensors->graph, layer, name);
    LASSIM_INVARIANT(m != GRAPH_NONE, "layer %d has no %s", (int)layer, name);
    multiply(d, m, d->tensors->matrix[m].bias, x, d->tokens, y);
}

static void add_to_residual(struct dense_double *d, const double *x)
{
    for (size_t i = 0; i < d->tokens * d->config->hidden; i++) d->residual[i] += x[i];
}

/* x - mean into centered, variance + epsilon into d->variance. */
static void center(struct dense_double *d, const double *x, double *centered)
{
    size_t width = d->config->hidden;
    for (size_t t = 0; t < d->tokens; t++, x += width, centered += width) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < width; i++) sum += x[i];
        double mean = sum / (double)width;
        for (size_t i = 0; i < width; i++) {
            centered[i] = x[i] - mean;
            squares += centered[i] * centered[i];
        }
        d->variance[t] = squares / (double)width + d->config->norm_epsilon;
    }
}

static void scale(const struct dense_double *d, const struct opt_norm *norm, const double *centered, double *out)
{
    size_t width = d->config->hidden;
    for (size_t t = 0; t < d->tokens; t++) {
        double rstd = 1 / real_sqrt(d->variance[t]);
        for (size_t i = 0; i < width; i++) {
            double x = centered[t * width + i] * rstd;
            if (norm->gamma != NULL) x = x * norm->gamma[i] + norm->beta[i];
            out[t * width + i] = x;
        }
    }
}

/* LayerNorm number n of the residual into out (which may be the residual). */
static enum lassim_status normalise(struct dense_double *d, uint32_t n, double *out, const struct watch *watch)
{
    const struct norm_slot *slot = &d->tensors->graph->norm[n];
    enum lassim_status status = report(d, watch, slot->source, d->residual, d->tokens, d->config->hidden);
    if (status != LASSIM_OK) return status;
    center(d, d->residual, d->scratch);
    status = report(d, watch, slot->centered, d->scratch, d->tokens, d->config->hidden);
    if (status == LASSIM_OK) status = report(d, watch, slot->rstd, d->variance, d->tokens, 1);
    if (status != LASSIM_OK) return status;
    scale(d, &d->tensors->norm[n], d->scratch, out);
    return report(d, watch, slot->output, out, d->tokens, d->config->hidden);
}

static uint32_t find_norm(const struct graph *graph, int32_t layer, unsigned which)
{
    for (uint32_t n = 0; n < graph->norms; n++)
        if (graph->norm[n].layer == layer && which-- == 0) return n;
    return GRAPH_NONE;
}

static enum lassim_status report_kind(const struct dense_double *d, int32_t layer, enum population_kind kind,
                                      const double *values, size_t rows, size_t columns, const struct watch *watch)
{
    return report(d, watch, opt_population_index(d->tensors->graph, layer, kind), values, rows, columns);
}

static void copy_row(const struct dense_double *d, const char *matrix, uint64_t row, double *out)
{
    uint32_t m = opt_matrix_index(d->tensors->graph, -1, matrix);
    uint32_t width = d->tensors->graph->matrix[m].targets;
    checkpoint_tensor_f64(d->tensors->matrix[m].weight, row * width, width, out);
}

enum lassim_status dense_double_embed(struct dense_double *d, dense_observer *observer, void *context,
                                      struct lassim_error *error)
{
    const struct model_config *c = d->config;
    const struct watch watch = {observer, context, error};
    int projected = c->embedding != c->hidden;
    double *tok = projected ? d->narrow : d->residual;
    for (size_t t = 0; t < d->tokens; t++) {
        LASSIM_INVARIANT(d->ids[t] < c->vocabulary, "token id %u", (unsigned)d->ids[t]);
        copy_row(d, "tok", d->ids[t], tok + t * c->embedding);
        copy_row(d, "pos", t % d->context + c->position_offset, d->scratch + t * c->hidden);
    }
    if (projected) {
        enum lassim_status status = report_kind(d, -1, POPULATION_EMBED, tok, d->tokens, c->embedding, &watch);
        if (status != LASSIM_OK) return status;
        linear(d, -1, "project_in", tok, d->residual);
    }
    add_to_residual(d, d->scratch);
    return LASSIM_OK;
}

/* Queries, keys and values of x, softmax and context; the result lies in d->q. */
static enum lassim_status attend(struct dense_double *d, int32_t layer, const double *x, const struct watch *watch)
{
    const struct model_config *c = d->config;
    linear(d, layer, "q", x, d->q);
    linear(d, layer, "k", x, d->k);
    linear(d, layer, "v", x, d->v);
    enum lassim_status status = report_kind(d, layer, POPULATION_QUERY, d->q, d->tokens, c->hidden, watch);
    if (status == LASSIM_OK) status = report_kind(d, layer, POPULATION_KEY, d->k, d->tokens, c->hidden, watch);
    if (status == LASSIM_OK) status = report_kind(d, layer, POPULATION_VALUE, d->v, d->tokens, c->hidden, watch);
    if (status != LASSIM_OK) return status;
    struct dense_attention a = {.threads = d->threads,
                                .tokens = d->tokens,
                                .context = d->context,
                                .heads = c->heads,
                                .head_dim = c->hidden / c->heads,
                                .q = d->q,
                                .k = d->k,
                                .v = d->v,
                                .context_values = d->ctx,
                                .attention = d->q,
                                .weight_sums = d->weight_sums,
                                .scratch = d->attention_scratch};
    dense_attention_run(&a);
    const double one = 1;
    status = report_kind(d, layer, POPULATION_EXP, &a.lowest_score, 1, 1, watch);
    if (status == LASSIM_OK) status = report_kind(d, layer, POPULATION_WEIGHT, &one, 1, 1, watch);
    if (status == LASSIM_OK)
        status = report_kind(d, layer, POPULATION_INVERSE, d->weight_sums, d->tokens, c->heads, watch);
    if (status == LASSIM_OK) status = report_kind(d, layer, POPULATION_CONTEXT, d->ctx, d->tokens, c->hidden, watch);
    if (status == LASSIM_OK) status = report_kind(d, layer, POPULATION_ATTENTION, d->q, d->tokens, c->hidden, watch);
    return status;
}

static enum lassim_status feed_forward(struct dense_double *d, int32_t layer, const double *x,
                                       const struct watch *watch)
{
    size_t width = d->config->ffn;
    linear(d, layer, "fc1", x, d->ffn);
    enum lassim_status status = report_kind(d, layer, POPULATION_FFN, d->ffn, d->tokens, width, watch);
    for (size_t i = 0; i < d->tokens * width; i++)
        if (d->ffn[i] < 0) d->ffn[i] = 0;
    linear(d, layer, "fc2", d->ffn, d->scratch);
    add_to_residual(d, d->scratch);
    return status;
}

enum lassim_status dense_double_layer(struct dense_double *d, uint32_t layer, dense_observer *observer, void *context,
                                      struct lassim_error *error)
{
    const struct graph *graph = d->tensors->graph;
    const struct watch watch = {observer, context, error};
    int pre = (int)d->config->pre_norm;
    int32_t l = (int32_t)layer;
    uint32_t norm1 = find_norm(graph, l, 0), norm2 = find_norm(graph, l, 1);
    enum lassim_status status = LASSIM_OK;
    if (pre)
        status = normalise(d, norm1, d->normed, &watch);
    else if (layer == 0)
        status = report_kind(d, l, POPULATION_RESIDUAL, d->residual, d->tokens, d->config->hidden, &watch);
    if (status == LASSIM_OK) status = attend(d, l, pre ? d->normed : d->residual, &watch);
    if (status != LASSIM_OK) return status;
    linear(d, l, "o", d->q, d->scratch);
    add_to_residual(d, d->scratch);
    status = pre ? normalise(d, norm2, d->normed, &watch) : normalise(d, norm1, d->residual, &watch);
    if (status == LASSIM_OK) status = feed_forward(d, l, pre ? d->normed : d->residual, &watch);
    if (status == LASSIM_OK && !pre) status = normalise(d, norm2, d->residual, &watch);
    return status;
}

enum lassim_status dense_double_final(struct dense_double *d, dense_observer *observer, void *context,
                                      struct lassim_error *error)
{
    const struct model_config *c = d->config;
    const struct watch watch = {observer, context, error};
    int32_t last = (int32_t)c->layers;
    enum lassim_status status = LASSIM_OK;
    d->output = d->residual;
    if (c->final_norm) {
        status = normalise(d, find_norm(d->tensors->graph, last, 0), d->normed, &watch);
        d->output = d->normed;
    } else if (c->pre_norm) {
        status = report_kind(d, last, POPULATION_RESIDUAL, d->residual, d->tokens, c->hidden, &watch);
    }
    if (status != LASSIM_OK || c->embedding == c->hidden) return status;
    linear(d, -1, "project_out", d->output, d->narrow);
    d->output = d->narrow;
    return report_kind(d, last, POPULATION_PROJECT_OUT, d->narrow, d->tokens, c->embedding, &watch);
}

void dense_double_logits(const struct dense_double *d, size_t first, size_t count, double *logits)
{
    const struct graph *graph = d->tensors->graph;
    const struct matrix_slot *slot = &graph->matrix[graph->head_matrix];
    LASSIM_INVARIANT(d->output != NULL && first + count <= d->tokens, "tokens %zu + %zu", first, count);
    multiply(d, graph->head_matrix, NULL, d->output + first * slot->sources, count, logits);
}
