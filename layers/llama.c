#include "layers/llama.h"

#include "layers/graph_parts.h"

const char *llama_config_check(const struct model_config *c)
{
    if (!c->pre_norm || !c->final_norm || c->norm_kind != NORM_RMS)
        return "the family needs pre_norm, final_norm and RMSNorm";
    if (!c->rotary || c->token_types != 0 || c->embedding != c->hidden)
        return "the family has rotary positions and no other input than tokens";
    if (!c->gated || c->activation == ACTIVATION_RELU) return "the family needs a gated FFN with a smooth activation";
    if (c->encoder || c->head != HEAD_LM || c->score_by_layer)
        return "the family is a decoder with a language model head";
    return NULL;
}

void llama_capacity(const struct model_config *config, struct graph_builder *builder)
{
    builder->population_capacity = config->layers * PARTS_BLOCK_POPULATIONS + 4;
    builder->matrix_capacity = config->layers * PARTS_BLOCK_MATRICES + 2;
    builder->norm_capacity = config->layers * PARTS_BLOCK_NORMS + 1;
}

void llama_graph(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t tok = graph_add_population(b, "", POPULATION_TOKEN, c->vocabulary);
    b->level++;
    graph_add_matrix(b, "", "tok", tok, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
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
