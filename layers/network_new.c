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
    unsigned node; /* where what is taken next lies */
};

static void *take(struct builder *builder, uint64_t count, uint64_t size)
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

static void take_norm(struct builder *b, const struct network *network, int emptied, struct norm_state *norm)
{
    uint64_t hidden = network->model.graph->config.hidden;
    struct norm_state made = {0};
    made.own = take(b, hidden, sizeof *made.own);
    made.mean = take(b, network->workers, sizeof *made.mean);
    made.square = take(b, network->workers, sizeof *made.square);
    made.product = take(b, hidden, sizeof *made.product);
    made.centered = take(b, hidden, sizeof *made.centered);
    if (emptied) made.emptied = take(b, hidden, sizeof *made.emptied);
    if (norm != NULL) *norm = made;
}

static void take_attention(struct builder *b, const struct network *network, struct attention_state *attention)
{
    const struct model_config *config = &network->model.graph->config;
    uint64_t hidden = config->hidden, heads = config->heads, positions = config->positions;
    struct attention_state made = {0};
    made.query = take(b, hidden, sizeof *made.query);
    made.score = take(b, heads * positions, sizeof *made.score);
    made.own_score = take(b, network->workers * heads, sizeof *made.own_score);
    made.exponential = take(b, heads * positions, sizeof *made.exponential);
    made.weight_sum = take(b, heads, sizeof *made.weight_sum);
    made.context = take(b, hidden, sizeof *made.context);
    made.octave = take(b, heads, sizeof *made.octave);
    made.inverse = take(b, network->workers * heads, sizeof *made.inverse);
    made.context_sum = take(b, hidden, sizeof *made.context_sum);
    made.product = take(b, hidden, sizeof *made.product);
    if (attention != NULL) *attention = made;
}

static void take_train(struct builder *b, const struct network *network, uint32_t p, struct train *train)
{
    const struct population *population = &network->model.graph->population[p];
    int gates = population->code == CODE_HG;
    unsigned steps = network_steps(network, p);
    struct train made = {.population = p};
    if (gates)
        made.hg = take(b, population->neurons, sizeof *made.hg);
    else
        made.codes = take(b, population->neurons, sizeof *made.codes);
    if (network->windows && network->model.perturbation != NULL && network->model.perturbation->drop > 0) {
        if (gates)
            made.lost = take(b, population->neurons, sizeof *made.lost);
        else
            made.emitted = take(b, population->neurons, sizeof *made.emitted);
    }
    if (!network->windows) {
        made.spikes = take(b, train_spikes_max(population->neurons, steps, gates), sizeof *made.spikes);
        made.packets = take(b, (uint64_t)graph_blocks(network->model.graph, p) * steps, sizeof *made.packets);
    }
    if (train != NULL) *train = made;
}

/* Whole windows are worked through level by level, so that what a level leaves behind is used up before the
 * same kind of level comes again: its memory serves all layers.  The first population, matrix, norm of a kind
 * whose memory `index` shares, or index itself. */
static uint32_t first_population(const struct network *network, uint32_t p)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t q = 0; network->windows && q < p; q++)
        if (graph->population[q].kind == graph->population[p].kind) return q;
    return p;
}

static const char *last_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? dot : name;
}

static uint32_t first_matrix(const struct network *network, uint32_t m)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t k = 0; network->windows && k < m; k++)
        if (strcmp(last_name(graph->matrix[k].name), last_name(graph->matrix[m].name)) == 0) return k;
    return m;
}

static void take_trains(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    for (uint32_t p = 0; p < graph->populations && !b->failed; p++) {
        uint32_t first = first_population(network, p), copies = network->train_copies;
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
            int64_t *sum = first == m ? take(b, graph->matrix[m].targets, sizeof *sum) : NULL;
            if (b->allocate == NULL || b->failed) continue;
            network->sum[(uint64_t)m * copies + c] = first == m ? sum : network->sum[(uint64_t)first * copies + c];
        }
    }
}

