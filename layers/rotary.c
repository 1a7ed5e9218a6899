/* Rotary positions: a linear map of spikes.  Each spike of q and k enters its own and the paired channel of its head,
 * weighed by the position's cosine and sine; the turned potentials fire again. */
#include "layers/network_state.h"
#include "layers/values.h"
#include "neurons/real.h"

/* out[i] = x[i] cos - x[i + h] sin, out[i + h] = x[i + h] cos + x[i] sin, h = head_dim / 2.  Workers split the heads. */
void turn_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t dim = network->head_dim, from, to, first, last;
    int64_t *sum = network_unit(network, packet->population, packet->token)->sum;
    packet_share(network->model.graph->population[packet->population].neurons / dim, 1, worker, workers, &from, &to);
    packet_slice(packet, from * dim, to * dim, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        const int32_t *turn = network_rotary(network, packet->position, i % dim);
        sum[i] += delta * turn[0];
        if (i % dim < dim / 2)
            sum[i + dim / 2] += delta * turn[1];
        else
            sum[i - dim / 2] -= delta * turn[1];
    }
}

void turned_close(struct close_call *call)
{
    const struct network *network = call->network;
    uint32_t plain = network->model.graph->population[call->population].partner;
    int64_t *sum = network_unit(network, plain, call->token->token)->sum;
    double unit = network->links[plain].lsb * real_power_of_two(-ROTARY_BITS);
    if (network->model.graph->population[call->population].kind == POPULATION_QUERY_TURNED)
        query_begin(call);
    else
        key_begin(call);
    values_of_sums(sum + call->from, NULL, NULL, unit, call->to - call->from, call->x + call->from);
}
