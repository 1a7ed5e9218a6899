/* Measurements side by side are those one by one, and the journal gives them back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/tune_measure.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { CONFIGURATIONS = 7 };
static uint32_t ids[] = {5, 9, 1, 7, 5, 3, 10, 4, 6};
static const char *const journal = "/tmp/lassim-tune-journal";

struct fixture {
    struct model *model;
    struct tune_groups groups;
    struct eval_text text;
    struct eval_watch watch;
    struct eval_dense dense;
    struct tune_bench bench;
    struct tune_setting *memory;
    const struct tune_setting *configuration[CONFIGURATIONS];
};

static void open_bench(struct fixture *f, const struct energy_model *cost)
{
    struct lassim_error error;
    f->bench = (struct tune_bench){.model = f->model,
                                   .groups = &f->groups,
                                   .text = &f->text,
                                   .dense = &f->dense,
                                   .watch = &f->watch,
                                   .threads = 3,
                                   .cost = cost,
                                   .journal = journal};
    if (tune_bench_open(&f->bench, NULL, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

static void set_up(struct fixture *f)
{
    struct lassim_error error;
    struct model_config config = tiny_config();
    memset(f, 0, sizeof *f);
    unlink(journal);
    pthread_mutex_init(&f->watch.lock, NULL);
    f->model = tiny_model_new(&config, 4, 0);
    naive_calibrate(f->model, ids, 6, 1.5);
    f->text = (struct eval_text){.ids = ids, .count = 9, .context = 6, .bos = 2};
    assert_int_equal(tune_groups_new(f->model, &f->groups, &error), LASSIM_OK);
    assert_int_equal(eval_dense_new(f->model, NULL, &f->text, journal, 1, &f->watch, &f->dense, &error), LASSIM_OK);
    f->memory = calloc((size_t)CONFIGURATIONS * f->groups.count, sizeof *f->memory);
    for (unsigned i = 0; i < CONFIGURATIONS; i++) {
        struct tune_setting *own = f->memory + (size_t)i * f->groups.count;
        memcpy(own, f->groups.start, f->groups.count * sizeof *own);
        own[i % 5].steps = (uint8_t)(4 + i % 5); /* the last two repeat the first two */
        f->configuration[i] = own;
    }
}

static void tear_down(struct fixture *f)
{
    tune_bench_forget(&f->bench);
    assert_int_equal(access(journal, F_OK), -1);
    free(f->memory);
    eval_dense_free(&f->dense);
    tune_groups_free(&f->groups);
    tiny_model_free(f->model);
}

static void together_and_remembered(void **state)
{
    (void)state;
    struct fixture f;
    struct tune_measurement first[CONFIGURATIONS], again[CONFIGURATIONS];
    struct lassim_error error;
    set_up(&f);
    open_bench(&f, NULL);
    assert_int_equal(tune_bench_measure(&f.bench, f.configuration, CONFIGURATIONS, first, &error), LASSIM_OK);
    assert_int_equal(f.bench.measured, 5);
    for (unsigned i = 0; i < CONFIGURATIONS; i++) {
        struct eval_result result;
        assert_int_equal(tune_bench_run(&f.bench, f.configuration[i], 1, 0, &result, &error), LASSIM_OK);
        struct tune_measurement one = tune_bench_weigh(&f.bench, &result);
        assert_true(one.loss == first[i].loss && one.cost == first[i].cost && one.guide == one.loss);
        assert_true(one.cost == (double)result.total.synaptic_operations);
        eval_result_free(&result);
    }
    tune_bench_close(&f.bench);
    open_bench(&f, NULL);
    assert_int_equal(tune_bench_measure(&f.bench, f.configuration, CONFIGURATIONS, again, &error), LASSIM_OK);
    assert_int_equal(f.bench.measured, 0);
    assert_memory_equal(first, again, sizeof first);
    /* With another cost the journal says nothing. */
    tune_bench_close(&f.bench);
    open_bench(&f, energy_model(0));
    assert_int_equal(tune_bench_measure(&f.bench, f.configuration, 1, again, &error), LASSIM_OK);
    assert_int_equal(f.bench.measured, 1);
    assert_true(again[0].cost > 0 && again[0].cost < 1 && again[0].loss == first[0].loss);
    /* Nor with a model of that name and another figure. */
    struct energy_model other = *energy_model(0);
    other.add *= 2;
    tune_bench_close(&f.bench);
    open_bench(&f, &other);
    assert_int_equal(tune_bench_measure(&f.bench, f.configuration, 1, first, &error), LASSIM_OK);
    assert_int_equal(f.bench.measured, 1);
    assert_true(first[0].cost > again[0].cost);
    tear_down(&f);
}

static void perplexity_is_the_larger_loss(void **state)
{
    (void)state;
    struct fixture f;
    struct tune_measurement kl, both;
    struct eval_result result;
    struct lassim_error error;
    set_up(&f);
    open_bench(&f, NULL);
    assert_int_equal(tune_bench_run(&f.bench, f.configuration[0], 1, 0, &result, &error), LASSIM_OK);
    kl = tune_bench_weigh(&f.bench, &result);
    f.bench.perplexity = 1;
    both = tune_bench_weigh(&f.bench, &result);
    double change = comparison_dppl_percent(&result.comparison) / 100;
    change = change < 0 ? -change : change;
    assert_true(both.guide == kl.loss && both.loss == (change > kl.loss ? change : kl.loss));
    eval_result_free(&result);
    tear_down(&f);
}

static void stopped_searches_fail(void **state)
{
    (void)state;
    struct fixture f;
    struct tune_measurement out[CONFIGURATIONS];
    struct lassim_error error;
    set_up(&f);
    open_bench(&f, NULL);
    eval_watch_stop(&f.watch);
    assert_int_equal(tune_bench_measure(&f.bench, f.configuration, CONFIGURATIONS, out, &error), LASSIM_ERR_RUN);
    assert_int_equal(error.status, LASSIM_ERR_RUN);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(together_and_remembered),
        cmocka_unit_test(perplexity_is_the_larger_loss),
        cmocka_unit_test(stopped_searches_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
