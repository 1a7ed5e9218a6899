/* Loss and counts of a text against a run by hand: the same figures for one job or several, for any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/eval.h"
#include "test/helpers/engine_run.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

static uint32_t ids[] = {5, 9, 1, 7, 5, 3, 10, 4, 6, 6, 8, 2, 9};
enum { IDS = sizeof ids / sizeof *ids };

struct fixture {
    struct model *model;
    struct eval_text text;
    struct eval_watch watch;
    struct eval_dense dense;
};

static void set_up(struct fixture *f)
{
    struct lassim_error error;
    struct model_config config = tiny_config();
    memset(f, 0, sizeof *f);
    pthread_mutex_init(&f->watch.lock, NULL);
    f->model = tiny_model_new(&config, 4, 0);
    naive_calibrate(f->model, ids, 6, 1.5);
    f->text = (struct eval_text){.ids = ids, .count = IDS, .context = 6, .bos = 2};
    if (eval_dense_new(f->model, NULL, &f->text, "/tmp/lassim-eval", 1, &f->watch, &f->dense, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
}

static void tear_down(struct fixture *f)
{
    eval_dense_free(&f->dense);
    tiny_model_free(f->model);
}

/* What each chunk counts, added up by hand. */
static void counts_are_those_of_the_chunks(void **state)
{
    (void)state;
    struct fixture f;
    struct eval_result result;
    struct lassim_error error;
    set_up(&f);
    f.model->population[7].steps = 5;
    const struct lassim_options options = {.timesteps = 9, .threads = 1, .numa_off = 1};
    assert_int_equal(eval_run(f.model, &options, &f.text, &f.dense, &f.watch, 0, &result, &error), LASSIM_OK);
    struct counters sum = {0};
    uint64_t timesteps = 0;
    for (size_t i = 0; i < eval_text_pieces(&f.text); i++) {
        uint32_t chunk[6];
        struct eval_piece piece;
        eval_text_piece(&f.text, i, chunk, &piece);
        const struct engine_piece pieces[] = {{piece.n, LASSIM_READ_ALL}, {0, 0}};
        struct engine_run *run = engine_run_one(f.model, options, piece.inputs, pieces, 0);
        struct counters totals = engine_run_totals(run);
        counters_add(&sum, &totals);
        timesteps += run->timesteps;
        engine_run_free(run);
    }
    assert_memory_equal(&result.total, &sum, sizeof sum);
    assert_int_equal(result.timesteps, timesteps);
    assert_int_equal(result.comparison.tokens, IDS);
    assert_int_equal(result.tokens, IDS);
    assert_int_equal(result.dense_macs, sum.dense_macs);
    assert_int_equal(atomic_load(&f.watch.tokens), IDS);
    uint64_t windows = 0;
    for (uint32_t p = 0; p < f.model->graph->populations; p++)
        windows += result.population[p].threshold_tests / (p == 7 ? 5 : 9);
    assert_int_equal(result.neuron_windows, windows);
    assert_true(result.into_weights_windows > 0 && result.into_weights_windows < windows);
    assert_true(comparison_kl_mean(&result.comparison) > 0);
    eval_result_free(&result);
    tear_down(&f);
}

