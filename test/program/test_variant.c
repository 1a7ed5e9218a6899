/* Thresholds made from a model against those that the converter makes with the same rule, and what they share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/thresholds.h"
#include "kernel/program/variant.h"
#include "neurons/real.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

static const uint32_t ids[] = {2, 5, 9, 1, 7, 5};

static struct model *calibrated(void)
{
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 5, 0);
    naive_calibrate(model, ids, 6, 1.0);
    return model;
}

static struct variant *make(const struct model *model, int oat, enum variant_rule rule, const double *percentile)
{
    const struct variant_options options = {model->code, oat, rule, percentile, VARIANT_HG_TABLE, 0};
    struct variant *variant;
    struct lassim_error error;
    if (variant_make(model, &options, &variant, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return variant;
}

static double alpha(const struct population_params *params)
{
    return real_ldexp(params->scale, params->exponent);
}

static int has_thresholds(const struct model *model, uint32_t p)
{
    return model->graph->population[p].code == CODE_OAT && model->graph->population[p].kind != POPULATION_WEIGHT;
}

/* What stays: weights, wiring, e, HG populations; and that the proofs still hold. */
static void check_shared(const struct model *model, const struct variant *variant)
{
    uint32_t at;
    assert_ptr_equal(variant->model.graph, model->graph);
    assert_null(params_check_products(model->graph, variant->model.population, &at));
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        struct matrix_proof proof;
        const struct matrix *matrix = &variant->model.matrix[m];
        const struct population_params *source = &variant->model.population[model->graph->matrix[m].source];
        assert_ptr_equal(matrix->weights, model->matrix[m].weights);
        assert_null(params_prove_matrix(model->graph, m, matrix, source, &proof));
        assert_true(proof.bound <= matrix->bound);
    }
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        assert_int_equal(variant->model.population[p].shift != NULL, model->graph->population[p].per_channel);
        if (!has_thresholds(model, p))
            assert_memory_equal(&variant->model.population[p], &model->population[p], sizeof *model->population);
    }
}

static void one_threshold_is_the_converters(void **state)
{
    (void)state;
    struct model *model = calibrated();
    for (enum variant_rule rule = VARIANT_MODEL; rule <= VARIANT_MAX; rule++) {
        struct variant *variant = make(model, 0, rule, NULL);
        check_shared(model, variant);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            struct population_params one, *got = &variant->model.population[p];
            if (!has_thresholds(model, p)) continue;
            threshold_one(model->calibrated_max[p], &one);
            assert_true(got->scale == one.scale && got->exponent == one.exponent && got->j == 0);
            for (uint32_t i = 0; got->shift != NULL && i < model->graph->population[p].neurons; i++)
                assert_int_equal(got->shift[i], 0);
        }
        variant_free(variant);
    }
    tiny_model_free(model);
}

static void on_and_model_is_the_model(void **state)
{
    (void)state;
    struct model *model = calibrated();
    model->population[3].steps = 9;
    for (int rule = 0; rule < 2; rule++) {
        struct variant *variant = make(model, 1, rule ? VARIANT_CHANNEL : VARIANT_MODEL, NULL);
        assert_memory_equal(variant->model.population, model->population,
                            model->graph->populations * sizeof *model->population);
        variant_free(variant);
    }
    struct variant *variant = make(model, 0, VARIANT_MAX, NULL);
    assert_int_equal(variant->model.population[3].steps, 9); /* T of its own stays */
    variant_free(variant);
    tiny_model_free(model);
}

static void outlier_thresholds_reach_the_largest(void **state)
{
    (void)state;
    struct model *model = calibrated();
    double *percentile = calloc(model->graph->populations, sizeof *percentile);
    for (uint32_t p = 0; p < model->graph->populations; p++) percentile[p] = model->calibrated_max[p] / 5;
    for (enum variant_rule rule = VARIANT_MAX; rule <= VARIANT_PERCENTILE; rule++) {
        struct variant *variant = make(model, 1, rule, percentile);
        check_shared(model, variant);
        for (uint32_t p = 0; p < model->graph->populations; p++) {
            const struct population_params *got = &variant->model.population[p];
            if (!has_thresholds(model, p)) continue;
            double out = real_ldexp(alpha(got), (int)got->j), largest = model->calibrated_max[p];
            if (rule == VARIANT_MAX) assert_true(out == largest && got->j == model->population[p].j);
            if (rule == VARIANT_PERCENTILE) assert_true(alpha(got) == largest / 5 && got->j <= 3);
            if (rule == VARIANT_PERCENTILE && got->j == 3) assert_true(out >= largest);
        }
        variant_free(variant);
    }
    struct variant *variant = make(model, 0, VARIANT_PERCENTILE, percentile);
    check_shared(model, variant);
    for (uint32_t p = 0; p < model->graph->populations; p++)
        if (has_thresholds(model, p))
            assert_true(alpha(&variant->model.population[p]) == percentile[p] && variant->model.population[p].j == 0);
    variant_free(variant);
    free(percentile);
    tiny_model_free(model);
}

static void channels_keep_their_shifts(void **state)
{
    (void)state;
    struct model *model = calibrated();
    struct variant *variant = make(model, 0, VARIANT_CHANNEL, NULL);
    check_shared(model, variant);
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population_params *got = &variant->model.population[p], *was = &model->population[p];
        if (!model->graph->population[p].per_channel) continue;
        assert_ptr_equal(got->shift, was->shift);
        assert_true(got->j == 0 && 4 * alpha(got) == real_ldexp(alpha(was), (int)was->j));
    }
    variant_free(variant);
    tiny_model_free(model);
}

static void tables_are_refitted_or_exact(void **state)
{
    (void)state;
    struct model *model = calibrated();
    struct variant *variant;
    struct lassim_error error;
    struct variant_options options = {SPIKE_CODE_RADIX, 1, VARIANT_MODEL, NULL, VARIANT_HG_REFIT, 0.04};
    assert_int_equal(variant_make(model, &options, &variant, &error), LASSIM_OK);
    assert_int_equal(variant->model.code, SPIKE_CODE_RADIX);
    for (uint32_t t = 0; t < model->tables; t++) {
        const struct hg_table *got = &variant->model.table[t], *was = &model->table[t];
        assert_true(got->function == was->function && got->lo == was->lo && got->hi == was->hi);
        assert_true(got->error <= 0.04 && !got->exact && got->base != was->base);
        assert_null(hg_table_check(got));
    }
    variant_free(variant);
    options.hg = VARIANT_HG_EXACT;
    assert_int_equal(variant_make(model, &options, &variant, &error), LASSIM_OK);
    for (uint32_t t = 0; t < model->tables; t++)
        assert_true(variant->model.table[t].exact && variant->model.table[t].base == model->table[t].base);
    variant_free(variant);
    options.hg = VARIANT_HG_REFIT;
    options.hg_error = 1e-9;
    assert_int_equal(variant_make(model, &options, &variant, &error), LASSIM_ERR_USAGE);
    assert_null(variant);
    assert_non_null(strstr(error.text, "cannot be met"));
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_threshold_is_the_converters),      cmocka_unit_test(on_and_model_is_the_model),
        cmocka_unit_test(outlier_thresholds_reach_the_largest), cmocka_unit_test(channels_keep_their_shifts),
        cmocka_unit_test(tables_are_refitted_or_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
