/* Calibration: what the observed values decide, within what the exactness proof allows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/calibrate.h"
#include "convert/grids.h"
#include "convert/tables.h"
#include "neurons/real.h"
#include "test/helpers/family_golden.h"
#include "test/helpers/opened_checkpoint.h"

enum { TOKENS = 12 };
static const uint32_t ids[TOKENS] = {2, 5, 9, 100, 44, 7, 250, 31, 31, 199, 4, 288};

struct calibrated {
    struct opened opened;
    struct model model;
    struct calibration calibration;
    struct dense_double *dense;
};

static void begin(const char *folder, enum threshold_rule rule, struct calibrated *c)
{
    memset(c, 0, sizeof *c);
    opened_open(folder, &c->opened);
    c->model.graph = c->opened.graph;
    c->model.timesteps = 16;
    c->model.population = calloc(c->model.graph->populations, sizeof *c->model.population);
    c->model.calibrated_max = calloc(c->model.graph->populations, sizeof *c->model.calibrated_max);
    c->model.matrix = calloc(c->model.graph->matrices, sizeof *c->model.matrix);
    c->calibration = (struct calibration){.tensors = c->opened.tensors, .model = &c->model, .rule = rule, .threads = 2};
}

static void end(struct calibrated *c)
{
    for (uint32_t p = 0; p < c->model.graph->populations; p++) free((void *)c->model.population[p].shift);
    free(c->model.population);
    free(c->model.calibrated_max);
    free(c->model.matrix);
    tables_free(&c->model);
    dense_double_close(c->dense);
    opened_close(&c->opened);
}

static void calibrate(const char *folder, enum threshold_rule rule, struct calibrated *c)
{
    struct lassim_error error = {0};
    begin(folder, rule, c);
    assert_int_equal(calibrate_inputs(&c->calibration, &error), LASSIM_OK);
    uint32_t known[TOKENS];
    for (int i = 0; i < TOKENS; i++) known[i] = ids[i] % c->model.graph->config.vocabulary;
    c->dense = opened_forward(&c->opened, known, NULL, TOKENS, TOKENS, 2, calibrate_observe, &c->calibration);
}

static void check_population(const struct calibrated *c, uint32_t p)
{
    const struct population *population = &c->model.graph->population[p];
    const struct population_params *params = &c->model.population[p];
    if (population->code == CODE_INPUT) return;
    assert_true(c->model.calibrated_max[p] > 0);
    if (population->code != CODE_OAT) return;
    assert_true(params->scale == 1 && params->j <= OAT_SHIFT_MAX);
    if (population->kind == POPULATION_WEIGHT) {
        assert_int_equal(params->exponent, 0);
        assert_int_equal(params->j, 1);
        return;
    }
    int largest_shift = 0, smallest_shift = 127;
    for (uint32_t i = 0; population->per_channel && i < population->neurons; i++) {
        if (params->shift[i] > largest_shift) largest_shift = params->shift[i];
        if (params->shift[i] < smallest_shift) smallest_shift = params->shift[i];
    }
    assert_true(!population->per_channel || smallest_shift == 0);
    double alpha_out = real_ldexp(1, params->exponent + (int)params->j + largest_shift);
    assert_true(alpha_out >= 4 * c->model.calibrated_max[p]);
    assert_true(alpha_out < 8 * c->model.calibrated_max[p]);
}

/* Every HG population has a table of its function that reaches beyond what it saw. */
static void check_ranges(const struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population *population = &model->graph->population[p];
        if (population->code != CODE_HG) continue;
        assert_true(model->population[p].table < model->tables);
        const struct hg_table *table = &model->table[model->population[p].table];
        assert_int_equal(table->function, population->function);
        double reach = real_ldexp(1, table->hi) / model->calibrated_max[p];
        if (population->function == HG_EXP || population->function == HG_INV) continue;
        assert_true(reach >= (population->function == HG_RSQRT ? 2 : 4));
    }
}

static void check_variant(const char *folder)
{
    struct calibrated c;
    calibrate(folder, THRESHOLD_OAT, &c);
    uint32_t fault;
    for (uint32_t p = 0; p < c.model.graph->populations; p++) check_population(&c, p);
    assert_null(params_check_products(c.model.graph, c.model.population, &fault));
    for (uint32_t m = 0; m < c.model.graph->matrices; m++) {
        const struct matrix *matrix = &c.model.matrix[m];
        assert_true(matrix->integer_max > 0 && matrix->bound >= matrix->integer_max &&
                    matrix->bound < (uint64_t)GRID_BOUND);
        assert_true(matrix->type != WEIGHT_F16 || matrix->moved == 0);
    }
    int grid = calibrate_residual_grid(&c.calibration);
    assert_true(real_ldexp(c.calibration.residual_max, 8) <= real_ldexp(1, 52 + grid));
    assert_true(real_ldexp(c.calibration.residual_max, 8) >= real_ldexp(1, 51 + grid));
    struct lassim_error error = {0};
    const struct tables_target target = {1e-6, 1};
    if (tables_fit(&c.model, &target, &error) != LASSIM_OK) fail_msg("%s", error.text);
    check_ranges(&c.model);
    assert_true(real_ldexp(1, c.model.table[TABLE_RSTD].lo) <= c.model.graph->config.norm_epsilon);
    assert_true(real_ldexp(1, c.model.table[TABLE_INV].hi) > c.model.graph->config.positions);
    for (unsigned i = 0; i < c.model.tables; i++) {
        assert_true(c.model.table[i].error <= 1e-6);
        assert_null(hg_table_check(&c.model.table[i]));
    }
    end(&c);
}

