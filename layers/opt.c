#include "layers/opt.h"

#include <stdio.h>

enum { BLOCK_POPULATIONS = 17, BLOCK_MATRICES = 6, BLOCK_NORMS = 2, OTHER_POPULATIONS = 8, OTHER_MATRICES = 5 };

const char *opt_config_check(const struct model_config *config)
{
    if (config->final_norm && !config->pre_norm) return "final_norm needs pre_norm";
    return NULL;
}

void opt_capacity(const struct model_config *config, struct graph_builder *builder)
{
    builder->population_capacity = config->layers * BLOCK_POPULATIONS + OTHER_POPULATIONS;
    builder->matrix_capacity = config->layers * BLOCK_MATRICES + OTHER_MATRICES;
    builder->norm_capacity = config->layers * BLOCK_NORMS + 1;
}

/* tok, pos and, where the embedding is narrower, embed; the level is then the first residual's. */
static void add_input(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t tok = graph_add_population(b, "", POPULATION_TOKEN, c->vocabulary);
    uint32_t pos = graph_add_population(b, "", POPULATION_POSITION, c->position_rows);
    b->level++;
    if (c->embedding == c->hidden) {
        graph_add_matrix(b, "", "tok", tok, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
        graph_add_matrix(b, "", "pos", pos, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
        return;
    }
    uint32_t embed = graph_add_population(b, "", POPULATION_EMBED, c->embedding);
    b->level++;
    graph_add_matrix(b, "", "tok", tok, TARGET_POPULATION, embed, c->embedding, 0);
    graph_add_matrix(b, "", "pos", pos, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
    graph_add_matrix(b, "", "project_in", embed, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
}

/* q, k, v fed by population `from`, softmax, context and the output projection into the residual. */
static void add_attention(struct graph_builder *b, const char *prefix, uint32_t from)
{
    const struct model_config *c = &b->graph->config;
    uint32_t q = graph_add_population(b, prefix, POPULATION_QUERY, c->hidden);
    uint32_t k = graph_add_population(b, prefix, POPULATION_KEY, c->hidden);
    uint32_t v = graph_add_population(b, prefix, POPULATION_VALUE, c->hidden);
    graph_add_matrix(b, prefix, "q", from, TARGET_POPULATION, q, c->hidden, 1);
    graph_add_matrix(b, prefix, "k", from, TARGET_POPULATION, k, c->hidden, 1);
    graph_add_matrix(b, prefix, "v", from, TARGET_POPULATION, v, c->hidden, 1);
    b->level++;
    graph_add_fan_out(b, graph_add_population(b, prefix, POPULATION_EXP, c->heads * c->positions), 1);
    b->level++;
    graph_add_fan_out(b, graph_add_population(b, prefix, POPULATION_WEIGHT, c->heads * c->positions), 1);
    b->level++;
    graph_add_population(b, prefix, POPULATION_INVERSE, c->heads);
    graph_add_population(b, prefix, POPULATION_CONTEXT, c->hidden);
    b->level++;
    uint32_t att = graph_add_population(b, prefix, POPULATION_ATTENTION, c->hidden);
    graph_add_matrix(b, prefix, "o", att, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 1);
    b->level++;
}

static void add_ffn(struct graph_builder *b, const char *prefix, uint32_t from)
{
    const struct model_config *c = &b->graph->config;
    uint32_t fc = graph_add_population(b, prefix, POPULATION_FFN, c->ffn);
    graph_add_matrix(b, prefix, "fc1", from, TARGET_POPULATION, fc, c->ffn, 1);
    graph_add_matrix(b, prefix, "fc2", fc, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 1);
    b->level++;
}

static uint32_t add_block_norm(struct graph_builder *b, const char *prefix, const char *name)
{
    char full[sizeof b->graph->norm->name];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return graph_add_norm(b, full);
}

static void add_pre_norm_block(struct graph_builder *b, const char *prefix)
{
    add_attention(b, prefix, add_block_norm(b, prefix, "norm1"));
    add_ffn(b, prefix, add_block_norm(b, prefix, "norm2"));
}

/* The train of a post-LN norm is also the residual's new value. */
static uint32_t replace_residual(struct graph_builder *b, uint32_t ln)
{
    b->graph->population[ln].into_residual = 1;
    graph_add_fan_out(b, ln, 1);
    return ln;
}

/* Returns the population that feeds what comes after the block. */
static uint32_t add_post_norm_block(struct graph_builder *b, const char *prefix, uint32_t from, int last)
{
    add_attention(b, prefix, from);
    add_ffn(b, prefix, replace_residual(b, add_block_norm(b, prefix, "norm1")));
    b->head_side = last;
    uint32_t ln = add_block_norm(b, prefix, "norm2");
    return last ? ln : replace_residual(b, ln);
}

/* All blocks; returns the population that feeds project_out or the head. */
static uint32_t add_blocks(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t from = GRAPH_NONE;
    for (uint32_t i = 0; i < c->layers; i++) {
        char prefix[24];
        snprintf(prefix, sizeof prefix, "layers.%u.", (unsigned)i);
        b->layer = (int32_t)i;
        if (c->pre_norm) {
            add_pre_norm_block(b, prefix);
            continue;
        }
        if (i == 0) {
            from = graph_add_residual(b, prefix);
            b->level++;
        }
        from = add_post_norm_block(b, prefix, from, i + 1 == c->layers);
    }
    b->layer = (int32_t)c->layers;
    b->head_side = 1;
    if (!c->pre_norm) return from;
    if (c->final_norm) return graph_add_norm(b, "final");
    from = graph_add_residual(b, "final.");
    b->level++;
    return from;
}

void opt_graph(struct graph_builder *builder)
{
    struct graph *graph = builder->graph;
    const struct model_config *c = &graph->config;
    add_input(builder);
    uint32_t from = add_blocks(builder);
    if (c->embedding != c->hidden) {
        uint32_t out = graph_add_population(builder, "", POPULATION_PROJECT_OUT, c->embedding);
        graph_add_matrix(builder, "", "project_out", from, TARGET_POPULATION, out, c->embedding, 0);
        builder->level++;
        from = out;
    }
    graph->head_matrix = graph_add_matrix(builder, "", "head", from, TARGET_HEAD, GRAPH_NONE, c->vocabulary, 0);
    graph->head_level = builder->level;
    graph->levels = builder->level;
}
