/* What is collected of a trace, against the naive expansion of random traces; the limits on layers and neurons. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/report_trace.h"
#include "test/helpers/trace_samples.h"

struct fixture {
    struct sample_rows rows;
    struct counters counters[SAMPLE_POPULATIONS];
    struct trace_reader *reader;
    struct report_trace trace;
};

static void open_fixture(struct fixture *fixture, struct sample_random *random, uint32_t timesteps, uint32_t windows,
                         int finish)
{
    struct lassim_error error;
    const struct trace_header_info info = sample_info(timesteps, sample_below(random, 2));
    const char *path = sample_path(finish ? "report.trace" : "cut.trace");
    info.population[SAMPLE_E].layer = 7;
    sample_trace(random, path, &info, windows, 0, finish, &fixture->rows, fixture->counters);
    assert_int_equal(trace_reader_open(finish ? path : sample_path("cut.trace.partial"), &fixture->reader, &error),
                     LASSIM_OK);
    assert_int_equal(report_trace_read(&fixture->trace, fixture->reader, &error), LASSIM_OK);
}

static void close_fixture(struct fixture *fixture)
{
    report_trace_free(&fixture->trace);
    trace_reader_close(fixture->reader);
    sample_rows_free(&fixture->rows);
}

static uint64_t row_sum(const struct report_grid *grid, uint32_t row)
{
    uint64_t sum = 0;
    for (uint32_t c = 0; c < REPORT_COLUMNS; c++) sum += grid->cell[row * REPORT_COLUMNS + c];
    return sum;
}

/* Layers -1, 0 and 7, rows 0 to 2. */
static uint32_t layer_row(uint32_t population)
{
    return population == SAMPLE_TOK ? 0 : population == SAMPLE_E ? 2 : 1;
}

static void compare_grids(const struct fixture *fixture)
{
    const struct report_grid *time = &fixture->trace.time, *token = &fixture->trace.token;
    static uint64_t by_time[3][REPORT_COLUMNS], by_token[3][REPORT_COLUMNS];
    memset(by_time, 0, sizeof by_time);
    memset(by_token, 0, sizeof by_token);
    for (size_t i = 0; i < fixture->rows.count; i++) {
        const struct trace_row *row = &fixture->rows.row[i];
        if (row->kind == TRACE_GATE) continue;
        by_time[layer_row(row->population)][row->time / time->bin]++;
        by_token[layer_row(row->population)][row->token / token->bin]++;
    }
    assert_memory_equal(time->cell, by_time, sizeof by_time);
    assert_memory_equal(token->cell, by_token, sizeof by_token);
}

static void compare_populations(const struct fixture *fixture)
{
    uint64_t steps[SAMPLE_POPULATIONS][SPIKE_STEPS_MAX] = {0};
    for (size_t i = 0; i < fixture->rows.count; i++) {
        const struct trace_row *row = &fixture->rows.row[i];
        if (row->kind != TRACE_GATE) steps[row->population][row->time % fixture->trace.info->timesteps]++;
    }
    for (int p = 0; p < SAMPLE_POPULATIONS; p++) {
        assert_int_equal(fixture->trace.population[p].counters.spikes, fixture->counters[p].spikes);
        assert_int_equal(fixture->trace.population[p].counters.windows, fixture->counters[p].windows);
        assert_memory_equal(fixture->trace.population[p].steps, steps[p], sizeof steps[p]);
    }
}

