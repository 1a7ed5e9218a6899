#include "layers/graph.h"

#include <stdio.h>
#include <stdlib.h>

#include "layers/graph_builder.h"
#include "layers/opt.h"

enum { SIZE_LIMIT = 1 << 20, LAYERS_MAX = 1024, PAIRS_LIMIT = 1 << 27 /* a packet names neurons in 28 bits */ };

/* One row a family. */
struct family {
    uint32_t id;
    const char *(*check)(const struct model_config *config);
    void (*capacity)(const struct model_config *config, struct graph_builder *builder);
    void (*build)(struct graph_builder *builder);
};
static const struct family families[] = {{FAMILY_OPT, opt_config_check, opt_capacity, opt_graph}};

/* One row a kind: docs/design.md's name, how it codes, what its spikes meet in products. */
static const struct kind_row {
    const char *name;
    enum code_kind code;
    enum product_kind product;
} kind_rows[POPULATION_KINDS] = {
    [POPULATION_TOKEN] = {"tok", CODE_INPUT, PRODUCT_NONE},
    [POPULATION_POSITION] = {"pos", CODE_INPUT, PRODUCT_NONE},
    [POPULATION_EMBED] = {"embed", CODE_OAT, PRODUCT_NONE},
    [POPULATION_RESIDUAL] = {"res", CODE_OAT, PRODUCT_NONE},
    [POPULATION_CENTERED] = {"xmu", CODE_OAT, PRODUCT_ONE},
    [POPULATION_RSTD] = {"rstd", CODE_HG, PRODUCT_FIXED},
    [POPULATION_NORM] = {"ln", CODE_OAT, PRODUCT_NONE},
    [POPULATION_QUERY] = {"q", CODE_OAT, PRODUCT_VISIBLE},
    [POPULATION_KEY] = {"k", CODE_OAT, PRODUCT_ONE},
    [POPULATION_VALUE] = {"v", CODE_OAT, PRODUCT_NONE},
    [POPULATION_EXP] = {"exp", CODE_HG, PRODUCT_NONE},
    [POPULATION_WEIGHT] = {"e", CODE_OAT, PRODUCT_FIXED},
    [POPULATION_INVERSE] = {"inv", CODE_HG, PRODUCT_FIXED},
    [POPULATION_CONTEXT] = {"ctx", CODE_OAT, PRODUCT_ONE},
    [POPULATION_ATTENTION] = {"att", CODE_OAT, PRODUCT_NONE},
    [POPULATION_FFN] = {"fc", CODE_OAT, PRODUCT_NONE},
    [POPULATION_PROJECT_OUT] = {"project_out", CODE_OAT, PRODUCT_NONE},
};

const char *population_kind_name(enum population_kind kind)
{
    return (unsigned)kind < POPULATION_KINDS ? kind_rows[kind].name : "?";
}

const char *code_kind_name(enum code_kind code)
{
    switch (code) {
    case CODE_INPUT: return "input";
    case CODE_OAT: return "OAT";
    case CODE_HG: return "HG";
    }
    return "?";
}

static const struct family *find_family(uint32_t id)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (families[i].id == id) return &families[i];
    return NULL;
}

static int out_of_range(uint32_t size)
{
    return size < 1 || size >= SIZE_LIMIT;
}

static const char *check_sizes(const struct model_config *c)
{
    if (out_of_range(c->vocabulary)) return "vocabulary must be 1 .. 2^20 - 1";
    if (out_of_range(c->hidden)) return "hidden size must be 1 .. 2^20 - 1";
    if (out_of_range(c->embedding)) return "embedding size must be 1 .. 2^20 - 1";
    if (out_of_range(c->ffn)) return "FFN size must be 1 .. 2^20 - 1";
    if (c->layers < 1 || c->layers > LAYERS_MAX) return "layers must be 1 .. 1024";
    if (c->heads < 1 || c->heads > c->hidden || c->hidden % c->heads != 0) return "heads must divide the hidden size";
    if (out_of_range(c->positions)) return "positions must be 1 .. 2^20 - 1";
    if (out_of_range(c->position_rows)) return "position rows must be 1 .. 2^20 - 1";
    if ((uint64_t)c->heads * c->positions >= PAIRS_LIMIT) return "heads times positions must be below 2^27";
    return NULL;
}

