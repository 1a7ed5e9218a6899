/* Records made level by level, in batches of tokens, come out as a writer fed in order would have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/trace_merge.h"
#include "test/helpers/trace_samples.h"

/* Two tokens start in window SHARED; the later one is there when its windows are not yet to go. */
enum { WINDOWS = 14, STEPS = 8, SHARED = 4, LATE_TOKEN = 40, LANES = 3 };

/* The input row of token `window`, which starts in that window. */
static uint32_t row_of(uint32_t window)
{
    return window * 7 % 50;
}

static void write_in_order(const char *path, const struct trace_header_info *info)
{
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(path, 0, info, &writer, &error), LASSIM_OK);
    for (uint32_t window = 0; window < WINDOWS; window++) {
        assert_int_equal(trace_writer_record_input(writer, window, SAMPLE_TOK, window, row_of(window)), LASSIM_OK);
        if (window == SHARED)
            assert_int_equal(trace_writer_record_input(writer, window, SAMPLE_TOK, LATE_TOKEN, row_of(LATE_TOKEN)),
                             LASSIM_OK);
    }
    assert_int_equal(trace_writer_finish(writer, WINDOWS * STEPS, &error), LASSIM_OK);
}

static void add(struct trace_merge *merge, const struct trace_header_info *info, uint64_t window, uint32_t token)
{
    struct trace_counts counts = {{0}};
    const struct trace_key key = {window, SAMPLE_TOK, token};
    unsigned lane = token % LANES;
    uint8_t *room = trace_merge_room(merge, lane, trace_encode_room(info, SAMPLE_TOK, 0));
    assert_non_null(room);
    size_t bytes = trace_encode_input(row_of(token), room, &counts);
    trace_merge_add(merge, lane, &key, 0, bytes, &counts);
}

/* Windows arrive shuffled; each flush lets those below its bound go. */
static void write_merged(const char *path, const struct trace_header_info *info)
{
    static const uint64_t first[] = {3, 0, 9, 2, 6, 1}, second[] = {13, 5, 4, 12, 7}, third[] = {11, 8, 10};
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(path, 0, info, &writer, &error), LASSIM_OK);
    struct trace_merge *merge = trace_merge_new(writer, LANES, trace_encode_room(info, SAMPLE_TOK, 0));
    assert_non_null(merge);
    for (size_t i = 0; i < 6; i++) add(merge, info, first[i], (uint32_t)first[i]);
    add(merge, info, SHARED, LATE_TOKEN);
    assert_int_equal(trace_merge_flush(merge, SHARED), LASSIM_OK);
    for (size_t i = 0; i < 5; i++) add(merge, info, second[i], (uint32_t)second[i]);
    assert_int_equal(trace_merge_flush(merge, 8), LASSIM_OK);
    assert_int_equal(trace_merge_flush(merge, 8), LASSIM_OK); /* nothing to do */
    for (size_t i = 0; i < 3; i++) add(merge, info, third[i], (uint32_t)third[i]);
    assert_int_equal(trace_merge_flush(merge, UINT64_MAX), LASSIM_OK);
    trace_merge_free(merge);
    assert_int_equal(trace_writer_finish(writer, WINDOWS * STEPS, &error), LASSIM_OK);
}

static void merged_records_are_the_ordered_ones(void **state)
{
    (void)state;
    const char *directory = sample_directory();
    assert_non_null(directory);
    struct trace_header_info info = sample_info(STEPS, 0);
    size_t ordered_size, merged_size;
    write_in_order(sample_path("ordered"), &info);
    write_merged(sample_path("merged"), &info);
    uint8_t *ordered = sample_read_file(sample_path("ordered"), &ordered_size);
    uint8_t *merged = sample_read_file(sample_path("merged"), &merged_size);
    assert_int_equal(ordered_size, merged_size);
    assert_memory_equal(ordered, merged, ordered_size);
    free(ordered);
    free(merged);
    sample_directory_remove();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(merged_records_are_the_ordered_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
