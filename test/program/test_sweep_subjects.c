#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/sweep_subjects.h"
#include "test/helpers/bundled_model.h"

static const char *const output = "/tmp/lassim-subjects.csv";

static struct sweep_settings settings_of(const char **models, uint32_t n)
{
    return (struct sweep_settings){.grid = {.models = n},
                                   .model = models,
                                   .text = "examples/opt-tiny/heldout.txt",
                                   .reference = "examples/opt-tiny",
                                   .calibration = "examples/opt-tiny/calibration.txt",
                                   .output = output,
                                   .tokens_max = 9,
                                   .context = 5,
                                   .threads = 1};
}

static void groups_follow_the_points(void **state)
{
    (void)state;
    const char *models[] = {bundled_model_path(), bundled_model_path()};
    struct sweep_settings settings = settings_of(models, 2);
    struct sweep_group group;
    struct lassim_error error;
    assert_null(sweep_grid_parse(&settings.grid, SWEEP_TIMESTEPS, "4,8"));
    assert_int_equal(sweep_groups(&settings), 2);
    for (uint32_t g = 0; g < 2; g++) {
        if (sweep_group_open(&settings, g, &group, &error) != LASSIM_OK) fail_msg("%s", error.text);
        assert_string_equal(group.subject.path, models[g]);
        assert_int_equal(group.text.count, 9);
        assert_int_equal(group.text.context, 5);
        assert_ptr_equal(group.subject.text, &group.text);
        sweep_group_close(&group);
    }
}

/* Converted once, then found. */
static void other_weights_are_converted_once(void **state)
{
    (void)state;
    const char *models[] = {bundled_model_path()};
    struct sweep_settings settings = settings_of(models, 1);
    struct sweep_group keep, q8;
    struct lassim_error error;
    char made[256];
    snprintf(made, sizeof made, "%s.q8.snn", output);
    unlink(made);
    assert_null(sweep_grid_parse(&settings.grid, SWEEP_WEIGHTS, "keep,q8"));
    assert_int_equal(sweep_groups(&settings), 2);
    if (sweep_group_open(&settings, 0, &keep, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (sweep_group_open(&settings, 1, &q8, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_true(keep.subject.model->hash != q8.subject.model->hash);
    uint64_t hash = q8.subject.model->hash;
    sweep_group_close(&q8);
    sweep_group_close(&keep);
    settings.reference = "/no/such/folder"; /* not needed any more */
    if (sweep_group_open(&settings, 1, &q8, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_true(q8.subject.model->hash == hash);
    sweep_group_close(&q8);
    unlink(made);
    assert_int_equal(sweep_group_open(&settings, 1, &q8, &error), LASSIM_ERR_FILE);
}

static void wrong_files_are_named(void **state)
{
    (void)state;
    const char *models[] = {"/no/such/model.snn"};
    struct sweep_settings settings = settings_of(models, 1);
    struct sweep_group group;
    struct lassim_error error;
    assert_int_equal(sweep_group_open(&settings, 0, &group, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "/no/such/model.snn"));
    models[0] = bundled_model_path();
    settings.text = "/no/such/text";
    assert_int_equal(sweep_group_open(&settings, 0, &group, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "/no/such/text"));
}

static int remove_model(void **state)
{
    (void)state;
    bundled_model_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_follow_the_points),
        cmocka_unit_test(other_weights_are_converted_once),
        cmocka_unit_test(wrong_files_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, remove_model);
}
