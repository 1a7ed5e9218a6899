/* Memory of the engine `dense`, its biases and norms. */
#include <stdlib.h>

#include "kernel/dense_engine_state.h"

#define SLAB_BYTES (UINT64_C(64) << 20) /* rows at a time of matrices that are not mapped */

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

uint64_t dense_engine_slab_bytes(const struct dense_engine *engine)
{
    uint64_t row = widest_matrix(engine->graph) * sizeof(float);
    return engine->weights.mapped != NULL || row > SLAB_BYTES ? row : SLAB_BYTES;
}

static int allocate(struct dense_engine *engine)
{
    const struct graph *graph = engine->graph;
    const struct model_config *c = &graph->config;
    uint64_t rows = c->positions, hidden = c->hidden, wide = c->ffn > c->hidden ? c->ffn : c->hidden;
    uint64_t heads = (uint64_t)c->heads * c->head_dim, cache = c->layers * rows * c->kv_heads * c->head_dim;
    engine->bias = calloc(graph->matrices, sizeof *engine->bias);
    engine->gamma = calloc(graph->norms + 1u, sizeof *engine->gamma);
    engine->beta = calloc(graph->norms + 1u, sizeof *engine->beta);
    engine->slab = malloc(dense_engine_slab_bytes(engine));
    engine->multiplier = dense_multiplier_new(engine->team, widest_matrix(graph));
    engine->keys = malloc(cache * sizeof(float));
    engine->values = malloc(cache * sizeof(float));
    engine->residual = malloc(rows * hidden * sizeof(float));
    engine->normed = malloc(rows * hidden * sizeof(float));
    engine->query = malloc(rows * heads * sizeof(float));
    engine->attention = malloc(rows * heads * sizeof(float));
    engine->ffn = malloc(rows * wide * sizeof(float));
    engine->up = malloc((c->gated ? rows * c->ffn : 1) * sizeof(float));
    engine->embed = malloc(rows * c->embedding * sizeof(float));
    engine->projected = malloc(rows * c->embedding * sizeof(float));
    engine->logits = malloc((uint64_t)graph->head_width * DENSE_HEAD_ROWS * sizeof(float));
    engine->scores = malloc(rows * team_workers(engine->team) * sizeof(float));
    return engine->multiplier && engine->bias && engine->gamma && engine->beta && engine->slab && engine->keys &&
           engine->values && engine->residual && engine->normed && engine->query && engine->attention && engine->ffn &&
           engine->up && engine->embed && engine->projected && engine->logits && engine->scores;
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
    float *arrays[] = {engine->slab,      engine->keys,   engine->values,    engine->residual, engine->normed,
                       engine->query,     engine->embed,  engine->attention, engine->ffn,      engine->up,
                       engine->projected, engine->logits, engine->scores};
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) free(arrays[i]);
    dense_multiplier_free(engine->multiplier);
    free(engine->bias);
    free(engine->gamma);
    free(engine->beta);
    free(engine);
}
