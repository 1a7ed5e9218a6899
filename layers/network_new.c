/* Builds a network's state: every array is sized from the graph here and nowhere else. */
#include <string.h>

#include "layers/network.h"
#include "layers/network_builder.h"
#include "layers/synapse_amx.h"

void *network_take(struct builder *builder, uint64_t count, uint64_t size)
{
    uint64_t bytes = count * size;
    builder->bytes += (bytes + 63) / 64 * 64;
    if (builder->allocate == NULL || builder->failed) return NULL;
    void *memory = builder->allocate(builder->context, builder->node, bytes ? bytes : 1);
    if (memory == NULL) builder->failed = 1;
    return memory;
}

static unsigned node_of(const struct network *network, unsigned worker)
{
    return network->nodes > 1 ? network->node[worker] : 0;
}

static void take_train(struct builder *b, const struct network *network, uint32_t p, struct train *train)
{
    int gates = network->model.graph->population[p].code == CODE_HG;
    /* A train that layers share has room for each one's T. */
    unsigned steps = network->level_by_level ? network->model.steps : network_steps(network, p);
    uint32_t neurons = graph_window_neurons(network->model.graph, p, network->context);
    struct train made = {.population = p};
    if (gates)
        made.hg = network_take(b, neurons, sizeof *made.hg);
    else
        made.codes = network_take(b, neurons, sizeof *made.codes);
    if (network->windows && network->model.perturbation != NULL && network->model.perturbation->drop > 0) {
        if (gates)
            made.lost = network_take(b, neurons, sizeof *made.lost);
        else
            made.emitted = network_take(b, neurons, sizeof *made.emitted);
    }
    if (!network->windows) {
        made.spikes = network_take(b, train_spikes_max(neurons, steps, gates), sizeof *made.spikes);
        made.packets = network_take(b, (uint64_t)graph_blocks(network->model.graph, p) * steps, sizeof *made.packets);
    }
    if (train != NULL) *train = made;
}

static const char *last_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot : name;
}

static uint32_t first_matrix(const struct network *network, uint32_t m)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t k = 0; network->level_by_level && k < m; k++)
        if (strcmp(last_name(graph->matrix[k].name), last_name(graph->matrix[m].name)) == 0) return k;
    return m;
}

static void take_trains(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t p = 0; p < graph->populations && !b->failed; p++) {
        uint32_t first = network_first_population(network, p), copies = network->train_copies;
        if (graph->population[p].code == CODE_INPUT) continue;
        for (uint32_t c = 0; c < copies; c++) {
            struct train *train = b->allocate != NULL ? &network->train[(uint64_t)p * copies + c] : NULL;
            if (first == p)
                take_train(b, network, p, train);
            else if (train != NULL)
                *train = network->train[(uint64_t)first * copies + c];
            if (train != NULL) train->population = p;
        }
    }
}

static void take_sums(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t m = 0; m < graph->matrices; m++) {
        uint32_t first = first_matrix(network, m), copies = network->copies;
        for (uint32_t c = 0; c < copies; c++) {
            int64_t *sum = first == m ? network_take(b, graph->matrix[m].targets, sizeof *sum) : NULL;
            if (b->allocate == NULL || b->failed) continue;
            network->sum[(uint64_t)m * copies + c] = first == m ? sum : network->sum[(uint64_t)first * copies + c];
        }
    }
}

/* Sums of workers that share a token's rows. */
static void take_partials(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    size_t largest = 0;
    for (uint32_t m = 0; m < graph->matrices && network->nodes == 1; m++) {
        size_t bytes = synapse_partials_bytes(graph->matrix[m].targets, network->workers);
        if (graph->population[graph->matrix[m].source].code != CODE_INPUT && bytes > largest) largest = bytes;
    }
    for (size_t k = 0; k < sizeof network->partials / sizeof network->partials[0] && largest > 0; k++) {
        int64_t *sum = network_take(b, 1, largest);
        if (sum == NULL) continue;
        memset(sum, 0, largest);
        network->partials[k].sum = sum;
    }
}

static void take_window_scratch(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    uint32_t sources = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->population[graph->matrix[m].source].code != CODE_INPUT && graph->matrix[m].sources > sources)
            sources = graph->matrix[m].sources;
    size_t amx = synapse_amx_shared_bytes(sources, network->copies, network->workers);
    void *shared = amx > 0 ? network_take(b, 1, amx) : NULL;
    if (shared != NULL && !b->failed)
        network->amx = synapse_amx_shared_new(shared, sources, network->copies, network->workers);
    take_partials(b, network);
    network->window = network_take(b, network->workers, sizeof(void *));
    network->window_scratch = network_take(b, network->workers, sizeof *network->window_scratch);
    for (unsigned w = 0; w < network->workers && !b->failed; w++) {
        b->node = node_of(network, w);
        struct synapse_window *window = network_take(b, network->copies, sizeof *window);
        size_t many = synapse_window_scratch(sources, network->copies), one = synapse_shared_scratch(sources);
        void *scratch = network_take(b, 1, many > one ? many : one);
        if (b->allocate == NULL || b->failed) continue;
        network->window[w] = window;
        network->window_scratch[w] = scratch;
    }
    b->node = 0;
}

