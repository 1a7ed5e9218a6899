/* The layers without a kernel: the test itself closes windows and delivers packets, level by level, with no queue,
 * no time and no threads.  What a token does depends on the packets delivered, not on who delivers them, in which
 * order inside a timestep, or in how many shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/hand_network.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 5, VOCABULARY = 11 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 1, 7};

static void run_hand(struct hand *hand, float (*logits)[VOCABULARY])
{
    for (uint32_t t = 0; t < TOKENS; t++) hand_token(hand, t, ids[t], logits[t]);
}

static struct model *model_of(int shape, uint64_t seed, enum spike_code code)
{
    struct model_config config = tiny_config();
    if (shape > 0) config.pre_norm = config.final_norm = 0, config.layers = 2;
    if (shape > 1) config.embedding = 4;
    struct model *model = tiny_model_new(&config, seed, 0);
    naive_calibrate(model, ids, TOKENS, 1.5);
    model->code = code;
    return model;
}

static void expect(const struct model *model, unsigned steps, float (*logits)[VOCABULARY], uint64_t *events)
{
    struct naive *naive = naive_new(model, steps);
    *events = 0;
    for (uint32_t t = 0; t < TOKENS; t++) naive_token(naive, ids[t], 1, logits[t]);
    for (uint32_t p = 0; p < model->graph->populations; p++) *events += naive_populations(naive)[p].events;
    naive_free(naive);
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void packets_are_all_that_is_needed(void **state)
{
    float want[TOKENS][VOCABULARY], got[TOKENS][VOCABULARY];
    (void)state;
    for (int shape = 0; shape < 3; shape++)
        for (unsigned workers = 1; workers <= 5; workers += 2) {
            struct model *model = model_of(shape, 10u + workers, workers == 3 ? SPIKE_CODE_RADIX : SPIKE_CODE_TERNARY);
            struct hand hand;
            hand_new(&hand, model, 16 - workers, workers);
            uint64_t events;
            expect(model, hand.view.steps, want, &events);
            run_hand(&hand, got);
            assert_memory_equal(got, want, sizeof want);
            assert_int_equal(hand.packets, events);
            hand_free(&hand);
            tiny_model_free(model);
        }
}

/* q before k or k before q, any order of workers: dA S_B(t) + S_A(t-1) dB counts every pair once either way. */
static void order_inside_a_timestep_does_not_matter(void **state)
{
    float want[TOKENS][VOCABULARY], got[TOKENS][VOCABULARY];
    (void)state;
    for (int shape = 0; shape < 3; shape++) {
        struct model *model = model_of(shape, 20, SPIKE_CODE_TERNARY);
        struct hand hand;
        hand_new(&hand, model, 12, 2);
        hand.backwards = 1;
        uint64_t events;
        expect(model, 12, want, &events);
        run_hand(&hand, got);
        assert_memory_equal(got, want, sizeof want);
        hand_free(&hand);
        tiny_model_free(model);
    }
}

static void reset_forgets_everything(void **state)
{
    float first[TOKENS][VOCABULARY], again[TOKENS][VOCABULARY];
    (void)state;
    for (int shape = 0; shape < 3; shape++) {
        struct model *model = model_of(shape, 30, SPIKE_CODE_RADIX);
        struct hand hand;
        hand_new(&hand, model, 16, 1);
        struct token_window token = {0, 0, 1, 1};
        run_hand(&hand, first);
        hand_input(&hand, &token, 3);
        hand_levels(&hand, &token, 1, 9); /* leaves half a token behind */
        network_reset(hand.network);
        run_hand(&hand, again);
        assert_memory_equal(first, again, sizeof first);
        hand_free(&hand);
        tiny_model_free(model);
    }
}

/* Every population's spikes matter: whoever is not heard changes the logits.  (k alone meets only q, and a
 * rounding that swallows it is not met by these seeds.) */
static void unheard_spikes_change_the_logits(void **state)
{
    float want[TOKENS][VOCABULARY], got[TOKENS][VOCABULARY];
    (void)state;
    for (int shape = 0; shape < 3; shape++) {
        struct model *model = model_of(shape, 41, SPIKE_CODE_RADIX);
        uint64_t events;
        expect(model, 16, want, &events);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            struct hand hand;
            hand_new(&hand, model, 16, 1);
            hand.deaf = p;
            run_hand(&hand, got);
            if (memcmp(want, got, sizeof want) == 0) fail_msg("%s went unheard", model->graph->population[p].name);
            hand_free(&hand);
        }
        tiny_model_free(model);
    }
}

static void without_any_spike_the_head_reads_zero(void **state)
{
    float got[TOKENS][VOCABULARY];
    (void)state;
    struct model *model = model_of(0, 50, SPIKE_CODE_RADIX);
    struct hand hand;
    hand_new(&hand, model, 16, 1);
    hand.deaf = model->graph->matrix[model->graph->head_matrix].source;
    run_hand(&hand, got);
    for (uint32_t t = 0; t < TOKENS; t++)
        for (uint32_t i = 0; i < VOCABULARY; i++) assert_true(got[t][i] == 0.0f);
    hand_free(&hand);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_are_all_that_is_needed),
        cmocka_unit_test(order_inside_a_timestep_does_not_matter),
        cmocka_unit_test(reset_forgets_everything),
        cmocka_unit_test(unheard_spikes_change_the_logits),
        cmocka_unit_test(without_any_spike_the_head_reads_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
