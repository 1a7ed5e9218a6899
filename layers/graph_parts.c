#include "layers/graph_parts.h"

#include <stdio.h>

void parts_layer(struct graph_builder *b, uint32_t layer, char *prefix, size_t size)
{
    snprintf(prefix, size, "layers.%u.", (unsigned)layer);
    b->layer = (int32_t)layer;
}

uint32_t parts_norm(struct graph_builder *b, const char *prefix, const char *name)
{
    char full[sizeof b->graph->norm->name];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return graph_add_norm(b, full);
}

uint32_t parts_replace_residual(struct graph_builder *b, uint32_t ln)
{
    b->graph->population[ln].into_residual = 1;
    graph_add_fan_out(b, ln, 1);
    return ln;
}

/* What a key's spike meets in its own window: the queries of its group; an encoder's, those of every token. */
static void set_key_product(struct graph_builder *b, uint32_t key)
{
    const struct model_config *c = &b->graph->config;
    struct population *p = &b->graph->population[key];
    uint32_t group = c->heads / c->kv_heads;
    p->product = c->encoder ? PRODUCT_VISIBLE : group > 1 ? PRODUCT_FIXED : PRODUCT_ONE;
    if (p->product == PRODUCT_FIXED) p->product_partners = group;
}

/* The population that turns `of`'s train: two synapses a spike. */
static uint32_t add_turned(struct graph_builder *b, const char *prefix, enum population_kind kind, uint32_t of)
{
    struct population *plain = &b->graph->population[of];
    uint32_t turned = graph_add_population(b, prefix, kind, plain->neurons);
    plain->product = PRODUCT_NONE;
    graph_add_fan_out(b, of, 2);
    b->graph->population[turned].partner = of;
    return turned;
}

static void add_queries_keys_values(struct graph_builder *b, const char *prefix, uint32_t from)
{
    const struct model_config *c = &b->graph->config;
    uint32_t all = c->heads * c->head_dim, shared = c->kv_heads * c->head_dim;
    uint32_t q = graph_add_population(b, prefix, POPULATION_QUERY, all);
    uint32_t k = graph_add_population(b, prefix, POPULATION_KEY, shared);
    uint32_t v = graph_add_population(b, prefix, POPULATION_VALUE, shared);
    graph_add_matrix(b, prefix, "q", from, TARGET_POPULATION, q, all, 1);
    graph_add_matrix(b, prefix, "k", from, TARGET_POPULATION, k, shared, 1);
    graph_add_matrix(b, prefix, "v", from, TARGET_POPULATION, v, shared, 1);
    b->level++;
    if (c->rotary) {
        add_turned(b, prefix, POPULATION_QUERY_TURNED, q);
        k = add_turned(b, prefix, POPULATION_KEY_TURNED, k);
        b->level++;
    }
    set_key_product(b, k);
}

void parts_attention(struct graph_builder *b, const char *prefix, uint32_t from)
{
    const struct model_config *c = &b->graph->config;
    uint32_t all = c->heads * c->head_dim;
    add_queries_keys_values(b, prefix, from);
    graph_add_fan_out(b, graph_add_population(b, prefix, POPULATION_EXP, c->heads * c->positions), 1);
    b->level++;
    graph_add_fan_out(b, graph_add_population(b, prefix, POPULATION_WEIGHT, c->heads * c->positions), 1);
    b->level++;
    graph_add_population(b, prefix, POPULATION_INVERSE, c->heads);
    graph_add_population(b, prefix, POPULATION_CONTEXT, all);
    b->level++;
    uint32_t att = graph_add_population(b, prefix, POPULATION_ATTENTION, all);
    graph_add_matrix(b, prefix, "o", att, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 1);
    b->level++;
}

uint32_t parts_activated(struct graph_builder *b, const char *prefix, const char *matrix, const char *relay,
                         uint32_t from, enum hg_function function, uint32_t neurons)
{
    uint32_t act = graph_add_population(b, prefix, POPULATION_ACTIVATED, neurons);
    b->graph->population[act].function = function;
    graph_add_matrix(b, "", matrix, from, TARGET_POPULATION, act, neurons, 1);
    graph_add_fan_out(b, act, 1);
    b->level++;
    uint32_t fired = graph_add_population(b, relay, POPULATION_RELAY, neurons);
    b->graph->population[fired].partner = act;
    b->level++;
    return fired;
}

/* gate * up; both fire in the same window. */
static uint32_t add_gated(struct graph_builder *b, const char *prefix, uint32_t from)
{
    const struct model_config *c = &b->graph->config;
    uint32_t gate = graph_add_population(b, prefix, POPULATION_GATE, c->ffn);
    uint32_t up = graph_add_population(b, prefix, POPULATION_UP, c->ffn);
    b->graph->population[gate].function = graph_activation_function(c->activation);
    graph_add_matrix(b, prefix, "gate", from, TARGET_POPULATION, gate, c->ffn, 1);
    graph_add_matrix(b, prefix, "up", from, TARGET_POPULATION, up, c->ffn, 1);
    b->level++;
    uint32_t fc = graph_add_population(b, prefix, POPULATION_GATED, c->ffn);
    b->graph->population[fc].partner = gate;
    b->level++;
    return fc;
}

static uint32_t add_relu(struct graph_builder *b, const char *prefix, uint32_t from)
{
    uint32_t fc = graph_add_population(b, prefix, POPULATION_FFN, b->graph->config.ffn);
    graph_add_matrix(b, prefix, "fc1", from, TARGET_POPULATION, fc, b->graph->config.ffn, 1);
    b->level++;
    return fc;
}

void parts_feed_forward(struct graph_builder *b, const char *prefix, uint32_t from)
{
    const struct model_config *c = &b->graph->config;
    char relay[sizeof b->graph->population->name], matrix[sizeof b->graph->matrix->name];
    uint32_t fc;
    snprintf(relay, sizeof relay, "%sfc", prefix);
    snprintf(matrix, sizeof matrix, "%sfc1", prefix);
    if (c->gated)
        fc = add_gated(b, prefix, from);
    else if (c->activation == ACTIVATION_RELU)
        fc = add_relu(b, prefix, from);
    else
        fc = parts_activated(b, prefix, matrix, relay, from, graph_activation_function(c->activation), c->ffn);
    graph_add_matrix(b, prefix, c->gated ? "down" : "fc2", fc, TARGET_RESIDUAL, GRAPH_NONE, c->hidden, 1);
}
