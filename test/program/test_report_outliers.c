/* Outlier channels: sums over the norms, the busiest ones, their shares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kernel/program/report_trace.h"
#include "test/helpers/trace_samples.h"

static json_t *outliers_of(uint32_t kind, const uint32_t *codes, uint32_t neurons)
{
    struct trace_population row[2] = {
        {.name = "a", .kind = kind, .code = CODE_OAT, .neurons = neurons, .block_neurons = 1, .j = 2},
        {.name = "b", .kind = kind, .code = CODE_OAT, .level = 1, .neurons = neurons, .block_neurons = 1, .j = 2}};
    const struct trace_header_info info = {.timesteps = 4, .vocabulary = 1, .populations = 2, .population = row};
    struct trace_writer *writer;
    struct trace_reader *reader;
    struct report_trace trace;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(sample_path("outliers.trace"), 0, &info, &writer, &error), LASSIM_OK);
    trace_writer_record_oat(writer, 0, 0, 0, 0, codes, neurons);
    trace_writer_record_oat(writer, 0, 1, 0, 0, codes, neurons);
    trace_writer_record_oat(writer, 1, 0, 1, 0, codes, neurons);
    assert_int_equal(trace_writer_finish(writer, 8, &error), LASSIM_OK);
    assert_int_equal(trace_reader_open(sample_path("outliers.trace"), &reader, &error), LASSIM_OK);
    assert_int_equal(report_trace_read(&trace, reader, &error), LASSIM_OK);
    json_t *object = report_outliers_json(&trace);
    report_trace_free(&trace);
    trace_reader_close(reader);
    return object;
}

static json_int_t integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void the_busiest_channels_by_number(void **state)
{
    (void)state;
    enum { NEURONS = REPORT_CHANNELS + 12 };
    uint32_t codes[NEURONS];
    for (uint32_t n = 0; n < NEURONS; n++) codes[n] = 3; /* normal: no outlier */
    for (uint32_t n = 2; n < NEURONS; n++) codes[n] = OAT_OUTLIER | (n % 2 ? 1 : 3);
    json_t *object = outliers_of(POPULATION_NORM, codes, NEURONS);
    /* 29 even channels of 2 spikes a window, 29 odd ones of 1, three windows. */
    assert_int_equal(integer(object, "channels"), NEURONS);
    assert_int_equal(integer(object, "spiking_channels"), NEURONS - 2);
    assert_int_equal(integer(object, "spikes"), 3 * (29 * 2 + 29));
    assert_int_equal(integer(object, "spikes_drawn"), 3 * (29 * 2 + (REPORT_CHANNELS - 29)));
    const json_t *indices = json_object_get(object, "indices"), *rows = json_object_get(object, "rows");
    assert_int_equal(json_array_size(indices), REPORT_CHANNELS);
    assert_int_equal(json_integer_value(json_array_get(indices, 0)), 2);
    assert_int_equal(json_integer_value(json_array_get(indices, REPORT_CHANNELS - 1)), NEURONS - 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(object, "sums"), 0)), 6);
    assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 0), 0)), 4); /* two windows */
    assert_int_equal(json_integer_value(json_array_get(json_array_get(rows, 1), 0)), 2);
    json_decref(object);
}

static void nothing_to_show(void **state)
{
    (void)state;
    const uint32_t codes[2] = {OAT_OUTLIER | 1, 2}, normal[2] = {1, 2};
    json_t *object = outliers_of(POPULATION_QUERY, codes, 2);
    assert_true(json_is_null(object));
    json_decref(object);
    object = outliers_of(POPULATION_NORM, normal, 2);
    assert_int_equal(integer(object, "spikes"), 0);
    assert_int_equal(json_array_size(json_object_get(object, "indices")), 0);
    json_decref(object);
}

static int tear_down(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_busiest_channels_by_number),
                                       cmocka_unit_test(nothing_to_show)};
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
