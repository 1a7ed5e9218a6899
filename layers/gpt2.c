#include "layers/gpt2.h"

#include "layers/graph_parts.h"

const char *gpt2_config_check(const struct model_config *c)
{
    if (!c->pre_norm || !c->final_norm || c->norm_kind != NORM_LAYER)
        return "the family needs pre_norm, final_norm and LayerNorm";
    if (c->rotary || c->token_types != 0 || c->embedding != c->hidden)
        return "the family has a position table and no token types";
    if (c->gated || c->encoder || c->head != HEAD_LM || c->kv_heads != c->heads)
        return "the family is a decoder with a plain FFN and as many key as query heads";
    return NULL;
}

void gpt2_capacity(const struct model_config *config, struct graph_builder *builder)
{
    builder->population_capacity = config->layers * PARTS_BLOCK_POPULATIONS + 6;
    builder->matrix_capacity = config->layers * PARTS_BLOCK_MATRICES + 3;
    builder->norm_capacity = config->layers * PARTS_BLOCK_NORMS + 1;
}

void gpt2_graph(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t tok = graph_add_population(b, "", POPULATION_TOKEN, c->vocabulary);
    uint32_t pos = graph_add_population(b, "", POPULATION_POSITION, c->position_rows);
    b->level++;
    graph_add_matrix(b, "", "tok", tok, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
    graph_add_matrix(b, "", "pos", pos, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
    for (uint32_t i = 0; i < c->layers; i++) {
        char prefix[24];
        parts_layer(b, i, prefix, sizeof prefix);
        parts_attention(b, prefix, parts_norm(b, prefix, "norm1"));
        parts_feed_forward(b, prefix, parts_norm(b, prefix, "norm2"));
    }
    b->layer = (int32_t)c->layers;
    b->head_side = 1;
    graph_add_head(b, graph_add_norm(b, "final"), c->vocabulary, 0);
}
