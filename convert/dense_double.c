#include "convert/dense_double.h"

#include <stdlib.h>
#include <string.h>

#include "convert/dense_attention.h"
#include "convert/dense_functions.h"
#include "convert/dense_kernels.h"

struct dense_double {
    const struct model_tensors *tensors;
    const struct matrix *stored; /* NULL: everything from the tensors */
    const struct graph *graph;
    const struct model_config *config;
    size_t tokens, context;
    size_t rows; /* = tokens; behind a classifier's first token: sequences */
    unsigned threads;
    uint32_t *ids, *types; /* [tokens] each */
    double *memory;
    double *residual, *normed, *scratch; /* [tokens][hidden]: the last norm's output; x - mean and products */
    double *q, *k, *v, *ctx;             /* [tokens][heads or kv_heads * head_dim]; q becomes what it attends to */
    double *ffn, *up;                    /* [tokens][the wider of ffn and hidden]; up: gated only */
    double *weight_sums;                 /* [tokens][heads] */
    double *variance;                    /* [tokens] */
    double *narrow;                      /* [tokens][embedding] */
    double *attention_scratch;
    double lowest_score;
    int replace; /* the last norm's output becomes the residual */
};

struct watch {
    dense_observer *observer;
    void *context;
    struct lassim_error *error;
};

/* One array of struct dense_double: where it is and how many doubles a token takes. */
struct array {
    double **at;
    uint64_t width;
};
enum { ARRAYS = 12 };

static void arrays_of(const struct model_config *c, struct dense_double *d, struct array array[ARRAYS])
{
    uint64_t head_dim = c->head_dim > 0 ? c->head_dim : c->hidden / c->heads;
    uint64_t all = c->heads * head_dim, shared = (c->kv_heads > 0 ? c->kv_heads : c->heads) * head_dim;
    uint64_t wide = c->ffn > c->hidden ? c->ffn : c->hidden;
    const struct array arrays[ARRAYS] = {
        {&d->residual, c->hidden},
        {&d->normed, c->hidden},
        {&d->scratch, c->hidden},
        {&d->q, all},
        {&d->k, shared},
        {&d->v, shared},
        {&d->ctx, all},
        {&d->ffn, wide},
        {&d->up, c->gated ? wide : 0},
        {&d->weight_sums, c->heads},
        {&d->variance, 1},
        {&d->narrow, c->embedding > 0 ? c->embedding : c->hidden},
    };
    memcpy(array, arrays, sizeof arrays);
}

/* Doubles per token in struct dense_double's arrays. */
static uint64_t doubles_per_token(const struct model_config *config)
{
    struct dense_double none;
    struct array array[ARRAYS];
    uint64_t sum = 0;
    arrays_of(config, &none, array);
    for (size_t i = 0; i < ARRAYS; i++) sum += array[i].width;
    return sum;
}

size_t dense_double_capacity(const struct model_config *config, uint64_t bytes)
{
    uint64_t tokens = bytes / (doubles_per_token(config) * sizeof(double));
    return tokens < 1 ? 1 : tokens;
}

static int allocate(struct dense_double *d)
{
    const struct model_config *c = d->config;
    struct array array[ARRAYS];
    size_t extra = dense_attention_scratch(d->threads, d->tokens, d->context, c->heads, c->head_dim);
    d->ids = malloc(d->tokens * sizeof *d->ids);
    d->types = calloc(d->tokens, sizeof *d->types);
    d->memory = calloc(d->tokens * doubles_per_token(c) + extra, sizeof *d->memory);
    if (d->ids == NULL || d->types == NULL || d->memory == NULL) return -1;
    double *at = d->memory;
    arrays_of(c, d, array);
    for (size_t i = 0; i < ARRAYS; at += d->tokens * array[i].width, i++) *array[i].at = at;
    d->attention_scratch = at;
    return 0;
}

enum lassim_status dense_double_open(const struct model_tensors *tensors, const uint32_t *ids, const uint32_t *types,
                                     size_t n, size_t context, unsigned threads, struct dense_double **dense,
                                     struct lassim_error *error)
{
    struct dense_double *d = calloc(1, sizeof *d);
    *dense = NULL;
    if (d == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory");
    d->tensors = tensors;
    d->graph = tensors->graph;
    d->config = &tensors->graph->config;
    d->tokens = d->rows = n;
    d->context = context;
    d->threads = threads;
    LASSIM_INVARIANT(n >= 1 && context >= 1 && context <= d->config->positions, "context %zu", context);
    if (allocate(d) != 0) {
        dense_double_close(d);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "calibration", "no memory for %zu tokens", n);
    }
    memcpy(d->ids, ids, n * sizeof *ids);
    if (types != NULL) memcpy(d->types, types, n * sizeof *types);
    *dense = d;
    return LASSIM_OK;
}

