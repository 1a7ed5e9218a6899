/* Memory and tables of the integrate-and-fire engine. */
#include <stdlib.h>

#include "kernel/if_engine_state.h"

enum { QUEUE_HORIZON = 256, RESERVE_MAX = 1 << 20 };

/* Timesteps that can be simulated at once: nothing fired in them arrives in them. */
static uint32_t lookahead(const struct if_network *network)
{
    uint32_t least = IF_WINDOW;
    for (uint32_t r = 0; r < network->routes; r++) {
        const struct if_route *route = &network->route[r];
        if (network->population[route->source].neuron != LASSIM_NEURON_INPUT && route->delay < least)
            least = route->delay;
    }
    return least;
}

/* Gives every population its place in `in` and `out` and its longest delay.  O(populations + routes). */
static void list_routes(struct if_engine *engine)
{
    const struct if_network *network = engine->network;
    uint32_t ins = 0, outs = 0;
    for (uint32_t r = 0; r < network->routes; r++) {
        const struct if_route *route = &network->route[r];
        struct if_state *source = &engine->state[route->source];
        engine->state[route->target].ins++;
        source->outs++;
        if (route->delay + IF_WINDOW > source->horizon) source->horizon = route->delay + IF_WINDOW;
    }
    for (uint32_t p = 0; p < network->populations; p++) {
        struct if_state *state = &engine->state[p];
        state->first_in = ins;
        state->first_out = outs;
        ins += state->ins;
        outs += state->outs;
        state->ins = state->outs = 0;
    }
    for (uint32_t r = 0; r < network->routes; r++) {
        struct if_state *source = &engine->state[network->route[r].source];
        struct if_state *target = &engine->state[network->route[r].target];
        engine->out[source->first_out + source->outs++] = r;
        engine->in[target->first_in + target->ins++] = r;
    }
}

static void allocate_state(struct if_engine *engine, uint32_t p)
{
    struct pool *pool = engine->setup.pool;
    struct if_state *state = &engine->state[p];
    const struct if_population *population = state->population;
    size_t size = population->size;
    state->blocks = (population->size + IF_BLOCK - 1) / IF_BLOCK;
    state->history = pool_alloc(pool, (size_t)state->horizon * state->blocks * IF_BLOCK_WORDS * sizeof(uint64_t));
    state->count = pool_alloc(pool, size * sizeof *state->count);
    if (engine->setup.trace != NULL) state->codes = pool_alloc(pool, size * sizeof *state->codes);
    if (population->neuron == LASSIM_NEURON_INPUT) return;
    state->units = (population->size + IF_UNIT - 1) / IF_UNIT;
    state->v = pool_alloc(pool, size * sizeof *state->v);
    if (population->params.refractory > 0) state->ready = pool_alloc(pool, size * sizeof *state->ready);
}

static void allocate(struct if_engine *engine)
{
    const struct if_network *network = engine->network;
    struct pool *pool = engine->setup.pool;
    for (uint32_t p = 0; p < network->populations; p++) {
        allocate_state(engine, p);
        engine->units += engine->state[p].units;
    }
    engine->unit = pool_alloc(pool, engine->units * sizeof *engine->unit);
    for (uint32_t u = 0; u < engine->units; u++) {
        void *bits = pool_alloc(pool, IF_WINDOW * sizeof *engine->unit->bits);
        if (engine->unit != NULL) engine->unit[u].bits = bits;
    }
    for (uint32_t r = 0; r < network->routes; r++) {
        size_t sources = network->population[network->route[r].source].size;
        engine->arrivals[r].rows = pool_alloc(pool, IF_WINDOW * sources * sizeof(uint32_t));
    }
}

static void fill(struct if_engine *engine)
{
    const struct if_network *network = engine->network;
    uint32_t units = 0;
    for (uint32_t p = 0; p < network->populations; p++) {
        struct if_state *state = &engine->state[p];
        for (uint32_t tile = 0; tile < state->units; tile++) {
            struct if_unit *unit = &engine->unit[units++];
            unit->population = p;
            unit->tile = tile;
            unit->restless = state->population->initial >= state->population->params.threshold;
        }
        for (uint32_t i = 0; state->v != NULL && i < state->population->size; i++)
            state->v[i] = state->population->initial;
    }
}

/* Packets under way at most, as far as they are reserved for. */
static size_t packets_under_way(const struct if_engine *engine)
{
    uint64_t packets = 0;
    for (uint32_t r = 0; r < engine->network->routes; r++) {
        const struct if_route *route = &engine->network->route[r];
        packets += (uint64_t)engine->state[route->source].blocks * (route->delay + IF_WINDOW);
    }
    return packets < RESERVE_MAX ? (size_t)packets : RESERVE_MAX;
}

static enum lassim_status prepare(struct if_engine *engine, struct lassim_error *error)
{
    const struct if_network *network = engine->network;
    struct pool *pool = engine->setup.pool;
    engine->state = pool_alloc(pool, network->populations * sizeof *engine->state);
    engine->arrivals = pool_alloc(pool, network->routes * sizeof *engine->arrivals);
    engine->in = pool_alloc(pool, network->routes * sizeof *engine->in);
    engine->out = pool_alloc(pool, network->routes * sizeof *engine->out);
    engine->queue = queue_new(0, QUEUE_HORIZON);
    if (engine->state == NULL || engine->arrivals == NULL || engine->in == NULL || engine->out == NULL ||
        engine->queue == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the tables of a network");
    for (uint32_t p = 0; p < network->populations; p++) engine->state[p].population = &network->population[p];
    list_routes(engine);
    allocate(engine);
    if (pool_needed(pool) > pool_bytes(pool))
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory: the network's state needs %zu bytes",
                           pool_needed(pool));
    fill(engine);
    if (queue_reserve(engine->queue, packets_under_way(engine)) != QUEUE_OK)
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the event queue");
    return LASSIM_OK;
}

enum lassim_status if_engine_new(const struct if_setup *setup, struct if_engine **result, struct lassim_error *error)
{
    struct if_engine *engine = calloc(1, sizeof *engine);
    *result = NULL;
    if (engine == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the engine");
    engine->setup = *setup;
    engine->network = setup->network;
    engine->lookahead = lookahead(setup->network);
    enum lassim_status status = prepare(engine, error);
    if (status == LASSIM_OK)
        *result = engine;
    else
        if_engine_free(engine);
    return status;
}

void if_engine_free(struct if_engine *engine)
{
    if (engine == NULL) return;
    queue_free(engine->queue);
    free(engine->inbox);
    free(engine);
}
