#include "layers/graph_builder.h"

#include <stdio.h>
#include <stdlib.h>

/* One row a kind: docs/design.md's name, how it codes, what its spikes meet in products, its HG function where the
 * kind decides it. */
static const struct kind_row {
    const char *name;
    enum code_kind code;
    enum product_kind product;
    enum hg_function function;
} kind_rows[POPULATION_KINDS] = {
    [POPULATION_TOKEN] = {"tok", CODE_INPUT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_POSITION] = {"pos", CODE_INPUT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_EMBED] = {"embed", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_RESIDUAL] = {"res", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_CENTERED] = {"xmu", CODE_OAT, PRODUCT_ONE, HG_FUNCTIONS},
    [POPULATION_RSTD] = {"rstd", CODE_HG, PRODUCT_FIXED, HG_RSQRT},
    [POPULATION_NORM] = {"ln", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_QUERY] = {"q", CODE_OAT, PRODUCT_VISIBLE, HG_FUNCTIONS},
    [POPULATION_KEY] = {"k", CODE_OAT, PRODUCT_ONE, HG_FUNCTIONS},
    [POPULATION_VALUE] = {"v", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_EXP] = {"exp", CODE_HG, PRODUCT_NONE, HG_EXP},
    [POPULATION_WEIGHT] = {"e", CODE_OAT, PRODUCT_FIXED, HG_FUNCTIONS},
    [POPULATION_INVERSE] = {"inv", CODE_HG, PRODUCT_FIXED, HG_INV},
    [POPULATION_CONTEXT] = {"ctx", CODE_OAT, PRODUCT_ONE, HG_FUNCTIONS},
    [POPULATION_ATTENTION] = {"att", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_FFN] = {"fc", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_PROJECT_OUT] = {"project_out", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_TYPE] = {"typ", CODE_INPUT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_QUERY_TURNED] = {"qr", CODE_OAT, PRODUCT_VISIBLE, HG_FUNCTIONS},
    [POPULATION_KEY_TURNED] = {"kr", CODE_OAT, PRODUCT_ONE, HG_FUNCTIONS},
    [POPULATION_ACTIVATED] = {"act", CODE_HG, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_GATE] = {"gate", CODE_HG, PRODUCT_ONE, HG_FUNCTIONS},
    [POPULATION_UP] = {"up", CODE_OAT, PRODUCT_ONE, HG_FUNCTIONS},
    [POPULATION_GATED] = {"fc", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
    [POPULATION_RELAY] = {"fc", CODE_OAT, PRODUCT_NONE, HG_FUNCTIONS},
};

const char *population_kind_name(enum population_kind kind)
{
    return (unsigned)kind < POPULATION_KINDS ? kind_rows[kind].name : "?";
}

static const char *suffix_of(const char *prefix, const char *name)
{
    size_t n = 0;
    while (prefix[n] != '\0') n++;
    return n == 0 || prefix[n - 1] == '.' ? name : "";
}

/* A family that adds more than it announced is a bug. */
static void require_room(uint32_t used, uint32_t capacity, const char *name)
{
    if (used < capacity) return;
    fprintf(stderr, "lassim: bug: the graph's family announced %u, \"%s\" is one more\n", (unsigned)capacity, name);
    abort();
}

uint32_t graph_add_population(struct graph_builder *builder, const char *prefix, enum population_kind kind,
                              uint32_t neurons)
{
    struct graph *graph = builder->graph;
    require_room(graph->populations, builder->population_capacity, prefix);
    struct population *p = &graph->population[graph->populations];
    snprintf(p->name, sizeof p->name, "%s%s", prefix, suffix_of(prefix, kind_rows[kind].name));
    p->kind = kind;
    p->code = kind_rows[kind].code;
    p->product = kind_rows[kind].product;
    p->function = kind_rows[kind].function;
    p->layer = builder->layer;
    p->level = builder->level;
    p->head_side = builder->head_side;
    p->neurons = neurons;
    p->visible_only = kind == POPULATION_EXP || kind == POPULATION_WEIGHT;
    p->relu = kind == POPULATION_FFN;
    p->per_channel = kind == POPULATION_NORM;
    p->norm = p->partner = GRAPH_NONE;
    if (kind == POPULATION_RSTD) p->product_partners = graph->config.hidden;
    if (kind == POPULATION_WEIGHT || kind == POPULATION_INVERSE) p->product_partners = graph->config.head_dim;
    if (p->code == CODE_INPUT) graph->inputs = graph->populations + 1;
    return graph->populations++;
}

void graph_add_fan_out(struct graph_builder *builder, uint32_t p, uint32_t synapses)
{
    builder->graph->population[p].fan_out += synapses;
}

uint32_t graph_add_matrix(struct graph_builder *builder, const char *prefix, const char *name, uint32_t source,
                          enum matrix_target target, uint32_t target_population, uint32_t targets, int has_bias)
{
    struct graph *graph = builder->graph;
    require_room(graph->matrices, builder->matrix_capacity, name);
    struct matrix_slot *m = &graph->matrix[graph->matrices];
    snprintf(m->name, sizeof m->name, "%s%s", prefix, name);
    m->source = source;
    m->target = target;
    m->target_population = target_population;
    m->sources = graph->population[source].neurons;
    m->targets = targets;
    m->layer = builder->layer;
    m->has_bias = has_bias;
    if (has_bias && target == TARGET_POPULATION) graph->population[target_population].bias_elements = targets;
    graph_add_fan_out(builder, source, targets);
    return graph->matrices++;
}

uint32_t graph_add_residual(struct graph_builder *builder, const char *prefix)
{
    struct graph *graph = builder->graph;
    uint32_t p = graph_add_population(builder, prefix, POPULATION_RESIDUAL, graph->config.hidden);
    for (uint32_t i = 0; i < graph->matrices; i++) {
        struct matrix_slot *m = &graph->matrix[i];
        if (m->target != TARGET_RESIDUAL || m->target_population != GRAPH_NONE) continue;
        m->target_population = p;
        if (m->has_bias) graph->population[p].bias_elements += m->targets;
    }
    return p;
}

/* The train that the norm's sums are made of: the mean's and each x - mean's with LayerNorm, its own square with RMSNorm. */
static uint32_t add_centered(struct graph_builder *builder, const char *prefix, uint32_t source)
{
    struct graph *graph = builder->graph;
    if (graph->config.norm_kind == NORM_RMS) {
        graph->population[source].product = PRODUCT_ONE;
        return source;
    }
    graph_add_fan_out(builder, source, 2); /* own x - mu, and the mean that all share */
    builder->level++;
    return graph_add_population(builder, prefix, POPULATION_CENTERED, graph->config.hidden);
}

uint32_t graph_add_norm_over(struct graph_builder *builder, const char *name, uint32_t source)
{
    struct graph *graph = builder->graph;
    require_room(graph->norms, builder->norm_capacity, name);
    struct norm_slot *norm = &graph->norm[graph->norms];
    char prefix[sizeof norm->name];
    snprintf(norm->name, sizeof norm->name, "%s", name);
    snprintf(prefix, sizeof prefix, "%s.", name);
    norm->layer = builder->layer;
    norm->source = source;
    norm->centered = add_centered(builder, prefix, source);
    builder->level++;
    norm->rstd = graph_add_population(builder, prefix, POPULATION_RSTD, 1);
    builder->level++;
    norm->output = graph_add_population(builder, prefix, POPULATION_NORM, graph->config.hidden);
    builder->level++;
    const uint32_t members[] = {norm->source, norm->centered, norm->rstd, norm->output};
    for (size_t i = 0; i < 4; i++) graph->population[members[i]].norm = graph->norms;
    graph->norms++;
    return norm->output;
}

uint32_t graph_add_norm(struct graph_builder *builder, const char *name)
{
    char prefix[sizeof builder->graph->norm->name];
    snprintf(prefix, sizeof prefix, "%s.", name);
    return graph_add_norm_over(builder, name, graph_add_residual(builder, prefix));
}

enum hg_function graph_activation_function(uint32_t activation)
{
    static const enum hg_function functions[ACTIVATIONS] = {HG_FUNCTIONS, HG_GELU_ERF, HG_GELU_TANH, HG_SILU,
                                                            HG_QUICK_GELU};
    return functions[activation];
}

void graph_add_head(struct graph_builder *builder, uint32_t source, uint32_t width, int has_bias)
{
    struct graph *graph = builder->graph;
    graph->head_source = source;
    graph->head_matrix = GRAPH_NONE;
    graph->head_width = width > 0 ? width : graph->population[source].neurons;
    if (width > 0)
        graph->head_matrix = graph_add_matrix(builder, "", "head", source, TARGET_HEAD, GRAPH_NONE, width, has_bias);
    else
        graph_add_fan_out(builder, source, 1);
    graph->head_level = builder->level;
    graph->levels = builder->level;
}
