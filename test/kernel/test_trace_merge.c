/* Records made level by level, in batches of tokens, come out as a writer fed in order would have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* ---- batches of tokens, as the engine makes them ---- */

enum { TOKENS = 9600, BATCH = 8, POPULATIONS = 3, APART = 400, RECORD_BYTES_MAX = 1 << 16 };

/* The populations in their order, each APART windows after the one before. */
static const uint32_t populations[POPULATIONS] = {SAMPLE_RES, SAMPLE_XMU, SAMPLE_E};

static uint32_t neurons_of(uint32_t p)
{
    return trace_record_neurons(&sample_table[p], 9);
}

static void codes_of(uint32_t token, uint32_t p, uint32_t *codes)
{
    struct sample_random random = {UINT64_C(0x9e3779b97f4a7c15) * (token * 8 + p + 1)};
    for (uint32_t i = 0; i < neurons_of(p); i++)
        codes[i] = sample_below(&random, 4) == 0 ? 0 : 1 + sample_below(&random, 127);
}

static void write_tokens_in_order(const char *path, const struct trace_header_info *info)
{
    uint32_t codes[2500];
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(path, 0, info, &writer, &error), LASSIM_OK);
    for (uint32_t window = 0; window < TOKENS + POPULATIONS * APART; window++)
        for (uint32_t i = 0; i < POPULATIONS; i++) {
            uint32_t token = window - i * APART, p = populations[i];
            if (token >= TOKENS) continue;
            codes_of(token, p, codes);
            assert_int_equal(trace_writer_record_oat(writer, window, p, token, 9, codes, neurons_of(p)), LASSIM_OK);
        }
    assert_int_equal(trace_writer_finish(writer, 1, &error), LASSIM_OK);
}

static void add_codes(struct trace_merge *merge, const struct trace_header_info *info, unsigned lane, uint32_t i,
                      uint32_t token)
{
    uint32_t codes[2500], p = populations[i];
    struct trace_counts counts = {{0}};
    const struct trace_key key = {token + i * APART, p, token};
    uint8_t *room = trace_merge_room(merge, lane, trace_encode_room(info, p, neurons_of(p)));
    assert_non_null(room);
    codes_of(token, p, codes);
    size_t bytes = trace_encode_oat(info, p, codes, neurons_of(p), room, &counts);
    trace_merge_add(merge, lane, &key, 9, bytes, &counts);
}

/* The same in batches, each record from any lane; returns the high-water mark after a third, and at the end. */
static void write_tokens_in_batches(const char *path, const struct trace_header_info *info,
                                    struct sample_random *random, size_t *third, size_t *end)
{
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(path, 0, info, &writer, &error), LASSIM_OK);
    struct trace_merge *merge = trace_merge_new(writer, LANES, RECORD_BYTES_MAX);
    assert_non_null(merge);
    for (uint32_t first = 0; first < TOKENS; first += BATCH) {
        for (uint32_t i = 0; i < POPULATIONS; i++) {
            for (uint32_t t = 0; t < BATCH; t++) add_codes(merge, info, sample_below(random, LANES), i, first + t);
            uint32_t complete = first + i * APART + 1, next = first + BATCH;
            if (sample_below(random, 2))
                assert_int_equal(trace_merge_flush(merge, complete < next ? complete : next), LASSIM_OK);
        }
        if (first / BATCH == TOKENS / BATCH / 3) *third = trace_merge_bytes(merge);
    }
    *end = trace_merge_bytes(merge);
    assert_int_equal(trace_merge_flush(merge, UINT64_MAX), LASSIM_OK);
    trace_merge_free(merge);
    assert_int_equal(trace_writer_finish(writer, 1, &error), LASSIM_OK);
}

/* Segments come back: what is taken after the first third is at most one segment a lane, the play of which lane made
 * which records, though several times as much goes through. */
static void batches_reuse_their_segments(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("batches");
    assert_non_null(sample_directory());
    struct trace_header_info info = sample_info(STEPS, 0);
    size_t ordered_size, merged_size, third = 0, end = 0;
    write_tokens_in_order(sample_path("ordered"), &info);
    write_tokens_in_batches(sample_path("merged"), &info, &random, &third, &end);
    uint8_t *ordered = sample_read_file(sample_path("ordered"), &ordered_size);
    uint8_t *merged = sample_read_file(sample_path("merged"), &merged_size);
    assert_int_equal(ordered_size, merged_size);
    assert_memory_equal(ordered, merged, ordered_size);
    printf("%zu bytes of records through %zu bytes\n", merged_size, end);
    assert_true(end <= third + LANES * ((1 << 20) + 4096));
    assert_true(merged_size > 2 * end);
    free(ordered);
    free(merged);
    sample_directory_remove();
}

/* A run that ends early leaves records behind. */
static void what_waits_is_freed(void **state)
{
    (void)state;
    struct trace_writer *writer;
    struct lassim_error error;
    struct trace_header_info info = sample_info(STEPS, 0);
    assert_int_equal(trace_writer_open("/dev/null", 0, &info, &writer, &error), LASSIM_OK);
    struct trace_merge *merge = trace_merge_new(writer, LANES, RECORD_BYTES_MAX);
    assert_non_null(merge);
    for (uint32_t t = 0; t < TOKENS; t++) add_codes(merge, &info, t % LANES, 1, t);
    assert_int_equal(trace_merge_flush(merge, TOKENS / 2), LASSIM_OK);
    add_codes(merge, &info, 0, 1, TOKENS);
    trace_merge_free(merge); /* LeakSanitizer sees what is not */
    trace_merge_free(NULL);
    trace_writer_abandon(writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_records_are_the_ordered_ones),
        cmocka_unit_test(batches_reuse_their_segments),
        cmocka_unit_test(what_waits_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
