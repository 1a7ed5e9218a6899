/* The public face of integrate-and-fire networks (kernel/lassim.h): a network, then an engine on it. */
#include <stdlib.h>

#include "kernel/if_engine.h"
#include "kernel/if_files.h"
#include "kernel/if_network.h"
#include "kernel/topology.h"

struct lassim_network {
    struct if_network *network;
    struct if_engine *engine; /* NULL before start */
    struct topology *topology;
    struct team *team;
    struct pool *pool;
    struct trace_writer *trace;
    int failed;   /* a run ended early */
    int finished; /* the trace is complete */
};

static enum lassim_status usage(struct lassim_error *error, const char *what)
{
    return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "network", "%s", what);
}

enum lassim_status lassim_network_new(lassim_network **result, struct lassim_error *error)
{
    lassim_network *network = calloc(1, sizeof *network);
    *result = NULL;
    if (network != NULL) network->network = if_network_new();
    if (network == NULL || network->network == NULL) {
        free(network);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a network");
    }
    *result = network;
    return LASSIM_OK;
}

enum lassim_status lassim_network_open(const char *path, lassim_network **result, struct lassim_error *error)
{
    enum lassim_status status = lassim_network_new(result, error);
    if (status == LASSIM_OK) status = if_json_read(path, (*result)->network, error);
    if (status == LASSIM_OK) return LASSIM_OK;
    lassim_network_close(*result);
    *result = NULL;
    return status;
}

void lassim_network_close(lassim_network *network)
{
    if (network == NULL) return;
    trace_writer_abandon(network->trace);
    if_engine_free(network->engine);
    team_free(network->team);
    pool_free(network->pool);
    topology_free(network->topology);
    if_network_free(network->network);
    free(network);
}

enum lassim_status lassim_network_add_population(lassim_network *network, const struct lassim_population *population,
                                                 uint32_t *index, struct lassim_error *error)
{
    if (network->engine != NULL) return usage(error, "a population can be added before start only");
    return if_network_add(network->network, population, index, error);
}

enum lassim_status lassim_network_connect_dense(lassim_network *network, uint32_t source, uint32_t target,
                                                uint32_t delay, const double *weights, struct lassim_error *error)
{
    if (network->engine != NULL) return usage(error, "a connection can be made before start only");
    return if_network_connect_dense(network->network, source, target, delay, weights, error);
}

enum lassim_status lassim_network_connect_list(lassim_network *network, uint32_t source, uint32_t target,
                                               const struct lassim_synapse *synapses, uint64_t count,
                                               struct lassim_error *error)
{
    if (network->engine != NULL) return usage(error, "a connection can be made before start only");
    return if_network_connect_list(network->network, source, target, synapses, count, error);
}

void lassim_network_info(const lassim_network *network, struct lassim_network_info *info)
{
    const struct if_network *n = network->network;
    *info = (struct lassim_network_info){
        .populations = n->populations, .timesteps = n->timesteps, .hash = if_network_hash(n)};
    for (uint32_t p = 0; p < n->populations; p++) info->neurons += n->population[p].size;
    for (uint32_t r = 0; r < n->routes; r++) {
        const struct weight_grid *grid = &n->route[r].grid;
        info->synapses += n->route[r].synapses;
        info->moved += grid->moved;
        if (grid->moved_max > info->moved_max) info->moved_max = grid->moved_max;
    }
}

void lassim_network_population(const lassim_network *network, uint32_t index, struct lassim_population *population)
{
    LASSIM_INVARIANT(index < network->network->populations, "population %u", index);
    const struct if_population *from = &network->network->population[index];
    *population = (struct lassim_population){.name = from->name,
                                             .size = from->size,
                                             .neuron = from->neuron,
                                             .threshold = from->params.threshold,
                                             .leak = from->params.leak,
                                             .initial = from->initial,
                                             .subtract = (uint32_t)from->params.subtract,
                                             .refractory = from->params.refractory};
}

static enum lassim_status open_trace(lassim_network *network, const struct lassim_network_options *options,
                                     struct lassim_error *error)
{
    struct trace_header_info info;
    if (options->trace == NULL) return LASSIM_OK;
    enum lassim_status status = if_network_trace_info(network->network, &info, error);
    if (status != LASSIM_OK) return status;
    status = trace_writer_open(options->trace, (int)options->no_clobber, &info, &network->trace, error);
    trace_info_free(&info);
    return status;
}

/* Threads bound as sessions bind theirs; state on the first worker's node. */
static enum lassim_status open_machine(lassim_network *network, const struct lassim_network_options *options,
                                       struct lassim_error *error)
{
    enum lassim_status status = topology_new(NULL, NULL, &network->topology, error);
    if (status != LASSIM_OK) return status;
    unsigned threads = options->threads != 0 ? options->threads : topology_cores(network->topology);
    int bind = !options->numa_off && threads <= topology_pus(network->topology);
    status = team_new(threads, network->topology, bind, &network->team, error);
    if (status != LASSIM_OK) return status;
    unsigned node = bind ? topology_place(network->topology, 0, threads).node : TOPOLOGY_ANY;
    return pool_new(network->topology, node, SIZE_MAX, &network->pool, error);
}

