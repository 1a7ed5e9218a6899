/* What a network's spike trace says of the network: its hash and population table. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/if_network.h"
#include "neurons/code.h"

static void put_double(uint8_t *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    trace_put64(out, bits);
}

static void hash_population(XXH3_state_t *state, const struct if_population *p)
{
    uint8_t bytes[TRACE_NAME + 40] = {0};
    memcpy(bytes, p->name, TRACE_NAME);
    uint8_t *at = bytes + TRACE_NAME;
    trace_put32(at, p->size);
    trace_put32(at + 4, p->neuron);
    put_double(at + 8, p->params.threshold);
    put_double(at + 16, p->params.leak);
    put_double(at + 24, p->initial);
    trace_put32(at + 32, (uint32_t)p->params.subtract);
    trace_put32(at + 36, p->params.refractory);
    XXH3_64bits_update(state, bytes, sizeof bytes);
}

/* Synapses on their way to the hash. */
struct hash_buffer {
    XXH3_state_t *state;
    size_t used;
    uint8_t bytes[256 * 16];
};

static void flush_synapses(struct hash_buffer *buffer)
{
    XXH3_64bits_update(buffer->state, buffer->bytes, buffer->used);
    buffer->used = 0;
}

static void hash_synapse(struct hash_buffer *buffer, uint32_t source, uint32_t target, int64_t integer)
{
    uint8_t *out = buffer->bytes + buffer->used;
    trace_put32(out, source);
    trace_put32(out + 4, target);
    trace_put64(out + 8, (uint64_t)integer);
    buffer->used += 16;
    if (buffer->used == sizeof buffer->bytes) flush_synapses(buffer);
}

static void hash_route(XXH3_state_t *state, const struct if_route *route, uint32_t sources)
{
    uint8_t bytes[24];
    trace_put32(bytes, route->source);
    trace_put32(bytes + 4, route->target);
    trace_put32(bytes + 8, route->delay);
    trace_put32(bytes + 12, (uint32_t)route->grid.grid);
    trace_put64(bytes + 16, route->synapses);
    XXH3_64bits_update(state, bytes, sizeof bytes);
    struct hash_buffer buffer = {.state = state};
    for (uint32_t s = 0; route->dense && s < sources; s++) {
        for (uint32_t t = 0; t < route->rows.targets; t++)
            hash_synapse(&buffer, s, t, row_matrix_get(&route->rows, s, t));
    }
    for (uint32_t row = 0; !route->dense && row < route->list.rows; row++) {
        uint32_t s = route->list.row != NULL ? route->list.row[row] : row;
        for (uint64_t i = route->list.start[row]; i < route->list.start[row + 1]; i++)
            hash_synapse(&buffer, s, route->list.target[i], route->list.weight[i]);
    }
    flush_synapses(&buffer);
}

uint64_t if_network_hash(const struct if_network *network)
{
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL) return 0;
    XXH3_64bits_reset(state);
    for (uint32_t p = 0; p < network->populations; p++) hash_population(state, &network->population[p]);
    for (uint32_t r = 0; r < network->routes; r++)
        hash_route(state, &network->route[r], network->population[network->route[r].source].size);
    uint64_t hash = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return hash;
}

/* Synapses of every neuron of a route's source; 0 if they differ. */
static uint64_t uniform_fan_out(const struct if_route *route)
{
    if (route->dense) return route->rows.targets;
    const struct synapse_list *list = &route->list;
    for (uint32_t row = 1; row < list->rows; row++)
        if (list->start[row + 1] - list->start[row] != list->start[1]) return 0;
    return list->row == NULL ? list->start[1] : 0;
}

/* Adds the routes' fan-outs up; a population with a route of unequal ones gets 0. */
static void fill_fan_out(const struct if_network *network, struct trace_population *row, uint8_t *mixed)
{
    for (uint32_t r = 0; r < network->routes; r++) {
        const struct if_route *route = &network->route[r];
        uint64_t each = uniform_fan_out(route), sum = row[route->source].fan_out + each;
        mixed[route->source] |= each == 0 || sum > UINT32_MAX;
        row[route->source].fan_out = mixed[route->source] ? 0 : (uint32_t)sum;
    }
}

enum lassim_status if_network_trace_info(const struct if_network *network, struct trace_header_info *info,
                                         struct lassim_error *error)
{
    *info = (struct trace_header_info){.model_hash = if_network_hash(network),
                                       .timesteps = SPIKE_STEPS_MAX,
                                       .code = SPIKE_CODE_RADIX,
                                       .populations = network->populations};
    info->population = calloc(network->populations, sizeof *info->population);
    uint8_t *mixed = calloc(network->populations, 1);
    if (info->population == NULL || mixed == NULL) {
        free(mixed);
        trace_info_free(info);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the trace");
    }
    for (uint32_t p = 0; p < network->populations; p++) {
        struct trace_population *row = &info->population[p];
        *row = (struct trace_population){.kind = IF_TRACE_KIND + (uint32_t)network->population[p].neuron,
                                         .code = CODE_OAT,
                                         .neurons = network->population[p].size,
                                         .block_neurons = IF_BLOCK};
        memcpy(row->name, network->population[p].name, TRACE_NAME);
    }
    fill_fan_out(network, info->population, mixed);
    free(mixed);
    return LASSIM_OK;
}