static void take_norms(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    int any = 0;
    for (uint32_t n = 0; n < graph->norms; n++) any |= graph->population[graph->norm[n].output].into_residual;
    for (uint32_t n = 0; n < graph->norms; n++) {
        int shared = network->windows && n > 0;
        int emptied = network->windows ? any : graph->population[graph->norm[n].output].into_residual;
        for (uint32_t c = 0; c < network->copies; c++) {
            struct norm_state *norm = b->allocate != NULL ? &network->norm[(uint64_t)n * network->copies + c] : NULL;
            if (!shared)
                take_norm(b, network, emptied, norm);
            else if (norm != NULL)
                *norm = network->norm[c];
        }
    }
}

/* One layer's keys, in whole blocks. */
static uint64_t cached_keys(const struct model_config *config)
{
    return (config->positions + KEY_BLOCK - 1u) / KEY_BLOCK * KEY_BLOCK * (uint64_t)config->hidden;
}

uint64_t network_cache_bytes(const struct graph *graph)
{
    const struct model_config *config = &graph->config;
    uint64_t values = (uint64_t)config->positions * config->hidden;
    return config->layers * (cached_keys(config) + values) * sizeof(int32_t);
}

static void take_attentions(struct builder *b, struct network *network)
{
    const struct model_config *config = &network->model.graph->config;
    for (uint32_t l = 0; l < config->layers; l++) {
        int32_t *keys = take(b, cached_keys(config), sizeof *keys);
        int32_t *values = take(b, (uint64_t)config->positions * config->hidden, sizeof *values);
        for (uint32_t c = 0; c < network->copies; c++) {
            struct attention_state *attention =
                b->allocate != NULL ? &network->attention[(uint64_t)l * network->copies + c] : NULL;
            if (!network->windows || l == 0)
                take_attention(b, network, attention);
            else if (attention != NULL)
                *attention = network->attention[c];
            if (attention == NULL) continue;
            attention->key_sums = keys;
            attention->value_sums = values;
        }
    }
}

