/* Attention, score side: the KV cache holds spike sums, scores are spike dot products with every visible key and
 * none other, the row maximum codes e^0. */
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
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 5, D = 8, H = 2, DIM = D / H, POSITIONS = 6, VOCABULARY = 11, FIRE_LEVEL = 5 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7};

static struct model *model_of(uint64_t seed, enum spike_code code)
{
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, seed, 0);
    naive_calibrate(model, ids, TOKENS, 1.5);
    model->code = code;
    return model;
}

static int64_t code_value(const struct hand *hand, const char *name, uint32_t i)
{
    uint32_t p = hand_population(hand, name);
    return oat_value(network_train(hand->network, p, 0)->codes[i], hand->model->population[p].j);
}

struct kept {
    int64_t key[TOKENS][D], value[TOKENS][D], query[D];
};

static void keep(const struct hand *hand, uint32_t t, struct kept *kept)
{
    for (uint32_t i = 0; i < D; i++) {
        kept->query[i] = code_value(hand, "layers.0.q", i);
        kept->key[t][i] = code_value(hand, "layers.0.k", i);
        kept->value[t][i] = code_value(hand, "layers.0.v", i);
    }
}

static void assert_cache(const struct hand *hand, uint32_t t, const struct kept *kept)
{
    const struct attention_state *attention = &hand->network->attention[0];
    for (uint32_t key = 0; key < POSITIONS; key++)
        for (uint32_t i = 0; i < D; i++) {
            int64_t k = key <= t ? kept->key[key][i] : 0, v = key <= t ? kept->value[key][i] : 0;
            assert_int_equal(*network_key(hand->network, attention, i, key), k);
            assert_int_equal(attention->value_sums[key * D + i], v);
        }
}

/* Before exp closes: older keys' scores complete, the own key's in parts by worker, masked ones untouched. */
static void assert_scores(const struct hand *hand, uint32_t t, const struct kept *kept)
{
    const struct attention_state *attention = &hand->network->attention[t % 2]; /* layer 0, its copies */
    for (uint32_t head = 0; head < H; head++)
        for (uint32_t key = 0; key < POSITIONS; key++) {
            int64_t want = 0, got = attention->score[head * POSITIONS + key];
            for (uint32_t i = head * DIM; key <= t && i < (head + 1) * DIM; i++)
                want += kept->query[i] * kept->key[key][i];
            for (unsigned w = 0; key == t && w < hand->workers; w++) got += attention->own_score[w * H + head];
            assert_int_equal(got, want);
        }
}

static void scores_are_dot_products_of_values(void **state)
{
    float logits[VOCABULARY];
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct model *model = model_of(seed, seed % 2);
        struct hand hand;
        struct kept kept;
        hand_new(&hand, model, 16 - (unsigned)seed, 1 + seed % 3);
        for (uint32_t t = 0; t < TOKENS; t++) {
            struct token_window token = {t, t, t + 1, 1};
            hand_input(&hand, &token, ids[t]);
            hand_levels(&hand, &token, 1, FIRE_LEVEL + 1);
            keep(&hand, t, &kept);
            assert_cache(&hand, t, &kept);
            assert_scores(&hand, t, &kept);
            hand_levels(&hand, &token, FIRE_LEVEL + 1, model->graph->levels);
            network_close_head(hand.network, &token, logits);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
}

/* exp and e have one neuron a head and visible key; each row holds an e of exactly 1, one outlier code 2^(T-1). */
static void every_row_has_an_e_of_one(void **state)
{
    float logits[VOCABULARY];
    (void)state;
    struct model *model = model_of(3, SPIKE_CODE_RADIX);
    for (unsigned steps = 1; steps <= 16; steps++) {
        struct hand hand;
        hand_new(&hand, model, steps, 1);
        for (uint32_t t = 0; t < TOKENS; t++) {
            hand_token(&hand, t, ids[t], logits);
            const struct train *e = network_train(hand.network, hand_population(&hand, "layers.0.e"), 0);
            assert_int_equal(e->neurons, H * (t + 1));
            for (uint32_t head = 0; head < H; head++) {
                int ones = 0;
                for (uint32_t key = 0; key <= t; key++)
                    ones += e->codes[head * (t + 1) + key] == (OAT_OUTLIER | 1u << (steps - 1));
                assert_true(ones >= 1);
            }
        }
        hand_free(&hand);
    }
    tiny_model_free(model);
}

static void membranes_are_empty_after_a_token(void **state)
{
    float logits[VOCABULARY];
    (void)state;
    struct model *model = model_of(4, SPIKE_CODE_TERNARY);
    struct hand hand;
    hand_new(&hand, model, 16, 2);
    for (uint32_t t = 0; t < TOKENS; t++) {
        const struct attention_state *attention = &hand.network->attention[t % 2]; /* layer 0, its copies */
        hand_token(&hand, t, ids[t], logits);
        for (uint32_t i = 0; i < H * POSITIONS; i++)
            assert_true(attention->score[i] == 0 && attention->exponential[i] == 0);
        for (uint32_t i = 0; i < 2 * H; i++) assert_int_equal(attention->own_score[i], 0);
        for (uint32_t h = 0; h < H; h++) assert_int_equal(attention->weight_sum[h], 0);
        for (uint32_t i = 0; i < D; i++) assert_true(attention->context[i] == 0 && attention->product[i] == 0);
    }
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_dot_products_of_values),
        cmocka_unit_test(every_row_has_an_e_of_one),
        cmocka_unit_test(membranes_are_empty_after_a_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
