#include "kernel/engine_setup.h"

struct network_model engine_network_model(const struct engine_setup *setup)
{
    const struct model *model = setup->model;
    return (struct network_model){.graph = model->graph,
                                  .population = model->population,
                                  .matrix = model->matrix,
                                  .norm = model->norm,
                                  .table = model->table,
                                  .rotary = model->rotary,
                                  .code = model->code,
                                  .steps = setup->steps,
                                  .residual_grid = model->residual_grid,
                                  .context = setup->context,
                                  .perturbation = setup->perturbation};
}

unsigned engine_steps(const struct engine_setup *setup, uint32_t p)
{
    return params_steps(&setup->model->population[p], setup->steps);
}

void *engine_allocate(void *context, unsigned node, size_t bytes)
{
    struct pool *const *pools = context;
    return pool_alloc(pools[node], bytes);
}

uint64_t engine_rounded(uint64_t bytes)
{
    return (bytes + POOL_ALIGNMENT - 1) / POOL_ALIGNMENT * POOL_ALIGNMENT;
}

void engine_index_levels(const struct graph *graph, uint32_t *level_first)
{
    uint32_t p = 0;
    for (uint32_t level = 0; level <= graph->levels; level++) {
        level_first[level] = p;
        while (p < graph->populations && graph->population[p].level == level) p++;
    }
    LASSIM_INVARIANT(p == graph->populations, "population %u of %u is out of level order", p, graph->populations);
    LASSIM_EXPENSIVE(graph_validate(graph, &p) == NULL, "population %u: %s", p, graph_validate(graph, &p));
}

void engine_asked(const struct graph *graph, const struct engine_feed *feed, uint32_t *from, uint32_t *to)
{
    *from = *to = feed->n;
    if (feed->read == LASSIM_READ_NONE || feed->n == 0) return;
    if (graph->config.encoder) {
        *from = 0;
        if (graph->config.head == HEAD_CLASSIFY) *to = 1;
    } else {
        *from = feed->read == LASSIM_READ_ALL ? 0 : feed->n - 1;
    }
}
