/* Where every population's spikes go, found once from the graph. */
#include "layers/network_state.h"
#include "neurons/real.h"

/* Where the layer's attention finds its other populations, in every copy. */
static void link_attention(struct network *network, uint32_t p)
{
    const struct population *population = &network->model.graph->population[p];
    int turned = population->kind == POPULATION_QUERY_TURNED || population->kind == POPULATION_KEY_TURNED;
    if (!turned && (population->kind < POPULATION_QUERY || population->kind > POPULATION_ATTENTION)) return;
    network->links[p].layer = (uint32_t)population->layer;
    for (uint32_t c = 0; c < network->copies; c++) {
        struct attention_state *attention = network_attention(network, p, c);
        switch (population->kind) {
        case POPULATION_QUERY:
        case POPULATION_QUERY_TURNED: attention->query_population = p; break; /* the later one meets */
        case POPULATION_KEY:
        case POPULATION_KEY_TURNED: attention->key_population = p; break;
        case POPULATION_VALUE: attention->value_population = p; break;
        case POPULATION_EXP: attention->exp_population = p; break;
        case POPULATION_WEIGHT: attention->weight_population = p; break;
        case POPULATION_INVERSE: attention->inverse_population = p; break;
        case POPULATION_CONTEXT: attention->context_population = p; break;
        default: break;
        }
    }
}

static void link_population(struct network *network, uint32_t p)
{
    const struct population *population = &network->model.graph->population[p];
    const struct population_params *params = &network->model.population[p];
    struct population_links *links = &network->links[p];
    links->input = links->emptied_norm = links->layer = links->unit = links->other = GRAPH_NONE;
    links->norm = population->norm;
    links->norm_source = population->norm != GRAPH_NONE && network->model.graph->norm[population->norm].source == p;
    links->lsb = 1.0;
    if (population->code == CODE_OAT)
        links->lsb = params->scale * real_power_of_two(params->exponent - (int)network_steps(network, p));
    link_attention(network, p);
}

/* Who feeds p neuron by neuron: its partner; a gate's product has two sides. */
static void link_partner(struct network *network, uint32_t p)
{
    const struct graph *graph = network->model.graph;
    uint32_t partner = graph->population[p].partner;
    if (p == graph->head_source && graph->head_matrix == GRAPH_NONE) network->links[p].unit = p;
    if (partner == GRAPH_NONE) return;
    network->links[partner].unit = p;
    if (graph->population[p].kind != POPULATION_GATED) return;
    network->links[partner].other = partner + 1; /* gate, up: in table order */
    network->links[partner + 1].unit = p;
}

static void link_matrix(struct network *network, uint32_t m)
{
    const struct matrix_slot *slot = &network->model.graph->matrix[m];
    struct population_links *source = &network->links[slot->source];
    source->matrix[source->matrices++] = m;
    if (slot->target == TARGET_HEAD) return;
    struct population_links *target = &network->links[slot->target_population];
    if (slot->target == TARGET_RESIDUAL)
        target->intake[target->intakes++] = m;
    else
        target->input = m;
}

/* The token's first residual; and where a post-LN norm's train ends: the first population that it feeds
 * closes then, one level after it, and the residual takes its value. */
static void link_residuals(struct network *network)
{
    const struct graph *graph = network->model.graph;
    uint32_t p = 0;
    while (graph->population[p].kind != POPULATION_RESIDUAL) p++;
    network->links[p].starts_residual = 1;
    for (uint32_t n = 0; n < graph->norms; n++) {
        uint32_t ln = graph->norm[n].output;
        if (!graph->population[ln].into_residual) continue;
        network->links[graph->matrix[network->links[ln].matrix[0]].target_population].emptied_norm = n;
    }
}

void network_link(struct network *network)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t p = 0; p < graph->populations; p++) link_population(network, p);
    for (uint32_t p = 0; p < graph->populations; p++) link_partner(network, p);
    for (uint32_t m = 0; m < graph->matrices; m++) link_matrix(network, m);
    link_residuals(network);
}
