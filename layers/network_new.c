/* Builds a network's state: every array is sized from the graph here and nowhere else. */
#include <string.h>

#include "layers/network.h"
#include "layers/network_state.h"
#include "neurons/real.h"

/* Hands out memory, or with allocate == NULL only adds up what would be asked for. */
struct builder {
    network_allocate *allocate;
    void *context;
    uint64_t bytes;
    int failed;
};

static void *take(struct builder *builder, uint64_t count, uint64_t size)
{
    uint64_t bytes = count * size;
    builder->bytes += (bytes + 63) / 64 * 64;
    if (builder->allocate == NULL || builder->failed) return NULL;
    void *memory = builder->allocate(builder->context, bytes ? bytes : 1);
    if (memory == NULL) builder->failed = 1;
    return memory;
}

static void take_norm(struct builder *b, const struct network *network, const struct norm_slot *slot,
                      struct norm_state *norm)
{
    uint64_t hidden = network->model.graph->config.hidden;
    int emptied = network->model.graph->population[slot->output].into_residual;
    struct norm_state made = {0};
    made.own = take(b, hidden, sizeof *made.own);
    made.mean = take(b, network->workers, sizeof *made.mean);
    made.square = take(b, network->workers, sizeof *made.square);
    made.product = take(b, hidden, sizeof *made.product);
    for (int parity = 0; parity < 2; parity++) {
        made.centered[parity] = take(b, hidden, sizeof *made.centered[0]);
        if (emptied) made.emptied[parity] = take(b, hidden, sizeof *made.emptied[0]);
    }
    if (norm != NULL) *norm = made;
}

static void take_attention(struct builder *b, const struct network *network, struct attention_state *attention)
{
    const struct model_config *config = &network->model.graph->config;
    uint64_t hidden = config->hidden, heads = config->heads, positions = config->positions;
    struct attention_state made = {0};
    made.key_sums = take(b, hidden * positions, sizeof *made.key_sums);
    made.value_sums = take(b, hidden * positions, sizeof *made.value_sums);
    made.query = take(b, hidden, sizeof *made.query);
    made.score = take(b, heads * positions, sizeof *made.score);
    made.own_score = take(b, network->workers * heads, sizeof *made.own_score);
    made.exponential = take(b, heads * positions, sizeof *made.exponential);
    made.weight_sum = take(b, heads, sizeof *made.weight_sum);
    made.context = take(b, hidden, sizeof *made.context);
    for (int parity = 0; parity < 2; parity++) made.octave[parity] = take(b, heads, sizeof *made.octave[0]);
    made.inverse = take(b, network->workers * heads, sizeof *made.inverse);
    made.context_sum = take(b, hidden, sizeof *made.context_sum);
    made.product = take(b, hidden, sizeof *made.product);
    if (attention != NULL) *attention = made;
}

static void take_train(struct builder *b, const struct network *network, uint32_t p, struct train *train)
{
    const struct population *population = &network->model.graph->population[p];
    int gates = population->code == CODE_HG;
    unsigned steps = network->model.steps;
    if (population->code == CODE_INPUT) return;
    struct train made = {.population = p};
    if (gates)
        made.hg = take(b, population->neurons, sizeof *made.hg);
    else
        made.codes = take(b, population->neurons, sizeof *made.codes);
    made.spikes = take(b, train_spikes_max(population->neurons, steps, gates), sizeof *made.spikes);
    made.packets = take(b, (uint64_t)graph_blocks(network->model.graph, p) * steps, sizeof *made.packets);
    if (train != NULL) *train = made;
}

/* Arrays of pointers first, then what they point to; the same walk counts and allocates. */
static void take_all(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    int make = b->allocate != NULL;
    uint64_t largest = 0;
    network->links = take(b, graph->populations, sizeof *network->links);
    network->train = take(b, graph->populations, sizeof *network->train);
    network->sum = take(b, graph->matrices, sizeof *network->sum);
    network->norm = take(b, graph->norms, sizeof *network->norm);
    network->attention = take(b, graph->config.layers, sizeof *network->attention);
    network->scratch = take(b, network->workers, sizeof *network->scratch);
    network->residual = take(b, (uint64_t)network->slots * graph->config.hidden, sizeof *network->residual);
    if (b->failed) return;
    for (uint32_t p = 0; p < graph->populations; p++) {
        take_train(b, network, p, make ? &network->train[p] : NULL);
        if (graph->population[p].code == CODE_OAT && graph->population[p].neurons > largest)
            largest = graph->population[p].neurons;
    }
    for (uint32_t m = 0; m < graph->matrices; m++)
        for (int parity = 0; parity < 2; parity++) {
            int64_t *sum = take(b, graph->matrix[m].targets, sizeof *sum);
            if (make && !b->failed) network->sum[m][parity] = sum;
        }
    for (uint32_t n = 0; n < graph->norms; n++) take_norm(b, network, &graph->norm[n], make ? &network->norm[n] : NULL);
    for (uint32_t l = 0; l < graph->config.layers; l++)
        take_attention(b, network, make ? &network->attention[l] : NULL);
    for (unsigned w = 0; w < network->workers; w++) {
        double *scratch = take(b, largest, sizeof *scratch);
        if (make && !b->failed) network->scratch[w] = scratch;
    }
}

