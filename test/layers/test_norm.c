/* LayerNorm: running sums and the square of a train with itself, against the sums taken at the end; every
 * membrane is empty when its window has closed. */
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

enum { D = 8 };
static const uint32_t ids[] = {2, 7};

static struct model *model_of(uint64_t seed, enum spike_code code)
{
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, seed, 0);
    naive_calibrate(model, ids, 2, 1.5);
    model->code = code;
    return model;
}

static int64_t code_value(const struct hand *hand, uint32_t p, uint32_t i)
{
    return oat_value(network_train(hand->network, p, 0)->codes[i], hand->model->population[p].j);
}

/* At every step S_A S_B - S_A' S_B' is added; in the end that is the square of the value. */
static void squares_of_trains_are_squares_of_values(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct model *model = model_of(seed, seed % 2);
        struct token_window token = {0, 0, 1, 1};
        struct hand hand;
        hand_new(&hand, model, 1 + seed % 16, 3);
        hand_input(&hand, &token, ids[0]);
        hand_levels(&hand, &token, 1, 3);
        uint32_t xmu = hand_population(&hand, "layers.0.norm1.xmu");
        wide want = 0, got = 0;
        for (uint32_t i = 0; i < D; i++) {
            int64_t value = code_value(&hand, xmu, i);
            assert_int_equal(hand.network->norm[0].centered[i], value);
            want += (wide)value * value;
        }
        for (unsigned w = 0; w < 3; w++) got += hand.network->norm[0].square[w];
        assert_true(want == got);
        hand_free(&hand);
        tiny_model_free(model);
    }
}

/* x - mean of the fired train sums to 0 up to its own coding; own and mean are the train's values. */
static void both_synapses_of_a_residual_spike(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct model *model = model_of(seed, seed % 2);
        struct token_window token = {0, 0, 1, 1};
        struct hand hand;
        hand_new(&hand, model, 16, 2);
        hand_input(&hand, &token, ids[0]);
        hand_levels(&hand, &token, 1, 2);
        uint32_t res = hand_population(&hand, "layers.0.norm1.res");
        int64_t total = 0;
        for (uint32_t i = 0; i < D; i++) {
            assert_int_equal(hand.network->norm[0].own[i], code_value(&hand, res, i));
            total += code_value(&hand, res, i);
        }
        assert_int_equal(hand.network->norm[0].mean[0] + hand.network->norm[0].mean[1], total);
        hand_free(&hand);
        tiny_model_free(model);
    }
}

static void membranes_are_empty_after_their_close(void **state)
{
    (void)state;
    struct model *model = model_of(5, SPIKE_CODE_TERNARY);
    struct token_window token = {0, 0, 1, 1};
    struct hand hand;
    hand_new(&hand, model, 16, 2);
    hand_input(&hand, &token, ids[0]);
    hand_levels(&hand, &token, 1, 5);
    const struct norm_state *norm = &hand.network->norm[0];
    for (uint32_t i = 0; i < D; i++) assert_true(norm->own[i] == 0 && norm->product[i] == 0);
    for (unsigned w = 0; w < 2; w++) assert_true(norm->mean[w] == 0 && norm->square[w] == 0);
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squares_of_trains_are_squares_of_values),
        cmocka_unit_test(both_synapses_of_a_residual_spike),
        cmocka_unit_test(membranes_are_empty_after_their_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
