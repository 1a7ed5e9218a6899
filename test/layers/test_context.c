/* Attention, value side: the octave of the sum of e, the context scaled by it, and ctx * inv as the product of
 * two trains. */
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

enum { TOKENS = 6, D = 8, H = 2, DIM = D / H, VOCABULARY = 11, CONTEXT_LEVEL = 8 };
static const uint32_t ids[TOKENS] = {2, 2, 2, 5, 5, 2};

static struct model *model_of(uint64_t seed, enum spike_code code)
{
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, seed, 0);
    naive_calibrate(model, ids, TOKENS, 1.5);
    model->code = code;
    return model;
}

static void run_to(struct hand *hand, uint32_t t, uint32_t level)
{
    struct token_window token = {t, t, t + 1, 1};
    hand_input(hand, &token, ids[t]);
    hand_levels(hand, &token, 1, level);
}

/* The rest of the token. */
static void run_rest(struct hand *hand, uint32_t t, uint32_t level)
{
    float logits[VOCABULARY];
    struct token_window token = {t, t, t + 1, 1};
    hand_levels(hand, &token, level, hand->model->graph->levels);
    network_close_head(hand->network, &token, logits);
}

/* 2^o <= sum e < 2^(o+1), sum e = weight_sum 2^-T; it lies in 1 .. visible keys. */
static void octave_brackets_the_sum_of_e(void **state)
{
    int seen = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct model *model = model_of(seed, SPIKE_CODE_RADIX);
        unsigned steps = 16 - (unsigned)seed;
        struct hand hand;
        hand_new(&hand, model, steps, 2);
        for (uint32_t t = 0; t < TOKENS; t++) {
            const struct attention_state *attention = &hand.network->attention[t % 2]; /* layer 0, its copies */
            int64_t sum[H];
            run_to(&hand, t, CONTEXT_LEVEL);
            memcpy(sum, attention->weight_sum, sizeof sum);
            hand_levels(&hand, &(struct token_window){t, t, t + 1, 1}, CONTEXT_LEVEL, CONTEXT_LEVEL + 1);
            for (uint32_t head = 0; head < H; head++) {
                int octave = attention->octave[head];
                assert_true(sum[head] >> steps >> octave == 1);
                assert_true(sum[head] >= INT64_C(1) << steps && sum[head] <= (int64_t)(t + 1) << steps);
                seen |= 1 << octave;
            }
            run_rest(&hand, t, CONTEXT_LEVEL + 1);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
    assert_int_equal(seen & 7, 7); /* octaves 0, 1 and 2 were met */
}

/* Both sides fire in the same window: in the end the product is value times value, in any order and share. */
static void product_is_the_product_of_the_values(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct model *model = model_of(seed, seed % 2);
        unsigned steps = 1 + (unsigned)seed;
        struct hand hand;
        hand_new(&hand, model, steps, 1 + seed % 4);
        hand.backwards = seed % 3 == 0;
        for (uint32_t t = 0; t < TOKENS; t++) {
            run_to(&hand, t, CONTEXT_LEVEL + 1);
            uint32_t inv = hand_population(&hand, "layers.0.inv"), ctx = hand_population(&hand, "layers.0.ctx");
            const struct hg_table *table = &model->table[model->population[inv].table];
            for (uint32_t i = 0; i < D; i++) {
                int64_t value = oat_value(network_train(hand.network, ctx, 0)->codes[i], model->population[ctx].j);
                int64_t inverse = hg_value(table, steps, &network_train(hand.network, inv, 0)->hg[i / DIM]);
                assert_true(hand.network->attention[t % 2].product[i] == (wide)value * inverse);
            }
            run_rest(&hand, t, CONTEXT_LEVEL + 1);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
}

/* No e was heard: 1/0 saturates and is counted, once a head; nothing is divided by anything. */
static void a_sum_of_zero_saturates(void **state)
{
    (void)state;
    struct model *model = model_of(1, SPIKE_CODE_RADIX);
    struct token_window token = {0, 0, 1, 1};
    struct close_result result;
    struct hand hand;
    hand_new(&hand, model, 16, 1);
    hand.deaf = hand_population(&hand, "layers.0.e");
    run_to(&hand, 0, CONTEXT_LEVEL);
    network_close(hand.network, hand_population(&hand, "layers.0.inv"), &token, 0, &result);
    assert_int_equal(result.saturations, H);
    assert_int_equal(hand.network->attention[0].octave[0], 0);
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octave_brackets_the_sum_of_e),
        cmocka_unit_test(product_is_the_product_of_the_values),
        cmocka_unit_test(a_sum_of_zero_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
