#include "layers/bert.h"

#include "layers/graph_parts.h"

const char *bert_config_check(const struct model_config *c)
{
    if (c->pre_norm || c->final_norm || c->norm_kind != NORM_LAYER)
        return "the family needs LayerNorm after the branches and no final norm";
    if (c->rotary || c->token_types < 1 || c->embedding != c->hidden)
        return "the family has a position table and a token type table";
    if (c->gated || !c->encoder || c->kv_heads != c->heads || c->score_by_layer)
        return "the family is an encoder with a plain FFN and as many key as query heads";
    if (c->head == HEAD_MASKED_LM && c->activation == ACTIVATION_RELU)
        return "the masked language model head needs a smooth activation";
    if (c->head == HEAD_LM) return "the family has no causal language model head";
    return NULL;
}

void bert_capacity(const struct model_config *config, struct graph_builder *builder)
{
    builder->population_capacity = config->layers * PARTS_BLOCK_POPULATIONS + 3 + 4 + 5;
    builder->matrix_capacity = config->layers * PARTS_BLOCK_MATRICES + 3 + 2;
    builder->norm_capacity = config->layers * PARTS_BLOCK_NORMS + 2;
}

static uint32_t add_input(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t tok = graph_add_population(b, "", POPULATION_TOKEN, c->vocabulary);
    uint32_t pos = graph_add_population(b, "", POPULATION_POSITION, c->position_rows);
    uint32_t typ = graph_add_population(b, "", POPULATION_TYPE, c->token_types);
    b->level++;
    graph_add_matrix(b, "", "tok", tok, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
    graph_add_matrix(b, "", "pos", pos, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
    graph_add_matrix(b, "", "typ", typ, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 0);
    return parts_replace_residual(b, graph_add_norm(b, "embed"));
}

static void add_head(struct graph_builder *b, uint32_t ln)
{
    const struct model_config *c = &b->graph->config;
    b->layer = (int32_t)c->layers;
    if (c->head == HEAD_VALUES) {
        graph_add_head(b, ln, 0, 0);
    } else if (c->head == HEAD_CLASSIFY) {
        uint32_t pooled = parts_activated(b, "pooler.", "pooler", "pooler", ln, HG_TANH, c->hidden);
        graph_add_head(b, pooled, c->labels, 1);
    } else {
        uint32_t fired = parts_activated(b, "transform.", "transform", "transform", ln,
                                         graph_activation_function(c->activation), c->hidden);
        b->level--; /* the relay is the norm's source: its own level */
        graph_add_head(b, graph_add_norm_over(b, "transform", fired), c->vocabulary, 1);
    }
}

void bert_graph(struct graph_builder *b)
{
    const struct model_config *c = &b->graph->config;
    uint32_t from = add_input(b);
    for (uint32_t i = 0; i < c->layers; i++) {
        char prefix[24];
        parts_layer(b, i, prefix, sizeof prefix);
        parts_attention(b, prefix, from);
        parts_feed_forward(b, prefix, parts_replace_residual(b, parts_norm(b, prefix, "norm1")));
        b->head_side = i + 1 == c->layers;
        from = parts_norm(b, prefix, "norm2");
        if (i + 1 < c->layers) parts_replace_residual(b, from);
    }
    add_head(b, from);
}