void dense_double_close(struct dense_double *dense)
{
    if (dense == NULL) return;
    free(dense->ids);
    free(dense->types);
    free(dense->memory);
    free(dense);
}

void dense_double_use_stored(struct dense_double *dense, const struct matrix *stored)
{
    dense->stored = stored;
}

/* Where what a population integrates lies, [rows][neurons]. */
static double *values_of(const struct dense_double *d, uint32_t p)
{
    switch (d->graph->population[p].kind) {
    case POPULATION_EMBED:
    case POPULATION_PROJECT_OUT: return d->narrow;
    case POPULATION_RESIDUAL: return d->residual;
    case POPULATION_CENTERED: return d->scratch;
    case POPULATION_RSTD: return d->variance;
    case POPULATION_NORM: return d->normed;
    case POPULATION_QUERY:
    case POPULATION_QUERY_TURNED:
    case POPULATION_ATTENTION: return d->q;
    case POPULATION_KEY:
    case POPULATION_KEY_TURNED: return d->k;
    case POPULATION_VALUE: return d->v;
    case POPULATION_INVERSE: return d->weight_sums;
    case POPULATION_CONTEXT: return d->ctx;
    case POPULATION_FFN:
    case POPULATION_ACTIVATED:
    case POPULATION_GATE:
    case POPULATION_GATED:
    case POPULATION_RELAY: return d->ffn;
    case POPULATION_UP: return d->up;
    default: LASSIM_INVARIANT(0, "population %s has no values", d->graph->population[p].name);
    }
}

/* y = x w + bias for `rows` rows. */
static void multiply(const struct dense_double *d, uint32_t m, const double *x, size_t rows, double *y)
{
    const struct matrix_slot *slot = &d->graph->matrix[m];
    const double *bias = d->tensors->matrix[m].bias;
    if (d->stored != NULL && !weight_is_float(d->stored[m].type))
        dense_linear_stored(d->threads, &d->stored[m], bias, x, rows, slot->sources, slot->targets, y);
    else
        dense_linear(d->threads, d->tensors->matrix[m].weight, bias, x, rows, slot->sources, slot->targets, y);
}

/* The product of matrix m, or the rows of it that its input population's spikes walk. */
static void take_in(const struct dense_double *d, uint32_t m, double *y)
{
    const struct matrix_slot *slot = &d->graph->matrix[m];
    if (d->graph->population[slot->source].code != CODE_INPUT) {
        multiply(d, m, values_of(d, slot->source), d->rows, y);
        return;
    }
    for (size_t t = 0; t < d->tokens; t++) {
        uint32_t row = graph_input_row(d->graph, slot->source, d->ids[t], (uint32_t)(t % d->context), d->types[t]);
        LASSIM_INVARIANT(row < slot->sources, "row %u of %s", (unsigned)row, slot->name);
        checkpoint_tensor_f64(d->tensors->matrix[m].weight, (uint64_t)row * slot->targets, slot->targets,
                              y + t * slot->targets);
    }
}

/* What enters population p through its one matrix. */
static void receive(const struct dense_double *d, uint32_t p)
{
    for (uint32_t m = 0; m < d->graph->matrices; m++)
        if (d->graph->matrix[m].target == TARGET_POPULATION && d->graph->matrix[m].target_population == p)
            take_in(d, m, values_of(d, p));
}

/* The first residual is empty before, later ones keep their value or the norm's that replaces it. */
static void receive_residual(struct dense_double *d, uint32_t p)
{
    size_t size = d->tokens * d->config->hidden;
    int first = 1;
    for (uint32_t before = 0; before < p; before++)
        first = first && d->graph->population[before].kind != POPULATION_RESIDUAL;
    if (d->replace) memcpy(d->residual, d->normed, size * sizeof *d->residual);
    d->replace = 0;
    for (uint32_t m = 0; m < d->graph->matrices; m++) {
        if (d->graph->matrix[m].target != TARGET_RESIDUAL || d->graph->matrix[m].target_population != p) continue;
        take_in(d, m, first ? d->residual : d->scratch);
        for (size_t i = 0; i < size && !first; i++) d->residual[i] += d->scratch[i];
        first = 0;
    }
}

static void close_norm(struct dense_double *d, const struct population *p)
{
    const struct norm_slot *slot = &d->graph->norm[p->norm];
    const struct norm_tensor *norm = &d->tensors->norm[p->norm];
    size_t width = d->config->hidden;
    if (p->kind == POPULATION_CENTERED)
        dense_center(values_of(d, slot->source), d->rows, width, d->config->norm_epsilon, d->scratch, d->variance);
    else if (p->kind == POPULATION_NORM)
        dense_scale(values_of(d, slot->centered), d->variance, norm->gamma, norm->beta, d->rows, width, d->normed);
    else if (slot->centered == slot->source)
        dense_mean_square(values_of(d, slot->source), d->rows, width, d->config->norm_epsilon, d->variance);
    if (p->kind == POPULATION_NORM) d->replace = p->into_residual;
}