/* Spikes, outlier spikes and histogram of one population's neurons. */
static void compare_neurons(const struct fixture *fixture, uint32_t p)
{
    const struct report_population *population = &fixture->trace.population[p];
    uint32_t neurons = sample_table[p].neurons;
    uint64_t *spikes = calloc(neurons, sizeof *spikes), *outlier = calloc(neurons, sizeof *outlier), silent = 0,
             seen = 0;
    struct report_neurons found;
    for (size_t i = 0; i < fixture->rows.count; i++) {
        const struct trace_row *row = &fixture->rows.row[i];
        if (row->population != p || row->kind == TRACE_GATE) continue;
        spikes[row->neuron]++;
        outlier[row->neuron] += row->kind == TRACE_OUTLIER;
    }
    report_neurons_of(&fixture->trace, p, &found);
    for (uint32_t n = 0; population->neuron != NULL && n < neurons; n++) {
        uint64_t windows =
            sample_table[p].heads > 0 ? population->spans[n % sample_table[p].positions] : population->counters.windows;
        assert_int_equal(population->neuron[n].spikes, spikes[n]);
        assert_int_equal(population->neuron[n].outlier & ~REPORT_NEURON_FULL, outlier[n]);
        silent += windows > 0 && spikes[n] == 0;
        seen += windows > 0;
    }
    assert_int_equal(found.silent, silent);
    assert_int_equal(found.histogram[0], silent);
    for (int i = 1; i < REPORT_HISTOGRAM; i++) silent += found.histogram[i];
    assert_int_equal(silent, seen);
    free(spikes);
    free(outlier);
}

static void random_traces(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("report_trace");
    for (uint32_t timesteps = 1; timesteps <= SPIKE_STEPS_MAX; timesteps++) {
        struct fixture fixture;
        open_fixture(&fixture, &random, timesteps, 30, 1);
        assert_int_equal(fixture.trace.layers, 3);
        compare_grids(&fixture);
        compare_populations(&fixture);
        for (uint32_t p = 0; p < SAMPLE_POPULATIONS; p++) compare_neurons(&fixture, p);
        close_fixture(&fixture);
    }
}

/* A neuron's windows are those in which its key was visible: opened (neuron, window) pairs agree. */
static void windows_by_key(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("report_trace windows");
    struct fixture fixture;
    open_fixture(&fixture, &random, 8, 40, 1);
    const struct report_population *e = &fixture.trace.population[SAMPLE_E];
    uint64_t opened = 0;
    for (uint32_t key = 0; key < 9; key++) opened += 3 * e->spans[key];
    assert_int_equal(opened, e->opened);
    assert_int_equal(e->spans[0], e->counters.windows);
    close_fixture(&fixture);
}

static uint64_t member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return (uint64_t)json_integer_value(value);
}

static void json(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("report_trace json");
    struct fixture fixture;
    open_fixture(&fixture, &random, 6, 300, 0);
    json_t *object = report_trace_json(&fixture.trace);
    const json_t *totals = json_object_get(object, "totals");
    uint64_t spikes = 0, rows = 0;
    for (int p = 0; p < SAMPLE_POPULATIONS; p++) {
        const json_t *population = json_array_get(json_object_get(object, "populations"), (size_t)p);
        assert_string_equal(json_string_value(json_object_get(population, "name")), sample_table[p].name);
        assert_int_equal(member(population, "spikes"), fixture.counters[p].spikes);
        spikes += fixture.counters[p].spikes;
    }
    for (uint32_t row = 0; row < 3; row++) rows += row_sum(&fixture.trace.time, row);
    assert_int_equal(member(totals, "spikes"), spikes);
    assert_int_equal(rows, spikes);
    assert_int_equal(member(totals, "neurons"), 50 + 70 + 2500 + 1 + 27 + 27);
    assert_true(json_is_false(json_object_get(object, "complete")));
    json_decref(object);
    close_fixture(&fixture);
}

