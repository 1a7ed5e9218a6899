/* Energy in metrics: activity, break-even and verdicts of chosen counters; models found by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/metrics_energy.h"
#include "test/helpers/tiny_model.h"

struct fixture {
    struct model *model;
    struct counters *counters;
    uint32_t fc;
    struct metrics metrics;
};

/* fc alone spikes: 10 neurons, two windows of 16 steps, 5 spikes, fan-out 8. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct model_config config = tiny_config();
    f->model = tiny_model_new(&config, 1, 0);
    f->counters = calloc(f->model->graph->populations, sizeof *f->counters);
    f->fc = graph_find_population(f->model->graph, "layers.0.fc");
    f->counters[f->fc] = (struct counters){.windows = 2,
                                           .spikes = 5,
                                           .synaptic_operations = 40,
                                           .membrane_updates = 45,
                                           .threshold_tests = 320,
                                           .dense_macs = 160};
    f->metrics = (struct metrics){.graph = f->model->graph,
                                  .model = f->model,
                                  .window = 16,
                                  .population = f->counters,
                                  .counted = f->counters,
                                  .tokens = 2};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tiny_model_free(f->model);
    free(f->counters);
    free(f);
    return 0;
}

static void activity(void **state)
{
    struct fixture *f = *state;
    struct energy_view *view = energy_view_new(&f->metrics);
    struct energy_activity fc = energy_view_activity(view, f->fc, 1);
    assert_true(fc.spikes_per_neuron == 0.25);
    assert_true(fc.spike_rate == 0.015625);
    assert_true(fc.spikes_per_synapse == 0.25);
    struct energy_activity all = energy_view_activity(view, 0, f->model->graph->populations);
    assert_true(all.spikes_per_neuron == 0.25 && all.spikes_per_synapse == 0.25);
    struct energy_activity input = energy_view_activity(view, 0, 1);
    assert_true(input.spikes_per_neuron < 0 && input.spikes_per_synapse < 0);
    energy_view_free(view);
}

/* horowitz45_fp32: idle 320 tests, a spike 9 updates: 288 + 40.5 pJ; dense 160 x 4.6 = 736 pJ, so that
 * 0.25 x (736 - 288) / 40.5 spikes per neuron cost the same. */
static void break_even_and_verdicts(void **state)
{
    struct fixture *f = *state;
    struct energy_view *view = energy_view_new(&f->metrics);
    json_t *row = json_object();
    energy_view_set(view, f->fc, 1, row);
    const json_t *energy = json_object_get(json_object_get(row, "energy"), "horowitz45_fp32");
    double got = json_real_value(json_object_get(energy, "break_even_fp32")), want = 0.25 * (736 - 288) / 40.5;
    assert_true(got > want * (1 - 1e-12) && got < want * (1 + 1e-12));
    assert_true(json_real_value(json_object_get(energy, "break_even_int8")) ==
                0); /* 36.8 pJ are less than the tests' */
    const json_t *verdicts = json_object_get(row, "verdicts");
    assert_string_equal(json_string_value(json_object_get(verdicts, "dampfhoffer2023")), "depends");
    assert_string_equal(json_string_value(json_object_get(verdicts, "davidson_furber2021")), "spiking");
    assert_string_equal(json_string_value(json_object_get(verdicts, "yan2024")), "spiking");
    json_decref(row);
    row = json_object();
    energy_view_set(view, 0, 1, row);
    assert_true(json_is_null(json_object_get(row, "spikes_per_neuron")));
    assert_true(json_is_null(json_object_get(json_object_get(row, "verdicts"), "yan2024")));
    json_decref(row);
    energy_view_free(view);
}

static void models_by_name(void **state)
{
    struct fixture *f = *state;
    struct energy_model more = {.name = "mine", .kind = ENERGY_EVENT, .event = 1};
    f->metrics.models = (struct energy_list){&more, 1};
    struct energy_view *view = energy_view_new(&f->metrics);
    json_t *totals = energy_view_totals(view);
    assert_int_equal(json_object_size(totals), energy_models() + 1);
    assert_true(json_real_value(json_object_get(json_object_get(totals, "mine"), "spiking_joules")) == 40);
    json_decref(totals);
    energy_view_free(view);
    f->metrics.models = (struct energy_list){NULL, 0};
}

static void layers_are_printed_for_the_chosen_one(void **state)
{
    struct fixture *f = *state;
    char *text = NULL;
    size_t size = 0;
    for (int chosen = 0; chosen < 2; chosen++) {
        FILE *out = open_memstream(&text, &size);
        f->metrics.energy = chosen ? energy_list_find(&f->metrics.models, "loihi") : NULL;
        struct energy_view *view = energy_view_new(&f->metrics);
        energy_view_print(view, out);
        energy_view_free(view);
        fclose(out);
        assert_true((strstr(text, "\nlayers.0.fc ") != NULL) == chosen);
        assert_true((strstr(text, "\ntruenorth ") != NULL) == !chosen);
        assert_non_null(strstr(text, "dampfhoffer2023 depends"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activity),
        cmocka_unit_test(break_even_and_verdicts),
        cmocka_unit_test(models_by_name),
        cmocka_unit_test(layers_are_printed_for_the_chosen_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
