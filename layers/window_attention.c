/* Whole windows of attention: q, k, v and e meet as complete sums. */
#include "layers/products.h"
#include "layers/window.h"

enum { FACTORS = 256 /* values of a train taken at a time */ };

/* Values of codes [first, first + n), n <= FACTORS. */
static void take_factors(const struct windows *w, const struct train *train, uint32_t first, uint32_t n,
                         int32_t *factor)
{
    for (uint32_t i = 0; i < n; i++) factor[i] = (int32_t)value_at(w, train, first + i);
}

/* n channels of one head's q meet the keys that the token sees; channel: the first one's of the keys. */
static void meet_keys(const struct network *network, const struct attention_state *attention, const int32_t *factor,
                      uint32_t channel, uint32_t n, uint32_t visible, int64_t *score)
{
    for (uint32_t key = 0; key < visible; key += KEY_BLOCK) {
        const int32_t *keys = network_keys(network, attention, channel, key);
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
            meet_keys(network, attention, factor, network_kv_channel(network, low), n, train->visible,
                      attention->score + (uint64_t)head * network->context);
        }
    }
}

/* q or k turned by the tokens' positions. */
static void turn_window(const struct windows *w)
{
    const struct network *network = w->network;
    uint32_t from, to, dim = network->head_dim, neurons = network->model.graph->population[w->population].neurons;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        const struct train *train = train_at(w, t);
        int64_t *sum = network_unit(network, w->population, train->token)->sum;
        for (uint32_t i = 0; i < neurons; i++) {
            const int32_t *turn = network_rotary(network, train->position, i % dim);
            int64_t paired = i % dim < dim / 2 ? -value_at(w, train, i + dim / 2) : value_at(w, train, i - dim / 2);
            sum[i] = value_at(w, train, i) * turn[0] + paired * turn[1];
        }
    }
}

/* k, or turned k, and v go into the cache, channels split over the workers.  q waits, and meets the keys when v, the last
 * of the three in event order, has arrived; where rotary in a pass of its own after the turned k's. */
void query_window(const struct windows *w)
{
    if (w->network->links[w->population].unit != GRAPH_NONE) turn_window(w);
}

void key_window(const struct windows *w)
{
    struct network *network = w->network;
    uint32_t from, to;
    if (network->links[w->population].unit != GRAPH_NONE) {
        turn_window(w);
        return;
    }
    if (w->pass == 1) {
        query_meets_keys(w);
        return;
    }
    share(w, network->kv_width, 16, &from, &to);
    for (uint32_t t = 0; t < w->count; t++) {
        const struct train *train = train_at(w, t);
        struct attention_state *attention = network_attention(network, w->population, train->token);
        int32_t *keys = network_key(network, attention, 0, train->position);
        for (uint32_t i = from; i < to; i++) keys[(uint64_t)i * KEY_BLOCK] = (int32_t)value_at(w, train, i);
    }
}

void value_window(const struct windows *w)
{
    struct network *network = w->network;
    uint32_t from, to;
    share(w, network->kv_width, 16, &from, &to);
    for (uint32_t t = 0; t < w->count; t++) {
        const struct train *train = train_at(w, t);
        struct attention_state *attention = network_attention(network, w->population, train->token);
        int32_t *values = attention->value_sums + (uint64_t)train->position * network->kv_width;
        for (uint32_t i = from; i < to; i++) values[i] = (int32_t)value_at(w, train, i);
    }
    if (!network->model.graph->config.rotary) query_meets_keys(w);
}

void exp_window(const struct windows *w)
{
    uint32_t from, to, heads = w->network->heads;
    share(w, w->count * heads, 1, &from, &to);
    for (uint32_t pair = from; pair < to; pair++) {
        const struct train *train = train_at(w, pair / heads);
        uint32_t head = pair % heads, row = head * train->span;
        struct attention_state *attention = network_attention(w->network, w->population, train->token);
        int64_t *membrane = attention->exponential + (uint64_t)head * w->network->context;
        for (uint32_t key = 0; key < train->span; key++)
            if (train->hg[row + key].silent != 1) membrane[key] = hg_value_at(w, train, row + key);
    }
}

void weight_window(const struct windows *w)
{
    struct network *network = w->network;
    uint32_t from, to;
    share(w, w->count * network->heads, 1, &from, &to);
    for (uint32_t pair = from; pair < to; pair++) {
        const struct train *train = train_at(w, pair / network->heads);
        uint32_t head = pair % network->heads, low = head * network->head_dim;
        uint32_t channel = network_kv_channel(network, low);
        struct attention_state *attention = network_attention(network, w->population, train->token);
        for (uint32_t key = 0; key < train->span; key += FACTORS) {
            int32_t factor[FACTORS];
            uint32_t n = train->span - key < FACTORS ? train->span - key : FACTORS;
            take_factors(w, train, head * train->span + key, n, factor);
            products_add(factor, n, attention->value_sums + (uint64_t)key * network->kv_width + channel,
                         network->kv_width, network->head_dim, attention->context + low);
            for (uint32_t i = 0; i < n; i++) attention->weight_sum[head] += factor[i];
        }
    }
}

/* inv is remembered and meets ctx when that arrives, next in event order. */
void inverse_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++)
        for (uint32_t head = 0; head < w->network->heads; head++)
            network_attention(w->network, w->population, w->first + t)->inverse[head] =
                hg_value_at(w, train_at(w, t), head);
}

void context_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct attention_state *attention = network_attention(w->network, w->population, w->first + t);
        for (uint32_t i = 0; i < w->network->width; i++)
            attention->product[i] = (wide)value_at(w, train_at(w, t), i) * attention->inverse[i / w->network->head_dim];
    }
}
