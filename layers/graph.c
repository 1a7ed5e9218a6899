#include "layers/graph.h"

#include <stdlib.h>
#include <string.h>

#include "layers/graph_config.h"

const char *code_kind_name(enum code_kind code)
{
    switch (code) {
    case CODE_INPUT: return "input";
    case CODE_OAT: return "OAT";
    case CODE_HG: return "HG";
    }
    return "?";
}

struct graph *graph_build(const struct model_config *config, const char **reason)
{
    const struct model_config whole = graph_config_complete(config);
    *reason = graph_config_check_complete(&whole);
    if (*reason != NULL) return NULL;
    const struct graph_family *family = graph_family_find(whole.family);
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
