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
    [POPULATION_RESIDUAL] = {source_receive, residual_close},
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
    [POPULATION_TYPE] = {linear_receive, NULL},
    [POPULATION_QUERY_TURNED] = {query_receive, turned_close},
    [POPULATION_KEY_TURNED] = {key_receive, turned_close},
    [POPULATION_ACTIVATED] = {activated_receive, activated_close},
    [POPULATION_GATE] = {gate_receive, gate_close},
    [POPULATION_UP] = {up_receive, up_close},
    [POPULATION_GATED] = {linear_receive, gated_close},
    [POPULATION_RELAY] = {source_receive, relay_close},
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
    *packet = (struct packet){
        spike, 1, p, token->token, row / GRAPH_BLOCK_NEURONS, 0, token->position, token->visible, 0, 0, 0, 0};
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
    train->visible = token->visible;
    train->neurons = graph_window_neurons(graph, p, token->visible);
    train->span = graph->population[p].visible_only ? token->visible : train->neurons;
    train->stride = graph->population[p].visible_only ? network->positions : train->neurons;
}

/* What a population's close is cut by: the neurons of its window, or heads with all their neurons. */
static uint32_t units_of(const struct network *network, uint32_t p)
{
    switch (network->model.graph->population[p].kind) {
    case POPULATION_EXP:
    case POPULATION_WEIGHT:
    case POPULATION_INVERSE:
    case POPULATION_CONTEXT: return network->heads;
    default: return network->model.graph->population[p].neurons;
    }
}

enum { CLOSE_GRAIN = 64 /* neurons that stay together */ };

static void share_units(const struct network *network, uint32_t p, unsigned part, unsigned parts, uint32_t *from,
                        uint32_t *to)
{
    uint32_t units = units_of(network, p);
    packet_share(units, units == network->heads ? 1 : CLOSE_GRAIN, part, parts, from, to);
}

void network_close_begin(struct network *network, uint32_t p, const struct token_window *token,
                         struct close_result *result)
{
    const struct population *population = &network->model.graph->population[p];
    *result = (struct close_result){.opened = token->asked || !population->head_side};
    if (!result->opened) return;
    begin_train(network, p, token);
    if (population->kind == POPULATION_CENTERED) centered_begin(network, p, token);
}

/* The residual takes in what was sent to it, channels cut as its own close is. */
static void take_residual(struct close_call *call, unsigned part, unsigned parts)
{
    const struct network *network = call->network;
    packet_share(network->hidden, CLOSE_GRAIN, part, parts, &call->from, &call->to);
    if (network->model.graph->population[call->population].kind == POPULATION_RESIDUAL) residual_intake(call);
    if (network->links[call->population].emptied_norm != GRAPH_NONE) residual_replace(call);
}

static uint64_t code_oat(const struct close_call *call, struct train *train, const struct close_part *part)
{
    const struct network *network = call->network;
    const struct population_params *params = &network->model.population[call->population];
    const struct oat_params oat = {network->links[call->population].lsb, params->shift,
                                   network_steps(network, call->population), params->j,
                                   network->model.graph->population[call->population].relu};
    return oat_encode(&oat, part->from, call->x + part->from, part->to - part->from, train->codes + part->from);
}

static void code_perturbed(const struct close_call *call, struct train *train, struct close_part *part)
{
    const struct network *network = call->network;
    const struct network_model *model = &network->model;
    unsigned steps = network_steps(network, call->population);
    const struct perturb_key key =
        perturb_window(model->perturbation, network->sequence, train->population, train->token);
    if (model->graph->population[train->population].code != CODE_HG) {
        train_perturb_potentials(train, &key, part->from, part->to, call->x);
        part->saturations += code_oat(call, train, part);
    }
    part->saturations -= train_perturb_codes(train, &key, steps, part->from, part->to);
    if (network->windows) part->lost = train_perturb_delivery(train, &key, model->code, steps, part->from, part->to);
}

void network_close_part(struct network *network, uint32_t p, const struct token_window *token, unsigned worker,
                        unsigned part, unsigned parts, struct close_part *done)
{
    const struct population *population = &network->model.graph->population[p];
    struct close_call call = {network, p, token, network->scratch[worker], 0, 0, 0, 0};
    struct train *train = network_own_train(network, p, token->token);
    *done = (struct close_part){0};
    take_residual(&call, part, parts);
    if (token->asked || !population->head_side) {
        share_units(network, p, part, parts, &call.from, &call.to);
        if (call.from < call.to) layer_of[population->kind].close(&call);
        uint32_t neurons = train->neurons / units_of(network, p);
        done->from = call.from * neurons;
        done->to = call.to * neurons;
    }
    done->saturations = call.saturations;
    done->bias_injections = call.injections;
    if (done->from == done->to) return;
    if (network->model.perturbation != NULL)
        code_perturbed(&call, train, done);
    else if (population->code != CODE_HG)
        done->saturations += code_oat(&call, train, done);
}

void network_close(struct network *network, uint32_t p, const struct token_window *token, unsigned worker,
                   struct close_result *result)
{
    struct train *train = network_own_train(network, p, token->token);
    struct close_part whole;
    network_close_begin(network, p, token, result);
    network_close_part(network, p, token, worker, 0, 1, &whole);
    result->saturations = whole.saturations;
    result->bias_injections = whole.bias_injections;
    if (!result->opened || network->windows) return;
    struct perturb_key key;
    const struct perturbation *perturbation = network->model.perturbation;
    if (perturbation != NULL) key = perturb_window(perturbation, network->sequence, p, token->token);
    if (network->model.graph->population[p].code == CODE_HG)
        train_build_hg(train, network->model.code, network_steps(network, p), perturbation != NULL ? &key : NULL);
    else
        train_build_oat(train, network->model.code, network_steps(network, p), perturbation != NULL ? &key : NULL);
}
