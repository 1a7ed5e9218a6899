#include "layers/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layers/bert.h"
#include "layers/gpt2.h"
#include "layers/graph_builder.h"
#include "layers/llama.h"
#include "layers/opt.h"
#include "neurons/real.h"

enum { SIZE_LIMIT = 1 << 20, LAYERS_MAX = 1024, PAIRS_LIMIT = 1 << 27 /* a packet names neurons in 28 bits */ };

/* One row a family. */
struct family {
    uint32_t id;
    const char *name; /* model_type in config.json */
    const char *title;
    const char *(*check)(const struct model_config *config);
    void (*capacity)(const struct model_config *config, struct graph_builder *builder);
    void (*build)(struct graph_builder *builder);
};
static const struct family families[] = {
    {FAMILY_OPT, "opt", "OPT", opt_config_check, opt_capacity, opt_graph},
    {FAMILY_LLAMA, "llama", "Llama", llama_config_check, llama_capacity, llama_graph},
    {FAMILY_QWEN2, "qwen2", "Qwen2", llama_config_check, llama_capacity, llama_graph},
    {FAMILY_GPT2, "gpt2", "GPT-2", gpt2_config_check, gpt2_capacity, gpt2_graph},
    {FAMILY_BERT, "bert", "BERT", bert_config_check, bert_capacity, bert_graph},
};
enum { FAMILIES = sizeof families / sizeof *families };

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
    for (size_t i = 0; i < FAMILIES; i++)
        if (families[i].id == id) return &families[i];
    return NULL;
}

const char *graph_family_name(uint32_t family)
{
    const struct family *row = find_family(family);
    return row == NULL ? NULL : row->name;
}

const char *graph_family_title(uint32_t family)
{
    const struct family *row = find_family(family);
    return row == NULL ? NULL : row->title;
}

const char *graph_family_names(void)
{
    return "opt, llama, qwen2, gpt2, bert";
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
    if (out_of_range(c->positions)) return "positions must be 1 .. 2^20 - 1";
    if (c->token_types >= SIZE_LIMIT) return "token types must be 0 .. 2^20 - 1";
    return NULL;
}

static const char *check_heads(const struct model_config *c)
{
    if (c->heads < 1 || c->heads >= SIZE_LIMIT) return "heads must be 1 .. 2^20 - 1";
    if (out_of_range(c->head_dim)) return "heads must divide the hidden size, or the head size must be given";
    if ((uint64_t)c->heads * c->head_dim >= SIZE_LIMIT) return "heads times head size must be below 2^20";
    if (c->kv_heads < 1 || c->kv_heads > c->heads || c->heads % c->kv_heads != 0)
        return "key and value heads must divide the heads";
    if ((uint64_t)c->heads * c->positions >= PAIRS_LIMIT) return "heads times positions must be below 2^27";
    return NULL;
}

static const char *check_positions(const struct model_config *c)
{
    if (c->rotary > 1) return "rotary must be 0 or 1";
    if (c->rotary && c->head_dim % 2 != 0) return "rotary positions need an even head size";
    if (c->rotary && (c->position_rows != 0 || c->position_offset != 0))
        return "position rows must be 0 with rotary positions";
    if (c->rotary) return NULL;
    if (out_of_range(c->position_rows)) return "position rows must be 1 .. 2^20 - 1";
    if (c->position_offset >= SIZE_LIMIT || c->position_rows != c->positions + c->position_offset)
        return "position rows must be positions + position offset";
    return NULL;
}

static const char *check_switches(const struct model_config *c)
{
    if (c->pre_norm > 1 || c->final_norm > 1 || c->tied > 1) return "pre_norm, final_norm and tied must be 0 or 1";
    if (c->gated > 1 || c->encoder > 1 || c->score_by_layer > 1)
        return "gated, encoder and score_by_layer must be 0 or 1";
    if (c->norm_kind > NORM_RMS) return "norm kind must be 0 (LayerNorm) or 1 (RMSNorm)";
    if (c->activation >= ACTIVATIONS) return "activation must be 0 .. 4";
    if (c->head >= HEAD_KINDS) return "head must be 0 .. 3";
    if (c->head == HEAD_CLASSIFY ? out_of_range(c->labels) : c->labels != 0)
        return "labels must be 1 .. 2^20 - 1 with a classifying head, else 0";
    if (c->reserved != 0) return "reserved must be 0";
    if (c->bos >= c->vocabulary || c->eos >= c->vocabulary || c->pad >= c->vocabulary)
        return "bos, eos and pad must be below the vocabulary";
    if (!(c->norm_epsilon >= 1e-12 && c->norm_epsilon <= 1)) return "norm epsilon must be 1e-12 .. 1";
    if (!(c->score_scale >= 1e-6 && c->score_scale <= 1e6)) return "score scale must be 1e-6 .. 1e6";
    return NULL;
}

/* Puts what 0 stands for in its place. */
static struct model_config complete(const struct model_config *config)
{
    struct model_config c = *config;
    if (c.embedding == 0) c.embedding = c.hidden;
    if (c.kv_heads == 0) c.kv_heads = c.heads;
    if (c.head_dim == 0 && c.heads > 0 && c.hidden % c.heads == 0) c.head_dim = c.hidden / c.heads;
    if (c.score_scale == 0 && c.head_dim > 0) c.score_scale = 1.0 / real_sqrt((double)c.head_dim);
    return c;
}

static const char *check_complete(const struct model_config *c)
{
    const struct family *family = find_family(c->family);
    if (family == NULL) return "family must be 1 .. 5 (opt, llama, qwen2, gpt2, bert)";
    const char *reason = check_sizes(c);
    if (reason == NULL) reason = check_heads(c);
    if (reason == NULL) reason = check_positions(c);
    if (reason == NULL) reason = check_switches(c);
    return reason != NULL ? reason : family->check(c);
}

const char *graph_config_check(const struct model_config *config)
{
    const struct model_config c = complete(config);
    return check_complete(&c);
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

struct graph *graph_build(const struct model_config *config, const char **reason)
{
    const struct model_config whole = complete(config);
    *reason = check_complete(&whole);
    if (*reason != NULL) return NULL;
    const struct family *family = find_family(whole.family);
    struct graph *graph = calloc(1, sizeof *graph);
    struct graph_builder builder = {.graph = graph, .layer = -1};
    if (graph != NULL) {
        graph->config = whole;
        family->capacity(&whole, &builder);
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

uint32_t graph_input_row(const struct graph *graph, uint32_t p, uint32_t id, uint32_t position, uint32_t type)
{
    switch (graph->population[p].kind) {
    case POPULATION_POSITION: return position + graph->config.position_offset;
    case POPULATION_TYPE: return type;
    default: return id;
    }
}

uint32_t graph_window_neurons(const struct graph *graph, uint32_t p, uint32_t visible)
{
    const struct population *population = &graph->population[p];
    if (!population->visible_only || visible >= graph->config.positions) return population->neurons;
    return graph->config.heads * visible;
}

uint32_t graph_find_population(const struct graph *graph, const char *name)
{
    for (uint32_t p = 0; p < graph->populations; p++)
        if (strcmp(graph->population[p].name, name) == 0) return p;
    return GRAPH_NONE;
}

uint32_t graph_find_matrix(const struct graph *graph, const char *name)
{
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (strcmp(graph->matrix[m].name, name) == 0) return m;
    return GRAPH_NONE;
}

uint32_t graph_blocks(const struct graph *graph, uint32_t p)
{
    return (graph->population[p].neurons + GRAPH_BLOCK_NEURONS - 1) / GRAPH_BLOCK_NEURONS;
}
