/* A network's membranes: how many there are of each, and which of them layers share. */
#include "layers/network_builder.h"

static void take_norm(struct builder *b, const struct network *network, int emptied, struct norm_state *norm)
{
    uint64_t hidden = network->hidden;
    struct norm_state made = {0};
    made.own = network_take(b, hidden, sizeof *made.own);
    made.mean = network_take(b, network->workers, sizeof *made.mean);
    made.square = network_take(b, network->workers, sizeof *made.square);
    if (!network->windows) made.product = network_take(b, hidden, sizeof *made.product);
    made.centered = network_take(b, hidden, sizeof *made.centered);
    if (emptied) made.emptied = network_take(b, hidden, sizeof *made.emptied);
    if (norm != NULL) *norm = made;
}

static void take_attention(struct builder *b, const struct network *network, struct attention_state *attention)
{
    uint64_t width = network->width, heads = network->heads, context = network->context;
    struct attention_state made = {0};
    made.query = network_take(b, (uint64_t)network_query_copies(network) * width, sizeof *made.query);
    made.score = network_take(b, heads * context, sizeof *made.score);
    made.own_score = network_take(b, network->workers * heads, sizeof *made.own_score);
    made.exponential = network_take(b, heads * context, sizeof *made.exponential);
    made.weight_sum = network_take(b, heads, sizeof *made.weight_sum);
    made.context = network_take(b, width, sizeof *made.context);
    made.octave = network_take(b, heads, sizeof *made.octave);
    made.inverse = network_take(b, network->workers * heads, sizeof *made.inverse);
    made.context_sum = network_take(b, width, sizeof *made.context_sum);
    if (!network->windows) made.product = network_take(b, width, sizeof *made.product);
    if (attention != NULL) *attention = made;
}

/* What population p is fed neuron by neuron, if it is. */
static void take_unit(struct builder *b, const struct network *network, uint32_t p, struct unit_state *unit)
{
    const struct graph *graph = network->model.graph;
    uint64_t neurons = graph->population[p].neurons;
    struct unit_state made = {0};
    switch (graph->population[p].kind) {
    case POPULATION_QUERY_TURNED:
    case POPULATION_KEY_TURNED:
    case POPULATION_RELAY: made.sum = network_take(b, neurons, sizeof *made.sum); break;
    case POPULATION_GATED:
        if (!network->windows) made.product = network_take(b, neurons, sizeof *made.product);
        made.gate = network_take(b, neurons, sizeof *made.gate);
        made.up = network_take(b, neurons, sizeof *made.up);
        break;
    default:
        if (p == graph->head_source && graph->head_matrix == GRAPH_NONE)
            made.sum = network_take(b, neurons, sizeof *made.sum);
    }
    if (unit != NULL) *unit = made;
}

uint32_t network_first_population(const struct network *network, uint32_t p)
{
    const struct population *population = network->model.graph->population;
    for (uint32_t q = 0; network->level_by_level && q < p; q++)
        if (population[q].kind == population[p].kind && population[q].neurons == population[p].neurons) return q;
    return p;
}

static void take_norms(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    int any = 0;
    for (uint32_t n = 0; n < graph->norms; n++) any |= graph->population[graph->norm[n].output].into_residual;
    for (uint32_t n = 0; n < graph->norms; n++) {
        int shared = network->level_by_level && n > 0;
        int emptied = network->level_by_level ? any : graph->population[graph->norm[n].output].into_residual;
        for (uint32_t c = 0; c < network->copies; c++) {
            struct norm_state *norm = b->allocate != NULL ? &network->norm[(uint64_t)n * network->copies + c] : NULL;
            if (!shared)
                take_norm(b, network, emptied, norm);
            else if (norm != NULL)
                *norm = network->norm[c];
        }
    }
}

/* Membranes fed neuron by neuron; a population that is read out keeps its own. */
static void take_units(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t p = 0; p < graph->populations; p++) {
        uint32_t first = p == graph->head_source ? p : network_first_population(network, p);
        for (uint32_t c = 0; c < network->copies; c++) {
            struct unit_state *unit = b->allocate != NULL ? &network->unit[(uint64_t)p * network->copies + c] : NULL;
            if (first == p)
                take_unit(b, network, p, unit);
            else if (unit != NULL)
                *unit = network->unit[(uint64_t)first * network->copies + c];
        }
    }
}

uint64_t network_cached_keys(const struct network *network)
{
    return (network->context + KEY_BLOCK - 1u) / KEY_BLOCK * KEY_BLOCK * (uint64_t)network->kv_width;
}

uint64_t network_cached_values(const struct network *network)
{
    return (uint64_t)network->context * network->kv_width;
}

static void take_attentions(struct builder *b, struct network *network)
{
    int32_t *keys = NULL, *values = NULL;
    for (uint32_t l = 0; l < network->model.graph->config.layers; l++) {
        if (!network->encoder || l == 0) {
            keys = network_take(b, network_cached_keys(network), sizeof *keys);
            values = network_take(b, network_cached_values(network), sizeof *values);
        }
        for (uint32_t c = 0; c < network->copies; c++) {
            struct attention_state *attention =
                b->allocate != NULL ? &network->attention[(uint64_t)l * network->copies + c] : NULL;
            if (!network->level_by_level || l == 0)
                take_attention(b, network, attention);
            else if (attention != NULL)
                *attention = network->attention[c];
            if (attention == NULL) continue;
            attention->key_sums = keys;
            attention->value_sums = values;
        }
    }
}

void network_take_membranes(struct builder *b, struct network *network)
{
    take_norms(b, network);
    take_attentions(b, network);
    take_units(b, network);
}
