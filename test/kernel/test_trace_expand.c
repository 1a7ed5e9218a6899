#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/trace_samples.h"

static void assert_same_row(const struct trace_row *a, const struct trace_row *b)
{
    assert_int_equal(a->time, b->time);
    assert_int_equal(a->population, b->population);
    assert_int_equal(a->token, b->token);
    assert_int_equal(a->neuron, b->neuron);
    assert_int_equal(a->sign, b->sign);
    assert_int_equal(a->kind, b->kind);
}

/* Expands path in pieces of `capacity` rows and compares with the naive expansion. */
static void compare_expansion(const char *path, size_t capacity, const struct sample_rows *expected)
{
    struct trace_reader *reader;
    struct trace_expand *expand;
    struct lassim_error error;
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    assert_int_equal(trace_expand_open(reader, &expand, &error), LASSIM_OK);
    struct trace_row *rows = calloc(capacity, sizeof *rows);
    size_t done = 0, count;
    do {
        assert_int_equal(trace_expand_rows(expand, rows, capacity, &count, &error), LASSIM_OK);
        assert_true(done + count <= expected->count);
        for (size_t i = 0; i < count; i++) assert_same_row(&rows[i], &expected->row[done + i]);
        done += count;
    } while (count > 0);
    assert_int_equal(done, expected->count);
    assert_true(trace_reader_complete(reader));
    free(rows);
    trace_expand_close(expand);
    trace_reader_close(reader);
}

static void compare_counters(const char *path, const struct counters *expected)
{
    struct trace_reader *reader;
    struct lassim_error error;
    struct counters counters[SAMPLE_POPULATIONS] = {0};
    const struct trace_record *record;
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    for (;;) {
        assert_int_equal(trace_reader_next(reader, &record, &error), LASSIM_OK);
        if (record == NULL) break;
        trace_record_count(trace_reader_info(reader), record, &counters[record->population]);
    }
#define SAME_COUNTER(field, text) \
    for (int p = 0; p < SAMPLE_POPULATIONS; p++) assert_int_equal(counters[p].field, expected[p].field);
    LASSIM_COUNTERS(SAME_COUNTER)
#undef SAME_COUNTER
    trace_reader_close(reader);
}

static void test_random_traces_against_naive_expansion(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("expand");
    struct sample_rows rows;
    struct counters counters[SAMPLE_POPULATIONS];
    const size_t capacity[] = {1, 7, 4096};
    for (uint32_t timesteps = 1; timesteps <= SPIKE_STEPS_MAX; timesteps++) {
        for (uint32_t code = SPIKE_CODE_RADIX; code <= SPIKE_CODE_TERNARY; code++) {
            const struct trace_header_info info = sample_info(timesteps, code);
            const char *path = sample_path("random.trace");
            sample_trace(&random, path, &info, timesteps % 5 == 0 ? 90 : 6, 0, 1, &rows, counters);
            compare_expansion(path, capacity[timesteps % 3], &rows);
            compare_counters(path, counters);
            sample_rows_free(&rows);
        }
    }
}

static void test_empty_trace_has_no_rows(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("empty");
    struct sample_rows rows;
    struct counters counters[SAMPLE_POPULATIONS];
    const struct trace_header_info info = sample_info(16, SPIKE_CODE_RADIX);
    sample_trace(&random, sample_path("empty.trace"), &info, 0, 0, 1, &rows, counters);
    compare_expansion(sample_path("empty.trace"), 16, &rows);
    sample_rows_free(&rows);
}

/* One neuron of each kind, every row written down by hand: T = 3. */
static void test_rows_by_hand(void **state)
{
    (void)state;
    const struct trace_header_info info = sample_info(3, SPIKE_CODE_RADIX);
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(sample_path("hand.trace"), 0, &info, &writer, &error), LASSIM_OK);
    uint32_t res[70] = {[4] = 5 | OAT_NEGATIVE, [9] = 2 | OAT_OUTLIER}, e[6] = {[4] = 4};
    const struct hg_code rstd = {.octave_gate = 2, .sub_gate = 5 + 7, .magnitude = 6};
    trace_writer_record_input(writer, 10, SAMPLE_TOK, 8, 33);
    trace_writer_record_oat(writer, 10, SAMPLE_RES, 7, 0, res, 70);
    trace_writer_record_hg(writer, 10, SAMPLE_RSTD, 6, 0, &rstd, 1);
    trace_writer_record_oat(writer, 10, SAMPLE_E, 1, 2, e, 6); /* head 2, key 0 of 2 visible: neuron 18 */
    assert_int_equal(trace_writer_finish(writer, 33, &error), LASSIM_OK);
    struct trace_row row[] = {
        {30, SAMPLE_TOK, 8, 33, 1, 0},  {30, SAMPLE_RES, 7, 4, -1, 0}, {30, SAMPLE_RSTD, 6, 2, 1, 2},
        {30, SAMPLE_RSTD, 6, 12, 1, 2}, {30, SAMPLE_RSTD, 6, 0, 1, 3}, {30, SAMPLE_E, 1, 18, 1, 0},
        {31, SAMPLE_RES, 7, 9, 1, 1},   {31, SAMPLE_RSTD, 6, 0, 1, 3}, {32, SAMPLE_RES, 7, 4, -1, 0},
    };
    const struct sample_rows expected = {.row = row, .count = sizeof row / sizeof *row};
    compare_expansion(sample_path("hand.trace"), 4, &expected);
}

static int remove_files(void **state)
{
    (void)state;
    sample_directory_remove();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_traces_against_naive_expansion),
        cmocka_unit_test(test_empty_trace_has_no_rows),
        cmocka_unit_test(test_rows_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, remove_files);
}
