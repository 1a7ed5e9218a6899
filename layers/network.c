#include "layers/network.h"

#include "layers/network_state.h"
#include "neurons/real.h"

typedef void receive_function(struct network *network, const struct packet *packet, unsigned worker, unsigned workers);
typedef void close_function(struct close_call *call);

/* Which layer each kind of population belongs to: the one place that says so. */
static const struct {
    receive_function *receive;
    close_function *close;
} layer_of[POPULATION_KINDS] = {
    [POPULATION_TOKEN] = {linear_receive, NULL},
    [POPULATION_POSITION] = {linear_receive, NULL},
    [POPULATION_EMBED] = {linear_receive, linear_close},
    [POPULATION_RESIDUAL] = {residual_receive, residual_close},
    [POPULATION_CENTERED] = {centered_receive, centered_close},
    [POPULATION_RSTD] = {rstd_receive, rstd_close},
    [POPULATION_NORM] = {norm_receive, norm_close},
    [POPULATION_QUERY] = {query_receive, query_close},
    [POPULATION_KEY] = {key_receive, key_close},
    [POPULATION_VALUE] = {value_receive, value_close},
    [POPULATION_EXP] = {exp_receive, exp_close},
    [POPULATION_WEIGHT] = {weight_receive, weight_close},
    [POPULATION_INVERSE] = {inverse_receive, inverse_close},
    [POPULATION_CONTEXT] = {context_receive, context_close},
    [POPULATION_ATTENTION] = {linear_receive, attention_close},
    [POPULATION_FFN] = {linear_receive, linear_close},
    [POPULATION_PROJECT_OUT] = {linear_receive, linear_close},
};

void network_head_channels(const struct network *network, uint32_t head, uint32_t *from, uint32_t *to)
{
    uint32_t low = head * network->head_dim, high = low + network->head_dim;
    if (*from < low) *from = low;
    if (*to > high) *to = high;
}

const struct train *network_train(const struct network *network, uint32_t p, uint32_t token)
{
    return network_own_train(network, p, token);
}

void network_input(const struct network *network, uint32_t p, uint32_t row, const struct token_window *token,
                   uint32_t *spike, struct packet *packet)
{
    (void)network;
    *spike = row;
    *packet = (struct packet){spike, 1, p, token->token, row / GRAPH_BLOCK_NEURONS, 0, token->position, 0, 0, 0};
}

void network_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    layer_of[network->model.graph->population[packet->population].kind].receive(network, packet, worker, workers);
}

static void begin_train(struct network *network, uint32_t p, const struct token_window *token)
{
    const struct graph *graph = network->model.graph;
    struct train *train = network_own_train(network, p, token->token);
    train->token = token->token;
    train->position = token->position;
    train->neurons = graph_window_neurons(graph, p, token->position);
    train->span = graph->population[p].visible_only ? token->position + 1 : train->neurons;
    train->stride = graph->population[p].visible_only ? network->positions : train->neurons;
}

/* Codes the membranes' values and lays the packets out. */
static void fire(struct network *network, uint32_t p, uint32_t token, const double *x, struct close_result *result)
{
    const struct population *population = &network->model.graph->population[p];
    const struct population_params *params = &network->model.population[p];
    struct train *train = network_own_train(network, p, token);
    if (population->code == CODE_HG) {
        if (!network->windows) train_build_hg(train, network->model.code, network->model.steps);
        return;
    }
    const struct oat_params oat = {network->links[p].lsb, params->shift, network->model.steps, params->j,
                                   population->relu};
    result->saturations += oat_encode(&oat, 0, x, train->neurons, train->codes);
    if (!network->windows) train_build_oat(train, network->model.code, network->model.steps);
}

void network_close(struct network *network, uint32_t p, const struct token_window *token, unsigned worker,
                   struct close_result *result)
{
    const struct population *population = &network->model.graph->population[p];
    struct close_call call = {network, p, token, network->scratch[worker], 0, 0};
    if (population->kind == POPULATION_RESIDUAL) residual_intake(&call);
    if (network->links[p].emptied_norm != GRAPH_NONE) residual_replace(&call);
    result->opened = token->asked || !population->head_side;
    if (result->opened) {
        begin_train(network, p, token);
        layer_of[population->kind].close(&call);
    }
    result->saturations = call.saturations;
    result->bias_injections = call.injections;
    if (result->opened) fire(network, p, token->token, call.x, result);
}
