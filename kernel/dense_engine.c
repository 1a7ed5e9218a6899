#include "kernel/dense_engine.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dense_heads.h"
#include "kernel/dense_multiply.h"

#define SLAB_BYTES (UINT64_C(64) << 20) /* rows at a time of matrices that are not mapped */
enum { HEAD_ROWS = 16 };                /* tokens whose logits are computed at once */

struct dense_engine {
    const struct graph *graph;
    struct dense_weights weights;
    struct team *team;
    struct dense_multiplier *multiplier;
    float **bias;          /* [matrices] or NULL each */
    float **gamma, **beta; /* [norms] or NULL each */
    float *slab;           /* rows of matrices that are not mapped; a looked-up row */
    float *keys, *values;  /* [layers][positions][hidden] */
    uint32_t tokens;       /* in the cache */
    /* One feed: [n] rows each. */
    float *residual, *normed, *query, *attention, *ffn, *embed, *projected, *logits, *scores;
    _Atomic int stop;
    _Atomic uint64_t progress;
};

/* What one feed works on. */
struct feed {
    const uint32_t *ids;
    uint32_t n, from; /* head-side rows are [from, n) */
    int replace;      /* the last norm's output becomes the residual (post-LN) */
    struct lassim_error *error;
};

static int is_lookup(const struct graph *graph, uint32_t m)
{
    return graph->population[graph->matrix[m].source].code == CODE_INPUT;
}

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the engine dense");
}

static enum lassim_status load_bias(struct dense_engine *engine, uint32_t m, struct lassim_error *error)
{
    const struct matrix_slot *slot = &engine->graph->matrix[m];
    engine->bias[m] = calloc(slot->targets, sizeof **engine->bias);
    if (engine->bias[m] == NULL) return no_memory(error);
    int absent = slot->has_bias ? engine->weights.bias(engine->weights.context, m, engine->bias[m], error) : 1;
    if (absent < 0) return error->status;
    if (absent) {
        free(engine->bias[m]);
        engine->bias[m] = NULL;
    }
    return LASSIM_OK;
}

static enum lassim_status load_norm(struct dense_engine *engine, uint32_t n, struct lassim_error *error)
{
    uint32_t hidden = engine->graph->config.hidden;
    engine->gamma[n] = calloc(hidden, sizeof **engine->gamma);
    engine->beta[n] = calloc(hidden, sizeof **engine->beta);
    if (engine->gamma[n] == NULL || engine->beta[n] == NULL) return no_memory(error);
    int absent = engine->weights.norm(engine->weights.context, n, engine->gamma[n], engine->beta[n], error);
    if (absent < 0) return error->status;
    if (absent)
        for (uint32_t i = 0; i < hidden; i++) engine->gamma[n][i] = 1.0f;
    return LASSIM_OK;
}

static uint32_t widest_matrix(const struct graph *graph)
{
    uint32_t widest = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->matrix[m].targets > widest) widest = graph->matrix[m].targets;
    return widest;
}

static uint64_t slab_bytes(const struct dense_engine *engine)
{
    uint64_t row = widest_matrix(engine->graph) * sizeof(float);
    return engine->weights.mapped != NULL || row > SLAB_BYTES ? row : SLAB_BYTES;
}

static int allocate(struct dense_engine *engine)
{
    const struct graph *graph = engine->graph;
    const struct model_config *c = &graph->config;
    uint64_t rows = c->positions, hidden = c->hidden, cache = c->layers * rows * hidden;
    engine->bias = calloc(graph->matrices, sizeof *engine->bias);
    engine->gamma = calloc(graph->norms + 1u, sizeof *engine->gamma);
    engine->beta = calloc(graph->norms + 1u, sizeof *engine->beta);
    engine->slab = malloc(slab_bytes(engine));
    engine->multiplier = dense_multiplier_new(engine->team, widest_matrix(graph));
    engine->keys = malloc(cache * sizeof(float));
    engine->values = malloc(cache * sizeof(float));
    engine->residual = malloc(rows * hidden * sizeof(float));
    engine->normed = malloc(rows * hidden * sizeof(float));
    engine->query = malloc(rows * hidden * sizeof(float));
    engine->attention = malloc(rows * hidden * sizeof(float));
    engine->ffn = malloc(rows * c->ffn * sizeof(float));
    engine->embed = malloc(rows * c->embedding * sizeof(float));
    engine->projected = malloc(rows * c->embedding * sizeof(float));
    engine->logits = malloc((uint64_t)c->vocabulary * HEAD_ROWS * sizeof(float));
    engine->scores = malloc(rows * team_workers(engine->team) * sizeof(float));
    return engine->multiplier && engine->bias && engine->gamma && engine->beta && engine->slab && engine->keys &&
           engine->values && engine->residual && engine->normed && engine->query && engine->attention && engine->ffn &&
           engine->embed && engine->projected && engine->logits && engine->scores;
}

