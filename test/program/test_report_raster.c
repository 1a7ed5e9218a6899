/* The raster's share: which neurons and windows are drawn, against all spikes of random traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/report_raster.h"
#include "test/helpers/trace_samples.h"

static void fill(struct report_raster *raster, struct trace_reader *reader)
{
    const struct trace_record *record;
    struct lassim_error error;
    assert_int_equal(report_raster_init(raster, trace_reader_info(reader)), 0);
    for (;;) {
        assert_int_equal(trace_reader_next(reader, &record, &error), LASSIM_OK);
        if (record == NULL) return;
        report_raster_add(raster, record);
    }
}

/* 1 if a spike of the naive expansion should be drawn. */
static int drawn(const struct report_raster *raster, const struct trace_row *row, unsigned timesteps, uint64_t windows)
{
    return row->kind != TRACE_GATE && row->time / timesteps < windows &&
           report_raster_row(raster, row->population, row->neuron) != UINT32_MAX;
}

/* Each drawn spike is a bit of exactly one mark. */
static void compare(const struct report_raster *raster, const struct sample_rows *rows, uint64_t windows)
{
    uint64_t expected[SAMPLE_POPULATIONS] = {0}, found[SAMPLE_POPULATIONS] = {0}, negative = 0, outlier = 0;
    unsigned timesteps = raster->info->timesteps;
    for (size_t i = 0; i < rows->count; i++) {
        const struct trace_row *row = &rows->row[i];
        if (!drawn(raster, row, timesteps, windows)) continue;
        expected[row->population]++;
        negative += row->sign < 0;
        outlier += row->kind == TRACE_OUTLIER;
    }
    for (uint32_t m = 0; m < raster->marks; m++) {
        const struct raster_mark *mark = &raster->mark[m];
        assert_true(mark->window < windows && mark->row < raster->population[mark->population].rows);
        found[mark->population] += (unsigned)__builtin_popcount(mark->fired);
        negative -= (unsigned)__builtin_popcount(mark->negative);
        outlier -= mark->outlier ? (unsigned)__builtin_popcount(mark->fired) : 0;
    }
    for (int p = 0; p < SAMPLE_POPULATIONS; p++) {
        assert_int_equal(found[p], expected[p]);
        assert_int_equal(raster->population[p].spikes, expected[p]);
    }
    assert_int_equal(negative, 0);
    assert_int_equal(outlier, 0);
}

static void check(uint32_t windows, struct sample_random *random, int expect_full)
{
    struct sample_rows rows;
    struct counters counters[SAMPLE_POPULATIONS];
    struct report_raster raster;
    struct trace_reader *reader;
    struct lassim_error error;
    const struct trace_header_info info = sample_info(9, SPIKE_CODE_TERNARY);
    const char *path = sample_path("raster.trace");
    sample_trace(random, path, &info, windows, 0, 1, &rows, counters);
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    fill(&raster, reader);
    assert_int_equal(raster.full, expect_full);
    json_t *object = report_raster_json(&raster);
    uint64_t covered = (uint64_t)json_integer_value(json_object_get(object, "windows"));
    assert_true(json_is_false(json_object_get(object, "partial")));
    compare(&raster, &rows, covered);
    if (!expect_full) assert_true(covered * 9 > rows.row[rows.count - 1].time);
    size_t flat = 0, at = 0;
    const json_t *marks = json_object_get(object, "marks");
    for (flat = json_array_size(marks); at < flat;)
        at += 4 + 2 * (size_t)json_integer_value(json_array_get(marks, at + 3));
    assert_int_equal(at, flat);
    json_decref(object);
    report_raster_free(&raster);
    trace_reader_close(reader);
    sample_rows_free(&rows);
}

static void short_traces_whole_long_ones_in_part(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("report_raster");
    for (int round = 0; round < 5; round++) check(20, &random, 0);
    check(2500, &random, 1);
}

static void rows_are_spread_over_the_population(void **state)
{
    (void)state;
    struct report_raster raster;
    const struct trace_header_info info = sample_info(4, SPIKE_CODE_RADIX);
    assert_int_equal(report_raster_init(&raster, &info), 0);
    assert_int_equal(raster.population[SAMPLE_XMU].stride, 79); /* ceil(2500 / 32) */
    assert_int_equal(raster.population[SAMPLE_XMU].rows, 32);
    assert_int_equal(report_raster_row(&raster, SAMPLE_XMU, 79 * 31), 31);
    assert_int_equal(report_raster_row(&raster, SAMPLE_XMU, 1), UINT32_MAX);
    assert_int_equal(raster.population[SAMPLE_TOK].rows, 25); /* an input: every neuron, two a row */
    assert_int_equal(report_raster_row(&raster, SAMPLE_TOK, 49), 24);
    assert_int_equal(raster.population[SAMPLE_RSTD].rows, 1);
    assert_int_equal(raster.population[SAMPLE_E].keys, 9); /* 3 heads, 9 positions: all */
    assert_int_equal(raster.population[SAMPLE_E].rows, 27);
    assert_int_equal(report_raster_row(&raster, SAMPLE_E, 26), 26);
    report_raster_free(&raster);
}

/* Many heads: every stride-th, and as many keys as then fit. */
static void heads_and_keys(void **state)
{
    (void)state;
    struct trace_population row = {
        .name = "e", .code = CODE_OAT, .neurons = 80 * 50, .block_neurons = 1, .heads = 80, .positions = 50};
    const struct trace_header_info info = {.timesteps = 4, .populations = 1, .population = &row};
    struct report_raster raster;
    assert_int_equal(report_raster_init(&raster, &info), 0);
    assert_int_equal(raster.population[0].stride, 3);
    assert_int_equal(raster.population[0].rows, 27);
    assert_int_equal(raster.population[0].keys, 1);
    assert_int_equal(report_raster_row(&raster, 0, 3 * 50), 1);
    assert_int_equal(report_raster_row(&raster, 0, 3 * 50 + 1), UINT32_MAX);
    assert_int_equal(report_raster_row(&raster, 0, 2 * 50), UINT32_MAX);
    report_raster_free(&raster);
}

static int tear_down(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(short_traces_whole_long_ones_in_part),
                                       cmocka_unit_test(rows_are_spread_over_the_population),
                                       cmocka_unit_test(heads_and_keys)};
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
