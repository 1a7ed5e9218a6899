/* The residual stream: integer potentials that keep what they receive, and fire a train from a copy. */
#include "layers/network_state.h"
#include "layers/values.h"
#include "neurons/real.h"

void residual_replace(struct close_call *call)
{
    struct network *network = call->network;
    uint32_t norm = network->links[call->population].emptied_norm;
    double lsb = network->links[network->model.graph->norm[norm].output].lsb;
    double per_grid = real_power_of_two(-network->model.residual_grid);
    int64_t *sum = network->norm[(uint64_t)norm * network->copies + call->token->token % network->copies].emptied;
    int64_t *potential = network_residual(network, call->token->token);
    values_of_sums(sum + call->from, NULL, NULL, lsb, call->to - call->from, call->x + call->from);
    for (uint32_t i = call->from; i < call->to; i++) potential[i] = 0;
    call->saturations +=
        values_into_potentials(call->x + call->from, per_grid, call->to - call->from, potential + call->from);
}

static void take_in(struct close_call *call, uint32_t m, int64_t *potential, double per_grid)
{
    struct network *network = call->network;
    network_matrix_values(network, m, call->token->token, call->from, call->to, call->x);
    call->saturations +=
        values_into_potentials(call->x + call->from, per_grid, call->to - call->from, potential + call->from);
    if (network->model.matrix[m].bias != NULL) call->injections += call->to - call->from;
}

void residual_intake(struct close_call *call)
{
    struct network *network = call->network;
    const struct population_links *links = &network->links[call->population];
    int64_t *potential = network_residual(network, call->token->token);
    double per_grid = real_power_of_two(-network->model.residual_grid);
    if (links->starts_residual)
        for (uint32_t i = call->from; i < call->to; i++) potential[i] = 0;
    for (uint32_t k = 0; k < links->intakes; k++) take_in(call, links->intake[k], potential, per_grid);
}

void residual_close(struct close_call *call)
{
    const struct network *network = call->network;
    const int64_t *potential = network_residual(network, call->token->token);
    double grid = real_power_of_two(network->model.residual_grid);
    source_begin(call);
    values_of_potentials(potential + call->from, grid, call->to - call->from, call->x + call->from);
}
