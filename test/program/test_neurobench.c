/* NeuroBench's metrics of a converted model: plain loops over the rows of a small model's trace and its weights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/neurobench.h"
#include "kernel/trace_expand.h"
#include "test/helpers/engine_run.h"
#include "test/helpers/naive_model.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 4, STEPS = 9, POPULATIONS = 64, NEURONS = 64 };

static const uint32_t ids[TOKENS] = {2, 5, 9, 1};
static const struct engine_piece all[] = {{TOKENS, LASSIM_READ_ALL}, {0, 0}};

struct plain {
    uint64_t macs, acs, dense, spikes, later;
    uint8_t spike[POPULATIONS][TOKENS][STEPS][NEURONS]; /* 1: arrived, 2: by an outlier sub-neuron */
};

static void take_rows(const char *path, struct plain *plain)
{
    static struct trace_row rows[4096];
    struct trace_reader *reader;
    struct trace_expand *expand;
    struct lassim_error error;
    size_t n = 1;
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    assert_int_equal(trace_expand_open(reader, &expand, &error), LASSIM_OK);
    while (n > 0) {
        assert_int_equal(trace_expand_rows(expand, rows, 4096, &n, &error), LASSIM_OK);
        for (size_t i = 0; i < n; i++) {
            const struct trace_row *row = &rows[i];
            if (row->kind == TRACE_GATE) continue;
            if (trace_reader_info(reader)->population[row->population].code == CODE_INPUT) continue;
            plain->spikes++;
            plain->later += row->time % STEPS > 0;
            plain->spike[row->population][row->token][row->time % STEPS][row->neuron] =
                1 + (row->kind == TRACE_OUTLIER);
        }
    }
    trace_expand_close(expand);
    trace_reader_close(reader);
}

static void count_layer(const struct model *model, uint32_t m, struct plain *plain)
{
    const struct matrix_slot *slot = &model->graph->matrix[m];
    int j = model->population[slot->source].j > 0;
    for (uint32_t token = 0; token < TOKENS; token++)
        for (uint32_t t = 0; t < STEPS; t++) {
            uint64_t effective = 0;
            int graded = 0;
            for (uint32_t s = 0; s < slot->sources; s++) {
                uint8_t spike = plain->spike[slot->source][token][t][s];
                graded |= spike == 2 && j;
                for (uint32_t i = 0; i < slot->targets; i++)
                    effective += spike && matrix_value(&model->matrix[m], slot->targets, s, i) != 0;
            }
            *(graded ? &plain->macs : &plain->acs) += effective;
            plain->dense += (uint64_t)slot->sources * slot->targets;
        }
}

/* Weights rounded to two values, many of them 0. */
static struct model *sparse_model(void)
{
    struct model_config config = tiny_config();
    struct model *model = tiny_model_new(&config, 3, 0);
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        const struct matrix_slot *slot = &model->graph->matrix[m];
        uint8_t *weights = (uint8_t *)(uintptr_t)model->matrix[m].weights;
        uint32_t size = weight_size(model->matrix[m].type);
        for (uint64_t i = 0; i < (uint64_t)slot->sources * slot->targets; i += 3) memset(weights + i * size, 0, size);
    }
    return model;
}

static void by_plain_loops(void **state)
{
    (void)state;
    static struct plain plain;
    struct model *model = sparse_model();
    const struct lassim_options options = {.timesteps = STEPS, .threads = 1, .numa_off = 1};
    struct trace_reader *reader;
    struct neurobench bench;
    struct lassim_error error;
    uint64_t zeros = 0, weights = 0;
    naive_calibrate(model, ids, TOKENS, 0.3); /* outliers, too */
    struct engine_run *run = engine_run_one(model, options, ids, all, 1);
    take_rows(run->trace, &plain);
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        const struct matrix_slot *slot = &model->graph->matrix[m];
        if (model->graph->population[slot->source].code == CODE_INPUT) continue;
        count_layer(model, m, &plain);
        for (uint32_t s = 0; s < slot->sources; s++)
            for (uint32_t i = 0; i < slot->targets; i++)
                zeros += matrix_value(&model->matrix[m], slot->targets, s, i) == 0;
        weights += (uint64_t)slot->sources * slot->targets;
    }
    assert_true(plain.macs > 0 && plain.acs > 0);
    assert_int_equal(trace_reader_open(run->trace, &reader, &error), LASSIM_OK);
    if (neurobench_of_model(reader, model, &bench, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(bench.samples, TOKENS);
    assert_int_equal(bench.effective_macs, plain.macs);
    assert_int_equal(bench.effective_acs, plain.acs);
    assert_int_equal(bench.dense, plain.dense);
    assert_int_equal(bench.weights, weights);
    assert_int_equal(bench.zeros, zeros);
    struct counters totals = engine_run_totals(run);
    assert_int_equal(bench.products, totals.spike_product_operations);
    uint64_t nonzero = 0, activations = 0;
    for (uint32_t p = 0; p < bench.populations; p++) {
        nonzero += bench.layer[p].nonzero;
        activations += bench.layer[p].activations;
    }
    assert_int_equal(nonzero, plain.spikes);
    assert_int_equal(activations, totals.threshold_tests);
    assert_int_equal(bench.membrane_updates, totals.threshold_tests / STEPS + plain.later);
    json_t *json = neurobench_json(&bench, trace_reader_info(reader));
    assert_true(json_real_value(json_object_get(json_object_get(json, "SynapticOperations"), "Effective_ACs")) ==
                (double)plain.acs / TOKENS);
    json_decref(json);
    neurobench_free(&bench);
    trace_reader_close(reader);
    engine_run_free(run);
    tiny_model_free(model);
}

/* An encoder's q and k meet every token of the sequence, not only those before. */
static void an_encoder_sees_all_its_tokens(void **state)
{
    (void)state;
    static const uint32_t types[TOKENS] = {0, 1, 1, 0};
    struct model_config config = tiny_config_of(FAMILY_BERT);
    struct model *model = tiny_model_new(&config, 5, 0);
    const struct lassim_options options = {.timesteps = STEPS, .threads = 1, .numa_off = 1};
    struct trace_reader *reader;
    struct neurobench bench;
    struct lassim_error error;
    struct engine_run *run = engine_run_typed(model, options, ids, types, all, 1);
    assert_int_equal(trace_reader_open(run->trace, &reader, &error), LASSIM_OK);
    if (neurobench_of_model(reader, model, &bench, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(bench.samples, TOKENS);
    assert_true(bench.products > 0);
    assert_int_equal(bench.products, engine_run_totals(run).spike_product_operations);
    neurobench_free(&bench);
    trace_reader_close(reader);
    engine_run_free(run);
    tiny_model_free(model);
}

static void another_model_is_refused(void **state)
{
    (void)state;
    struct model *model = sparse_model();
    const struct lassim_options options = {.threads = 1, .numa_off = 1};
    struct trace_reader *reader;
    struct neurobench bench;
    struct lassim_error error;
    struct engine_run *run = engine_run_one(model, options, ids, all, 1);
    assert_int_equal(trace_reader_open(run->trace, &reader, &error), LASSIM_OK);
    model->hash++;
    assert_int_equal(neurobench_of_model(reader, model, &bench, &error), LASSIM_ERR_FILE);
    neurobench_free(&bench);
    trace_reader_close(reader);
    engine_run_free(run);
    tiny_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_plain_loops),
                                       cmocka_unit_test(an_encoder_sees_all_its_tokens),
                                       cmocka_unit_test(another_model_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