/* An encoder's sequences, whatever its head reads: counts and loss are those of one run after the other. */
static void encoders_go_sequence_by_sequence(void **state)
{
    (void)state;
    static uint32_t types[IDS] = {0, 0, 1, 1, 0};
    static size_t start[] = {0, 4, 5, 10, IDS};
    static const enum head_kind heads[] = {HEAD_VALUES, HEAD_MASKED_LM, HEAD_CLASSIFY};
    for (size_t h = 0; h < sizeof heads / sizeof *heads; h++) {
        struct model_config config = tiny_config_of(FAMILY_BERT);
        struct lassim_error error;
        struct eval_result result;
        struct comparison comparison = {0};
        struct counters sum = {0};
        struct encoder_loss loss;
        struct fixture f = {.text = {ids, IDS, 6, 0, types, start, 4, 0}};
        config.head = heads[h];
        config.labels = heads[h] == HEAD_CLASSIFY ? 3 : 0;
        f.model = tiny_model_new(&config, 4, 0);
        pthread_mutex_init(&f.watch.lock, NULL);
        assert_int_equal(eval_dense_new(f.model, NULL, &f.text, "/tmp/lassim-eval", 1, &f.watch, &f.dense, &error), 0);
        const struct lassim_options options = {.timesteps = 9, .threads = 1, .numa_off = 1};
        assert_int_equal(eval_run(f.model, &options, &f.text, &f.dense, &f.watch, 0, &result, &error), LASSIM_OK);
        assert_int_equal(encoder_loss_new(f.model->graph, &loss, &error), LASSIM_OK);
        size_t row = 0;
        for (size_t i = 0; i < 4; i++) {
            uint32_t n = (uint32_t)(start[i + 1] - start[i]);
            const struct engine_piece pieces[] = {{n, LASSIM_READ_ALL}, {0, 0}};
            struct engine_run *run = engine_run_typed(f.model, options, ids + start[i], types + start[i], pieces, 0);
            struct counters totals = engine_run_totals(run);
            counters_add(&sum, &totals);
            assert_int_equal(eval_first_row(f.model->graph, i, start[i]), row);
            encoder_loss_add(&loss, ids + start[i], n, f.dense.logits + row * f.dense.width, run->logits, &comparison);
            row += encoder_loss_rows(heads[h], n);
            engine_run_free(run);
        }
        assert_int_equal(f.dense.bytes, row * f.dense.width * sizeof(float));
        assert_memory_equal(&result.total, &sum, sizeof sum);
        assert_memory_equal(&result.comparison, &comparison, sizeof comparison);
        assert_true(comparison.kl_max > 0 && comparison.logit_error_max > 0);
        assert_int_equal(result.tokens, IDS);
        assert_int_equal(atomic_load(&f.watch.tokens), IDS);
        encoder_loss_free(&loss);
        eval_result_free(&result);
        tear_down(&f);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct eval_result one, three;
    struct lassim_error error;
    set_up(&f);
    struct lassim_options options = {.timesteps = 8, .threads = 1, .numa_off = 1};
    assert_int_equal(eval_run(f.model, &options, &f.text, &f.dense, &f.watch, 0, &one, &error), LASSIM_OK);
    struct eval_dense dense;
    assert_int_equal(eval_dense_new(f.model, NULL, &f.text, "/tmp/lassim-eval", 3, &f.watch, &dense, &error),
                     LASSIM_OK);
    assert_memory_equal(dense.logits, f.dense.logits, dense.bytes);
    options.threads = 3;
    assert_int_equal(eval_run(f.model, &options, &f.text, &dense, &f.watch, 5, &three, &error), LASSIM_OK);
    assert_memory_equal(&one.comparison, &three.comparison, sizeof one.comparison);
    assert_memory_equal(&one.total, &three.total, sizeof one.total);
    eval_result_free(&one);
    eval_result_free(&three);
    eval_dense_free(&dense);
    tear_down(&f);
}

static void stopped_means_stopped(void **state)
{
    (void)state;
    struct fixture f;
    struct eval_result result;
    struct eval_dense dense;
    struct lassim_error error;
    set_up(&f);
    const struct lassim_options options = {.threads = 1, .numa_off = 1};
    eval_watch_stop(&f.watch);
    assert_int_equal(eval_run(f.model, &options, &f.text, &f.dense, &f.watch, 0, &result, &error), LASSIM_ERR_RUN);
    assert_null(result.population);
    assert_int_equal(eval_dense_new(f.model, NULL, &f.text, "/tmp/lassim-eval", 1, &f.watch, &dense, &error),
                     LASSIM_ERR_RUN);
    assert_null(dense.logits);
    assert_null(f.watch.session[0]);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_the_chunks),
        cmocka_unit_test(encoders_go_sequence_by_sequence),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(stopped_means_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