static enum lassim_status load(struct dense_engine *engine, struct lassim_error *error)
{
    const struct graph *graph = engine->graph;
    enum lassim_status status = LASSIM_OK;
    for (uint32_t m = 0; m < graph->matrices && status == LASSIM_OK; m++) status = load_bias(engine, m, error);
    for (uint32_t n = 0; n < graph->norms && status == LASSIM_OK; n++) status = load_norm(engine, n, error);
    return status;
}

enum lassim_status dense_engine_new(const struct graph *graph, const struct dense_weights *weights, struct team *team,
                                    struct dense_engine **engine, struct lassim_error *error)
{
    struct lassim_error local;
    if (error == NULL) error = &local;
    *engine = NULL;
    struct dense_engine *made = calloc(1, sizeof *made);
    if (made == NULL) return no_memory(error);
    made->graph = graph;
    made->weights = *weights;
    made->team = team;
    enum lassim_status status = allocate(made) ? load(made, error) : no_memory(error);
    if (status == LASSIM_OK)
        *engine = made;
    else
        dense_engine_free(made);
    return status;
}

void dense_engine_free(struct dense_engine *engine)
{
    if (engine == NULL) return;
    for (uint32_t m = 0; m < engine->graph->matrices; m++)
        if (engine->bias != NULL) free(engine->bias[m]);
    for (uint32_t n = 0; n < engine->graph->norms; n++) {
        if (engine->gamma != NULL) free(engine->gamma[n]);
        if (engine->beta != NULL) free(engine->beta[n]);
    }
    float *arrays[] = {engine->slab,   engine->keys,      engine->values, engine->residual,
                       engine->normed, engine->query,     engine->embed,  engine->attention,
                       engine->ffn,    engine->projected, engine->logits, engine->scores};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    dense_multiplier_free(engine->multiplier);
    free(engine->bias);
    free(engine->gamma);
    free(engine->beta);
    free(engine);
}

/* out[rows][targets] = in[rows][sources] W + bias (+ what out holds, if add). */
static int multiply(struct dense_engine *engine, uint32_t m, const float *in, uint32_t rows, float *out, int add,
                    struct lassim_error *error)
{
    const struct matrix_slot *slot = &engine->graph->matrix[m];
    struct dense_product product = {.sources = slot->sources,
                                    .targets = slot->targets,
                                    .rows = rows,
                                    .in = in,
                                    .in_stride = slot->sources,
                                    .bias = engine->bias[m],
                                    .add = add,
                                    .out = out};
    if (engine->weights.mapped != NULL) {
        product.matrix = engine->weights.mapped(engine->weights.context, m);
        dense_multiply(engine->multiplier, &product);
        return 0;
    }
    uint32_t most = (uint32_t)(slab_bytes(engine) / sizeof(float) / slot->targets);
    const struct matrix slab = {.type = WEIGHT_F32, .weights = engine->slab};
    product.matrix = &slab;
    for (uint32_t first = 0; first < slot->sources; first += most) {
        product.sources = slot->sources - first < most ? slot->sources - first : most;
        product.in = in + first;
        if (engine->weights.rows(engine->weights.context, m, first, product.sources, engine->slab, error) != 0)
            return -1;
        dense_multiply(engine->multiplier, &product);
        product.bias = NULL;
        product.add = 1;
    }
    return 0;
}

/* The values that population p's neurons hold, [n][neurons]. */
static float *values_of(struct dense_engine *engine, uint32_t p)
{
    switch (engine->graph->population[p].kind) {
    case POPULATION_EMBED: return engine->embed;
    case POPULATION_RESIDUAL: return engine->residual;
    case POPULATION_NORM: return engine->normed;
    case POPULATION_QUERY: return engine->query;
    case POPULATION_ATTENTION: return engine->attention;
    case POPULATION_FFN: return engine->ffn;
    case POPULATION_PROJECT_OUT: return engine->projected;
    default: LASSIM_INVARIANT(0, "population %u holds no dense values", p);
    }
}

