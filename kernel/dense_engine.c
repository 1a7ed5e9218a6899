#include "kernel/dense_engine.h"

#include <cblas.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SLAB_BYTES (UINT64_C(64) << 20) /* rows widened at a time when the matrices are not kept */

struct dense_engine {
    const struct graph *graph;
    struct dense_weights weights;
    float **matrix;        /* [matrices] float32 copies, or NULL each: widened at each use */
    float **bias;          /* [matrices] or NULL each */
    float **gamma, **beta; /* [norms] or NULL each */
    float *slab;
    float *keys, *values; /* [layers][positions][hidden] */
    uint32_t tokens;      /* in the cache */
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

static uint64_t matrix_elements(const struct graph *graph, uint32_t m)
{
    return (uint64_t)graph->matrix[m].sources * graph->matrix[m].targets;
}

static int is_lookup(const struct graph *graph, uint32_t m)
{
    return graph->population[graph->matrix[m].source].code == CODE_INPUT;
}

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the engine dense");
}

static enum lassim_status load_matrix(struct dense_engine *engine, uint32_t m, int keep, struct lassim_error *error)
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
    if (!keep || is_lookup(engine->graph, m)) return LASSIM_OK;
    engine->matrix[m] = malloc(matrix_elements(engine->graph, m) * sizeof(float));
    if (engine->matrix[m] == NULL) return no_memory(error);
    if (engine->weights.rows(engine->weights.context, m, 0, slot->sources, engine->matrix[m], error) != 0)
        return error->status;
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

static int allocate(struct dense_engine *engine)
{
    const struct graph *graph = engine->graph;
    const struct model_config *c = &graph->config;
    uint64_t rows = c->positions, hidden = c->hidden, cache = c->layers * rows * hidden;
    engine->matrix = calloc(graph->matrices, sizeof *engine->matrix);
    engine->bias = calloc(graph->matrices, sizeof *engine->bias);
    engine->gamma = calloc(graph->norms + 1u, sizeof *engine->gamma);
    engine->beta = calloc(graph->norms + 1u, sizeof *engine->beta);
    engine->slab = malloc(SLAB_BYTES);
    engine->keys = malloc(cache * sizeof(float));
    engine->values = malloc(cache * sizeof(float));
    engine->residual = malloc(rows * hidden * sizeof(float));
    engine->normed = malloc(rows * hidden * sizeof(float));
    engine->query = malloc(rows * hidden * sizeof(float));
    engine->attention = malloc(rows * hidden * sizeof(float));
    engine->ffn = malloc(rows * c->ffn * sizeof(float));
    engine->embed = malloc(rows * c->embedding * sizeof(float));
    engine->projected = malloc(rows * c->embedding * sizeof(float));
    engine->logits = malloc((uint64_t)c->vocabulary * sizeof(float));
    engine->scores = malloc(rows * sizeof(float));
    return engine->matrix && engine->bias && engine->gamma && engine->beta && engine->slab && engine->keys &&
           engine->values && engine->residual && engine->normed && engine->query && engine->attention && engine->ffn &&
           engine->embed && engine->projected && engine->logits && engine->scores;
}

static enum lassim_status load(struct dense_engine *engine, uint64_t memory_limit, struct lassim_error *error)
{
    const struct graph *graph = engine->graph;
    enum lassim_status status = LASSIM_OK;
    uint64_t bytes = 0;
    for (uint32_t m = 0; m < graph->matrices; m++) bytes += matrix_elements(graph, m) * sizeof(float);
    for (uint32_t m = 0; m < graph->matrices && status == LASSIM_OK; m++)
        status = load_matrix(engine, m, bytes <= memory_limit, error);
    for (uint32_t n = 0; n < graph->norms && status == LASSIM_OK; n++) status = load_norm(engine, n, error);
    return status;
}

enum lassim_status dense_engine_new(const struct graph *graph, const struct dense_weights *weights, unsigned threads,
                                    uint64_t memory_limit, struct dense_engine **engine, struct lassim_error *error)
{
    struct lassim_error local;
    if (error == NULL) error = &local;
    *engine = NULL;
    struct dense_engine *made = calloc(1, sizeof *made);
    if (made == NULL) return no_memory(error);
    made->graph = graph;
    made->weights = *weights;
    openblas_set_num_threads((int)threads);
    enum lassim_status status = allocate(made) ? load(made, memory_limit, error) : no_memory(error);
    if (status == LASSIM_OK)
        *engine = made;
    else
        dense_engine_free(made);
    return status;
}

void dense_engine_free(struct dense_engine *engine)
{
    if (engine == NULL) return;
    for (uint32_t m = 0; m < engine->graph->matrices; m++) {
        if (engine->matrix != NULL) free(engine->matrix[m]);
        if (engine->bias != NULL) free(engine->bias[m]);
    }
    for (uint32_t n = 0; n < engine->graph->norms; n++) {
        if (engine->gamma != NULL) free(engine->gamma[n]);
        if (engine->beta != NULL) free(engine->beta[n]);
    }
    float *arrays[] = {engine->slab,   engine->keys,      engine->values, engine->residual,
                       engine->normed, engine->query,     engine->embed,  engine->attention,
                       engine->ffn,    engine->projected, engine->logits, engine->scores};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    free(engine->matrix);
    free(engine->bias);
    free(engine->gamma);
    free(engine->beta);
    free(engine);
}

