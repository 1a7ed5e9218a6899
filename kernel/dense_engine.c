#include "kernel/dense_engine.h"

#include <string.h>

#include "kernel/dense_activations.h"
#include "kernel/dense_engine_state.h"
#include "kernel/dense_heads.h"

/* What one feed works on. */
struct pass {
    const struct engine_feed *feed;
    uint32_t n, from, to; /* rows; head-side rows are [from, to) */
    int replace;          /* the last norm's output becomes the residual (post-LN) */
    struct lassim_error *error;
};

static int is_lookup(const struct graph *graph, uint32_t m)
{
    return graph->population[graph->matrix[m].source].code == CODE_INPUT;
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
    uint32_t most = (uint32_t)(dense_engine_slab_bytes(engine) / sizeof(float) / slot->targets);
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

/* The rows of a layer's cache that the feed's tokens take. */
static float *cache_rows(const struct dense_engine *engine, float *cache, int32_t layer)
{
    const struct model_config *c = &engine->graph->config;
    return cache + ((uint64_t)layer * c->positions + engine->tokens) * c->kv_heads * c->head_dim;
}

/* The values that population p's neurons hold, [n][neurons]. */
static float *values_of(const struct dense_engine *engine, uint32_t p)
{
    const struct population *population = &engine->graph->population[p];
    switch (population->kind) {
    case POPULATION_EMBED: return engine->embed;
    case POPULATION_RESIDUAL: return engine->residual;
    case POPULATION_NORM: return engine->normed;
    case POPULATION_QUERY: return engine->query;
    case POPULATION_KEY: return cache_rows(engine, engine->keys, population->layer);
    case POPULATION_VALUE: return cache_rows(engine, engine->values, population->layer);
    case POPULATION_ATTENTION: return engine->attention;
    case POPULATION_FFN:
    case POPULATION_ACTIVATED:
    case POPULATION_GATE:
    case POPULATION_GATED:
    case POPULATION_RELAY: return engine->ffn;
    case POPULATION_UP: return engine->up;
    case POPULATION_PROJECT_OUT: return engine->projected;
    default: LASSIM_INVARIANT(0, "population %u holds no dense values", p);
    }
}

/* Adds (or, if !add, sets) the rows of an embedding for the feed's tokens. */
static int look_up(struct dense_engine *engine, const struct pass *pass, uint32_t m, float *out, int add)
{
    const struct matrix_slot *slot = &engine->graph->matrix[m];
    uint32_t width = slot->targets;
    for (uint32_t r = 0; r < pass->n; r++) {
        uint32_t type = pass->feed->types != NULL ? pass->feed->types[r] : 0;
        uint32_t row = graph_input_row(engine->graph, slot->source, pass->feed->ids[r], engine->tokens + r, type);
        LASSIM_INVARIANT(row < slot->sources, "row %u of %s", row, slot->name);
        if (engine->weights.rows(engine->weights.context, m, row, 1, engine->slab, pass->error) != 0) return -1;
        float *to = out + (uint64_t)r * width;
        for (uint32_t i = 0; i < width; i++) to[i] = add ? to[i] + engine->slab[i] : engine->slab[i];
    }
    return 0;
}

/* Takes matrix m's product (or look-up) into out for rows [from, to). */
static int feed_matrix(struct dense_engine *engine, const struct pass *pass, uint32_t m, uint32_t from, uint32_t to,
                       float *out, int add)
{
    const struct matrix_slot *slot = &engine->graph->matrix[m];
    if (is_lookup(engine->graph, m)) return look_up(engine, pass, m, out, add);
    const float *in = values_of(engine, slot->source) + (uint64_t)from * slot->sources;
    return multiply(engine, m, in, to - from, out + (uint64_t)from * slot->targets, add, pass->error);
}

static int take_into_residual(struct dense_engine *engine, struct pass *pass, uint32_t p)
{
    const struct graph *graph = engine->graph;
    uint64_t size = (uint64_t)pass->n * graph->config.hidden;
    int first = 1;
    for (uint32_t q = 0; q < p; q++) first = first && graph->population[q].kind != POPULATION_RESIDUAL;
    if (first) memset(engine->residual, 0, size * sizeof(float));
    if (pass->replace) memcpy(engine->residual, engine->normed, size * sizeof(float));
    pass->replace = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->matrix[m].target == TARGET_RESIDUAL && graph->matrix[m].target_population == p &&
            feed_matrix(engine, pass, m, 0, pass->n, engine->residual, 1) != 0)
            return -1;
    return 0;
}

/* Norm number `norm` of rows [from, to) into normed. */
static void normalise(const struct dense_engine *engine, uint32_t norm, uint32_t from, uint32_t to)
{
    const struct model_config *c = &engine->graph->config;
    const float *source = values_of(engine, engine->graph->norm[norm].source);
    for (uint32_t r = from; r < to; r++)
        dense_norm(source + (uint64_t)r * c->hidden, c->hidden, c->norm_kind == NORM_RMS, c->norm_epsilon,
                   engine->gamma[norm], engine->beta[norm], engine->normed + (uint64_t)r * c->hidden);
}

static void attend(struct dense_engine *engine, uint32_t layer, uint32_t rows)
{
    const struct model_config *c = &engine->graph->config;
    uint64_t base = (uint64_t)layer * c->positions * c->kv_heads * c->head_dim;
    const struct dense_heads heads = {
        .query = engine->query,
        .keys = engine->keys + base,
        .values = engine->values + base,
        .attention = engine->attention,
        .scores = engine->scores,
        .rows = rows,
        .past = engine->tokens,
        .heads = c->heads,
        .kv_heads = c->kv_heads,
        .dim = c->head_dim,
        .positions = c->positions,
        .encoder = (int)c->encoder,
        .scale = (float)(c->score_by_layer ? c->score_scale / (layer + 1) : c->score_scale),
    };
    dense_heads_attend(engine->team, &heads);
}