static const char *check_switches(const struct model_config *c)
{
    if (c->position_offset >= SIZE_LIMIT || c->position_rows != c->positions + c->position_offset)
        return "position rows must be positions + position offset";
    if (c->pre_norm > 1 || c->final_norm > 1 || c->tied > 1) return "pre_norm, final_norm and tied must be 0 or 1";
    if (c->bos >= c->vocabulary || c->eos >= c->vocabulary || c->pad >= c->vocabulary)
        return "bos, eos and pad must be below the vocabulary";
    if (!(c->norm_epsilon >= 1e-12 && c->norm_epsilon <= 1)) return "norm epsilon must be 1e-12 .. 1";
    return NULL;
}

const char *graph_config_check(const struct model_config *config)
{
    const struct family *family = find_family(config->family);
    if (family == NULL) return "family must be 1 (OPT)";
    const char *reason = check_sizes(config);
    if (reason == NULL) reason = check_switches(config);
    return reason != NULL ? reason : family->check(config);
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
    p->layer = builder->layer;
    p->level = builder->level;
    p->head_side = builder->head_side;
    p->neurons = neurons;
    p->visible_only = kind == POPULATION_EXP || kind == POPULATION_WEIGHT;
    p->relu = kind == POPULATION_FFN;
    p->per_channel = kind == POPULATION_NORM;
    p->norm = GRAPH_NONE;
    if (kind == POPULATION_RSTD) p->product_partners = graph->config.hidden;
    if (kind == POPULATION_WEIGHT || kind == POPULATION_INVERSE)
        p->product_partners = graph->config.hidden / graph->config.heads;
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

uint32_t graph_add_norm(struct graph_builder *builder, const char *name)
{
    struct graph *graph = builder->graph;
    require_room(graph->norms, builder->norm_capacity, name);
    struct norm_slot *norm = &graph->norm[graph->norms];
    char prefix[sizeof norm->name];
    snprintf(norm->name, sizeof norm->name, "%s", name);
    snprintf(prefix, sizeof prefix, "%s.", name);
    norm->layer = builder->layer;
    norm->residual = graph_add_residual(builder, prefix);
    graph_add_fan_out(builder, norm->residual, 2); /* own x - mu, and the mean that all share */
    builder->level++;
    norm->centered = graph_add_population(builder, prefix, POPULATION_CENTERED, graph->config.hidden);
    builder->level++;
    norm->rstd = graph_add_population(builder, prefix, POPULATION_RSTD, 1);
    builder->level++;
    norm->output = graph_add_population(builder, prefix, POPULATION_NORM, graph->config.hidden);
    builder->level++;
    const uint32_t members[] = {norm->residual, norm->centered, norm->rstd, norm->output};
    for (size_t i = 0; i < 4; i++) graph->population[members[i]].norm = graph->norms;
    graph->norms++;
    return norm->output;
}

struct graph *graph_build(const struct model_config *config, const char **reason)
{
    *reason = graph_config_check(config);
    if (*reason != NULL) return NULL;
    const struct family *family = find_family(config->family);
    struct graph *graph = calloc(1, sizeof *graph);
    struct graph_builder builder = {.graph = graph, .layer = -1};
    if (graph != NULL) {
        graph->config = *config;
        family->capacity(config, &builder);
        graph->population = calloc(builder.population_capacity, sizeof *graph->population);
        graph->matrix = calloc(builder.matrix_capacity, sizeof *graph->matrix);
        graph->norm = calloc(builder.norm_capacity, sizeof *graph->norm);
    }
    if (graph == NULL || graph->population == NULL || graph->matrix == NULL || graph->norm == NULL) {
        graph_free(graph);
        *reason = "no memory for the graph";
        return NULL;
    }
    family->build(&builder);
    return graph;
}

void graph_free(struct graph *graph)
{
    if (graph == NULL) return;
    free(graph->population);
    free(graph->matrix);
    free(graph->norm);
    free(graph);
}

uint32_t graph_window_neurons(const struct graph *graph, uint32_t p, uint32_t position)
{
    const struct population *population = &graph->population[p];
    if (!population->visible_only || position >= graph->config.positions) return population->neurons;
    return graph->config.heads * (position + 1);
}

uint32_t graph_blocks(const struct graph *graph, uint32_t p)
{
    return (graph->population[p].neurons + GRAPH_BLOCK_NEURONS - 1) / GRAPH_BLOCK_NEURONS;
}
