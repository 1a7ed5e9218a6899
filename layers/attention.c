/* Attention's score side: spike dot products q.k on the KV cache of spike sums, softmax's exponentials. */
#include "layers/network_state.h"
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

/* One q spike meets the older keys [from, to) of its head: score[key] += delta * key. */
static void meet_keys(const struct network *network, const struct attention_state *attention, uint32_t channel,
                      int64_t delta, uint32_t from, uint32_t to)
{
    int64_t *score = attention->score + (uint64_t)(channel / network->head_dim) * network->positions;
    for (uint32_t key = from; key < to;) {
        uint32_t end = key - key % KEY_BLOCK + KEY_BLOCK;
        if (end > to) end = to;
        add_shifted(score + key, network_key(network, attention, channel, key), end - key, delta);
        key = end;
    }
}

/* q spikes meet the older keys' complete sums (workers split the keys) and their own key's running sum
 * (workers split the channels): dA S_B(t) + S_A(t-1) dB, in the order q then k inside a timestep. */
void query_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, first, last;
    packet_share(packet->position, KEY_BLOCK, worker, workers, &from, &to);
    for (uint32_t s = 0; s < packet->count; s++)
        meet_keys(network, attention, packet->spikes[s] & SPIKE_NEURON,
                  spike_delta(params, steps, packet->step, packet->spikes[s]), from, to);
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    int64_t *own = attention->own_score + (uint64_t)worker * network->heads;
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        own[i / network->head_dim] += delta * *network_key(network, attention, i, packet->position);
        attention->query[i] += delta;
    }
}

void key_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, first, last;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    int64_t *own = attention->own_score + (uint64_t)worker * network->heads;
    for (uint32_t s = first; s < last; s++) {
        uint32_t i = packet->spikes[s] & SPIKE_NEURON;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        own[i / network->head_dim] += delta * attention->query[i];
        *network_key(network, attention, i, packet->position) += (int32_t)delta;
    }
}

void value_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to, first, last;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    int32_t *values = attention->value_sums + (uint64_t)packet->position * network->hidden;
    for (uint32_t s = first; s < last; s++)
        values[packet->spikes[s] & SPIKE_NEURON] +=
            (int32_t)spike_delta(params, steps, packet->step, packet->spikes[s]);
}

/* q, k, v: the linear membrane, and the running sums of the token's window start from nothing. */
void query_close(struct close_call *call)
{
    struct attention_state *attention = network_attention(call->network, call->population, call->token->token);
    for (uint32_t i = call->from; i < call->to; i++) attention->query[i] = 0;
    linear_close(call);
}

void key_close(struct close_call *call)
{
    const struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    for (uint32_t i = call->from; i < call->to; i++) *network_key(network, attention, i, call->token->position) = 0;
    linear_close(call);
}

void value_close(struct close_call *call)
{
    const struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    int32_t *values = attention->value_sums + (uint64_t)call->token->position * network->hidden;
    for (uint32_t i = call->from; i < call->to; i++) values[i] = 0;
    linear_close(call);
}

/* Completes one head's scores with its own key's and returns the largest (winner-take-all). */
static int64_t row_maximum(const struct network *network, struct attention_state *attention, uint32_t head,
                           uint32_t position)
{
    int64_t *score = attention->score + (uint64_t)head * network->positions, largest;
    for (unsigned w = 0; w < network->workers; w++) {
        score[position] += attention->own_score[(uint64_t)w * network->heads + head];
        attention->own_score[(uint64_t)w * network->heads + head] = 0;
    }
    largest = score[0];
    for (uint32_t key = 1; key <= position; key++)
        if (score[key] > largest) largest = score[key];
    return largest;
}

void exp_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    const struct hg_table *table = &network->model.table[network->model.population[call->population].table];
    uint32_t position = call->token->position, visible = position + 1;
    struct hg_code *codes = network_own_train(network, call->population, call->token->token)->hg;
    double unit = network->links[attention->query_population].lsb * network->links[attention->key_population].lsb *
                  (1.0 / real_sqrt((double)network->head_dim));
    for (uint32_t head = call->from; head < call->to; head++) {
        int64_t largest = row_maximum(network, attention, head, position);
        int64_t *score = attention->score + (uint64_t)head * network->positions;
        for (uint32_t key = 0; key < visible; key++) {
            struct hg_code *code = &codes[(uint64_t)head * visible + key];
            hg_encode(table, network_steps(network, call->population), (double)(score[key] - largest) * unit, code);
            call->saturations += code->saturated;
            score[key] = 0;
        }
    }
}

void exp_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct hg_table *table = &network->model.table[network->model.population[packet->population].table];
    const struct train *train = network_own_train(network, packet->population, packet->token);
    uint32_t from, to, first, last;
    packet_share(network->heads * network->positions, 16, worker, workers, &from, &to);
    packet_slice(packet, from, to, &first, &last);
    for (uint32_t s = first; s < last; s++) {
        uint32_t neuron = packet->spikes[s] & SPIKE_NEURON;
        const struct hg_code *code =
            &train->hg[(uint64_t)(neuron / train->stride) * train->span + neuron % train->stride];
        attention->exponential[neuron] += hg_spike_delta(table, code, packet->step, packet->spikes[s]);
    }
}

void weight_close(struct close_call *call)
{
    struct network *network = call->network;
    struct attention_state *attention = network_attention(network, call->population, call->token->token);
    const struct hg_table *table = &network->model.table[network->model.population[attention->exp_population].table];
    double unit = real_power_of_two(table->output_grid);
    uint32_t visible = call->token->position + 1;
    for (uint32_t head = call->from; head < call->to; head++) {
        int64_t *membrane = attention->exponential + (uint64_t)head * network->positions;
        for (uint32_t key = 0; key < visible; key++) {
            call->x[(uint64_t)head * visible + key] = (double)membrane[key] * unit;
            membrane[key] = 0;
        }
    }
}

/* e spikes into its head's sum, and into the context through the V row of its key. */
void weight_receive(struct network *network, const struct packet *packet, unsigned worker, unsigned workers)
{
    struct attention_state *attention = network_attention(network, packet->population, packet->token);
    const struct population_params *params = &network->model.population[packet->population];
    const unsigned steps = network_steps(network, packet->population);
    uint32_t from, to;
    packet_share(network->hidden, 16, worker, workers, &from, &to);
    for (uint32_t s = 0; s < packet->count; s++) {
        uint32_t neuron = packet->spikes[s] & SPIKE_NEURON;
        uint32_t head = neuron / network->positions, low = from, high = to;
        int64_t delta = spike_delta(params, steps, packet->step, packet->spikes[s]);
        const int32_t *values = attention->value_sums + (uint64_t)(neuron % network->positions) * network->hidden;
        network_head_channels(network, head, &low, &high);
        if (low < high) add_shifted(attention->context + low, values + low, high - low, delta);
        if (head % workers == worker) attention->weight_sum[head] += delta;
    }
}
