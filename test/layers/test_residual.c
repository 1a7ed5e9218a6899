/* The residual stream: values rounded once, half away from zero; clamps counted; potentials kept between norms,
 * replaced by a post-LN norm; one slot a token in flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/tiny_model.h"

enum { D = 8, LIMIT_BITS = 52 };

/* Embedding rows 2 of tok (F32) and pos are given values, everything else is as it comes. */
static struct model *model_with(const float *tok, int32_t residual_grid)
{
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 1, 0);
    assert_int_equal(model->matrix[0].type, WEIGHT_F32);
    memcpy((float *)(uintptr_t)model->matrix[0].weights + 2 * D, tok, D * sizeof *tok);
    memset((void *)(uintptr_t)model->matrix[1].weights, 0, (size_t)config.position_rows * D * 2);
    model->residual_grid = residual_grid;
    return model;
}

/* In units of 2^-6, the weights' grid; the residual's is 2^-3, so halves are multiples of 4 of them. */
static void values_are_rounded_half_away_from_zero(void **state)
{
    static const float tok[D] = {0x1p-3f, 0x1.8p-3f, -0x1.8p-3f, 0x1p-4f, -0x1p-4f, 0x1.8p-5f, -0x1.8p-5f, 0};
    static const int64_t want[D] = {1, 2, -2, 1, -1, 0, 0, 0};
    struct token_window token = {0, 0, 1, 1};
    struct hand hand;
    (void)state;
    struct model *model = model_with(tok, -3);
    hand_new(&hand, model, 16, 1);
    hand_input(&hand, &token, 2);
    hand_levels(&hand, &token, 1, 2);
    assert_memory_equal(network_residual(hand.network, 0), want, sizeof want);
    hand_free(&hand);
    tiny_model_free(model);
}

/* 2^52 is the last integer; beyond it a potential stays there and every clamp is counted. */
static void clamps_are_counted(void **state)
{
    static const float tok[D] = {1, -1, 2, -2, 64, -64, 0x1p-6f, 0};
    static const int64_t limit = INT64_C(1) << LIMIT_BITS;
    const int64_t want[D] = {limit, -limit, limit, -limit, limit, -limit, limit >> 6, 0};
    struct token_window token = {0, 0, 1, 1};
    struct close_result result;
    struct hand hand;
    (void)state;
    struct model *model = model_with(tok, -LIMIT_BITS);
    model->population[2].exponent = 20; /* nothing saturates when it is coded */
    hand_new(&hand, model, 16, 1);
    hand_input(&hand, &token, 2);
    network_close(hand.network, 2, &token, 0, &result);
    assert_memory_equal(network_residual(hand.network, 0), want, sizeof want);
    assert_int_equal(result.saturations, 4);
    hand_free(&hand);
    tiny_model_free(model);
}

/* A norm fires a copy: the potential is the same before and after; the next norm's close adds o's values. */
static void potentials_are_kept(void **state)
{
    static const float tok[D] = {1, -1, 0.5f, 0.25f, -0.25f, 0, 1.5f, -1};
    int64_t before[D];
    struct token_window token = {0, 0, 1, 1};
    struct hand hand;
    (void)state;
    struct model *model = model_with(tok, -30);
    hand_new(&hand, model, 16, 1);
    hand.deaf = hand_population(&hand, "layers.0.att"); /* o then brings its bias alone */
    hand_input(&hand, &token, 2);
    hand_levels(&hand, &token, 1, 2);
    memcpy(before, network_residual(hand.network, 0), sizeof before);
    hand_levels(&hand, &token, 2, 10);
    assert_memory_equal(before, network_residual(hand.network, 0), sizeof before);
    hand_levels(&hand, &token, 10, 11);
    const double *bias = NULL;
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        if (strcmp(model->graph->matrix[m].name, "layers.0.o") == 0) bias = model->matrix[m].bias;
    for (uint32_t i = 0; i < D; i++)
        assert_int_equal(network_residual(hand.network, 0)[i], before[i] + (int64_t)(bias[i] * 0x1p30));
    hand_free(&hand);
    tiny_model_free(model);
}

/* A token in the slot of one that has gone starts from nothing. */
static void a_slot_is_used_again(void **state)
{
    static const float tok[D] = {1, -1, 0.5f, 0.25f, -0.25f, 0, 1.5f, -1};
    int64_t before[D];
    struct hand hand;
    (void)state;
    struct model *model = model_with(tok, -30);
    hand_new(&hand, model, 16, 1);
    struct token_window gone = {0, 0, 1, 1}, token = {hand.network->slots, 0, 1, 1};
    hand_input(&hand, &gone, 2);
    hand_levels(&hand, &gone, 1, 2);
    assert_ptr_equal(network_residual(hand.network, gone.token), network_residual(hand.network, token.token));
    memcpy(before, network_residual(hand.network, gone.token), sizeof before);
    hand_input(&hand, &token, 2);
    hand_levels(&hand, &token, 1, 2);
    assert_memory_equal(before, network_residual(hand.network, token.token), sizeof before);
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_rounded_half_away_from_zero),
        cmocka_unit_test(clamps_are_counted),
        cmocka_unit_test(potentials_are_kept),
        cmocka_unit_test(a_slot_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
