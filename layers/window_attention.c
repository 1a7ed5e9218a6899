/* Whole windows of attention: q, k, v and e meet as complete sums. */
#include "layers/products.h"
#include "layers/window.h"

/* Pairs of (token, head) dealt out to the workers in turn: later tokens see more keys. */
static void query_meets_keys(const struct windows *v)
{
    struct network *network = v->network;
    struct windows query = *v, *w = &query;
    query.population = network_attention(network, v->population, v->first)->query_population;
    for (uint32_t pair = w->worker; pair < w->count * network->heads; pair += w->workers) {
        const struct train *train = train_at(w, pair / network->heads);
        uint32_t head = pair % network->heads, end = (head + 1) * network->head_dim;
        struct attention_state *attention = network_attention(network, w->population, train->token);
        for (uint32_t low = head * network->head_dim, n; low < end; low += n) {
            int32_t factor[VALUES_AT_ONCE];
            n = values_next(end - low);
            values_at(w, train, low, n, factor);
            products_add_blocks(factor, n, network_keys(network, attention, network_kv_channel(network, low), 0),
                                (uint64_t)network->kv_width * KEY_BLOCK, train->visible,
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
        for (uint32_t i = from, n; i < to; i += n) {
            int32_t value[VALUES_AT_ONCE];
            n = values_next(to - i);
            values_at(w, train, i, n, value);
            for (uint32_t k = 0; k < n; k++) keys[(uint64_t)(i + k) * KEY_BLOCK] = value[k];
        }
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
        values_at(w, train, from, to - from,
                  attention->value_sums + (uint64_t)train->position * network->kv_width + from);
    }
    if (!network->model.graph->config.rotary) query_meets_keys(w);
}

void exp_window(const struct windows *w)
{
    uint32_t heads = w->network->heads;
    for (uint32_t pair = w->worker; pair < w->count * heads; pair += w->workers) {
        const struct train *train = train_at(w, pair / heads);
        uint32_t head = pair % heads, row = head * train->span;
        struct attention_state *attention = network_attention(w->network, w->population, train->token);
        hg_values_at(w, train, row, train->span, attention->exponential + (uint64_t)head * w->network->context);
    }
}

void weight_window(const struct windows *w)
{
    struct network *network = w->network;
    for (uint32_t pair = w->worker; pair < w->count * network->heads; pair += w->workers) {
        const struct train *train = train_at(w, pair / network->heads);
        uint32_t head = pair % network->heads, low = head * network->head_dim;
        uint32_t channel = network_kv_channel(network, low);
        struct attention_state *attention = network_attention(network, w->population, train->token);
        for (uint32_t key = 0, n; key < train->span; key += n) {
            int32_t factor[VALUES_AT_ONCE];
            n = values_next(train->span - key);
            values_at(w, train, head * train->span + key, n, factor);
            products_add(factor, n, attention->value_sums + (uint64_t)key * network->kv_width + channel,
                         network->kv_width, network->head_dim, attention->context + low);
            for (uint32_t i = 0; i < n; i++) attention->weight_sum[head] += factor[i];
        }
    }
}

/* inv and ctx are remembered and meet at attn's close. */
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
        for (uint32_t i = 0, n; i < w->network->width; i += n) {
            int32_t value[VALUES_AT_ONCE];
            n = values_next(w->network->width - i);
            values_at(w, train_at(w, t), i, n, value);
            products_sum(value, n, attention->context_sum + i);
        }
    }
}