/* Adds (or, if !add, sets) the rows of an embedding for the feed's tokens. */
static int look_up(struct dense_engine *engine, const struct feed *feed, uint32_t m, float *out, int add)
{
    const struct graph *graph = engine->graph;
    uint32_t width = graph->matrix[m].targets;
    int is_token = graph->population[graph->matrix[m].source].kind == POPULATION_TOKEN;
    for (uint32_t r = 0; r < feed->n; r++) {
        uint32_t row = is_token ? feed->ids[r] : engine->tokens + r + graph->config.position_offset;
        if (engine->weights.rows(engine->weights.context, m, row, 1, engine->slab, feed->error) != 0) return -1;
        float *to = out + (uint64_t)r * width;
        for (uint32_t i = 0; i < width; i++) to[i] = add ? to[i] + engine->slab[i] : engine->slab[i];
    }
    return 0;
}

/* Takes matrix m's product (or look-up) into out for rows [from, n). */
static int feed_matrix(struct dense_engine *engine, const struct feed *feed, uint32_t m, uint32_t from, float *out,
                       int add)
{
    const struct matrix_slot *slot = &engine->graph->matrix[m];
    if (is_lookup(engine->graph, m)) return look_up(engine, feed, m, out, add);
    float *to = out + (uint64_t)from * slot->targets;
    const float *in = values_of(engine, slot->source) + (uint64_t)from * slot->sources;
    return multiply(engine, m, in, feed->n - from, to, add, feed->error);
}

static int take_into_residual(struct dense_engine *engine, struct feed *feed, uint32_t p)
{
    const struct graph *graph = engine->graph;
    uint64_t size = (uint64_t)feed->n * graph->config.hidden;
    int first = 1;
    for (uint32_t q = 0; q < p; q++) first = first && graph->population[q].kind != POPULATION_RESIDUAL;
    if (first) memset(engine->residual, 0, size * sizeof(float));
    if (feed->replace) memcpy(engine->residual, engine->normed, size * sizeof(float));
    feed->replace = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->matrix[m].target == TARGET_RESIDUAL && graph->matrix[m].target_population == p &&
            feed_matrix(engine, feed, m, 0, engine->residual, 1) != 0)
            return -1;
    return 0;
}