/* The targets of matrix m that node `node`'s workers have between them. */
static void node_targets(const struct network *network, uint32_t m, unsigned node, uint32_t *from, uint32_t *to)
{
    uint32_t targets = network->model.graph->matrix[m].targets, low, high;
    *from = targets;
    *to = 0;
    for (unsigned w = 0; w < network->workers; w++) {
        if (node_of(network, w) != node) continue;
        packet_share(targets, SYNAPSE_WINDOW_GRAIN, w, network->workers, &low, &high);
        if (low < *from) *from = low;
        if (high > *to) *to = high;
    }
    if (*from > *to) *from = *to;
}

/* On several nodes: every node's part of the matrices that trains meet.  Tables of input rows stay mapped. */
static void take_parts(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    if (network->nodes == 1) return;
    network->part = network_take(b, (uint64_t)graph->matrices * network->nodes, sizeof *network->part);
    for (uint32_t m = 0; m < graph->matrices; m++)
        for (unsigned node = 0; node < network->nodes; node++) {
            const struct matrix_slot *slot = &graph->matrix[m];
            struct matrix_part part = {.matrix = network->model.matrix[m]};
            if (graph->population[slot->source].code == CODE_INPUT) continue;
            node_targets(network, m, node, &part.from, &part.to);
            b->node = node;
            void *weights = network_take(b, 1, weight_bytes(part.matrix.type, slot->sources, part.to - part.from));
            b->node = 0;
            if (weights == NULL) continue;
            matrix_copy_targets(&part.matrix, slot->sources, slot->targets, part.from, part.to, weights);
            part.matrix.weights = weights;
            network->part[m * network->nodes + node] = part;
        }
}

/* Arrays of pointers first, then what they point to; the same walk counts and allocates. */
static void take_all(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    uint64_t largest = 0, copies = network->copies;
    network->links = network_take(b, graph->populations, sizeof *network->links);
    network->train = network_take(b, graph->populations * (uint64_t)network->train_copies, sizeof *network->train);
    network->sum = network_take(b, graph->matrices * copies, sizeof *network->sum);
    network->norm = network_take(b, graph->norms * copies, sizeof *network->norm);
    network->attention = network_take(b, graph->config.layers * copies, sizeof *network->attention);
    network->unit = network_take(b, graph->populations * copies, sizeof *network->unit);
    network->scratch = network_take(b, network->workers, sizeof *network->scratch);
    network->residual = network_take(b, (uint64_t)network->slots * graph->config.hidden, sizeof *network->residual);
    if (b->failed) return;
    take_trains(b, network);
    take_sums(b, network);
    network_take_membranes(b, network);
    for (uint32_t p = 0; p < graph->populations; p++)
        if (graph->population[p].code != CODE_INPUT && graph_window_neurons(graph, p, network->context) > largest)
            largest = graph_window_neurons(graph, p, network->context);
    for (unsigned w = 0; w < network->workers; w++) {
        b->node = node_of(network, w);
        double *scratch = network_take(b, largest, sizeof *scratch);
        if (b->allocate != NULL && !b->failed) network->scratch[w] = scratch;
    }
    b->node = 0;
    if (!b->failed) take_parts(b, network);
    if (network->windows) take_window_scratch(b, network);
}

static struct network plan_of(const struct network_model *model, const struct network_team *team,
                              uint32_t window_tokens)
{
    const struct model_config *config = &model->graph->config;
    struct network plan = {.model = *model, .workers = team->workers, .nodes = team->nodes};
    plan.hidden = config->hidden;
    plan.heads = config->heads;
    plan.head_dim = config->head_dim;
    plan.width = config->heads * config->head_dim;
    plan.kv_width = config->kv_heads * config->head_dim;
    plan.group = config->heads / config->kv_heads;
    plan.positions = config->positions;
    plan.context = model->context;
    plan.windows = window_tokens > 0;
    plan.encoder = (int)config->encoder;
    plan.level_by_level = plan.windows || plan.encoder;
    plan.copies = plan.windows ? window_tokens : plan.encoder ? model->context : 2;
    plan.train_copies = plan.level_by_level ? plan.copies : 1;
    plan.slots = plan.level_by_level ? plan.copies : model->graph->levels + 2;
    return plan;
}

uint64_t network_cache_bytes(const struct network_model *model)
{
    const struct network_team team = {.workers = 1, .nodes = 1};
    const struct network plan = plan_of(model, &team, 1);
    uint64_t layers = plan.encoder ? 1 : model->graph->config.layers;
    return layers * (network_cached_keys(&plan) + network_cached_values(&plan)) * sizeof(int32_t);
}

uint64_t network_bytes(const struct network_model *model, const struct network_team *team, uint32_t window_tokens)
{
    struct builder builder = {0};
    struct network plan = plan_of(model, team, window_tokens);
    plan.node = team->node;
    network_take(&builder, 1, sizeof plan);
    take_all(&builder, &plan);
    return builder.bytes;
}

struct network *network_new(const struct network_model *model, const struct network_team *team, uint32_t window_tokens,
                            network_allocate *allocate, void *context)
{
    struct builder builder = {.allocate = allocate, .context = context};
    struct network *network = network_take(&builder, 1, sizeof *network);
    if (network == NULL) return NULL;
    *network = plan_of(model, team, window_tokens);
    network->node = team->node;
    take_all(&builder, network);
    if (builder.failed) return NULL;
    network_link(network);
    return network;
}
