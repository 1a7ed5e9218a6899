/* Whole windows: what a population's complete trains of several tokens add to the membranes that they reach.
 * The same integers as the single spikes of network_receive, summed by window. */
#include "layers/network_state.h"
#include "layers/products.h"
#include "layers/synapse_window.h"

/* Tokens [first, first + count) of one sequence, whose windows population `population` has closed. */
struct windows {
    struct network *network;
    uint32_t population, first, count;
    unsigned worker, workers;
};

static const struct train *train_at(const struct windows *w, uint32_t t)
{
    return network_own_train(w->network, w->population, w->first + t);
}

static int64_t value_at(const struct windows *w, const struct train *train, uint32_t i)
{
    return oat_value(train->codes[i], w->network->model.population[w->population].j);
}

/* What arrives of an HG neuron's train. */
static int64_t hg_value_at(const struct windows *w, const struct train *train, uint32_t i)
{
    const struct hg_table *table = &w->network->model.table[w->network->model.population[w->population].table];
    unsigned steps = network_steps(w->network, w->population);
    int64_t value = hg_value(table, steps, &train->hg[i]);
    if (train->lost != NULL && train->lost[i] != 0)
        value -= train->lost[i] * hg_step_weight(table, train->hg[i].row, steps - 1);
    return value;
}

/* Worker's share of the channels, or of the tokens. */
static void share(const struct windows *w, uint32_t items, uint32_t grain, uint32_t *from, uint32_t *to)
{
    packet_share(items, grain, w->worker, w->workers, from, to);
}

static void linear_window(const struct windows *w)
{
    struct network *network = w->network;
    const struct population_links *links = &network->links[w->population];
    const struct graph *graph = network->model.graph;
    struct synapse_window *window = network->window[w->worker];
    for (uint32_t k = 0; k < links->matrices; k++) {
        uint32_t m = links->matrix[k], from, to;
        const struct matrix_part part = network_part(network, m, w->worker);
        share(w, graph->matrix[m].targets, SYNAPSE_WINDOW_GRAIN, &from, &to);
        if (from >= to) continue;
        for (uint32_t t = 0; t < w->count; t++)
            window[t] =
                (struct synapse_window){train_at(w, t)->codes, network_sum(network, m, w->first + t) + part.from};
        synapse_window_receive(&part.matrix, graph->matrix[m].sources, part.to - part.from,
                               &network->model.population[w->population], window, w->count, from - part.from,
                               to - part.from, network->window_scratch[w->worker]);
    }
}

static void residual_window(const struct windows *w)
{
    uint32_t from, to;
    if (w->network->links[w->population].norm == GRAPH_NONE) {
        linear_window(w);
        return;
    }
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct norm_state *norm = network_norm(w->network, w->population, w->first + t);
        for (uint32_t i = 0; i < w->network->hidden; i++) {
            norm->own[i] = value_at(w, train_at(w, t), i);
            norm->mean[0] += norm->own[i];
        }
    }
}

static void centered_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct norm_state *norm = network_norm(w->network, w->population, w->first + t);
        for (uint32_t i = 0; i < w->network->hidden; i++) {
            norm->centered[i] = value_at(w, train_at(w, t), i);
            norm->square[0] += (wide)norm->centered[i] * norm->centered[i];
        }
    }
}

static void rstd_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct norm_state *norm = network_norm(w->network, w->population, w->first + t);
        int64_t value = hg_value_at(w, train_at(w, t), 0);
        for (uint32_t i = 0; i < w->network->hidden; i++) norm->product[i] = (wide)value * norm->centered[i];
    }
}

static void norm_window(const struct windows *w)
{
    uint32_t from, to;
    const struct population_params *params = &w->network->model.population[w->population];
    linear_window(w);
    if (!w->network->model.graph->population[w->population].into_residual) return;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct norm_state *norm = network_norm(w->network, w->population, w->first + t);
        for (uint32_t i = 0; i < w->network->hidden; i++)
            norm->emptied[i] = value_at(w, train_at(w, t), i) * (INT64_C(1) << params->shift[i]);
    }
}

/* k and v go into the cache, channels split over the workers.  q meets the cache when v, the last of the
 * three in event order, has arrived. */
static void key_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->network->hidden, 16, &from, &to);
    for (uint32_t t = 0; t < w->count; t++) {
        const struct train *train = train_at(w, t);
        struct attention_state *attention = network_attention(w->network, w->population, train->token);
        int32_t *keys = network_key(w->network, attention, 0, train->position);
        for (uint32_t i = from; i < to; i++) keys[(uint64_t)i * KEY_BLOCK] = (int32_t)value_at(w, train, i);
    }
}

enum { FACTORS = 256 /* values of a train taken at a time */ };

/* Values of codes [first, first + n), n <= FACTORS. */
static void take_factors(const struct windows *w, const struct train *train, uint32_t first, uint32_t n,
                         int32_t *factor)
{
    for (uint32_t i = 0; i < n; i++) factor[i] = (int32_t)value_at(w, train, first + i);
}

/* One head's channels [low, low + n) of q meet the keys that the token sees. */
static void meet_keys(const struct network *network, const struct attention_state *attention, const int32_t *factor,
                      uint32_t low, uint32_t n, uint32_t visible, int64_t *score)
{
    for (uint32_t key = 0; key < visible; key += KEY_BLOCK) {
        const int32_t *keys = network_keys(network, attention, low, key);
        int64_t sum[KEY_BLOCK] = {0}; /* keys beyond the last are left out */
        products_add(factor, n, keys, KEY_BLOCK, KEY_BLOCK, sum);
        for (uint32_t k = 0; k < KEY_BLOCK && key + k < visible; k++) score[key + k] += sum[k];
    }
}