/* out[rows][targets] = in[rows][sources] W (+ what out holds, if add). */
static int multiply(struct dense_engine *engine, uint32_t m, const float *in, uint32_t rows, float *out, int add,
                    struct lassim_error *error)
{
    const struct matrix_slot *slot = &engine->graph->matrix[m];
    uint64_t slab = SLAB_BYTES / sizeof(float) / slot->targets;
    uint32_t step = engine->matrix[m] != NULL || slab >= slot->sources ? slot->sources : (uint32_t)(slab ? slab : 1);
    for (uint32_t first = 0; first < slot->sources; first += step) {
        uint32_t count = slot->sources - first < step ? slot->sources - first : step;
        const float *weights = engine->matrix[m];
        if (weights == NULL) {
            if (engine->weights.rows(engine->weights.context, m, first, count, engine->slab, error) != 0) return -1;
            weights = engine->slab;
        }
        float beta = add || first > 0 ? 1.0f : 0.0f;
        if (rows == 1)
            cblas_sgemv(CblasRowMajor, CblasTrans, (int)count, (int)slot->targets, 1.0f, weights, (int)slot->targets,
                        in + first, 1, beta, out, 1);
        else
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)rows, (int)slot->targets, (int)count, 1.0f,
                        in + first, (int)slot->sources, weights, (int)slot->targets, beta, out, (int)slot->targets);
    }
    return 0;
}

static void add_bias(const float *bias, uint32_t rows, uint32_t width, float *out)
{
    if (bias == NULL) return;
    for (uint32_t r = 0; r < rows; r++)
        for (uint32_t i = 0; i < width; i++) out[(uint64_t)r * width + i] += bias[i];
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
    if (multiply(engine, m, in, feed->n - from, to, add, feed->error) != 0) return -1;
    add_bias(engine->bias[m], feed->n - from, slot->targets, to);
    return 0;
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

static void normalise(const struct dense_engine *engine, uint32_t norm, uint32_t from, uint32_t n)
{
    uint32_t hidden = engine->graph->config.hidden;
    const float *gamma = engine->gamma[norm], *beta = engine->beta[norm];
    for (uint32_t r = from; r < n; r++) {
        const float *x = engine->residual + (uint64_t)r * hidden;
        float *y = engine->normed + (uint64_t)r * hidden;
        double mean = 0, variance = 0;
        for (uint32_t i = 0; i < hidden; i++) mean += x[i];
        mean /= hidden;
        for (uint32_t i = 0; i < hidden; i++) variance += (x[i] - mean) * (x[i] - mean);
        double rstd = 1.0 / sqrt(variance / hidden + engine->graph->config.norm_epsilon);
        for (uint32_t i = 0; i < hidden; i++) y[i] = (float)((x[i] - mean) * rstd) * gamma[i] + beta[i];
    }
}

static float softmax(float *scores, uint32_t n)
{
    float largest = scores[0], sum = 0;
    for (uint32_t i = 1; i < n; i++) largest = scores[i] > largest ? scores[i] : largest;
    for (uint32_t i = 0; i < n; i++) sum += scores[i] = expf(scores[i] - largest);
    return sum;
}

/* One token's attention over its visible keys, head by head. */
static void attend(const struct dense_engine *engine, uint32_t layer, uint32_t r)
{
    const struct model_config *c = &engine->graph->config;
    int dim = (int)(c->hidden / c->heads), hidden = (int)c->hidden, visible = (int)(engine->tokens + r + 1);
    float scale = 1.0f / sqrtf((float)dim);
    for (uint32_t h = 0; h < c->heads; h++) {
        uint64_t base = (uint64_t)layer * c->positions * c->hidden + (uint64_t)h * (uint32_t)dim;
        const float *query = engine->query + (uint64_t)r * c->hidden + h * (uint32_t)dim;
        float *out = engine->attention + (uint64_t)r * c->hidden + h * (uint32_t)dim;
        cblas_sgemv(CblasRowMajor, CblasNoTrans, visible, dim, scale, engine->keys + base, hidden, query, 1, 0.0f,
                    engine->scores, 1);
        float sum = softmax(engine->scores, (uint32_t)visible);
        cblas_sgemv(CblasRowMajor, CblasTrans, visible, dim, 1.0f / sum, engine->values + base, hidden, engine->scores,
                    1, 0.0f, out, 1);
    }
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
    case POPULATION_ATTENTION:
        for (uint32_t r = 0; r < feed->n; r++) attend(engine, (uint32_t)population->layer, r);
        return 0;
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
    for (uint32_t r = feed->from; r < feed->n; r++) {
        if (multiply(engine, m, in + (uint64_t)r * width, 1, engine->logits, 0, feed->error) != 0) return -1;
        if (callback != NULL) callback(context, engine->tokens + r, engine->logits);
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