static void take_window_scratch(struct builder *b, struct network *network)
{
    const struct graph *graph = network->model.graph;
    uint32_t sources = 0;
    for (uint32_t m = 0; m < graph->matrices; m++)
        if (graph->population[graph->matrix[m].source].code != CODE_INPUT && graph->matrix[m].sources > sources)
            sources = graph->matrix[m].sources;
    network->window = take(b, network->workers, sizeof(void *));
    network->window_scratch = take(b, network->workers, sizeof *network->window_scratch);
    for (unsigned w = 0; w < network->workers && !b->failed; w++) {
        b->node = node_of(network, w);
        struct synapse_window *window = take(b, network->copies, sizeof *window);
        void *scratch = take(b, 1, synapse_window_scratch(sources, network->copies));
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
    network->part = take(b, (uint64_t)graph->matrices * network->nodes, sizeof *network->part);
    for (uint32_t m = 0; m < graph->matrices; m++)
        for (unsigned node = 0; node < network->nodes; node++) {
            const struct matrix_slot *slot = &graph->matrix[m];
            struct matrix_part part = {.matrix = network->model.matrix[m]};
            if (graph->population[slot->source].code == CODE_INPUT) continue;
            node_targets(network, m, node, &part.from, &part.to);
            b->node = node;
            void *weights = take(b, 1, weight_bytes(part.matrix.type, slot->sources, part.to - part.from));
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
    network->links = take(b, graph->populations, sizeof *network->links);
    network->train = take(b, graph->populations * (uint64_t)network->train_copies, sizeof *network->train);
    network->sum = take(b, graph->matrices * copies, sizeof *network->sum);
    network->norm = take(b, graph->norms * copies, sizeof *network->norm);
    network->attention = take(b, graph->config.layers * copies, sizeof *network->attention);
    network->scratch = take(b, network->workers, sizeof *network->scratch);
    network->residual = take(b, (uint64_t)network->slots * graph->config.hidden, sizeof *network->residual);
    if (b->failed) return;
    take_trains(b, network);
    take_sums(b, network);
    take_norms(b, network);
    take_attentions(b, network);
    for (uint32_t p = 0; p < graph->populations; p++)
        if (graph->population[p].code == CODE_OAT && graph->population[p].neurons > largest)
            largest = graph->population[p].neurons;
    for (unsigned w = 0; w < network->workers; w++) {
        b->node = node_of(network, w);
        double *scratch = take(b, largest, sizeof *scratch);
        if (b->allocate != NULL && !b->failed) network->scratch[w] = scratch;
    }
    b->node = 0;
    if (!b->failed) take_parts(b, network);
    if (network->windows) take_window_scratch(b, network);
}

/* Where the layer's attention finds its other populations' thresholds, in every copy. */
static void link_attention(struct network *network, uint32_t p)
{
    const struct population *population = &network->model.graph->population[p];
    if (population->kind < POPULATION_QUERY || population->kind > POPULATION_ATTENTION) return;
    network->links[p].layer = (uint32_t)population->layer;
    for (uint32_t c = 0; c < network->copies; c++) {
        struct attention_state *attention = network_attention(network, p, c);
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
}

static void link_population(struct network *network, uint32_t p)
{
    const struct population *population = &network->model.graph->population[p];
    const struct population_params *params = &network->model.population[p];
    struct population_links *links = &network->links[p];
    links->input = links->emptied_norm = links->layer = GRAPH_NONE;
    links->norm = population->norm;
    links->lsb = 1.0;
    if (population->code == CODE_OAT)
        links->lsb = params->scale * real_power_of_two(params->exponent - (int)network_steps(network, p));
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

static struct network plan_of(const struct network_model *model, const struct network_team *team,
                              uint32_t window_tokens)
{
    const struct model_config *config = &model->graph->config;
    struct network plan = {.model = *model, .workers = team->workers, .nodes = team->nodes};
    plan.hidden = config->hidden;
    plan.heads = config->heads;
    plan.head_dim = plan.hidden / plan.heads;
    plan.positions = config->positions;
    plan.windows = window_tokens > 0;
    plan.copies = plan.windows ? window_tokens : 2;
    plan.train_copies = plan.windows ? window_tokens : 1;
    plan.slots = plan.windows ? window_tokens : model->graph->levels + 2;
    return plan;
}

uint64_t network_bytes(const struct network_model *model, const struct network_team *team, uint32_t window_tokens)
{
    struct builder builder = {0};
    struct network plan = plan_of(model, team, window_tokens);
    plan.node = team->node;
    take(&builder, 1, sizeof plan);
    take_all(&builder, &plan);
    return builder.bytes;
}

struct network *network_new(const struct network_model *model, const struct network_team *team, uint32_t window_tokens,
                            network_allocate *allocate, void *context)
{
    const struct graph *graph = model->graph;
    struct builder builder = {.allocate = allocate, .context = context};
    struct network *network = take(&builder, 1, sizeof *network);
    if (network == NULL) return NULL;
    *network = plan_of(model, team, window_tokens);
    network->node = team->node;
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
    if (norm->emptied != NULL) CLEAR(norm->emptied, network->hidden);
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
    network->sequence++;
    for (uint32_t m = 0; m < graph->matrices; m++)
        for (uint32_t c = 0; c < network->copies; c++) CLEAR(network_sum(network, m, c), graph->matrix[m].targets);
    for (uint64_t n = 0; n < (uint64_t)graph->norms * network->copies; n++) reset_norm(network, &network->norm[n]);
    for (uint64_t l = 0; l < (uint64_t)graph->config.layers * network->copies; l++)
        reset_attention(network, &network->attention[l]);
}
