/* Activations: the gated product is the product of both trains' values, whichever side's spikes come first inside a
 * timestep, and a relay's membrane is its activation's value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "neurons/oat.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 4 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 1};

static struct model *model_of(uint32_t family, uint64_t seed)
{
    struct model_config config = tiny_config_of(family);
    struct model *model = tiny_model_new(&config, seed, 0);
    model->code = seed % 2;
    naive_calibrate(model, ids, TOKENS, 1.2);
    return model;
}

static int64_t hg_value_of(const struct hand *hand, uint32_t p, uint32_t t, uint32_t i)
{
    const struct hg_table *table = &hand->model->table[hand->model->population[p].table];
    return hg_value(table, hand->view.steps, &network_train(hand->network, p, t)->hg[i]);
}

static void assert_product(const struct hand *hand, uint32_t t)
{
    uint32_t gate = hand_population(hand, "layers.0.gate"), up = hand_population(hand, "layers.0.up");
    const wide *product = network_unit(hand->network, gate, t)->product;
    const struct train *train = network_train(hand->network, up, t);
    assert_ptr_equal(product, network_unit(hand->network, up, t)->product);
    for (uint32_t i = 0; i < train->neurons; i++) {
        wide want = (wide)hg_value_of(hand, gate, t, i) * oat_value(train->codes[i], hand->model->population[up].j);
        if (product[i] != want) fail_msg("token %u, neuron %u", t, i);
    }
}

static void products_of_both_sides(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct hand hand;
        struct model *model = model_of(FAMILY_LLAMA, seed);
        uint32_t level = model->graph->population[graph_find_population(model->graph, "layers.0.gate")].level;
        hand_new(&hand, model, 16 - (unsigned)seed, 1 + (unsigned)seed % 3);
        hand.backwards = seed % 2; /* up before gate */
        for (uint32_t t = 0; t < TOKENS; t++) {
            struct token_window token = {t, t, t + 1, 1};
            hand_input(&hand, &token, ids[t]);
            hand_levels(&hand, &token, 1, level + 1);
            assert_product(&hand, t);
            hand_levels(&hand, &token, level + 1, level + 2);
            const wide *product = network_unit(hand.network, hand_population(&hand, "layers.0.up"), t)->product;
            for (uint32_t i = 0; i < model->graph->config.ffn; i++) assert_true(product[i] == 0);
            hand_levels(&hand, &token, level + 2, model->graph->levels);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
}

static void relays_hold_the_activations_value(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct hand hand;
        struct model *model = model_of(FAMILY_GPT2, seed);
        uint32_t act = graph_find_population(model->graph, "layers.0.act");
        uint32_t level = model->graph->population[act].level;
        hand_new(&hand, model, 1 + (unsigned)seed, 1 + (unsigned)seed % 3);
        for (uint32_t t = 0; t < TOKENS; t++) {
            struct token_window token = {t, t, t + 1, 1};
            hand_input(&hand, &token, ids[t]);
            hand_levels(&hand, &token, 1, level + 1);
            const int64_t *sum = network_unit(hand.network, act, t)->sum;
            int negative = 0;
            for (uint32_t i = 0; i < model->graph->config.ffn; i++) {
                assert_int_equal(sum[i], hg_value_of(&hand, act, t, i));
                negative += sum[i] < 0;
            }
            hand_levels(&hand, &token, level + 1, level + 2);
            for (uint32_t i = 0; i < model->graph->config.ffn; i++) assert_int_equal(sum[i], 0);
            assert_true(negative < (int)model->graph->config.ffn);
            hand_levels(&hand, &token, level + 2, model->graph->levels);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_both_sides),
        cmocka_unit_test(relays_hold_the_activations_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
