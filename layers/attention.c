/* Attention's score side: spike dot products q.k on the KV cache of spike sums, softmax's exponentials. */
#include "layers/network_state.h"
#include "layers/values.h"
#include "neurons/real.h"

/* sum[i] += delta * partner[i]; delta is a signed power of two, so this shifts and adds. */
static void add_shifted(int64_t *sum, const int32_t *partner, uint32_t n, int64_t delta)
{
    unsigned shift = (unsigned)__builtin_ctzll((uint64_t)delta);
    if (delta > 0)
        for (uint32_t i = 0; i < n; i++) sum[i] += (int64_t)((uint64_t)(int64_t)partner[i] << shift);
    else
        for (uint32_t i = 0; i < n; i++) sum[i] -= (int64_t)((uint64_t)(int64_t)partner[i] << shift);
}

/* One q spike of channel i meets the keys [from, to): score[key] += delta * key. */
static void meet_keys(const struct network *network, const struct attention_state *attention, uint32_t i, int64_t delta,
                      uint32_t from, uint32_t to)
{
    int64_t *score = attention->score + (uint64_t)(i / network->head_dim) * network->context;
    uint32_t channel = network_kv_channel(network, i);
    for (uint32_t key = from; key < to;) {
        uint32_t end = key - key % KEY_BLOCK + KEY_BLOCK;
        if (end > to) end = to;
        add_shifted(score + key, network_key(network, attention, channel, key), end - key, delta);
        key = end;
    }
}

/* Decoder: the token's own key.  Workers split the channels of the keys. */
static void meet_own_key(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to;
    packet_share(network->kv_width, 16, worker, workers, &from, &to);
    int64_t *own = attention->own_score + (uint64_t)worker * network->heads;
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON, channel = network_kv_channel(network, i);
        if (channel < from || channel >= to) continue;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        own[i / network->head_dim] += delta * *network_key(network, attention, channel, packet->position);
        attention->query[i] += delta;
    }
}

/* q spikes meet the older keys' complete sums (workers split the keys) and their own key's running sum: dA S_B(t) +
 * S_A(t-1) dB, in the order q then k inside a timestep.  An encoder's meet all keys' running sums: each worker has its
 * keys, and running sums of every q of its own. */
void query_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    if (network->links[packet->population].unit != GRAPH_NONE) {
        turn_receive(network, packet, worker, workers);
        return;
    }
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    int64_t *running = attention->query + (uint64_t)worker * network->width;
    uint32_t from, to;
    packet_share(network->encoder ? packet->visible : packet->position, KEY_BLOCK, worker, workers, &from, &to);
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        meet_keys(network, attention, i, delta, from, to);
        if (network->encoder) running[i] += delta;
    }
    if (!network->encoder) meet_own_key(network, packet, worker, workers);
}

/* Decoder: a k spike meets the queries of its group, the token's own. */
static void meet_own_queries(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, first, last, dim = network->head_dim;
    packet_share(network->kv_width, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    int64_t *own = attention->own_score + (uint64_t)worker * network->heads;
    for (uint32_t s = first; s < last; s++) {
        uint32_t channel = packet->spikes[s] & SPIKE_NEURON, head = channel / dim * network->group;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        for (uint32_t h = head; h < head + network->group; h++)
            own[h] += delta * attention->query[h * dim + channel % dim];
        *network_key(network, attention, channel, packet->position) += (int32_t)delta;
    }
}

/* Encoder: a k spike meets the queries of every token.  Its key is one worker's. */
static void meet_all_queries(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, dim = network->head_dim, key = packet->position;
    packet_share(packet->visible, KEY_BLOCK, worker, workers, &from, &to);
    if (key < from || key >= to) return;
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t channel = packet->spikes[s] & SPIKE_NEURON, head = channel / dim * network->group;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        for (uint32_t t = 0; t < packet->visible; t++) {
            struct attention_state *attention = network_attention(network, packet->population, t);
            const int64_t *running = attention->query + (uint64_t)worker * network->width + channel % dim;
            for (uint32_t h = head; h < head + network->group; h++)
                attention->score[(uint64_t)h * network->context + key] += delta * running[h * dim];
        }
        *network_key(network, network_attention(network, packet->population, packet->token), channel, key) +=
            (int32_t)delta;
    }
}

void key_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    if (network->links[packet->population].unit != GRAPH_NONE)
        turn_receive(network, packet, worker, workers);
    else if (network->encoder)
        meet_all_queries(network, packet, worker, workers);
    else
        meet_own_queries(network, packet, worker, workers);
}