/* All of the softmax at once; d->q becomes what each token attends to. */
static void attend(struct dense_double *d, int32_t layer)
{
    const struct model_config *c = d->config;
    struct dense_attention a = {.threads = d->threads,
                                .tokens = d->tokens,
                                .context = d->context,
                                .heads = c->heads,
                                .kv_heads = c->kv_heads,
                                .head_dim = c->head_dim,
                                .encoder = (int)c->encoder,
                                .scale = c->score_by_layer ? c->score_scale / (layer + 1) : c->score_scale,
                                .q = d->q,
                                .k = d->k,
                                .v = d->v,
                                .context_values = d->ctx,
                                .attention = d->q,
                                .weight_sums = d->weight_sums,
                                .scratch = d->attention_scratch};
    dense_attention_run(&a);
    d->lowest_score = a.lowest_score;
}

/* A classifier reads each sequence's first token: those rows of the norm's output move together. */
static void keep_first_tokens(struct dense_double *d)
{
    size_t width = d->config->hidden;
    d->rows = (d->tokens + d->context - 1) / d->context;
    for (size_t s = 1; s < d->rows; s++)
        memcpy(d->normed + s * width, d->normed + s * d->context * width, width * sizeof *d->normed);
}

/* Values of population p from those of the populations before it. */
static void compute(struct dense_double *d, uint32_t p)
{
    const struct model_config *c = d->config;
    const struct population *population = &d->graph->population[p];
    switch (population->kind) {
    case POPULATION_RESIDUAL: receive_residual(d, p); break;
    case POPULATION_CENTERED:
    case POPULATION_RSTD:
    case POPULATION_NORM: close_norm(d, population); break;
    case POPULATION_QUERY_TURNED:
        dense_turn(d->tensors->rotary, d->q, d->rows, d->context, c->heads, c->head_dim);
        break;
    case POPULATION_KEY_TURNED:
        dense_turn(d->tensors->rotary, d->k, d->rows, d->context, c->kv_heads, c->head_dim);
        break;
    case POPULATION_EXP: attend(d, population->layer); break;
    case POPULATION_ACTIVATED:
        if (c->head == HEAD_CLASSIFY && population->layer == (int32_t)c->layers) keep_first_tokens(d);
        receive(d, p);
        break;
    case POPULATION_GATED:
    case POPULATION_RELAY:
        dense_activate(d->threads, d->graph->population[population->partner].function, d->ffn,
                       population->kind == POPULATION_GATED ? d->up : NULL, d->rows, population->neurons);
        break;
    default: receive(d, p); break;
    }
}

static enum lassim_status report(const struct dense_double *d, uint32_t p, const struct watch *watch)
{
    const struct population *population = &d->graph->population[p];
    const double one = 1;
    if (watch->observer == NULL) return LASSIM_OK;
    if (population->kind == POPULATION_EXP)
        return watch->observer(watch->context, p, &d->lowest_score, 1, 1, watch->error);
    if (population->kind == POPULATION_WEIGHT) return watch->observer(watch->context, p, &one, 1, 1, watch->error);
    return watch->observer(watch->context, p, values_of(d, p), d->rows, population->neurons, watch->error);
}

enum lassim_status dense_double_layer(struct dense_double *d, int32_t layer, dense_observer *observer, void *context,
                                      struct lassim_error *error)
{
    const struct watch watch = {observer, context, error};
    if (layer < 0) d->rows = d->tokens;
    for (uint32_t p = 0; p < d->graph->populations; p++) {
        const struct population *population = &d->graph->population[p];
        if (population->layer != layer || population->code == CODE_INPUT) continue;
        compute(d, p);
        enum lassim_status status = report(d, p, &watch);
        if (status != LASSIM_OK) return status;
        for (size_t i = 0; population->relu && i < d->rows * population->neurons; i++)
            if (d->ffn[i] < 0) d->ffn[i] = 0;
    }
    return LASSIM_OK;
}

void dense_double_logits(const struct dense_double *d, size_t first, size_t count, double *out)
{
    const struct graph *graph = d->graph;
    LASSIM_INVARIANT(first + count <= d->rows, "rows %zu + %zu", first, count);
    const double *source = values_of(d, graph->head_source) + first * graph->population[graph->head_source].neurons;
    if (graph->head_matrix == GRAPH_NONE)
        memcpy(out, source, count * graph->head_width * sizeof *out);
    else
        multiply(d, graph->head_matrix, source, count, out);
}
