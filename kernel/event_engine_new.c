#include "kernel/event_engine_state.h"

/* Levels whose windows are open at one time, of one token each (decoder), or tokens of the one level (encoder). */
struct crowd {
    uint64_t packets; /* most spike packets of one timestep */
    uint64_t closes;  /* most populations that close at once, and tokens with them */
    uint64_t tokens;
};

static uint64_t level_blocks(const struct graph *graph, uint32_t p)
{
    uint64_t blocks = 0;
    for (uint32_t level = graph->population[p].level; p < graph->populations && graph->population[p].level == level;
         p++)
        blocks += graph_blocks(graph, p);
    return blocks;
}

static uint32_t level_populations(const struct graph *graph, uint32_t p)
{
    uint32_t first = p;
    while (p < graph->populations && graph->population[p].level == graph->population[first].level) p++;
    return p - first;
}

static struct crowd crowd_of(const struct engine_setup *setup)
{
    const struct graph *graph = setup->model->graph;
    struct crowd crowd = {0, graph->populations, (uint64_t)graph->levels + 2};
    if (!graph->config.encoder) {
        for (uint32_t p = 0; p < graph->populations; p++) crowd.packets += graph_blocks(graph, p);
        return crowd;
    }
    crowd = (struct crowd){0, 1, setup->context};
    for (uint32_t p = 0; p < graph->populations; p += level_populations(graph, p)) {
        uint64_t blocks = level_blocks(graph, p), populations = level_populations(graph, p);
        if (blocks > crowd.packets) crowd.packets = blocks;
        if (populations > crowd.closes) crowd.closes = populations;
    }
    crowd.packets *= crowd.tokens;
    crowd.closes *= crowd.tokens;
    return crowd;
}

/* The engine's own arrays, sized from the graph. */
struct plan {
    uint64_t batch, units, results, levels, tokens, inputs, logits;
};

static struct plan plan_of(const struct engine_setup *setup)
{
    const struct graph *graph = setup->model->graph;
    struct crowd crowd = crowd_of(setup);
    struct plan plan;
    plan.batch = crowd.packets + crowd.closes + GRAPH_INPUTS_MAX;
    plan.units = crowd.tokens;
    plan.results = crowd.closes + 1;
    plan.levels = (uint64_t)graph->levels + 2;
    plan.tokens = crowd.tokens;
    plan.inputs = setup->prompt_chunk;
    plan.logits = graph->head_width;
    return plan;
}

/* Events that can be pending: spikes of all steps, closings, inputs. */
static uint64_t most_pending(const struct engine_setup *setup)
{
    struct crowd crowd = crowd_of(setup);
    uint64_t inputs = (uint64_t)setup->model->graph->inputs * setup->prompt_chunk;
    return crowd.packets * setup->steps + 2 * crowd.closes + inputs + 2;
}

uint64_t event_engine_bytes(const struct engine_setup *setup)
{
    struct network_model model = engine_network_model(setup);
    struct plan plan = plan_of(setup);
    return network_bytes(&model, setup->workers, 0) + engine_rounded(sizeof(struct event_engine)) +
           engine_rounded(plan.batch * sizeof(struct event)) + engine_rounded(plan.results * sizeof(struct event)) +
           engine_rounded(plan.units * sizeof(struct close_unit)) +
           engine_rounded(plan.results * sizeof(struct close_result)) + engine_rounded(plan.levels * sizeof(uint32_t)) +
           engine_rounded(plan.tokens * sizeof(struct token_window)) +
           engine_rounded(plan.inputs * sizeof(struct input_slot)) + engine_rounded(plan.logits * sizeof(float));
}

static int allocate_arrays(struct event_engine *engine)
{
    struct plan plan = plan_of(&engine->setup);
    struct pool *pool = engine->setup.pools[0];
    engine->batch = pool_alloc(pool, plan.batch * sizeof *engine->batch);
    engine->pending = pool_alloc(pool, plan.results * sizeof *engine->pending);
    engine->unit = pool_alloc(pool, plan.units * sizeof *engine->unit);
    engine->result = pool_alloc(pool, plan.results * sizeof *engine->result);
    engine->level_first = pool_alloc(pool, plan.levels * sizeof *engine->level_first);
    engine->token = pool_alloc(pool, plan.tokens * sizeof *engine->token);
    engine->input = pool_alloc(pool, plan.inputs * sizeof *engine->input);
    engine->logits = pool_alloc(pool, plan.logits * sizeof *engine->logits);
    engine->batch_capacity = plan.batch;
    engine->slots = (uint32_t)plan.tokens;
    return engine->batch != NULL && engine->pending != NULL && engine->unit != NULL && engine->result != NULL &&
           engine->level_first != NULL && engine->token != NULL && engine->input != NULL && engine->logits != NULL;
}

enum lassim_status event_engine_new(const struct engine_setup *setup, struct event_engine **engine,
                                    struct lassim_error *error)
{
    struct network_model model = engine_network_model(setup);
    struct event_engine *made = pool_alloc(setup->pools[0], sizeof *made);
    *engine = NULL;
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the engine");
    made->setup = *setup;
    made->graph = setup->model->graph;
    uint64_t pending = most_pending(setup);
    made->queue = queue_new(pending, 4u * setup->steps);
    int ready = made->queue != NULL && queue_reserve(made->queue, pending) == QUEUE_OK && allocate_arrays(made);
    if (ready) made->network = network_new(&model, setup->workers, 0, engine_allocate, (void *)(uintptr_t)setup->pools);
    if (!ready || made->network == NULL) {
        queue_free(made->queue);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory: the network's state needs %zu bytes",
                           (size_t)event_engine_bytes(setup));
    }
    engine_index_levels(made->graph, made->level_first);
    *engine = made;
    return LASSIM_OK;
}

void event_engine_free(struct event_engine *engine)
{
    if (engine != NULL) queue_free(engine->queue);
}

uint64_t event_engine_popped(const struct event_engine *engine)
{
    return engine->popped;
}

void event_engine_reset(struct event_engine *engine)
{
    engine->popped = 0;
    network_reset(engine->network);
    queue_clear(engine->queue);
    accounting_reset(engine->setup.accounting);
    engine->clock = 0;
    engine->tokens = 0;
    engine->pending_count = 0;
    atomic_store(&engine->progress_timesteps, 0);
    atomic_store(&engine->progress_tokens, 0);
}

void event_engine_stop(struct event_engine *engine)
{
    atomic_store(&engine->stop, 1);
}

void event_engine_progress(struct event_engine *engine, uint64_t *timesteps, uint64_t *tokens)
{
    *timesteps = atomic_load(&engine->progress_timesteps);
    *tokens = atomic_load(&engine->progress_tokens);
}