/* q or k, which population `turned` turns in place. */
static void turn(const struct dense_engine *engine, uint32_t turned, uint32_t rows)
{
    const struct model_config *c = &engine->graph->config;
    uint32_t of = engine->graph->population[turned].partner,
             heads = engine->graph->population[of].neurons / c->head_dim;
    float *x = values_of(engine, of);
    for (uint32_t r = 0; r < rows; r++, x += (uint64_t)heads * c->head_dim)
        dense_rotate(engine->weights.rotary + (uint64_t)(engine->tokens + r) * c->head_dim, x, heads, c->head_dim);
}

/* act or gate in place, times up where there is one, in rows [from, to) of population p, which takes the result in. */
static void activate(const struct dense_engine *engine, uint32_t p, uint32_t from, uint32_t to)
{
    const struct population *population = &engine->graph->population[p];
    uint64_t first = (uint64_t)from * population->neurons, count = (uint64_t)(to - from) * population->neurons;
    float *x = engine->ffn + first;
    dense_function(engine->graph->population[population->partner].function, x, count);
    if (population->kind == POPULATION_GATED)
        for (uint64_t i = 0; i < count; i++) x[i] *= engine->up[first + i];
}

static uint32_t input_matrix(const struct graph *graph, uint32_t p)
{
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->matrix[m].target == TARGET_POPULATION && graph->matrix[m].target_population == p) return m;
    LASSIM_INVARIANT(0, "population %u has no input matrix", p);
}

static int take_into(struct dense_engine *engine, const struct pass *pass, uint32_t p, uint32_t from, uint32_t to)
{
    const struct population *population = &engine->graph->population[p];
    float *out = values_of(engine, p);
    if (feed_matrix(engine, pass, input_matrix(engine->graph, p), from, to, out, 0) != 0) return -1;
    uint64_t begin = (uint64_t)from * population->neurons, end = (uint64_t)to * population->neurons;
    for (uint64_t i = begin; population->relu && i < end; i++) out[i] = out[i] > 0 ? out[i] : 0;
    return 0;
}

/* Computes what population p holds for the feed's rows. */
static int compute(struct dense_engine *engine, struct pass *pass, uint32_t p)
{
    const struct population *population = &engine->graph->population[p];
    uint32_t from = population->head_side ? pass->from : 0, to = population->head_side ? pass->to : pass->n;
    if (from == to) return 0;
    switch (population->kind) {
    case POPULATION_RESIDUAL: return take_into_residual(engine, pass, p);
    case POPULATION_NORM:
        normalise(engine, population->norm, from, to);
        pass->replace = population->into_residual;
        return 0;
    case POPULATION_QUERY_TURNED:
    case POPULATION_KEY_TURNED: turn(engine, p, pass->n); return 0;
    case POPULATION_ATTENTION: attend(engine, (uint32_t)population->layer, pass->n); return 0;
    case POPULATION_GATED:
    case POPULATION_RELAY: activate(engine, p, from, to); return 0;
    case POPULATION_EMBED:
    case POPULATION_QUERY:
    case POPULATION_KEY:
    case POPULATION_VALUE:
    case POPULATION_FFN:
    case POPULATION_ACTIVATED:
    case POPULATION_GATE:
    case POPULATION_UP:
    case POPULATION_PROJECT_OUT: return take_into(engine, pass, p, from, to);
    default: return 0; /* parts of a norm, of the softmax, or an input */
    }
}

static int read_rows(struct dense_engine *engine, const struct pass *pass, uint32_t first, uint32_t rows)
{
    const struct graph *graph = engine->graph;
    uint32_t width = graph->population[graph->head_source].neurons, m = graph->head_matrix;
    const float *in = values_of(engine, graph->head_source) + (uint64_t)first * width, *out = in;
    if (m != GRAPH_NONE) {
        if (multiply(engine, m, in, rows, engine->logits, 0, pass->error) != 0) return -1;
        out = engine->logits;
    }
    for (uint32_t r = 0; r < rows && pass->feed->callback != NULL; r++)
        pass->feed->callback(pass->feed->context, engine->tokens + first + r, out + (uint64_t)r * graph->head_width);
    return 0;
}

static int read_head(struct dense_engine *engine, const struct pass *pass)
{
    for (uint32_t first = pass->from; first < pass->to; first += DENSE_HEAD_ROWS) {
        uint32_t rows = pass->to - first < DENSE_HEAD_ROWS ? pass->to - first : DENSE_HEAD_ROWS;
        if (read_rows(engine, pass, first, rows) != 0) return -1;
    }
    return 0;
}

enum lassim_status dense_engine_feed(struct dense_engine *engine, const struct engine_feed *feed,
                                     struct lassim_error *error)
{
    struct lassim_error local;
    struct pass pass = {.feed = feed, .n = feed->n, .error = error != NULL ? error : &local};
    if (feed->n == 0) return LASSIM_OK;
    engine_asked(engine->graph, feed, &pass.from, &pass.to);
    for (uint32_t p = 0; p < engine->graph->populations; p++) {
        if (atomic_load(&engine->stop)) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted");
        if (compute(engine, &pass, p) != 0) return pass.error->status;
    }
    if (read_head(engine, &pass) != 0) return pass.error->status;
    engine->tokens += feed->n;
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
