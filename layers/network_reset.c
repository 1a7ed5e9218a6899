/* Back to an empty sequence. */
#include <string.h>

#include "layers/network_state.h"

#define CLEAR(array, count) memset((array), 0, (size_t)(count) * sizeof *(array))

static void reset_norm(const struct network *network, struct norm_state *norm)
{
    CLEAR(norm->own, network->hidden);
    CLEAR(norm->mean, network->workers);
    CLEAR(norm->square, network->workers);
    if (norm->product != NULL) CLEAR(norm->product, network->hidden);
    if (norm->emptied != NULL) CLEAR(norm->emptied, network->hidden);
}

/* The cache itself needs no clearing: a window's own column and row start at zero when k and v close. */
static void reset_attention(const struct network *network, struct attention_state *attention)
{
    uint64_t pairs = (uint64_t)network->heads * network->context;
    CLEAR(attention->score, pairs);
    CLEAR(attention->exponential, pairs);
    CLEAR(attention->own_score, (uint64_t)network->workers * network->heads);
    CLEAR(attention->weight_sum, network->heads);
    CLEAR(attention->context, network->width);
    if (attention->product != NULL) CLEAR(attention->product, network->width);
}

/* Running sums start from nothing when their window opens. */
static void reset_unit(struct unit_state *unit, uint32_t neurons)
{
    if (unit->sum != NULL) CLEAR(unit->sum, neurons);
    if (unit->product != NULL) CLEAR(unit->product, neurons);
}

/* 1: matrix m's sums are those of an earlier one. */
static int shares_sums(const struct network *network, uint32_t m)
{
    for (uint32_t k = 0; network->level_by_level && k < m; k++)
        if (network_sum(network, k, 0) == network_sum(network, m, 0)) return 1;
    return 0;
}

/* Memory that layers share is cleared once. */
void network_reset(struct network *network)
{
    const struct graph *graph = network->model.graph;
    uint32_t copies = network->copies;
    network->sequence++;
    uint64_t norms = network->level_by_level && graph->norms > 0 ? 1 : graph->norms;
    uint64_t layers = network->level_by_level ? 1 : graph->config.layers;
    for (uint32_t m = 0; m < graph->matrices; m++)
        for (uint32_t c = 0; c < copies && !shares_sums(network, m); c++)
            CLEAR(network_sum(network, m, c), graph->matrix[m].targets);
    for (uint64_t n = 0; n < norms * copies; n++) reset_norm(network, &network->norm[n]);
    for (uint64_t l = 0; l < layers * copies; l++) reset_attention(network, &network->attention[l]);
    for (uint32_t p = 0; p < graph->populations; p++)
        for (uint32_t c = 0; c < copies; c++)
            reset_unit(&network->unit[(uint64_t)p * copies + c], graph->population[p].neurons);
}
