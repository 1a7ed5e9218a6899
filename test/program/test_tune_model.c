#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/tune_model.h"
#include "neurons/real.h"
#include "test/helpers/engine_run.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

static const uint32_t ids[] = {2, 5, 9, 1, 7, 5};
static const struct engine_piece whole[] = {{6, LASSIM_READ_ALL}, {0, 0}};

struct fixture {
    struct model *model;
    struct tune_groups groups;
    struct tune_setting *settings; /* the model's */
};

static void set_up(struct fixture *f)
{
    struct lassim_error error;
    struct model_config config = tiny_config();
    f->model = tiny_model_new(&config, 9, 0);
    naive_calibrate(f->model, ids, 6, 1.5);
    assert_int_equal(tune_groups_new(f->model, &f->groups, &error), LASSIM_OK);
    f->settings = calloc(f->groups.count, sizeof *f->settings);
    memcpy(f->settings, f->groups.start, f->groups.count * sizeof *f->settings);
}

static void tear_down(struct fixture *f)
{
    free(f->settings);
    tune_groups_free(&f->groups);
    tiny_model_free(f->model);
}

static void make(const struct fixture *f, struct model *made)
{
    struct lassim_error error;
    if (tune_model_make(f->model, &f->groups, f->settings, made, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

static void groups_are_the_coded_populations(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    unsigned coded = 0;
    for (uint32_t p = 0; p < f.model->graph->populations; p++)
        coded += f.model->graph->population[p].code != CODE_INPUT;
    assert_int_equal(f.groups.count, coded);
    for (unsigned g = 0; g < f.groups.count; g++) {
        const struct population *population = &f.model->graph->population[f.groups.population[g]];
        assert_int_equal(f.groups.start[g].steps, 16);
        assert_true(f.groups.most_j[g] >= f.groups.start[g].j);
        assert_true(f.groups.most_floor[g] == 0 || population->per_channel);
        if (population->kind == POPULATION_WEIGHT || population->code == CODE_HG)
            assert_int_equal(f.groups.most_j[g], f.groups.start[g].j);
    }
    tear_down(&f);
}

static void the_models_settings_make_the_model(void **state)
{
    (void)state;
    struct fixture f;
    struct model made;
    set_up(&f);
    make(&f, &made);
    assert_memory_equal(made.population, f.model->population, f.model->graph->populations * sizeof *made.population);
    assert_memory_equal(made.matrix, f.model->matrix, f.model->graph->matrices * sizeof *made.matrix);
    assert_int_equal(made.timesteps, 16);
    tune_model_free(&made, f.model);
    tear_down(&f);
}

/* All at the largest shifts: alpha_out stays, and the proofs hold. */
static void proofs_hold_at_the_largest_shifts(void **state)
{
    (void)state;
    struct fixture f;
    struct model made;
    set_up(&f);
    for (unsigned g = 0; g < f.groups.count; g++) {
        f.settings[g].j = f.groups.most_j[g];
        f.settings[g].floor = f.groups.most_floor[g] / 2;
        f.settings[g].steps = (uint8_t)(1 + g % 12);
    }
    make(&f, &made);
    assert_int_equal(made.timesteps, 12);
    for (unsigned g = 0; g < f.groups.count; g++) {
        uint32_t p = f.groups.population[g];
        const struct population_params *is = &made.population[p], *was = &f.model->population[p];
        assert_int_equal(params_steps(is, 16), f.settings[g].steps < 12 ? f.settings[g].steps : 16);
        for (uint32_t i = 0; was->shift != NULL && i < f.model->graph->population[p].neurons; i++) {
            int shift = was->shift[i] > f.settings[g].floor ? was->shift[i] : f.settings[g].floor;
            assert_int_equal(is->exponent + (int)is->j + is->shift[i], was->exponent + (int)was->j + shift);
        }
        if (was->shift == NULL) assert_int_equal(is->exponent + (int)is->j, was->exponent + (int)was->j);
    }
    for (uint32_t m = 0; m < f.model->graph->matrices; m++) {
        struct matrix_proof proof;
        const struct population_params *source = &made.population[f.model->graph->matrix[m].source];
        assert_null(params_prove_matrix(f.model->graph, m, &made.matrix[m], source, &proof));
        assert_true(proof.bound <= made.matrix[m].bound);
    }
    tune_model_free(&made, f.model);
    tear_down(&f);
}

/* Written, read back and run: the same network as in memory, and as the naive model has it. */
static void written_models_run(void **state)
{
    (void)state;
    struct fixture f;
    struct model made, *read;
    struct lassim_error error;
    char path[] = "/tmp/lassim-tuned-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    set_up(&f);
    for (unsigned g = 0; g < f.groups.count; g++) {
        f.settings[g].steps = (uint8_t)(4 + g % 9);
        f.settings[g].floor = f.groups.most_floor[g] > 0;
        if (f.settings[g].j < f.groups.most_j[g]) f.settings[g].j++;
    }
    make(&f, &made);
    if (tune_model_write(&made, path, 0, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (model_open(path, &read, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (model_check_weights(read, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct lassim_options options = {.threads = 1, .numa_off = 1};
    struct engine_run *run = engine_run_new(read, options, ids, whole, 0);
    struct naive *naive = naive_new(&made, made.timesteps);
    uint32_t vocabulary = read->graph->config.vocabulary;
    float logits[64];
    for (uint32_t t = 0; t < 6; t++) {
        naive_token(naive, ids[t], 1, logits);
        assert_memory_equal(run->logits + (size_t)t * vocabulary, logits, vocabulary * sizeof *logits);
    }
    naive_free(naive);
    engine_run_free(run);
    model_close(read);
    assert_int_equal(tune_model_write(&made, path, 1, &error), LASSIM_ERR_RUN); /* no_clobber */
    unlink(path);
    tune_model_free(&made, f.model);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_the_coded_populations),
        cmocka_unit_test(the_models_settings_make_the_model),
        cmocka_unit_test(proofs_hold_at_the_largest_shifts),
        cmocka_unit_test(written_models_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
