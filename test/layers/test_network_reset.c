/* After a reset a network says what a new one says, whatever it was in the middle of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 3, VOCABULARY = 11 };
static const uint32_t ids[TOKENS] = {2, 5, 9}, families[] = {FAMILY_OPT, FAMILY_LLAMA, FAMILY_QWEN2, FAMILY_GPT2};

static void run(struct hand *hand, float logits[TOKENS][VOCABULARY])
{
    for (uint32_t t = 0; t < TOKENS; t++) hand_token(hand, t, ids[t], logits[t]);
}

static void a_reset_network_is_as_new(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        struct hand hand;
        struct model_config config = tiny_config_of(families[f]);
        struct model *model = tiny_model_new(&config, f, 0);
        float first[TOKENS][VOCABULARY], again[TOKENS][VOCABULARY];
        naive_calibrate(model, ids, TOKENS, 1.5);
        hand_new(&hand, model, 9, 2);
        run(&hand, first);
        for (uint32_t stop = 1; stop < model->graph->levels; stop++) {
            struct token_window token = {TOKENS, TOKENS, TOKENS + 1, 1};
            hand_input(&hand, &token, 7);
            hand_levels(&hand, &token, 1, stop);
            network_reset(hand.network);
            run(&hand, again);
            if (memcmp(first, again, sizeof first) != 0) fail_msg("family %u, level %u", families[f], stop);
        }
        assert_int_equal(hand.network->sequence, model->graph->levels - 1);
        hand_free(&hand);
        tiny_model_free(model);
    }
}

/* What layers share is cleared as well. */
static void an_encoders_membranes_are_empty(void **state)
{
    (void)state;
    struct hand hand;
    struct model_config config = tiny_config_of(FAMILY_BERT);
    config.layers = 2;
    struct model *model = tiny_model_new(&config, 1, 0);
    hand_new(&hand, model, 4, 2);
    struct network *network = hand.network;
    uint32_t q = graph_find_matrix(model->graph, "layers.1.q"), fc = hand_population(&hand, "layers.1.fc");
    for (uint32_t t = 0; t < network->copies; t++) {
        network_sum(network, q, t)[7] = 1;
        network->unit[(size_t)fc * network->copies + t].sum[9] = 2;
        network->attention[network->copies + t].score[5] = 3;
        network->norm[network->copies + t].square[1] = 4;
    }
    network_reset(network);
    for (uint32_t t = 0; t < network->copies; t++) {
        assert_int_equal(network_sum(network, q, t)[7], 0);
        assert_int_equal(network->unit[(size_t)fc * network->copies + t].sum[9], 0);
        assert_int_equal(network->attention[network->copies + t].score[5], 0);
        assert_true(network->norm[network->copies + t].square[1] == 0);
    }
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_network_is_as_new),
        cmocka_unit_test(an_encoders_membranes_are_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
