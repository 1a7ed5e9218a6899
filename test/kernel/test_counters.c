/* The counters recomputed from the trace: spikes by sign and kind, spikes x fan-out, packets, windows, active
 * neurons, threshold tests, population by population. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "convert/convert.h"
#include "kernel/trace_expand.h"
#include "kernel/trace_reader.h"
#include "neurons/oat.h"
#include "test/helpers/engine_run.h"
#include "test/helpers/tiny_model.h"

static void assert_counters(const char *name, const struct counters *got, const struct counters *want)
{
    const char *difference = counters_difference(got, want);
    if (difference == NULL) return;
    counters_print("counted  ", got);
    counters_print("recounted", want);
    fail_msg("%s: other %s", name, difference);
}

/* What rows of `trace export` add up to, population by population: written out here, without the library's own
 * recount. */
struct recount {
    struct counters population[128];
    uint64_t last_packet[128]; /* (timestep, token, block) + 1 of the latest packet met */
};

static void recount_row(const struct model *model, const struct trace_row *row, uint32_t gates, struct recount *recount)
{
    const struct population *population = &model->graph->population[row->population];
    struct counters *c = &recount->population[row->population];
    uint32_t neuron = row->kind == TRACE_GATE ? row->neuron / gates : row->neuron;
    uint64_t packet = (row->time * 4096 + row->token) * 4096 + neuron / GRAPH_BLOCK_NEURONS + 1;
    c->events += packet != recount->last_packet[row->population]; /* rows of one packet are neighbours */
    recount->last_packet[row->population] = packet;
    if (row->kind == TRACE_GATE) {
        c->spikes_gate++;
        return;
    }
    c->spikes++;
    c->spikes_positive += row->sign > 0;
    c->spikes_negative += row->sign < 0;
    c->spikes_normal += row->kind == TRACE_NORMAL;
    c->spikes_outlier += row->kind == TRACE_OUTLIER;
    c->synaptic_operations += population->fan_out;
}

static void recount_rows(const struct model *model, const char *path, struct recount *recount)
{
    static struct trace_row rows[4096];
    struct trace_reader *reader;
    struct trace_expand *expand;
    struct lassim_error error = {0};
    size_t n;
    uint64_t last = 0;
    memset(recount, 0, sizeof *recount);
    assert_true(model->graph->populations <= 128);
    if (trace_reader_open(path, &reader, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct trace_header_info *info = trace_reader_info(reader);
    if (trace_expand_open(reader, &expand, &error) != LASSIM_OK) fail_msg("%s", error.text);
    for (;;) {
        if (trace_expand_rows(expand, rows, 4096, &n, &error) != LASSIM_OK) fail_msg("%s", error.text);
        if (n == 0) break;
        for (size_t i = 0; i < n; i++) {
            assert_true(rows[i].time >= last);
            last = rows[i].time;
            recount_row(model, &rows[i], trace_gates(&info->population[rows[i].population]), recount);
        }
    }
    assert_true(trace_reader_complete(reader));
    trace_expand_close(expand);
    trace_reader_close(reader);
}

/* Windows, active neurons and threshold tests from the records; the library's recount beside. */
static void recount_records(const char *path, struct recount *recount, struct counters *library)
{
    struct trace_reader *reader;
    struct lassim_error error = {0};
    const struct trace_record *record;
    if (trace_reader_open(path, &reader, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct trace_header_info *info = trace_reader_info(reader);
    for (;;) {
        if (trace_reader_next(reader, &record, &error) != LASSIM_OK) fail_msg("%s", error.text);
        if (record == NULL) break;
        struct counters *c = &recount->population[record->population];
        uint32_t code = info->population[record->population].code;
        c->windows++;
        if (code != CODE_INPUT)
            c->threshold_tests += (uint64_t)trace_steps(info, &info->population[record->population]) * record->neurons;
        for (uint32_t i = 0; i < record->count; i++) c->active_neurons += (record->active[i].code & OAT_MAGNITUDE) != 0;
        trace_record_count(info, record, library);
    }
    trace_reader_close(reader);
}

/* The counters that do not follow from a trace are taken over. */
static void take_rest(struct counters *to, const struct counters *from)
{
    to->saturations = from->saturations;
    to->spike_product_operations = from->spike_product_operations;
    to->membrane_updates = from->membrane_updates;
    to->dense_macs = from->dense_macs;
}

static void assert_recount(const struct engine_run *run)
{
    static struct recount recount;
    struct counters library = {0}, totals = engine_run_totals(run);
    recount_rows(run->model, run->trace, &recount);
    recount_records(run->trace, &recount, &library);
    for (uint32_t p = 0; p < run->model->graph->populations; p++) {
        take_rest(&recount.population[p], &run->population[p]);
        assert_counters(run->model->graph->population[p].name, &run->population[p], &recount.population[p]);
    }
    take_rest(&library, &totals);
    assert_counters("trace_record_count", &totals, &library);
    assert_true(totals.synaptic_operations > 0 && totals.events > 0 && totals.spikes_gate > 0);
}

static void trace_of_tiny_models_recounts(void **state)
{
    static const uint32_t ids[] = {2, 5, 9, 1, 7, 5};
    static const struct engine_piece pieces[] = {{3, LASSIM_READ_LAST}, {3, LASSIM_READ_ALL}, {0, 0}};
    (void)state;
    for (uint32_t steps = 1; steps <= 16; steps++) {
        struct model_config config = tiny_config();
        if (steps % 2) config.pre_norm = config.final_norm = 0;
        if (steps % 3 == 0) config.ffn = 2500;                                  /* three blocks */
        if (steps % 5 == 0) config.positions = 700, config.position_rows = 702; /* e and exp in two blocks */
        struct model *model = tiny_model_new(&config, steps, 0);
        struct lassim_options options = {.timesteps = steps, .threads = 1 + steps % 3, .numa_off = 1};
        model->code = steps % 4 < 2 ? SPIKE_CODE_RADIX : SPIKE_CODE_TERNARY;
        tiny_model_own_steps(model, steps % 5);
        struct engine_run *run = engine_run_new(model, options, ids, pieces, 1);
        assert_recount(run);
        engine_run_free(run);
        tiny_model_free(model);
    }
}

/* The bundled checkpoint, converted with a short calibration. */
static void trace_of_the_bundled_model_recounts(void **state)
{
    static const uint32_t ids[] = {2, 100, 2000, 31, 4000, 17, 17, 256};
    static const struct engine_piece pieces[] = {{8, LASSIM_READ_LAST}, {0, 0}};
    char path[] = "/tmp/lassim-accounting-XXXXXX";
    struct lassim_error error = {0};
    struct model *model;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct convert_options convert = {.checkpoint = "examples/opt-tiny",
                                      .output = path,
                                      .calibration_tokens = 64,
                                      .hg_error = 1e-3,
                                      .no_self_check = 1};
    if (convert_checkpoint(&convert, &error) != LASSIM_OK) fail_msg("%s", error.text);
    if (model_open(path, &model, &error) != LASSIM_OK) fail_msg("%s", error.text);
    struct lassim_options options = {.numa_off = 1};
    struct engine_run *run = engine_run_new(model, options, ids, pieces, 1);
    assert_recount(run);
    engine_run_free(run);
    model_close(model);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_of_tiny_models_recounts),
        cmocka_unit_test(trace_of_the_bundled_model_recounts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