static void at_the_largest_code(void **state)
{
    (void)state;
    static const uint32_t codes[4] = {15, 15 | OAT_OUTLIER, 15 | OAT_OUTLIER | OAT_NEGATIVE, 14 | OAT_OUTLIER};
    struct trace_population row[2] = {{.name = "a", .code = CODE_OAT, .neurons = 4, .block_neurons = 1, .j = 2},
                                      {.name = "b", .code = CODE_OAT, .level = 1, .neurons = 4, .block_neurons = 1}};
    const struct trace_header_info info = {.timesteps = 4, .vocabulary = 1, .populations = 2, .population = row};
    struct trace_writer *writer;
    struct trace_reader *reader;
    struct report_trace trace;
    struct report_neurons neurons;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(sample_path("full.trace"), 0, &info, &writer, &error), LASSIM_OK);
    for (uint32_t p = 0; p < 2; p++) trace_writer_record_oat(writer, 0, p, 0, 0, codes, 4);
    for (uint32_t p = 0; p < 2; p++) trace_writer_record_oat(writer, 1, p, 1, 0, codes, 4);
    assert_int_equal(trace_writer_finish(writer, 8, &error), LASSIM_OK);
    assert_int_equal(trace_reader_open(sample_path("full.trace"), &reader, &error), LASSIM_OK);
    assert_int_equal(report_trace_read(&trace, reader, &error), LASSIM_OK);
    assert_int_equal(trace.population[0].full, 4); /* j > 0: only outlier sub-neurons at 15 */
    assert_int_equal(trace.population[1].full, 6); /* j = 0: whoever sends 15 */
    report_neurons_of(&trace, 0, &neurons);
    assert_int_equal(neurons.full, 2);
    assert_int_equal(neurons.histogram[8], 3); /* 15: 4 spikes a window */
    assert_int_equal(neurons.histogram[6], 1); /* 14: 3 */
    report_trace_free(&trace);
    trace_reader_close(reader);
}

/* More layers and neurons than are kept: the lowest layers have rows, small populations still count one by one. */
static void limits(void **state)
{
    (void)state;
    enum { POPULATIONS = 300 };
    static struct trace_population row[POPULATIONS];
    for (int p = 0; p < POPULATIONS; p++) {
        row[p] = (struct trace_population){
            .code = CODE_OAT, .layer = 1000 - p, .neurons = p == 0 ? REPORT_NEURONS_MAX : 2, .block_neurons = 1};
        snprintf(row[p].name, sizeof row[p].name, "p%d", p);
    }
    const struct trace_header_info info = {
        .timesteps = 1, .vocabulary = 1, .populations = POPULATIONS, .population = row};
    struct trace_writer *writer;
    struct trace_reader *reader;
    struct report_trace trace;
    struct lassim_error error;
    const uint32_t codes[2] = {1, 0};
    assert_int_equal(trace_writer_open(sample_path("limits.trace"), 0, &info, &writer, &error), LASSIM_OK);
    trace_writer_record_oat(writer, 0, 1, 0, 0, codes, 2);
    trace_writer_record_oat(writer, 0, 299, 0, 0, codes, 2);
    uint32_t *many = calloc(REPORT_NEURONS_MAX, sizeof *many);
    trace_writer_record_oat(writer, 1, 0, 1, 0, many, REPORT_NEURONS_MAX);
    free(many);
    assert_int_equal(trace_writer_finish(writer, 2, &error), LASSIM_OK);
    assert_int_equal(trace_reader_open(sample_path("limits.trace"), &reader, &error), LASSIM_OK);
    assert_int_equal(report_trace_read(&trace, reader, &error), LASSIM_OK);
    assert_int_equal(trace.layers, REPORT_LAYERS);
    assert_int_equal(trace.layer[0], 701);
    assert_int_equal(trace.population[299].row, 0);
    assert_int_equal(trace.population[1].row, UINT32_MAX);
    assert_null(trace.population[0].neuron);
    assert_non_null(trace.population[1].neuron);
    assert_int_equal(row_sum(&trace.time, 0), 1);
    json_t *object = report_trace_json(&trace);
    assert_int_equal(member(json_object_get(object, "totals"), "populations_without_layer"),
                     POPULATIONS - REPORT_LAYERS);
    assert_int_equal(member(json_object_get(object, "totals"), "populations_uncounted"), 1);
    json_decref(object);
    report_trace_free(&trace);
    trace_reader_close(reader);
}

static int tear_down(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_traces), cmocka_unit_test(windows_by_key),
                                       cmocka_unit_test(json), cmocka_unit_test(at_the_largest_code),
                                       cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
