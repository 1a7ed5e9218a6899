/* NeuroBench's metrics of a network of integrate-and-fire neurons. */
#include <stdlib.h>
#include <string.h>

#include "kernel/program/neurobench.h"
#include "kernel/trace_expand.h"
#include "layers/row_sum.h"

enum { ROWS = 4096 };

/* One population's spikes in order, and how far each of the network's routes has come in them. */
struct spikes {
    uint64_t *time;
    uint32_t *neuron;
    uint64_t count, capacity;
};

struct state {
    double *v;       /* [size] */
    uint64_t *ready; /* [size] or NULL */
};

struct replay {
    const struct if_network *network;
    struct spikes *spikes; /* [populations] */
    struct state *state;   /* [populations] */
    uint64_t *at;          /* [routes] next spike of its source */
    uint64_t **nonzero;    /* [routes] [sources] synapses that are not 0 */
    uint64_t timesteps;
};

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for NeuroBench's counts");
}

static int keep(struct spikes *spikes, uint64_t time, uint32_t neuron)
{
    if (spikes->count == spikes->capacity) {
        uint64_t more = spikes->capacity < 1024 ? 1024 : 2 * spikes->capacity;
        uint64_t *times = realloc(spikes->time, more * sizeof *times);
        if (times != NULL) spikes->time = times;
        uint32_t *neurons = realloc(spikes->neuron, more * sizeof *neurons);
        if (neurons != NULL) spikes->neuron = neurons;
        if (times == NULL || neurons == NULL) return -1;
        spikes->capacity = more;
    }
    spikes->time[spikes->count] = time;
    spikes->neuron[spikes->count++] = neuron;
    return 0;
}

static enum lassim_status read_spikes(struct trace_reader *reader, struct replay *replay, struct lassim_error *error)
{
    static _Thread_local struct trace_row rows[ROWS];
    struct trace_expand *expand;
    size_t count = 1;
    enum lassim_status status = trace_expand_open(reader, &expand, error);
    while (status == LASSIM_OK && count > 0) {
        status = trace_expand_rows(expand, rows, ROWS, &count, error);
        for (size_t i = 0; status == LASSIM_OK && i < count; i++)
            if (keep(&replay->spikes[rows[i].population], rows[i].time, rows[i].neuron) != 0) status = no_memory(error);
    }
    trace_expand_close(expand);
    if (status == LASSIM_OK && !trace_reader_complete(reader))
        status = lassim_fail(error, LASSIM_ERR_FILE, trace_reader_name(reader), NULL,
                             "cut off: expected a complete trace of a network");
    replay->timesteps = trace_reader_totals(reader)->timesteps;
    return status;
}

/* ---- connections ---- */

static enum lassim_status find_synapses(struct replay *replay, struct neurobench *result, struct lassim_error *error)
{
    for (uint32_t r = 0; r < replay->network->routes; r++) {
        const struct if_route *route = &replay->network->route[r];
        uint32_t sources = replay->network->population[route->source].size;
        uint32_t targets = replay->network->population[route->target].size;
        uint64_t found = 0;
        replay->nonzero[r] = calloc(sources, sizeof *replay->nonzero[r]);
        if (replay->nonzero[r] == NULL) return no_memory(error);
        for (uint32_t s = 0; s < sources; s++) {
            uint64_t first = 0, end = targets;
            if (!route->dense) synapse_list_row(&route->list, s, &first, &end);
            for (uint64_t i = first; i < end; i++)
                replay->nonzero[r][s] +=
                    route->dense ? row_matrix_get(&route->rows, s, (uint32_t)i) != 0 : route->list.weight[i] != 0;
            found += replay->nonzero[r][s];
        }
        uint64_t pairs = (uint64_t)sources * targets;
        result->weights += pairs;
        result->zeros += found < pairs ? pairs - found : 0;
        result->parameters += pairs;
        result->footprint += route->dense ? row_matrix_bytes(route->rows.width, sources, targets)
                                          : route->synapses * (sizeof(uint32_t) + sizeof(int64_t));
    }
    return LASSIM_OK;
}

/* Every spike that arrives in time meets its synapses; every timestep is a call of every connection. */
static void count_operations(const struct replay *replay, struct neurobench *result)
{
    for (uint32_t r = 0; r < replay->network->routes; r++) {
        const struct if_route *route = &replay->network->route[r];
        const struct spikes *spikes = &replay->spikes[route->source];
        for (uint64_t i = 0; i < spikes->count && spikes->time[i] + route->delay < replay->timesteps; i++)
            result->effective_acs += replay->nonzero[r][spikes->neuron[i]];
        result->dense += replay->timesteps * replay->network->population[route->source].size *
                         replay->network->population[route->target].size;
    }
}

/* ---- potentials ---- */

/* Adds what arrives at the unit's neurons through route r at timestep t. */
static void receive(const struct replay *replay, uint32_t r, uint64_t end, uint32_t tile, uint32_t n, double *input)
{
    const struct if_route *route = &replay->network->route[r];
    const struct spikes *spikes = &replay->spikes[route->source];
    const uint32_t *rows = spikes->neuron + replay->at[r];
    uint32_t count = (uint32_t)(end - replay->at[r]);
    double more[ROW_TILE] __attribute__((aligned(64)));
    int64_t sum[ROW_TILE] = {0};
    if (route->dense) {
        row_sum(&route->rows, row_cpu_best(), tile, rows, count, route->step, more);
    } else {
        synapse_list_sum(&route->list, rows, count, tile * ROW_TILE, tile * ROW_TILE + n, sum);
        for (uint32_t i = 0; i < n; i++) more[i] = (double)sum[i] * route->step;
    }
    for (uint32_t i = 0; i < n; i++) input[i] += more[i];
}