static void link_attention(struct network *network, uint32_t p)
{
    const struct population *population = &network->model.graph->population[p];
    if (population->kind < POPULATION_QUERY || population->kind > POPULATION_ATTENTION) return;
    struct attention_state *attention = &network->attention[population->layer];
    network->links[p].attention = attention;
    switch (population->kind) {
    case POPULATION_QUERY: attention->query_population = p; break;
    case POPULATION_KEY: attention->key_population = p; break;
    case POPULATION_VALUE: attention->value_population = p; break;
    case POPULATION_EXP: attention->exp_population = p; break;
    case POPULATION_WEIGHT: attention->weight_population = p; break;
    case POPULATION_INVERSE: attention->inverse_population = p; break;
    case POPULATION_CONTEXT: attention->context_population = p; break;
    default: break;
    }
}

static void link_population(struct network *network, uint32_t p)
{
    const struct population *population = &network->model.graph->population[p];
    const struct population_params *params = &network->model.population[p];
    struct population_links *links = &network->links[p];
    links->input = links->emptied_norm = GRAPH_NONE;
    links->lsb = 1.0;
    if (population->code == CODE_OAT)
        links->lsb = params->scale * real_power_of_two(params->exponent - (int)network->model.steps);
    if (population->norm != GRAPH_NONE) links->norm = &network->norm[population->norm];
    link_attention(network, p);
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

static struct network plan_of(const struct network_model *model, unsigned workers)
{
    const struct model_config *config = &model->graph->config;
    struct network plan = {.model = *model, .workers = workers};
    plan.hidden = config->hidden;
    plan.heads = config->heads;
    plan.head_dim = plan.hidden / plan.heads;
    plan.positions = config->positions;
    plan.slots = model->graph->levels + 2;
    return plan;
}

uint64_t network_bytes(const struct network_model *model, unsigned workers)
{
    struct builder builder = {NULL, NULL, 0, 0};
    struct network plan = plan_of(model, workers);
    take(&builder, 1, sizeof plan);
    take_all(&builder, &plan);
    return builder.bytes;
}

struct network *network_new(const struct network_model *model, unsigned workers, network_allocate *allocate,
                            void *context)
{
    const struct graph *graph = model->graph;
    struct builder builder = {allocate, context, 0, 0};
    struct network *network = take(&builder, 1, sizeof *network);
    if (network == NULL) return NULL;
    *network = plan_of(model, workers);
    take_all(&builder, network);
    if (builder.failed) return NULL;
    for (uint32_t p = 0; p < graph->populations; p++) link_population(network, p);
    for (uint32_t m = 0; m < graph->matrices; m++) link_matrix(network, m);
    link_residuals(network);
    return network;
}

#define CLEAR(array, count) memset((array), 0, (size_t)(count) * sizeof *(array))

static void reset_norm(const struct network *network, struct norm_state *norm)
{
    CLEAR(norm->own, network->hidden);
    CLEAR(norm->mean, network->workers);
    CLEAR(norm->square, network->workers);
    CLEAR(norm->product, network->hidden);
    for (int parity = 0; parity < 2; parity++)
        if (norm->emptied[parity] != NULL) CLEAR(norm->emptied[parity], network->hidden);
}

/* The cache itself needs no clearing: a window's own column and row start at zero when k and v close. */
static void reset_attention(const struct network *network, struct attention_state *attention)
{
    uint64_t pairs = (uint64_t)network->heads * network->positions;
    CLEAR(attention->score, pairs);
    CLEAR(attention->exponential, pairs);
    CLEAR(attention->own_score, (uint64_t)network->workers * network->heads);
    CLEAR(attention->weight_sum, network->heads);
    CLEAR(attention->context, network->hidden);
    CLEAR(attention->product, network->hidden);
}

void network_reset(struct network *network)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t m = 0; m < graph->matrices; m++)
        for (int parity = 0; parity < 2; parity++) CLEAR(network->sum[m][parity], graph->matrix[m].targets);
    for (uint32_t n = 0; n < graph->norms; n++) reset_norm(network, &network->norm[n]);
    for (uint32_t l = 0; l < graph->config.layers; l++) reset_attention(network, &network->attention[l]);
}
