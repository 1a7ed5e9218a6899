#include "kernel/engine_setup.h"

struct network_model engine_network_model(const struct engine_setup *setup)
{
    const struct model *model = setup->model;
    return (struct network_model){model->graph, model->population,    model->matrix,
                                  model->norm,  model->table,         model->code,
                                  setup->steps, model->residual_grid, setup->perturbation};
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
}