static uint64_t arrivals_end(const struct replay *replay, uint32_t r, uint64_t t)
{
    const struct if_route *route = &replay->network->route[r];
    const struct spikes *spikes = &replay->spikes[route->source];
    uint64_t end = replay->at[r];
    while (end < spikes->count && spikes->time[end] + route->delay <= t) end++;
    return end;
}

/* One timestep of up to ROW_TILE neurons; returns how many potentials are another one after it. */
static uint64_t step_unit(const struct replay *replay, uint32_t p, uint64_t t, uint32_t tile)
{
    const struct if_population *population = &replay->network->population[p];
    uint32_t first = tile * ROW_TILE, n = population->size - first < ROW_TILE ? population->size - first : ROW_TILE;
    double input[ROW_TILE] = {0}, before[ROW_TILE];
    uint64_t fired[LIF_SPAN / 64], changed = 0;
    int restless;
    double *v = replay->state[p].v + first;
    uint64_t *ready = replay->state[p].ready != NULL ? replay->state[p].ready + first : NULL;
    for (uint32_t r = 0; r < replay->network->routes; r++) {
        uint64_t end = replay->network->route[r].target == p ? arrivals_end(replay, r, t) : 0;
        if (end > replay->at[r]) receive(replay, r, end, tile, n, input);
    }
    memcpy(before, v, n * sizeof *v);
    lif_step(&population->params, t, v, ready, input, n, fired, &restless);
    for (uint32_t i = 0; i < n; i++) changed += v[i] != before[i];
    return changed;
}

static void replay_potentials(struct replay *replay, struct neurobench *result)
{
    for (uint64_t t = 0; t < replay->timesteps; t++) {
        for (uint32_t p = 0; p < replay->network->populations; p++) {
            uint32_t size = replay->network->population[p].size;
            uint64_t changed = 0;
            if (replay->state[p].v == NULL) continue;
            for (uint32_t tile = 0; tile * ROW_TILE < size; tile++) changed += step_unit(replay, p, t, tile);
            result->membrane_updates += t == 0 ? size : changed;
        }
        for (uint32_t r = 0; r < replay->network->routes; r++) replay->at[r] = arrivals_end(replay, r, t);
    }
}

/* ---- all of it ---- */

static enum lassim_status prepare(struct replay *replay, struct neurobench *result, struct lassim_error *error)
{
    const struct if_network *network = replay->network;
    uint32_t n = network->populations;
    result->layer = calloc(n, sizeof *result->layer);
    replay->spikes = calloc(n, sizeof *replay->spikes);
    replay->state = calloc(n, sizeof *replay->state);
    replay->at = calloc(network->routes + 1u, sizeof *replay->at);
    replay->nonzero = calloc(network->routes + 1u, sizeof(uint64_t *));
    if (!result->layer || !replay->spikes || !replay->state || !replay->at || !replay->nonzero) return no_memory(error);
    for (uint32_t p = 0; p < n; p++) {
        const struct if_population *population = &network->population[p];
        struct state *state = &replay->state[p];
        if (population->neuron == LASSIM_NEURON_INPUT) continue;
        state->v = malloc(population->size * sizeof *state->v);
        if (population->params.refractory > 0) state->ready = calloc(population->size, sizeof *state->ready);
        if (state->v == NULL || (population->params.refractory > 0 && state->ready == NULL)) return no_memory(error);
        for (uint32_t i = 0; i < population->size; i++) state->v[i] = population->initial;
    }
    return LASSIM_OK;
}

static void release(struct replay *replay)
{
    for (uint32_t p = 0; p < replay->network->populations; p++) {
        if (replay->spikes != NULL) free(replay->spikes[p].time);
        if (replay->spikes != NULL) free(replay->spikes[p].neuron);
        if (replay->state != NULL) free(replay->state[p].v);
        if (replay->state != NULL) free(replay->state[p].ready);
    }
    for (uint32_t r = 0; replay->nonzero != NULL && r < replay->network->routes; r++) free(replay->nonzero[r]);
    free(replay->spikes);
    free(replay->state);
    free(replay->at);
    free(replay->nonzero);
}

enum lassim_status neurobench_of_network(struct trace_reader *reader, const struct if_network *network,
                                         struct neurobench *result, struct lassim_error *error)
{
    struct replay replay = {.network = network};
    *result = (struct neurobench){.sample = "run", .samples = 1, .populations = network->populations};
    if (trace_reader_info(reader)->model_hash != if_network_hash(network) ||
        trace_reader_info(reader)->populations != network->populations)
        return lassim_fail(error, LASSIM_ERR_FILE, trace_reader_name(reader), "trace header",
                           "is not of this network: another hash");
    enum lassim_status status = prepare(&replay, result, error);
    if (status == LASSIM_OK) status = read_spikes(reader, &replay, error);
    if (status == LASSIM_OK) status = find_synapses(&replay, result, error);
    if (status == LASSIM_OK) {
        count_operations(&replay, result);
        replay_potentials(&replay, result);
        for (uint32_t p = 0; p < network->populations; p++)
            if (replay.state[p].v != NULL)
                result->layer[p] =
                    (struct neurobench_layer){replay.timesteps * network->population[p].size, replay.spikes[p].count};
    }
    release(&replay);
    return status;
}