/* Sum of (x - mean)^power, power 1 or 2, in eight chains that need not wait for each other. */
static double moment(const float *x, uint32_t n, double mean, int power)
{
    double sum[8] = {0};
    for (uint32_t i = 0; i < n; i++) {
        double d = x[i] - mean;
        sum[i % 8] += power == 1 ? d : d * d;
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static void normalise(const struct dense_engine *engine, uint32_t norm, uint32_t from, uint32_t n)
{
    uint32_t hidden = engine->graph->config.hidden;
    const float *gamma = engine->gamma[norm], *beta = engine->beta[norm];
    for (uint32_t r = from; r < n; r++) {
        const float *x = engine->residual + (uint64_t)r * hidden;
        float *y = engine->normed + (uint64_t)r * hidden;
        double mean = moment(x, hidden, 0, 1) / hidden, variance = moment(x, hidden, mean, 2) / hidden;
        double rstd = 1.0 / sqrt(variance + engine->graph->config.norm_epsilon);
        for (uint32_t i = 0; i < hidden; i++) y[i] = (float)((x[i] - mean) * rstd) * gamma[i] + beta[i];
    }
}

static void attend(struct dense_engine *engine, uint32_t layer, uint32_t rows)
{
    const struct model_config *c = &engine->graph->config;
    uint64_t base = (uint64_t)layer * c->positions * c->hidden;
    const struct dense_heads heads = {engine->query,
                                      engine->keys + base,
                                      engine->values + base,
                                      engine->attention,
                                      engine->scores,
                                      rows,
                                      engine->tokens,
                                      c->heads,
                                      c->hidden,
                                      c->positions};
    dense_heads_attend(engine->team, &heads);
}

static uint32_t input_matrix(const struct graph *graph, uint32_t p)
{
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->matrix[m].target == TARGET_POPULATION && graph->matrix[m].target_population == p) return m;
    LASSIM_INVARIANT(0, "population %u has no input matrix", p);
}

static float *cache_rows(struct dense_engine *engine, float *cache, int32_t layer)
{
    const struct model_config *c = &engine->graph->config;
    return cache + ((uint64_t)layer * c->positions + engine->tokens) * c->hidden;
}

/* Computes what population p holds for the feed's rows. */
static int compute(struct dense_engine *engine, struct feed *feed, uint32_t p)
{
    const struct graph *graph = engine->graph;
    const struct population *population = &graph->population[p];
    uint32_t from = population->head_side ? feed->from : 0;
    if (from == feed->n) return 0;
    switch (population->kind) {
    case POPULATION_RESIDUAL: return take_into_residual(engine, feed, p);
    case POPULATION_NORM:
        normalise(engine, population->norm, from, feed->n);
        feed->replace = population->into_residual;
        return 0;
    case POPULATION_KEY:
        return feed_matrix(engine, feed, input_matrix(graph, p), 0, cache_rows(engine, engine->keys, population->layer),
                           0);
    case POPULATION_VALUE:
        return feed_matrix(engine, feed, input_matrix(graph, p), 0,
                           cache_rows(engine, engine->values, population->layer), 0);
    case POPULATION_ATTENTION: attend(engine, (uint32_t)population->layer, feed->n); return 0;
    case POPULATION_EMBED:
    case POPULATION_QUERY:
    case POPULATION_FFN:
    case POPULATION_PROJECT_OUT: {
        float *out = values_of(engine, p);
        if (feed_matrix(engine, feed, input_matrix(graph, p), from, out, 0) != 0) return -1;
        uint64_t begin = (uint64_t)from * population->neurons, end = (uint64_t)feed->n * population->neurons;
        if (population->relu)
            for (uint64_t i = begin; i < end; i++) out[i] = out[i] > 0 ? out[i] : 0;
        return 0;
    }
    default: return 0; /* parts of a norm, of the softmax, or an input */
    }
}

static int read_head(struct dense_engine *engine, const struct feed *feed, lassim_logits_callback *callback,
                     void *context)
{
    uint32_t m = engine->graph->head_matrix, width = engine->graph->matrix[m].sources;
    const float *in = values_of(engine, engine->graph->matrix[m].source);
    uint32_t vocabulary = engine->graph->matrix[m].targets;
    for (uint32_t first = feed->from; first < feed->n; first += HEAD_ROWS) {
        uint32_t rows = feed->n - first < HEAD_ROWS ? feed->n - first : HEAD_ROWS;
        if (multiply(engine, m, in + (uint64_t)first * width, rows, engine->logits, 0, feed->error) != 0) return -1;
        for (uint32_t r = 0; r < rows && callback != NULL; r++)
            callback(context, engine->tokens + first + r, engine->logits + (uint64_t)r * vocabulary);
    }
    return 0;
}

enum lassim_status dense_engine_feed(struct dense_engine *engine, const uint32_t *ids, uint32_t n,
                                     enum lassim_read read, lassim_logits_callback *callback, void *context,
                                     struct lassim_error *error)
{
    struct lassim_error local;
    uint32_t from = read == LASSIM_READ_ALL ? 0 : read == LASSIM_READ_LAST ? n - 1 : n;
    struct feed feed = {ids, n, from, 0, error != NULL ? error : &local};
    if (n == 0) return LASSIM_OK;
    for (uint32_t p = 0; p < engine->graph->populations; p++) {
        if (atomic_load(&engine->stop)) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted");
        if (compute(engine, &feed, p) != 0) return feed.error->status;
    }
    if (read_head(engine, &feed, callback, context) != 0) return feed.error->status;
    engine->tokens += n;
    atomic_store(&engine->progress, engine->tokens);
    return LASSIM_OK;
}

void dense_engine_reset(struct dense_engine *engine)
{
    engine->tokens = 0;
    atomic_store(&engine->progress, 0);
}

void dense_engine_stop(struct dense_engine *engine)
{
    atomic_store(&engine->stop, 1);
}

void dense_engine_progress(struct dense_engine *engine, uint64_t *tokens)
{
    *tokens = atomic_load(&engine->progress);
}
