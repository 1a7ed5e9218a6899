/* Percentiles of a real run: between nothing and the largest value, rising with the percentage, and about right where the
 * distribution is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/program/variant.h"
#include "test/helpers/bundled_model.h"

static void percentiles_rise_to_the_largest(void **state)
{
    (void)state;
    struct model *model;
    struct lassim_error error;
    static const double percents[] = {50, 90, 99, 99.9, 100};
    if (model_open(bundled_model_path(), &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    uint32_t n = model->graph->populations;
    double *found = calloc(5u * n, sizeof *found);
    for (unsigned i = 0; i < 5; i++)
        if (variant_percentiles(model, "examples/opt-tiny/calibration.txt", percents[i], "/tmp/lassim-percentiles", 1,
                                found + i * n, &error) != LASSIM_OK)
            fail_msg("%s", error.text);
    for (uint32_t p = 0; p < n; p++) {
        const struct population *population = &model->graph->population[p];
        for (unsigned i = 0; i < 5; i++) {
            double x = found[i * n + p];
            if (population->code != CODE_OAT) assert_true(x == 0);
            assert_true(x >= 0 && x <= model->calibrated_max[p]);
            if (i > 0) assert_true(x >= found[(i - 1) * n + p]);
        }
        if (population->code != CODE_OAT) continue;
        assert_true(found[4 * n + p] > 0);
        if (population->kind == POPULATION_FFN) assert_true(found[p] == 0); /* ReLU: more than half are silent */
        /* A LayerNorm's outputs are about as large as its gammas: half of them lie well below the largest. */
        if (population->kind == POPULATION_NORM) assert_true(found[p] > 0 && found[p] < found[4 * n + p] / 2);
    }
    assert_int_equal(access("/tmp/lassim-percentiles.calibration", F_OK), -1);
    free(found);
    model_close(model);
    bundled_model_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(percentiles_rise_to_the_largest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
