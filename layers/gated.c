/* Smooth activations: an HG population of linear potentials, relayed by OAT neurons over one unit synapse each, or
 * met by the up branch in a spike Hadamard product. */
#include "layers/network_state.h"
#include "layers/values.h"
#include "neurons/real.h"

void activated_close(struct close_call *call)
{
    struct network *network = call->network;
    const struct hg_table *table = network_table(network, call->population);
    struct hg_code *codes = network_own_train(network, call->population, call->token->token)->hg;
    const unsigned steps = network_steps(network, call->population);
    linear_close(call);
    call->saturations += hg_encode_all(table, steps, call->x + call->from, call->to - call->from, codes + call->from);
}

/* The packet's spikes of neurons that are the worker's. */
static void own_spikes(const struct network *network, const struct packet *packet, unsigned worker, unsigned workers,
                       uint32_t *first, uint32_t *last)
{
    uint32_t from, to;
    packet_share(network->model.graph->population[packet->population].neurons, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, first, last);
}

void activated_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct hg_table *table = network_table(network, packet->population);
    const struct hg_code *codes = network_own_train(network, packet->population, packet->token)->hg;
    int64_t *sum = network_unit(network, packet->population, packet->token)->sum;
    uint32_t first, last;
    own_spikes(network, packet, worker, workers, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        sum[i] += hg_spike_delta(table, &codes[i], packet->step, packet->spikes[s]);
    }
}

void relay_close(struct close_call *call)
{
    const struct network *network = call->network;
    uint32_t act = network->model.graph->population[call->population].partner;
    int64_t *sum = network_unit(network, act, call->token->token)->sum;
    double unit = real_power_of_two(network_table(network, act)->output_grid);
    source_begin(call);
    values_of_sums(sum + call->from, NULL, NULL, unit, call->to - call->from, call->x + call->from);
}

void gate_close(struct close_call *call)
{
    int64_t *running = network_unit(call->network, call->population, call->token->token)->gate;
    for (uint32_t i = call->from; i < call->to; i++) running[i] = 0;
    activated_close(call);
}

void up_close(struct close_call *call)
{
    int64_t *running = network_unit(call->network, call->population, call->token->token)->up;
    for (uint32_t i = call->from; i < call->to; i++) running[i] = 0;
    linear_close(call);
}

/* dA S_B(t) + S_A(t-1) dB, in the order gate then up inside a timestep. */
void gate_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct hg_table *table = network_table(network, packet->population);
    const struct hg_code *codes = network_own_train(network, packet->population, packet->token)->hg;
    const struct unit_state *unit = network_unit(network, packet->population, packet->token);
    uint32_t first, last;
    own_spikes(network, packet, worker, workers, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = hg_spike_delta(table, &codes[i], packet->step, packet->spikes[s]);
        unit->product[i] += (wide)delta * unit->up[i];
        unit->gate[i] += delta;
    }
}

void up_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    const struct unit_state *unit = network_unit(network, packet->population, packet->token);
    uint32_t first, last;
    own_spikes(network, packet, worker, workers, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        unit->product[i] += (wide)delta * unit->gate[i];
        unit->up[i] += delta;
    }
}

void gated_close(struct close_call *call)
{
    const struct network *network = call->network;
    uint32_t gate = network->model.graph->population[call->population].partner, up = network->links[gate].other;
    const struct unit_state *state = network_unit(network, gate, call->token->token);
    wide *product = state->product;
    double unit = real_power_of_two(network_table(network, gate)->output_grid) * network->links[up].lsb;
    if (network->windows) {
        values_of_products(
            &(struct values_products){
                .factor = state->up + call->from, .by = state->gate + call->from, .by_stride = 1, .unit = unit},
            call->to - call->from, call->x + call->from);
        return;
    }
    for (uint32_t i = call->from; i < call->to; i++) {
        call->x[i] = wide_to_double(product[i]) * unit;
        product[i] = 0;
    }
}
