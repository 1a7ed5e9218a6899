#include "layers/opt.h"

#include "layers/graph_parts.h"

enum { OTHER_POPULATIONS = 8, OTHER_MATRICES = 5 };

const char *opt_config_check(const struct model_config *config)
{
    if (config->final_norm && !config->pre_norm) return "final_norm needs pre_norm";
    if (config->rotary || config->token_types != 0 || config->norm_kind != NORM_LAYER)
        return "the family has LayerNorm, a position table and no token types";
    if (config->gated || config->activation != ACTIVATION_RELU || config->score_by_layer)
        return "the family has a ReLU FFN";
    if (config->encoder || config->head != HEAD_LM || config->kv_heads != config->heads ||
        config->heads * config->head_dim != config->hidden)
        return "the family is a decoder whose heads share the hidden size evenly";
    return NULL;
}

void opt_capacity(const struct model_config *config, struct graph_builder *builder)
{
    builder->population_capacity = config->layers * PARTS_BLOCK_POPULATIONS + OTHER_POPULATIONS;
    builder->matrix_capacity = config->layers * PARTS_BLOCK_MATRICES + OTHER_MATRICES;
    builder->norm_capacity = config->layers * PARTS_BLOCK_NORMS + 1;
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

static void add_pre_norm_block(struct graph_builder *b, const char *prefix)
{
    parts_attention(b, prefix, parts_norm(b, prefix, "norm1"));
    parts_feed_forward(b, prefix, parts_norm(b, prefix, "norm2"));
}

/* Returns the population that feeds what comes after the block. */
static uint32_t add_post_norm_block(struct graph_builder *b, const char *prefix, uint32_t from, int last)
{
    parts_attention(b, prefix, from);
    parts_feed_forward(b, prefix, parts_replace_residual(b, parts_norm(b, prefix, "norm1")));
    b->head_side = last;
    uint32_t ln = parts_norm(b, prefix, "norm2");
    return last ? ln : parts_replace_residual(b, ln);
}

/* All blocks; returns the population that feeds project_out or the head. */
static uint32_t add_blocks(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t from = GRAPH_NONE;
    for (uint32_t i = 0; i < c->layers; i++) {
        char prefix[24];
        parts_layer(b, i, prefix, sizeof prefix);
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
    const struct model_config *c = &builder->graph->config;
    add_input(builder);
    uint32_t from = add_blocks(builder);
    if (c->embedding != c->hidden) {
        uint32_t out = graph_add_population(builder, "", POPULATION_PROJECT_OUT, c->embedding);
        graph_add_matrix(builder, "", "project_out", from, TARGET_POPULATION, out, c->embedding, 0);
        builder->level++;
        from = out;
    }
    graph_add_head(builder, from, c->vocabulary, 0);
}
