/* What counters mean for the models: operations and accesses by hand on a small graph, and the idle counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/energy_work.h"
#include "test/helpers/tiny_model.h"

static struct model *model;

static uint32_t named(const char *name)
{
    uint32_t p = graph_find_population(model->graph, name);
    assert_true(p != GRAPH_NONE);
    return p;
}

static void assert_access(const struct energy_traffic *got, uint64_t bytes, uint64_t buffer)
{
    assert_int_equal(got->bytes, bytes);
    assert_int_equal(got->buffer, buffer);
}

/* fc: 10 neurons, fan-out D = 8.  12 spikes, 2 of them lost; 10 biases; 3 windows. */
static void a_layer_with_a_matrix(void **state)
{
    (void)state;
    struct energy_work work;
    const struct counters counters = {.spikes = 12,
                                      .spikes_lost = 2,
                                      .synaptic_operations = 80,
                                      .membrane_updates = 80 + 12 + 10,
                                      .threshold_tests = 480,
                                      .dense_macs = 3 * 80};
    energy_work_of(model->graph, NULL, named("layers.0.fc"), &counters, 3, &work);
    assert_int_equal(work.adds, 102 + 480);
    assert_int_equal(work.multiplies, 0);
    assert_int_equal(work.events, 80);
    assert_int_equal(work.macs, 240);
    assert_int_equal(work.spiking_count, 6);
    assert_access(&work.spiking[0], 8 * 12, ENERGY_FIFO);
    assert_access(&work.spiking[1], 10 * 32, 10 * 32); /* rows of 8 weights of 4 bytes */
    assert_access(&work.spiking[2], 8 * 80, 32);
    assert_access(&work.spiking[3], 0, 40);
    assert_access(&work.spiking[4], 4 * (480 + 2 * 12 + 3 * 10), 40);
    assert_access(&work.spiking[5], 0, 40);
    assert_int_equal(work.dense_count, 3);
    assert_access(&work.dense[0], 240, 80);
    assert_access(&work.dense[1], 30, 10);
    assert_access(&work.dense[2], 48, 8);
}

static void attention_meets_the_cache(void **state)
{
    (void)state;
    struct energy_work work;
    uint64_t cache = 4ull * model->graph->config.positions * model->graph->config.hidden;
    const struct counters query = {
        .spikes = 5, .spike_product_operations = 15, .membrane_updates = 20, .dense_macs = 24};
    energy_work_of(model->graph, NULL, named("layers.0.q"), &query, 3, &work);
    assert_access(&work.spiking[3], 60, cache);
    assert_access(&work.dense[0], 24, cache / 4);
    const struct counters value = {.spikes = 5, .spikes_lost = 1, .membrane_updates = 5};
    energy_work_of(model->graph, NULL, named("layers.0.v"), &value, 3, &work);
    assert_access(&work.spiking[4], 8 * 4, cache);
    assert_access(&work.dense[0], 3 * 8, cache / 4);
    assert_string_equal(energy_cache_use(model->graph, named("layers.0.q")), "read");
    assert_string_equal(energy_cache_use(model->graph, named("layers.0.e")), "read");
    assert_string_equal(energy_cache_use(model->graph, named("layers.0.k")), "write");
    assert_string_equal(energy_cache_use(model->graph, named("layers.0.fc")), "none");
}

/* An encoder's keys meet every query of the sequence, and stay to be met. */
static void an_encoders_keys_read_and_write(void **state)
{
    (void)state;
    const struct model_config config = tiny_config_of(FAMILY_BERT);
    struct model *bert = tiny_model_new(&config, 1, 0);
    uint32_t key = graph_find_population(bert->graph, "layers.0.k");
    struct energy_work work;
    const struct counters counters = {.spikes = 5, .spike_product_operations = 15, .membrane_updates = 20};
    energy_work_of(bert->graph, NULL, key, &counters, 3, &work);
    uint64_t cache = 4 * energy_cache_elements(bert->graph);
    assert_access(&work.spiking[3], 60, cache);
    assert_access(&work.spiking[4], 8 * 5, cache);
    assert_string_equal(energy_cache_use(bert->graph, key), "both");
    tiny_model_free(bert);
}

static void hg_populations_multiply(void **state)
{
    (void)state;
    struct energy_work work;
    uint32_t p = named("layers.0.norm1.rstd");
    const struct counters counters = {
        .spikes = 6, .spikes_gate = 4, .spike_product_operations = 64, .membrane_updates = 70, .threshold_tests = 32};
    energy_work_of(model->graph, model, p, &counters, 2, &work);
    assert_int_equal(work.multiplies, 64);
    assert_access(&work.spiking[work.spiking_count - 1], 32, 16ull * model->table[model->population[p].table].rows);
    struct counters idle = energy_idle(model->graph, p, &counters);
    assert_int_equal(idle.spikes, 0);
    assert_int_equal(idle.spikes_gate, 4);
    assert_int_equal(idle.spike_product_operations, 2 * 8); /* the sub-interval gates still meet D partners */
    assert_int_equal(idle.membrane_updates, 16);
    assert_int_equal(idle.threshold_tests, 32);
}

static void rows_as_stored(void **state)
{
    (void)state;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        uint32_t targets = model->graph->matrix[m].targets;
        assert_int_equal(energy_row_bytes(model->graph, NULL, m), 4 * targets);
        assert_int_equal(energy_row_bytes(model->graph, model, m), weight_size(model->matrix[m].type) * targets);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_layer_with_a_matrix),
        cmocka_unit_test(attention_meets_the_cache),
        cmocka_unit_test(an_encoders_keys_read_and_write),
        cmocka_unit_test(hg_populations_multiply),
        cmocka_unit_test(rows_as_stored),
    };
    struct model_config config = tiny_config();
    model = tiny_model_new(&config, 1, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tiny_model_free(model);
    return failed;
}
