/* Linear layers: only rows of neurons that spiked are read (the others lie in memory that may not be touched), a
 * silent input adds nothing, and shares of the targets add up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "neurons/oat.h"
#include "test/helpers/engine_run.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 4, PAGE = 4096, WIDE = PAGE / 4 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 5};
static const struct engine_piece whole[] = {{TOKENS, LASSIM_READ_ALL}, {0, 0}};

static uint32_t matrix_named(const struct model *model, const char *name)
{
    for (uint32_t m = 0; m < model->graph->matrices; m++)
        if (strcmp(model->graph->matrix[m].name, name) == 0) return m;
    fail_msg("no matrix %s", name);
    return 0;
}

/* Copies an F32 matrix whose rows are a page each to pages of its own; the row `forbidden` may not be read. */
static void *guard(struct matrix *matrix, const struct matrix_slot *slot, uint32_t forbidden)
{
    assert_int_equal(slot->targets, WIDE);
    size_t bytes = (size_t)slot->sources * PAGE;
    uint8_t *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(pages != MAP_FAILED);
    for (uint32_t i = 0; i < slot->sources * WIDE; i++) {
        float value = (float)weight_value(matrix->type, matrix->weights, i);
        memcpy(pages + (size_t)i * 4, &value, 4);
    }
    matrix->type = WEIGHT_F32;
    matrix->weights = pages;
    assert_int_equal(mprotect(pages + (size_t)forbidden * PAGE, PAGE, PROT_NONE), 0);
    return pages;
}

/* Channel 3 of norm2 is silent (gamma = beta = 0); its row of fc1 must never be read, and its silence adds no
 * synaptic operation: the counts are those of the seven others. */
static void rows_of_silent_neurons_are_never_read(void **state)
{
    (void)state;
    if (sysconf(_SC_PAGESIZE) != PAGE) skip();
    struct model_config config = tiny_config();
    config.ffn = WIDE;
    struct model *model = tiny_model_new(&config, 3, 0);
    ((double *)(uintptr_t)model->norm[1].gamma)[3] = 0;
    ((double *)(uintptr_t)model->norm[1].beta)[3] = 0;
    uint32_t m = matrix_named(model, "layers.0.fc1"), ln = model->graph->matrix[m].source;
    struct lassim_options options = {.engine = LASSIM_ENGINE_EVENT, .threads = 2, .numa_off = 1};
    struct engine_run *before = engine_run_new(model, options, ids, whole, 0);
    struct matrix kept = model->matrix[m];
    void *pages = guard(&model->matrix[m], &model->graph->matrix[m], 3);
    struct engine_run *after = engine_run_new(model, options, ids, whole, 0);
    assert_memory_equal(before->logits, after->logits, TOKENS * config.vocabulary * sizeof(float));
    assert_true(after->population[ln].active_neurons > 0);
    assert_true(after->population[ln].active_neurons <= TOKENS * 7);
    assert_int_equal(after->population[ln].synaptic_operations, after->population[ln].spikes * WIDE);
    munmap(pages, (size_t)model->graph->matrix[m].sources * PAGE);
    model->matrix[m] = kept;
    engine_run_free(before);
    engine_run_free(after);
    tiny_model_free(model);
}

/* A network that has nothing to say: embeddings, biases, gamma and beta absent or 0.  Only softmax works, whose e^0
 * is 1 for every key; every other population opens its windows and adds no operation of any kind. */
static void a_silent_input_adds_no_operation(void **state)
{
    (void)state;
    for (int post = 0; post < 2; post++) {
        struct model_config config = tiny_config();
        if (post) config.pre_norm = config.final_norm = 0;
        struct model *model = tiny_model_new(&config, 3, 1);
        for (uint32_t m = 0; m < model->graph->matrices; m++) {
            const struct matrix_slot *slot = &model->graph->matrix[m];
            if (model->graph->population[slot->source].code != CODE_INPUT) continue;
            memset((void *)(uintptr_t)model->matrix[m].weights, 0,
                   (size_t)slot->sources * slot->targets * weight_size(model->matrix[m].type));
        }
        struct engine_run *run =
            engine_run_new(model, (struct lassim_options){.engine = LASSIM_ENGINE_EVENT, .numa_off = 1}, ids, whole, 0);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            const struct population *population = &model->graph->population[p];
            const struct counters *c = &run->population[p];
            assert_int_equal(c->windows, TOKENS);
            if (population->code == CODE_INPUT || population->kind == POPULATION_WEIGHT) continue;
            assert_int_equal(c->synaptic_operations, 0);
            if (population->code == CODE_HG) continue; /* 1/sqrt(eps), e^0 and 1/keys are values like any other */
            assert_int_equal(c->spikes, 0);
            assert_int_equal(c->events + c->spike_product_operations + c->membrane_updates + c->active_neurons, 0);
        }
        for (uint32_t i = 0; i < TOKENS * config.vocabulary; i++) assert_true(run->logits[i] == 0.0f);
        engine_run_free(run);
        tiny_model_free(model);
    }
}

/* The sums of q equal sum_j value_j w_ij, for any number of shares. */
static void shares_of_targets_add_up(void **state)
{
    (void)state;
    for (unsigned workers = 1; workers <= 7; workers += 3) {
        struct model_config config = tiny_config();
        config.ffn = 300;
        struct model *model = tiny_model_new(&config, 8, 0);
        struct hand hand;
        struct token_window token = {0, 0, 1, 1};
        hand_new(&hand, model, 9, workers);
        uint32_t m = matrix_named(model, "layers.0.fc1"), ln = model->graph->matrix[m].source;
        hand_input(&hand, &token, 5);
        hand_levels(&hand, &token, 1, model->graph->population[ln].level + 1);
        const struct train *train = network_train(hand.network, ln, 0);
        for (uint32_t i = 0; i < config.ffn; i++) {
            double want = 0;
            for (uint32_t j = 0; j < config.hidden; j++) {
                double value = oat_value(train->codes[j], model->population[ln].j);
                want += value * (1 << model->population[ln].shift[j]) *
                        weight_value(model->matrix[m].type, model->matrix[m].weights, (uint64_t)j * config.ffn + i) *
                        64;
            }
            assert_true((double)network_sum(hand.network, m, 0)[i] == want);
        }
        hand_free(&hand);
        tiny_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_silent_neurons_are_never_read),
        cmocka_unit_test(a_silent_input_adds_no_operation),
        cmocka_unit_test(shares_of_targets_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
