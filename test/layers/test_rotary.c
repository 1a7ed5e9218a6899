/* Rotary positions: what q's and k's spikes leave in the membranes of their turned trains, for every position, code,
 * number of workers and order of delivery. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "neurons/oat.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 4, QUERY_LEVEL = 4 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 1};

static struct model *model_of(uint64_t seed, uint32_t head_dim)
{
    struct model_config config = tiny_config_of(FAMILY_LLAMA);
    config.head_dim = head_dim;
    struct model *model = tiny_model_new(&config, seed, 0);
    model->code = seed % 2;
    naive_calibrate(model, ids, TOKENS, 1.2);
    return model;
}

/* out[i] = x[i] cos - x[i + h] sin, out[i + h] = x[i + h] cos + x[i] sin, head by head. */
static void assert_turned(const struct hand *hand, const char *name, uint32_t t)
{
    uint32_t p = hand_population(hand, name), dim = hand->model->graph->config.head_dim, half = dim / 2;
    const struct train *train = network_train(hand->network, p, t);
    const int64_t *sum = network_unit(hand->network, p, t)->sum;
    unsigned j = hand->model->population[p].j;
    for (uint32_t i = 0; i < train->neurons; i++) {
        const int32_t *turn = hand->model->rotary + ((size_t)t * half + i % half) * 2;
        int64_t own = oat_value(train->codes[i], j), paired;
        if (i % dim < half)
            paired = -(int64_t)oat_value(train->codes[i + half], j);
        else
            paired = oat_value(train->codes[i - half], j);
        if (sum[i] != own * turn[0] + paired * turn[1]) fail_msg("%s, token %u, channel %u", name, t, i);
    }
}

static void membranes_hold_the_turned_values(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct hand hand;
        struct model *model = model_of(seed, 2 + 2 * (uint32_t)(seed % 3));
        hand_new(&hand, model, 16 - (unsigned)seed, 1 + (unsigned)seed % 4);
        hand.backwards = seed % 5 == 0;
        for (uint32_t t = 0; t < TOKENS; t++) {
            struct token_window token = {t, t, t + 1, 1};
            hand_input(&hand, &token, ids[t]);
            hand_levels(&hand, &token, 1, QUERY_LEVEL + 1);
            assert_turned(&hand, "layers.0.q", t);
            assert_turned(&hand, "layers.0.k", t);
            hand_levels(&hand, &token, QUERY_LEVEL + 1, model->graph->levels);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
}

/* The close reads the membrane with lsb 2^-30 and leaves it empty; what meets the keys starts from nothing. */
static void closes_empty_the_membranes(void **state)
{
    (void)state;
    struct hand hand;
    struct model *model = model_of(3, 4);
    struct token_window token = {0, 0, 1, 1};
    double x[16];
    hand_new(&hand, model, 16, 1);
    hand_input(&hand, &token, 5);
    hand_levels(&hand, &token, 1, QUERY_LEVEL + 1);
    uint32_t q = hand_population(&hand, "layers.0.q"), p = hand_population(&hand, "layers.0.qr");
    int64_t *sum = network_unit(hand.network, q, 0)->sum;
    sum[1] = INT64_C(3) << 40;
    sum[2] = -(INT64_C(5) << 33);
    network_attention(hand.network, p, 0)->query[2] = 77;
    struct close_call call = {.network = hand.network, .population = p, .token = &token, .x = x, .from = 1, .to = 3};
    turned_close(&call);
    assert_true(x[1] == 3072 * hand.network->links[q].lsb && x[2] == -40 * hand.network->links[q].lsb);
    assert_int_equal(sum[1], 0);
    assert_int_equal(sum[2], 0);
    assert_int_equal(network_attention(hand.network, p, 0)->query[2], 0);
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(membranes_hold_the_turned_values),
        cmocka_unit_test(closes_empty_the_membranes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
