/* Linear layers and embeddings: a spike of source j walks row j of each matrix that its population feeds. */
#include "layers/network_state.h"
#include "layers/synapse.h"
#include "layers/values.h"
#include "neurons/real.h"

void linear_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct population_links *links = &network->links[packet->population];
    const struct graph *graph = network->model.graph;
    int input = graph->population[packet->population].code == CODE_INPUT;
    for (uint32_t k = 0; k < links->matrices; k++) {
        uint32_t m = links->matrix[k], from, to;
        const struct matrix_part part = network_part(network, m, worker);
        packet_share(graph->matrix[m].targets, SYNAPSE_WINDOW_GRAIN, worker, workers, &from, &to);
        if (from >= to) continue;
        synapse_receive(&part.matrix, part.to - part.from, &network->model.population[packet->population],
                        input ? 1 : network_steps(network, packet->population), packet, from - part.from,
                        to - part.from, network_sum(network, m, packet->token) + part.from);
    }
}

struct matrix_part network_part(const struct network *network, uint32_t m, unsigned worker)
{
    if (network->part != NULL && network->part[m * network->nodes].matrix.weights != NULL)
        return network->part[m * network->nodes + network->node[worker]];
    return (struct matrix_part){network->model.matrix[m], 0, network->model.graph->matrix[m].targets};
}

double network_matrix_unit(const struct network *network, uint32_t m)
{
    uint32_t source = network->model.graph->matrix[m].source;
    return network->links[source].lsb * real_power_of_two(network->model.matrix[m].grid);
}

void network_matrix_values(struct network *network, uint32_t m, uint32_t token, uint32_t from, uint32_t to, double *x)
{
    const struct matrix *matrix = &network->model.matrix[m];
    int64_t *sum = network_sum(network, m, token);
    double unit = network_matrix_unit(network, m);
    values_of_sums(sum + from, matrix->scale != NULL ? matrix->scale + from : NULL,
                   matrix->bias != NULL ? matrix->bias + from : NULL, unit, to - from, x + from);
}

void linear_close(struct close_call *call)
{
    struct network *network = call->network;
    uint32_t m = network->links[call->population].input;
    network_matrix_values(network, m, call->token->token, call->from, call->to, call->x);
    if (network->model.matrix[m].bias != NULL) call->injections += call->to - call->from;
}

/* The last norm's own train, read out. */
static void read_values(struct network *network, const struct token_window *token, float *logits)
{
    uint32_t p = network->model.graph->head_source;
    int64_t *sum = network_unit(network, p, token->token)->sum;
    for (uint32_t i = 0; i < network->model.graph->head_width; i++) {
        logits[i] = (float)((double)sum[i] * network->links[p].lsb);
        sum[i] = 0;
    }
}

enum { LOGITS_AT_ONCE = 256 };

uint64_t network_close_head(struct network *network, const struct token_window *token, float *logits)
{
    uint32_t m = network->model.graph->head_matrix, targets = network->model.graph->head_width;
    if (m == GRAPH_NONE) {
        read_values(network, token, logits);
        return 0;
    }
    const double *scale = network->model.matrix[m].scale, *bias = network->model.matrix[m].bias;
    int64_t *sum = network_sum(network, m, token->token);
    double unit = network_matrix_unit(network, m);
    for (uint32_t i = 0, n; i < targets; i += n) {
        double x[LOGITS_AT_ONCE];
        n = targets - i < LOGITS_AT_ONCE ? targets - i : LOGITS_AT_ONCE;
        values_of_sums(sum + i, scale != NULL ? scale + i : NULL, bias != NULL ? bias + i : NULL, unit, n, x);
        for (uint32_t k = 0; k < n; k++) logits[i + k] = (float)x[k];
    }
    return bias != NULL ? targets : 0;
}
