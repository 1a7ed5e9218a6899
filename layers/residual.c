/* The residual stream: integer potentials that keep what they receive, and fire a train from a copy. */
#include "layers/network_state.h"
#include "neurons/real.h"

#define RESIDUAL_LIMIT (INT64_C(1) << 52)

/* Adds a value to a potential: rounded once, half away from zero, clamped; a clamp is counted. */
static int64_t add_value(int64_t potential, double value, double per_grid, uint64_t *saturations)
{
    double scaled = value * per_grid;
    int64_t sum;
    if (scaled > (double)(2 * RESIDUAL_LIMIT) || scaled < -(double)(2 * RESIDUAL_LIMIT))
        sum = scaled > 0 ? 2 * RESIDUAL_LIMIT : -2 * RESIDUAL_LIMIT;
    else
        sum = potential + real_round_half_away(scaled);
    if (sum >= -RESIDUAL_LIMIT && sum <= RESIDUAL_LIMIT) return sum;
    ++*saturations;
    return sum > 0 ? RESIDUAL_LIMIT : -RESIDUAL_LIMIT;
}

void residual_replace(struct close_call *call)
{
    struct network *network = call->network;
    uint32_t norm = network->links[call->population].emptied_norm;
    double lsb = network->links[network->model.graph->norm[norm].output].lsb;
    double per_grid = real_power_of_two(-network->model.residual_grid);
    int64_t *sum = network->norm[(uint64_t)norm * network->copies + call->token->token % network->copies].emptied;
    int64_t *potential = network_residual(network, call->token->token);
    for (uint32_t i = call->from; i < call->to; i++) {
        potential[i] = add_value(0, (double)sum[i] * lsb, per_grid, &call->saturations);
        sum[i] = 0;
    }
}

static void take_in(struct close_call *call, uint32_t m, int64_t *potential, double per_grid)
{
    struct network *network = call->network;
    network_matrix_values(network, m, call->token->token, call->from, call->to, call->x);
    for (uint32_t i = call->from; i < call->to; i++)
        potential[i] = add_value(potential[i], call->x[i], per_grid, &call->saturations);
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
    for (uint32_t i = call->from; i < call->to; i++) call->x[i] = (double)potential[i] * grid;
}