void value_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, first, last;
    packet_share(network->kv_width, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    int32_t *values = attention->value_sums + (uint64_t)packet->position * network->kv_width;
    for (uint32_t s = first; s < last; s++)
        values[packet->spikes[s] & SPIKE_NEURON] +=
            (int32_t)spike_delta(params, steps, packet->step, packet->spikes[s]);
}

void query_begin(const struct close_call *call)
{
    const struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    if (network->windows || attention->query_population != call->population) return;
    for (unsigned w = 0; w < network_query_copies(network); w++)
        for (uint32_t i = call->from; i < call->to; i++) attention->query[(uint64_t)w * network->width + i] = 0;
}

void key_begin(const struct close_call *call)
{
    const struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    if (network->windows || attention->key_population != call->population) return;
    for (uint32_t i = call->from; i < call->to; i++) *network_key(network, attention, i, call->token->position) = 0;
}

/* q, k, v: the linear membrane, and the running sums of the token's window start from nothing. */
void query_close(struct close_call *call)
{
    query_begin(call);
    linear_close(call);
}

void key_close(struct close_call *call)
{
    key_begin(call);
    linear_close(call);
}

void value_close(struct close_call *call)
{
    const struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    int32_t *values = attention->value_sums + (uint64_t)call->token->position * network->kv_width;
    for (uint32_t i = call->from; i < call->to && !network->windows; i++) values[i] = 0;
    linear_close(call);
}

/* Completes one head's scores (a decoder's: with its own key's) and returns the largest (winner-take-all). */
static int64_t row_maximum(const struct network *network, struct attention_state *attention, uint32_t head,
                           const struct token_window *token)
{
    int64_t *score = attention->score + (uint64_t)head * network->context;
    for (unsigned w = 0; w < network->workers && !network->encoder; w++) {
        score[token->position] += attention->own_score[(uint64_t)w * network->heads + head];
        attention->own_score[(uint64_t)w * network->heads + head] = 0;
    }
    return values_largest(score, token->visible);
}

/* What one unit of q.k is worth: lsb_q lsb_k times the factor of the scores. */
static double score_unit(const struct network *network, const struct attention_state *attention, int32_t layer)
{
    const struct model_config *config = &network->model.graph->config;
    double scale = config->score_by_layer ? config->score_scale / (double)(layer + 1) : config->score_scale;
    return network->links[attention->query_population].lsb * network->links[attention->key_population].lsb * scale;
}

void exp_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    const struct hg_table *table = network_table(network, call->population);
    const unsigned steps = network_steps(network, call->population);
    uint32_t visible = call->token->visible;
    struct hg_code *codes = network_own_train(network, call->population, call->token->token)->hg;
    double unit = score_unit(network, attention, network->model.graph->population[call->population].layer);
    for (uint32_t head = call->from; head < call->to; head++) {
        int64_t largest = row_maximum(network, attention, head, call->token);
        uint64_t row = (uint64_t)head * visible;
        values_of_differences(attention->score + (uint64_t)head * network->context, 1, largest, unit, visible,
                              call->x + row);
        call->saturations += hg_encode_all(table, steps, call->x + row, visible, codes + row);
    }
}

void exp_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct hg_table *table = network_table(network, packet->population);
    const struct train *train = network_own_train(network, packet->population, packet->token);
    uint32_t from, to, first, last;
    packet_share(network->heads * network->positions, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t neuron = packet->spikes[s] & SPIKE_NEURON;
        uint32_t head = neuron / network->positions, key = neuron % network->positions;
        const struct hg_code *code = &train->hg[(uint64_t)head * train->span + key];
        attention->exponential[(uint64_t)head * network->context + key] +=
            hg_spike_delta(table, code, packet->step, packet->spikes[s]);
    }
}

void weight_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    double unit = real_power_of_two(network_table(network, attention->exp_population)->output_grid);
    uint32_t visible = call->token->visible;
    for (uint32_t head = call->from; head < call->to; head++) {
        int64_t *membrane = attention->exponential + (uint64_t)head * network->context;
        values_of_sums(membrane, NULL, NULL, unit, visible, call->x + (uint64_t)head * visible);
    }
}

/* e spikes into its head's sum, and into the context through the V row of its key. */
void weight_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to;
    packet_share(network->width, 16, worker, workers, &from, &to);
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t neuron = packet->spikes[s] & SPIKE_NEURON;
        uint32_t head = neuron / network->positions, low = from, high = to;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        const int32_t *values = attention->value_sums + (uint64_t)(neuron % network->positions) * network->kv_width;
        network_head_channels(network, head, &low, &high);
        if (low < high)
            add_shifted(attention->context + low, values + network_kv_channel(network, low), high - low, delta);
        if (head % workers == worker) attention->weight_sum[head] += delta;
    }
}
