/* Norms by spikes: x - mean from the source's train, its own square into one variance neuron, HG 1/sqrt, spike
 * Hadamard product with x - mean, then gamma and beta.  RMSNorm: the source itself in x - mean's place, no beta. */
#include <string.h>

#include "layers/network_state.h"
#include "layers/values.h"
#include "neurons/real.h"

void centered_begin(struct network *network, uint32_t population, const struct token_window *token)
{
    struct norm_state *norm = network_norm(network, population, token->token);
    norm->total = 0;
    for (unsigned w = 0; w < network->workers; w++) {
        norm->total += norm->mean[w];
        norm->mean[w] = 0;
    }
}

void centered_close(struct close_call *call)
{
    struct network *network = call->network;
    struct norm_state *norm = network_norm(network, call->population, call->token->token);
    uint32_t source = network->model.graph->norm[network->model.graph->population[call->population].norm].source;
    double unit = network->links[source].lsb / (double)network->hidden;
    uint32_t from = call->from, n = call->to - from;
    values_of_differences(norm->own + from, network->hidden, norm->total, unit, n, call->x + from);
    memset(norm->centered + from, 0, n * sizeof *norm->centered);
}

void centered_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct norm_state *norm = network_norm(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    int64_t *centered = norm->centered;
    uint32_t from, to, first, last;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    wide square = 0;
    for (uint32_t s = first; s < last; s++) {
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        int64_t *running = &centered[packet->spikes[s] & SPIKE_NEURON];
        square += (wide)delta * (2 * *running + delta);
        *running += delta;
    }
    norm->square[worker] += square;
}

void rstd_close(struct close_call *call)
{
    struct network *network = call->network;
    const struct graph *graph = network->model.graph;
    struct norm_state *norm = network_norm(network, call->population, call->token->token);
    double lsb = network->links[graph->norm[graph->population[call->population].norm].centered].lsb;
    wide total = 0;
    for (unsigned w = 0; w < network->workers; w++) {
        total += norm->square[w];
        norm->square[w] = 0;
    }
    double variance = wide_to_double(total) * (lsb * lsb / (double)network->hidden);
    const struct hg_table *table = &network->model.table[network->model.population[call->population].table];
    struct hg_code *code = &network_own_train(network, call->population, call->token->token)->hg[0];
    hg_encode(table, network_steps(network, call->population), variance + graph->config.norm_epsilon, code);
    call->saturations += code->saturated;
}

void rstd_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct norm_state *norm = network_norm(network, packet->population, packet->token);
    const struct hg_table *table = &network->model.table[network->model.population[packet->population].table];
    const struct hg_code *code = &network_own_train(network, packet->population, packet->token)->hg[0];
    const int64_t *centered = norm->centered;
    uint32_t from, to;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    for (uint32_t s = 0; s < packet->count; s++) {
        int64_t delta = hg_spike_delta(table, code, packet->step, packet->spikes[s]);
        if (delta == 0) continue;
        for (uint32_t i = from; i < to; i++) norm->product[i] += (wide)delta * centered[i];
    }
}

void norm_close(struct close_call *call)
{
    struct network *network = call->network;
    const struct graph *graph = network->model.graph;
    uint32_t n = graph->population[call->population].norm;
    struct norm_state *norm = network_norm(network, call->population, call->token->token);
    const struct norm_params *params = &network->model.norm[n];
    const struct hg_table *table = &network->model.table[network->model.population[graph->norm[n].rstd].table];
    double unit = network->links[graph->norm[n].centered].lsb * real_power_of_two(table->output_grid);
    uint32_t from = call->from;
    if (network->windows) {
        values_of_products(&(struct values_products){.factor = norm->centered + from,
                                                     .by = &norm->scale,
                                                     .unit = unit,
                                                     .scale = params->gamma != NULL ? params->gamma + from : NULL,
                                                     .bias = params->beta != NULL ? params->beta + from : NULL},
                           call->to - from, call->x + from);
        return;
    }
    for (uint32_t i = from; i < call->to; i++) {
        double value = wide_to_double(norm->product[i]) * unit;
        if (params->gamma != NULL) value = value * params->gamma[i];
        call->x[i] = params->beta != NULL ? value + params->beta[i] : value;
        norm->product[i] = 0;
    }
}

void norm_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    linear_receive(network, packet, worker, workers);
    int64_t *emptied = network_norm(network, packet->population, packet->token)->emptied;
    if (network->model.graph->population[packet->population].into_residual)
        values_receive(network, packet, worker, workers, emptied);
    if (network->links[packet->population].unit != GRAPH_NONE)
        values_receive(network, packet, worker, workers, network_unit(network, packet->population, packet->token)->sum);
}

void values_receive(const struct network *network, const struct packet *packet, unsigned worker, unsigned workers,
                    int64_t *sum)
{
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, first, last;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        sum[i] += delta * (INT64_C(1) << params->shift[i]);
    }
}

/* The source of a norm: its values and their sum, or with RMSNorm what x - mean is elsewhere. */
static void source_sums(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    struct norm_state *norm = network_norm(network, packet->population, packet->token);
    uint32_t from, to, first, last;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    int64_t total = 0;
    for (uint32_t s = first; s < last; s++) {
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        norm->own[packet->spikes[s] & SPIKE_NEURON] += delta;
        total += delta;
    }
    norm->mean[worker] += total;
}

void source_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct population_links *links = &network->links[packet->population];
    if (!links->norm_source)
        linear_receive(network, packet, worker, workers);
    else if (network->model.graph->norm[links->norm].centered == packet->population)
        centered_receive(network, packet, worker, workers);
    else
        source_sums(network, packet, worker, workers);
}

void source_begin(const struct close_call *call)
{
    const struct network *network = call->network;
    const struct population_links *links = &network->links[call->population];
    if (!links->norm_source || network->model.graph->norm[links->norm].centered != call->population) return;
    int64_t *centered = network_norm(network, call->population, call->token->token)->centered;
    memset(centered + call->from, 0, (call->to - call->from) * sizeof *centered);
}
