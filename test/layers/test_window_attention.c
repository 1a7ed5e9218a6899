/* Whole windows of attention against their definition: random trains of several tokens, what they leave in the cache and
 * in the membranes, one integer at a time, for any number of workers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "neurons/oat.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 3, STEPS = 16 };

/* One network and the tokens [first, first + TOKENS) of its sequence. */
struct bench {
    struct model *model;
    struct hand hand;
    struct network *network;
    uint32_t first;
    unsigned workers;
    uint64_t random;
};

/* positions and head_dim cross the 256 values that a window takes at a time, and the cache's blocks of keys. */
static const struct shape {
    uint32_t family, heads, kv_heads, head_dim, positions, first;
    unsigned workers;
} shapes[] = {
    {FAMILY_OPT, 2, 2, 4, 6, 0, 1},       {FAMILY_OPT, 4, 4, 2, 40, 14, 3},     {FAMILY_OPT, 1, 1, 8, 600, 511, 2},
    {FAMILY_LLAMA, 4, 2, 4, 6, 2, 1},     {FAMILY_LLAMA, 6, 1, 258, 20, 15, 2}, {FAMILY_QWEN2, 4, 4, 6, 300, 255, 4},
    {FAMILY_BERT, 2, 2, 4, TOKENS, 0, 2},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static uint32_t below(struct bench *bench, uint32_t n)
{
    bench->random = bench->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(bench->random >> 33) % n;
}

static void open_bench(struct bench *bench, const struct shape *shape)
{
    struct model_config config = tiny_config_of(shape->family);
    config.heads = shape->heads;
    config.kv_heads = shape->kv_heads;
    config.head_dim = shape->head_dim;
    config.positions = shape->positions;
    if (!config.rotary) config.position_rows = config.positions + config.position_offset;
    *bench = (struct bench){.model = tiny_model_new(&config, 7, 0),
                            .first = shape->first,
                            .workers = shape->workers,
                            .random = (uint64_t)(shape - shapes) + 1};
    hand_new_windows(&bench->hand, bench->model, STEPS, shape->workers, TOKENS);
    bench->network = bench->hand.network;
}

static void close_bench(struct bench *bench)
{
    hand_free(&bench->hand);
    tiny_model_free(bench->model);
}

static uint32_t visible_of(const struct bench *bench, uint32_t t)
{
    return bench->network->encoder ? TOKENS : bench->first + t + 1;
}

/* The train of token first + t as a close leaves it, but for its codes. */
static struct train *begin_train(struct bench *bench, uint32_t p, uint32_t t)
{
    const struct graph *graph = bench->model->graph;
    struct train *train = network_own_train(bench->network, p, bench->first + t);
    int rows = graph->population[p].visible_only;
    train->token = train->position = bench->first + t;
    train->visible = visible_of(bench, t);
    train->neurons = graph_window_neurons(graph, p, train->visible);
    train->span = rows ? train->visible : train->neurons;
    train->stride = rows ? graph->config.positions : train->neurons;
    return train;
}

/* Random codes, silent ones and outliers among them. */
static void fill_codes(struct bench *bench, uint32_t p)
{
    for (uint32_t t = 0; t < TOKENS; t++) {
        struct train *train = begin_train(bench, p, t);
        for (uint32_t i = 0; i < train->neurons; i++)
            train->codes[i] = below(bench, 4) == 0 ? 0
                                                   : below(bench, 1 << STEPS) | (below(bench, 2) ? OAT_NEGATIVE : 0) |
                                                         (below(bench, 8) ? 0 : OAT_OUTLIER);
    }
}

static void fill_hg(struct bench *bench, uint32_t p)
{
    const struct hg_table *table = network_table(bench->network, p);
    for (uint32_t t = 0; t < TOKENS; t++) {
        struct train *train = begin_train(bench, p, t);
        for (uint32_t i = 0; i < train->neurons; i++) {
            double x =
                table->function == HG_EXP ? -(double)below(bench, 9000) / 100 : 1 + (double)below(bench, 500) / 99;
            assert_int_equal(hg_encode(table, STEPS, x, &train->hg[i]), 0);
        }
    }
}

static int64_t oat_of(const struct bench *bench, uint32_t p, uint32_t t, uint32_t i)
{
    return oat_value(network_own_train(bench->network, p, bench->first + t)->codes[i], bench->model->population[p].j);
}

static int64_t hg_of(const struct bench *bench, uint32_t p, uint32_t t, uint32_t i)
{
    const struct train *train = network_own_train(bench->network, p, bench->first + t);
    return hg_value(network_table(bench->network, p), STEPS, &train->hg[i]);
}

static void receive(struct bench *bench, uint32_t p)
{
    for (unsigned pass = 0; pass < network_window_passes(bench->network, p, TOKENS); pass++)
        for (unsigned w = bench->workers; w-- > 0;)
            network_receive_windows(bench->network, p, bench->first, TOKENS, pass, w, bench->workers);
}

static struct attention_state *attention_of(const struct bench *bench, uint32_t t)
{
    return network_attention(bench->network, hand_population(&bench->hand, "layers.0.v"), bench->first + t);
}

static uint32_t population(const struct bench *bench, const char *name)
{
    return hand_population(&bench->hand, name);
}

/* Something in the cache at earlier positions: as if their windows had been received. */
static void fill_cache(struct bench *bench)
{
    const struct network *network = bench->network;
    struct attention_state *attention = attention_of(bench, 0);
    for (uint32_t position = 0; position < bench->first; position++)
        for (uint32_t i = 0; i < network->kv_width; i++) {
            *network_key(network, attention, i, position) = (int32_t)below(bench, 1 << 26) - (1 << 25);
            attention->value_sums[(size_t)position * network->kv_width + i] =
                (int32_t)below(bench, 1 << 20) - (1 << 19);
        }
}

static void check_cache(const struct bench *bench, uint32_t k, uint32_t v)
{
    const struct network *network = bench->network;
    const struct attention_state *attention = attention_of(bench, 0);
    for (uint32_t t = 0; t < TOKENS; t++)
        for (uint32_t i = 0; i < network->kv_width; i++) {
            uint32_t position = bench->first + t;
            assert_int_equal(*network_key(network, attention, i, position), oat_of(bench, k, t, i));
            assert_int_equal(attention->value_sums[(size_t)position * network->kv_width + i], oat_of(bench, v, t, i));
        }
}

/* Each head's q meets every key that its token sees, of its group's key head, and no other. */
static void check_scores(const struct bench *bench, uint32_t q)
{
    const struct network *network = bench->network;
    for (uint32_t t = 0; t < TOKENS; t++)
        for (uint32_t pair = 0; pair < network->heads * network->context; pair++) {
            const struct attention_state *attention = attention_of(bench, t);
            uint32_t head = pair / network->context, key = pair % network->context;
            uint32_t shared = head / (network->heads / bench->model->graph->config.kv_heads);
            int64_t score = 0;
            for (uint32_t i = 0; key < visible_of(bench, t) && i < network->head_dim; i++)
                score += oat_of(bench, q, t, head * network->head_dim + i) *
                         *network_key(network, attention, shared * network->head_dim + i, key);
            if (attention->score[pair] != score) fail_msg("token %u, head %u, key %u", t, head, key);
        }
}

static void check_turned(const struct bench *bench, uint32_t p)
{
    const struct network *network = bench->network;
    uint32_t dim = network->head_dim, half = dim / 2;
    for (uint32_t t = 0; t < TOKENS; t++)
        for (uint32_t i = 0; i < bench->model->graph->population[p].neurons; i++) {
            const int32_t *turn = bench->model->rotary + ((size_t)(bench->first + t) * half + i % half) * 2;
            int64_t sum = oat_of(bench, p, t, i) * turn[0];
            sum += i % dim < half ? -oat_of(bench, p, t, i + half) * turn[1] : oat_of(bench, p, t, i - half) * turn[1];
            assert_int_equal(network_unit(network, p, bench->first + t)->sum[i], sum);
        }
}

static void queries_keys_and_values(void **state)
{
    (void)state;
    for (uint32_t s = 0; s < SHAPES; s++) {
        struct bench bench;
        open_bench(&bench, &shapes[s]);
        int rotary = (int)bench.model->graph->config.rotary;
        uint32_t q = population(&bench, "layers.0.q"), k = population(&bench, "layers.0.k");
        uint32_t v = population(&bench, "layers.0.v");
        fill_cache(&bench);
        fill_codes(&bench, q);
        fill_codes(&bench, k);
        fill_codes(&bench, v);
        receive(&bench, q);
        receive(&bench, k);
        receive(&bench, v);
        if (rotary) {
            check_turned(&bench, q);
            check_turned(&bench, k);
            q = population(&bench, "layers.0.qr");
            k = population(&bench, "layers.0.kr");
            fill_codes(&bench, q);
            fill_codes(&bench, k);
            receive(&bench, q);
            receive(&bench, k);
        }
        check_cache(&bench, k, v);
        check_scores(&bench, q);
        close_bench(&bench);
    }
}

/* e's membranes take exp's values as they are; one that is silent is not written. */
static void exponentials(void **state)
{
    (void)state;
    for (uint32_t s = 0; s < SHAPES; s++) {
        struct bench bench;
        open_bench(&bench, &shapes[s]);
        const struct network *network = bench.network;
        uint32_t p = population(&bench, "layers.0.exp"), silent = 0;
        fill_hg(&bench, p);
        receive(&bench, p);
        for (uint32_t t = 0; t < TOKENS; t++)
            for (uint32_t head = 0; head < network->heads; head++)
                for (uint32_t key = 0; key < network->context; key++) {
                    uint32_t i = head * visible_of(&bench, t) + key;
                    int seen = key < visible_of(&bench, t);
                    silent += seen && network_own_train(network, p, bench.first + t)->hg[i].silent;
                    assert_int_equal(attention_of(&bench, t)->exponential[head * network->context + key],
                                     seen ? hg_of(&bench, p, t, i) : 0);
                }
        assert_true(silent > 0);
        close_bench(&bench);
    }
}

/* ctx takes e of every visible key times its value, of the head's group; the sum of e stands beside it. */
static void check_context(const struct bench *bench, uint32_t p, uint32_t t)
{
    const struct network *network = bench->network;
    const struct attention_state *attention = attention_of(bench, t);
    for (uint32_t i = 0; i < network->width; i++) {
        uint32_t head = i / network->head_dim, visible = visible_of(bench, t);
        uint32_t shared = head / (network->heads / bench->model->graph->config.kv_heads);
        int64_t sum = 0, weights = 0;
        for (uint32_t key = 0; key < visible; key++) {
            int64_t e = oat_of(bench, p, t, head * visible + key);
            sum += e * attention->value_sums[(size_t)key * network->kv_width + shared * network->head_dim +
                                             i % network->head_dim];
            weights += e;
        }
        if (attention->context[i] != sum) fail_msg("token %u, channel %u", t, i);
        assert_int_equal(attention->weight_sum[head], weights);
    }
}

static void weights_meet_values(void **state)
{
    (void)state;
    for (uint32_t s = 0; s < SHAPES; s++) {
        struct bench bench;
        open_bench(&bench, &shapes[s]);
        uint32_t p = population(&bench, "layers.0.e"), v = population(&bench, "layers.0.v");
        fill_cache(&bench);
        fill_codes(&bench, v);
        receive(&bench, v);
        fill_codes(&bench, p);
        receive(&bench, p);
        for (uint32_t t = 0; t < TOKENS; t++) check_context(&bench, p, t);
        close_bench(&bench);
    }
}

/* att's membranes: ctx times the inverse of its head, exact beyond 64 bits. */
static void context_and_inverse_wait(void **state)
{
    (void)state;
    for (uint32_t s = 0; s < SHAPES; s++) {
        struct bench bench;
        open_bench(&bench, &shapes[s]);
        const struct network *network = bench.network;
        uint32_t inv = population(&bench, "layers.0.inv"), ctx = population(&bench, "layers.0.ctx");
        fill_hg(&bench, inv);
        fill_codes(&bench, ctx);
        receive(&bench, inv);
        receive(&bench, ctx);
        for (uint32_t t = 0; t < TOKENS; t++)
            for (uint32_t i = 0; i < network->width; i++) {
                assert_true(attention_of(&bench, t)->context_sum[i] == oat_of(&bench, ctx, t, i));
                assert_true(attention_of(&bench, t)->inverse[i / network->head_dim] ==
                            hg_of(&bench, inv, t, i / network->head_dim));
            }
        close_bench(&bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_keys_and_values),
        cmocka_unit_test(exponentials),
        cmocka_unit_test(weights_meet_values),
        cmocka_unit_test(context_and_inverse_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