static void test_variants(void **state)
{
    (void)state;
    check_variant("test/data/variants/postln");
    check_variant("test/data/variants/bare");
    check_variant("test/data/variants/nofinal");
}

static void test_one_threshold(void **state)
{
    (void)state;
    struct calibrated c;
    calibrate("test/data/variants/nofinal", THRESHOLD_ONE_AT_MAX, &c);
    for (uint32_t p = 0; p < c.model.graph->populations; p++) {
        const struct population *population = &c.model.graph->population[p];
        const struct population_params *params = &c.model.population[p];
        if (population->code != CODE_OAT || population->kind == POPULATION_WEIGHT) continue;
        assert_true(real_ldexp(params->scale, params->exponent) == c.model.calibrated_max[p]);
        assert_int_equal(params->j, 0);
        for (uint32_t i = 0; population->per_channel && i < population->neurons; i++)
            assert_int_equal(params->shift[i], 0);
    }
    for (uint32_t m = 0; m < c.model.graph->matrices; m++) assert_true(c.model.matrix[m].bound > 0);
    end(&c);
}

/* Channels 2^29 apart on F16 matrices: shifts shrink to what the proof allows and not further. */
static void test_span_limited(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    struct calibrated c;
    begin("examples/opt-tiny", THRESHOLD_OAT, &c);
    uint32_t ln = c.model.graph->norm[0].output, width = c.model.graph->config.hidden;
    double *x = malloc(width * sizeof *x);
    for (uint32_t i = 0; i < width; i++) x[i] = real_ldexp(1, (int)(i % 30)) * 0.7;
    assert_int_equal(calibrate_observe(&c.calibration, ln, x, 1, width, &error), LASSIM_OK);
    const struct population_params *params = &c.model.population[ln];
    int largest = 0;
    for (uint32_t i = 0; i < width; i++) largest = params->shift[i] > largest ? params->shift[i] : largest;
    print_message("span %d, j %u\n", largest, (unsigned)params->j);
    assert_in_range(largest, 1, 28);
    assert_int_equal(params->exponent + (int)params->j + largest, threshold_exponent(x[29]));
    int8_t *wider = malloc(width);
    for (uint32_t i = 0; i < width; i++)
        wider[i] = (int8_t)(threshold_exponent(x[i]) > params->exponent + (int)params->j - 1
                                ? threshold_exponent(x[i]) - (params->exponent + (int)params->j - 1)
                                : 0);
    int broken = 0;
    for (uint32_t m = 0; m < c.model.graph->matrices; m++) {
        const struct matrix_slot *slot = &c.model.graph->matrix[m];
        if (slot->source != ln) continue;
        assert_true(c.model.matrix[m].bound < (uint64_t)GRID_BOUND && c.model.matrix[m].bound > 0);
        assert_int_equal(c.model.matrix[m].moved, 0);
        const struct grid_matrix matrix = {c.opened.tensors->matrix[m].weight, slot->sources, slot->targets, 0};
        struct matrix out;
        broken |= grid_evaluate(1, &matrix, wider, params->j, c.model.matrix[m].grid, &out) != 0;
    }
    assert_true(broken);
    free(wider);
    free(x);
    end(&c);
}

static void test_not_finite(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    struct calibrated c;
    begin("test/data/variants/bare", THRESHOLD_OAT, &c);
    uint32_t ln = c.model.graph->norm[0].output, width = c.model.graph->config.hidden;
    double *x = calloc(width, sizeof *x);
    x[3] = __builtin_inf();
    assert_int_equal(calibrate_observe(&c.calibration, ln, x, 1, width, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "norm1.ln"));
    free(x);
    end(&c);
}

static void test_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_family_count; i++) {
        char folder[128];
        golden_path(golden_families[i], "", folder, sizeof folder);
        check_variant(folder);
    }
}

static void test_tables_unmet(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    struct calibrated c;
    const struct tables_target strict = {1e-14, 1}, best = {1e-14, 0};
    calibrate("test/data/variants/bare", THRESHOLD_OAT, &c);
    assert_int_equal(tables_fit(&c.model, &strict, &error), LASSIM_ERR_USAGE);
    assert_non_null(strstr(error.text, "cannot be met"));
    tables_free(&c.model);
    assert_int_equal(tables_fit(&c.model, &best, &error), LASSIM_OK);
    for (uint32_t i = 0; i < c.model.tables; i++)
        assert_true(c.model.table[i].error > 1e-14 && c.model.table[i].error < 1e-6);
    end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),   cmocka_unit_test(test_one_threshold), cmocka_unit_test(test_span_limited),
        cmocka_unit_test(test_not_finite), cmocka_unit_test(test_tables_unmet),  cmocka_unit_test(test_families),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