/* Pairs of (token, head) split over the workers. */
static void query_meets_keys(const struct windows *v)
{
    struct network *network = v->network;
    struct windows query = *v, *w = &query;
    uint32_t from, to;
    query.population = network_attention(network, v->population, v->first)->query_population;
    share(w, w->count * network->heads, 1, &from, &to);
    for (uint32_t pair = from; pair < to; pair++) {
        const struct train *train = train_at(w, pair / network->heads);
        uint32_t head = pair % network->heads, end = (head + 1) * network->head_dim;
        struct attention_state *attention = network_attention(network, w->population, train->token);
        for (uint32_t low = head * network->head_dim; low < end; low += FACTORS) {
            int32_t factor[FACTORS];
            uint32_t n = end - low < FACTORS ? end - low : FACTORS;
            take_factors(w, train, low, n, factor);
            meet_keys(network, attention, factor, low, n, train->position + 1,
                      attention->score + (uint64_t)head * network->positions);
        }
    }
}

static void value_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->network->hidden, 16, &from, &to);
    for (uint32_t t = 0; t < w->count; t++) {
        const struct train *train = train_at(w, t);
        struct attention_state *attention = network_attention(w->network, w->population, train->token);
        int32_t *values = attention->value_sums + (uint64_t)train->position * w->network->hidden;
        for (uint32_t i = from; i < to; i++) values[i] = (int32_t)value_at(w, train, i);
    }
    query_meets_keys(w);
}

static void exp_window(const struct windows *w)
{
    uint32_t from, to, heads = w->network->heads;
    share(w, w->count * heads, 1, &from, &to);
    for (uint32_t pair = from; pair < to; pair++) {
        const struct train *train = train_at(w, pair / heads);
        uint32_t head = pair % heads;
        struct attention_state *attention = network_attention(w->network, w->population, train->token);
        int64_t *membrane = attention->exponential + (uint64_t)head * w->network->positions;
        uint32_t row = head * train->span;
        for (uint32_t key = 0; key < train->span; key++)
            if (train->hg[row + key].silent != 1) membrane[key] = hg_value_at(w, train, row + key);
    }
}

static void weight_window(const struct windows *w)
{
    struct network *network = w->network;
    uint32_t from, to;
    share(w, w->count * network->heads, 1, &from, &to);
    for (uint32_t pair = from; pair < to; pair++) {
        const struct train *train = train_at(w, pair / network->heads);
        uint32_t head = pair % network->heads, low = head * network->head_dim;
        struct attention_state *attention = network_attention(network, w->population, train->token);
        for (uint32_t key = 0; key < train->span; key += FACTORS) {
            int32_t factor[FACTORS];
            uint32_t n = train->span - key < FACTORS ? train->span - key : FACTORS;
            take_factors(w, train, head * train->span + key, n, factor);
            products_add(factor, n, attention->value_sums + (uint64_t)key * network->hidden + low, network->hidden,
                         network->head_dim, attention->context + low);
            for (uint32_t i = 0; i < n; i++) attention->weight_sum[head] += factor[i];
        }
    }
}

/* q waits for k and v. */
static void query_window(const struct windows *w)
{
    (void)w;
}

/* inv is remembered and meets ctx when that arrives, next in event order. */
static void inverse_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++)
        for (uint32_t head = 0; head < w->network->heads; head++)
            network_attention(w->network, w->population, w->first + t)->inverse[head] =
                hg_value_at(w, train_at(w, t), head);
}

static void context_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct attention_state *attention = network_attention(w->network, w->population, w->first + t);
        for (uint32_t i = 0; i < w->network->hidden; i++)
            attention->product[i] = (wide)value_at(w, train_at(w, t), i) * attention->inverse[i / w->network->head_dim];
    }
}

/* split: worth several workers even for one token; the others touch each neuron once. */
static const struct {
    void (*receive)(const struct windows *);
    int split;
} window_of[POPULATION_KINDS] = {
    [POPULATION_EMBED] = {linear_window, 1},
    [POPULATION_RESIDUAL] = {residual_window, 0},
    [POPULATION_CENTERED] = {centered_window, 0},
    [POPULATION_RSTD] = {rstd_window, 0},
    [POPULATION_NORM] = {norm_window, 1},
    [POPULATION_QUERY] = {query_window, 0},
    [POPULATION_KEY] = {key_window, 0},
    [POPULATION_VALUE] = {value_window, 1},
    [POPULATION_EXP] = {exp_window, 0},
    [POPULATION_WEIGHT] = {weight_window, 1},
    [POPULATION_INVERSE] = {inverse_window, 0},
    [POPULATION_CONTEXT] = {context_window, 0},
    [POPULATION_ATTENTION] = {linear_window, 1},
    [POPULATION_FFN] = {linear_window, 1},
    [POPULATION_PROJECT_OUT] = {linear_window, 1},
};

void network_receive_windows(struct network *network, uint32_t p, uint32_t first, uint32_t count, unsigned worker,
                             unsigned workers)
{
    const struct windows windows = {network, p, first, count, worker, workers};
    window_of[network->model.graph->population[p].kind].receive(&windows);
}

int network_splits_window(const struct network *network, uint32_t p, uint32_t count)
{
    return count > 1 || window_of[network->model.graph->population[p].kind].split || network->links[p].matrices > 0;
}
