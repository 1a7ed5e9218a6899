/* Attention's value side: 1 / sum of e, the context, and their spike Hadamard product. */
#include <string.h>

#include "layers/network_state.h"
#include "layers/values.h"
#include "neurons/real.h"

void inverse_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    const struct hg_table *table = &network->model.table[network->model.population[call->population].table];
    double unit = network->links[attention->weight_population].lsb;
    int *octave = attention->octave;
    for (uint32_t head = call->from; head < call->to; head++) {
        double sum = (double)attention->weight_sum[head] * unit;
        struct hg_code *code = &network_own_train(network, call->population, call->token->token)->hg[head];
        hg_encode(table, network_steps(network, call->population), sum, code);
        call->saturations += code->saturated;
        octave[head] = sum > 0 ? real_floor_log2(sum) : 0;
        attention->weight_sum[head] = 0;
        for (unsigned w = 0; w < network->workers; w++) attention->inverse[(uint64_t)w * network->heads + head] = 0;
    }
}

void inverse_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct hg_table *table = &network->model.table[network->model.population[packet->population].table];
    int64_t *running = attention->inverse + (uint64_t)worker * network->heads;
    uint32_t from, to;
    packet_share(network->width, 16, worker, workers, &from, &to);
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t head = packet->spikes[s] & SPIKE_NEURON, low = from, high = to;
        int64_t delta = hg_spike_delta(table, &network_own_train(network, packet->population, packet->token)->hg[head],
                                       packet->step, packet->spikes[s]);
        network_head_channels(network, head, &low, &high);
        for (uint32_t i = low; i < high; i++) attention->product[i] += (wide)delta * attention->context_sum[i];
        running[head] += delta;
    }
}

void context_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    double unit = network->links[attention->weight_population].lsb * network->links[attention->value_population].lsb;
    for (uint32_t head = call->from; head < call->to; head++) {
        uint32_t low = head * network->head_dim;
        values_of_sums(attention->context + low, NULL, NULL, unit * real_power_of_two(-attention->octave[head]),
                       network->head_dim, call->x + low);
        memset(attention->context_sum + low, 0, network->head_dim * sizeof *attention->context_sum);
    }
}

void context_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    const int64_t *inverse = attention->inverse + (uint64_t)worker * network->heads;
    uint32_t from, to, first, last;
    packet_share(network->width, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        attention->product[i] += (wide)delta * inverse[i / network->head_dim];
        attention->context_sum[i] += delta;
    }
}

void attention_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    const struct hg_table *table =
        &network->model.table[network->model.population[attention->inverse_population].table];
    double unit = network->links[attention->context_population].lsb * real_power_of_two(table->output_grid);
    for (uint32_t low = call->from, high; low < call->to; low = high) { /* head by head */
        uint32_t head = low / network->head_dim;
        double own_unit = unit * real_power_of_two(attention->octave[head]);
        high = (head + 1) * network->head_dim < call->to ? (head + 1) * network->head_dim : call->to;
        if (network->windows)
            values_of_products(&(struct values_products){.factor = attention->context_sum + low,
                                                         .by = attention->inverse + head,
                                                         .unit = own_unit},
                               high - low, call->x + low);
        for (uint32_t i = low; i < high && !network->windows; i++) {
            call->x[i] = wide_to_double(attention->product[i]) * own_unit;
            attention->product[i] = 0;
        }
    }
}
