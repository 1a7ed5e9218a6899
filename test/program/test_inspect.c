/* Rows of inspect: repeated layers joined, figures widened, bounds in bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/model_layout.h"
#include "kernel/program/inspect.h"
#include "test/helpers/tiny_model.h"

static struct model *three_layers(void)
{
    struct model_config config = tiny_config();
    config.layers = 3;
    return tiny_model_new(&config, 4, 0);
}

static const struct inspect_population *find_population(const struct inspect_population *rows, uint32_t n,
                                                        const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    fail_msg("no row %s", name);
    return NULL;
}

static void layers_are_joined(void **state)
{
    (void)state;
    struct model *model = three_layers();
    struct inspect_population *rows = calloc(model->graph->populations, sizeof *rows);
    uint32_t n = inspect_populations(model, rows), total = 0;
    assert_int_equal(n, 2 + 17 + 4);
    for (uint32_t i = 0; i < n; i++) total += rows[i].count;
    assert_int_equal(total, model->graph->populations);
    const struct inspect_population *q = find_population(rows, n, "layers.*.q");
    assert_int_equal(q->count, 3);
    assert_int_equal(q->level_step, 14);
    assert_int_equal(model->graph->population[q->first].level, 5);
    double low = 1e9, high = 0;
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        if (model->graph->population[p].kind != POPULATION_QUERY) continue;
        double alpha = inspect_alpha_normal(model, p);
        low = alpha < low ? alpha : low;
        high = alpha > high ? alpha : high;
        assert_true(inspect_alpha_outlier(model, p) == alpha * (1 << model->population[p].j));
    }
    assert_true(q->alpha_normal.low == low && q->alpha_normal.high == high && low < high);
    const struct inspect_population *res = find_population(rows, n, "final.res");
    assert_int_equal(res->count, 1);
    assert_int_equal(res->level_step, 0);
    const struct inspect_population *ln = find_population(rows, n, "layers.*.norm2.ln");
    assert_true(ln->shift.low >= 0 && ln->shift.high <= 4 && ln->shift.low < ln->shift.high);
    free(rows);
    tiny_model_free(model);
}

static void weights_are_joined(void **state)
{
    (void)state;
    struct model *model = three_layers();
    struct inspect_matrix *rows = calloc(model->graph->matrices, sizeof *rows);
    uint32_t n = inspect_matrices(model, rows);
    assert_int_equal(n, 2 + 6 + 1);
    uint64_t moved = 0, joined = 0;
    for (uint32_t m = 0; m < model->graph->matrices; m++) moved += model->matrix[m].moved;
    for (uint32_t i = 0; i < n; i++) joined += rows[i].moved;
    assert_int_equal(joined, moved);
    assert_string_equal(rows[2].name, "layers.*.q");
    assert_int_equal(rows[2].count, 3);
    assert_true(rows[2].moved_max > 0 && rows[2].bound_bits.high < 62);
    model->matrix[0].bound = 0;
    assert_int_equal(inspect_bound_bits(model, 0), 0);
    model->matrix[0].bound = 255;
    assert_int_equal(inspect_bound_bits(model, 0), 8);
    model->matrix[0].bound = 256;
    assert_int_equal(inspect_bound_bits(model, 0), 9);
    free(rows);
    tiny_model_free(model);
}

/* Scales per row: over the targets of all joined matrices; none for floats. */
static void scales_are_joined(void **state)
{
    (void)state;
    struct model_config config = tiny_config();
    config.layers = 7; /* types repeat after six matrices, a layer has six: each row one type */
    struct model *model = tiny_model_mixed(&config, 4, 0, 1);
    struct inspect_matrix *rows = calloc(model->graph->matrices, sizeof *rows);
    uint32_t n = inspect_matrices(model, rows), with = 0;
    for (uint32_t i = 0; i < n; i++) {
        double low = 1e300, high = 0;
        const char *last = strrchr(rows[i].name, '.');
        for (uint32_t m = 0; m < model->graph->matrices; m++) {
            const char *name = strrchr(model->graph->matrix[m].name, '.');
            if (model->matrix[m].scale == NULL || name == NULL || last == NULL || strcmp(name, last) != 0) continue;
            for (uint32_t t = 0; t < model->graph->matrix[m].targets; t++) {
                low = model->matrix[m].scale[t] < low ? model->matrix[m].scale[t] : low;
                high = model->matrix[m].scale[t] > high ? model->matrix[m].scale[t] : high;
            }
        }
        assert_false(rows[i].type_differs);
        if (model->matrix[rows[i].first].scale == NULL) {
            assert_true(rows[i].scale.low == 0 && rows[i].scale.high == 0);
        } else if (last != NULL) {
            assert_true(rows[i].scale.low == low && rows[i].scale.high == high && low < high);
            with++;
        }
    }
    assert_int_equal(with, 3);
    free(rows);
    tiny_model_free(model);
}

static void json_holds_every_row(void **state)
{
    (void)state;
    uint64_t size;
    struct lassim_error error;
    struct model_config config = tiny_config();
    struct model *made = tiny_model_mixed(&config, 4, 0, 1), *model;
    uint8_t *bytes = tiny_model_bytes(made, &size);
    assert_int_equal(model_read("m", bytes, size, &model, &error), LASSIM_OK);
    json_t *object = inspect_json(model, 1);
    assert_non_null(object);
    assert_int_equal(json_array_size(json_object_get(object, "populations")), model->graph->populations);
    assert_int_equal(json_array_size(json_object_get(object, "weights")), model->graph->matrices);
    assert_int_equal(json_array_size(json_object_get(object, "tables")), 3);
    assert_int_equal(json_array_size(json_object_get(object, "not_spike_driven")), INSPECT_CONTROLS);
    assert_int_equal(json_array_size(json_object_get(object, "sections")), snn_sections(model->graph));
    assert_true(json_is_true(json_object_get(object, "weights_checked")));
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(object, "populations"), i, row)
    {
        const struct population *population = &model->graph->population[i];
        assert_string_equal(json_string_value(json_object_get(row, "name")), population->name);
        assert_int_equal(json_object_get(row, "alpha_normal") != NULL, population->code == CODE_OAT);
        assert_int_equal(json_object_get(row, "table") != NULL, population->code == CODE_HG);
    }
    json_array_foreach(json_object_get(object, "weights"), i, row)
    {
        const struct matrix *matrix = &model->matrix[i];
        struct inspect_range scales = inspect_scales(model, (uint32_t)i);
        assert_string_equal(json_string_value(json_object_get(row, "type")), weight_type_name(matrix->type));
        assert_int_equal(json_object_get(row, "scale_min") != NULL, matrix->scale != NULL);
        if (matrix->scale == NULL) continue;
        assert_true(json_real_value(json_object_get(row, "scale_min")) == scales.low && scales.low > 0);
        assert_true(json_real_value(json_object_get(row, "scale_max")) == scales.high && scales.high > scales.low);
    }
    json_decref(object);
    struct blob *const sections[] = {&model->provenance, &model->readout};
    for (int k = 0; k < 2; k++) {
        sections[k]->size--;
        assert_null(inspect_object(sections[k]));
        assert_null(inspect_json(model, 0));
        sections[k]->size++;
    }
    model->readout.size = 0;
    object = inspect_json(model, 0);
    assert_non_null(object);
    assert_null(json_object_get(object, "readout"));
    json_decref(object);
    model_close(model);
    free(bytes);
    tiny_model_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_joined),
        cmocka_unit_test(weights_are_joined),
        cmocka_unit_test(scales_are_joined),
        cmocka_unit_test(json_holds_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