enum lassim_status lassim_network_start(lassim_network *network, const struct lassim_network_options *options,
                                        struct lassim_error *error)
{
    if (network->team != NULL) return usage(error, "is started already");
    if (network->network->populations == 0) return usage(error, "expected at least one population");
    enum lassim_status status = open_machine(network, options, error);
    if (status == LASSIM_OK) status = open_trace(network, options, error);
    if (status != LASSIM_OK) return status;
    const struct if_setup setup = {network->network, network->team, network->pool, network->trace, row_cpu_best()};
    return if_engine_new(&setup, &network->engine, error);
}

static enum lassim_status check_feed(const lassim_network *network, uint32_t population, const uint64_t *time,
                                     const uint32_t *neuron, uint64_t count, struct lassim_error *error)
{
    if (network->engine == NULL) return usage(error, "expected to be started");
    if (population >= network->network->populations ||
        network->network->population[population].neuron != LASSIM_NEURON_INPUT)
        return usage(error, "input spikes: expected an input population");
    uint32_t size = network->network->population[population].size;
    uint64_t now = if_engine_time(network->engine);
    for (uint64_t i = 0; i < count; i++) {
        if (neuron[i] >= size || time[i] < now)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "network",
                               "input spike %llu: expected a neuron below %u and a time from %llu on",
                               (unsigned long long)i, size, (unsigned long long)now);
    }
    return LASSIM_OK;
}

enum lassim_status lassim_network_feed(lassim_network *network, uint32_t population, const uint64_t *time,
                                       const uint32_t *neuron, uint64_t count, struct lassim_error *error)
{
    struct if_spike part[256];
    enum lassim_status status = check_feed(network, population, time, neuron, count, error);
    for (uint64_t at = 0; at < count && status == LASSIM_OK;) {
        uint64_t n = 0;
        for (; n < sizeof part / sizeof *part && at < count; n++, at++)
            part[n] = (struct if_spike){time[at], population, neuron[at]};
        status = if_engine_feed(network->engine, part, n, error);
    }
    return status;
}

enum lassim_status lassim_network_feed_file(lassim_network *network, const char *path, struct lassim_error *error)
{
    struct if_spike *spikes;
    uint64_t count;
    if (network->engine == NULL) return usage(error, "expected to be started");
    enum lassim_status status =
        if_read_spikes(path, network->network, if_engine_time(network->engine), &spikes, &count, error);
    if (status != LASSIM_OK) return status;
    status = if_engine_feed(network->engine, spikes, count, error);
    free(spikes);
    return status;
}

enum lassim_status lassim_network_run(lassim_network *network, uint64_t timesteps, struct lassim_error *error)
{
    if (network->engine == NULL || network->finished) return usage(error, "expected to be started and not finished");
    if (network->failed) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "network", "a run before ended early");
    enum lassim_status status = if_engine_run(network->engine, timesteps, error);
    network->failed = status != LASSIM_OK && status != LASSIM_ERR_USAGE;
    return status;
}

enum lassim_status lassim_network_finish(lassim_network *network, struct lassim_error *error)
{
    if (network->engine == NULL || network->failed)
        return usage(error, "expected to be started and run without failure");
    network->finished = 1;
    if (network->trace == NULL) return LASSIM_OK;
    enum lassim_status status = if_engine_end(network->engine, error);
    if (status != LASSIM_OK) return status;
    status = trace_writer_finish(network->trace, if_engine_time(network->engine), error);
    network->trace = NULL;
    return status;
}

void lassim_network_counts(const lassim_network *network, uint32_t index, struct lassim_network_counts *counts)
{
    *counts = (struct lassim_network_counts){0};
    for (uint32_t p = 0; network->engine != NULL && p < network->network->populations; p++) {
        struct lassim_network_counts one;
        if (index != UINT32_MAX && index != p) continue;
        if_engine_counts(network->engine, p, &one);
        counts->timesteps = one.timesteps;
        counts->spikes += one.spikes;
        counts->events += one.events;
        counts->deliveries += one.deliveries;
        counts->synaptic_operations += one.synaptic_operations;
        counts->threshold_tests += one.threshold_tests;
    }
}

const uint64_t *lassim_network_spikes(const lassim_network *network, uint32_t index)
{
    LASSIM_INVARIANT(index < network->network->populations, "population %u", index);
    return network->engine != NULL ? if_engine_spikes(network->engine, index) : NULL;
}

void lassim_network_stop(lassim_network *network)
{
    if (network->engine != NULL) if_engine_stop(network->engine);
}

uint64_t lassim_network_progress(const lassim_network *network)
{
    return network->engine != NULL ? if_engine_progress(network->engine) : 0;
}
