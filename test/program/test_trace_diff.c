/* trace diff: the same, one spike more, other gates, windows missing, other headers; against rows of random traces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/trace_diff.h"
#include "test/helpers/trace_samples.h"

enum { T = 5, NEURONS = 70, WINDOWS = 3 };

static void write_trace(const char *path, const struct trace_header_info *info, uint32_t codes[WINDOWS][NEURONS],
                        const struct hg_code *hg, uint32_t windows)
{
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(path, 0, info, &writer, &error), LASSIM_OK);
    for (uint32_t w = 0; w < windows; w++) {
        assert_int_equal(trace_writer_record_oat(writer, w, SAMPLE_RES, w, 0, codes[w], NEURONS), LASSIM_OK);
        assert_int_equal(trace_writer_record_hg(writer, w, SAMPLE_RSTD, w, 0, hg, 1), LASSIM_OK);
    }
    assert_int_equal(trace_writer_finish(writer, (uint64_t)windows * T, &error), LASSIM_OK);
}

static void compare(const char *one, const char *two, struct trace_diff *diff)
{
    struct trace_reader *a, *b;
    struct lassim_error error;
    assert_int_equal(trace_reader_open(one, &a, &error), LASSIM_OK);
    assert_int_equal(trace_reader_open(two, &b, &error), LASSIM_OK);
    assert_int_equal(trace_diff_run(a, b, diff, &error), LASSIM_OK);
    trace_reader_close(a);
    trace_reader_close(b);
}

struct pair {
    struct trace_header_info info;
    uint32_t codes[WINDOWS][NEURONS];
    struct hg_code hg;
};

static struct pair start(void)
{
    struct pair pair = {.info = sample_info(T, SPIKE_CODE_RADIX),
                        .hg = {.octave_gate = 2, .sub_gate = 6, .magnitude = 9}};
    for (uint32_t w = 0; w < WINDOWS; w++)
        for (uint32_t i = 0; i < NEURONS; i += 3) pair.codes[w][i] = (w + i) % 31 + 1;
    write_trace(sample_path("a"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    return pair;
}

static void one_spike_more(void **state)
{
    (void)state;
    struct pair pair = start();
    struct trace_diff diff;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_true(diff.comparable && !diff.different && !diff.first_known);
    trace_diff_free(&diff);
    pair.codes[1][4] = 2; /* silent before; 2 of 5 bits: step 3 */
    pair.codes[1][5] = 8; /* step 1 of a later neuron: first in event order */
    pair.codes[2][0] = 0;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_true(diff.different && diff.first_known);
    assert_int_equal(diff.first.time, T + 1);
    assert_int_equal(diff.first.population, SAMPLE_RES);
    assert_int_equal(diff.first.token, 1);
    assert_int_equal(diff.first.neuron, 5);
    assert_string_equal(diff.first.a, "nothing");
    assert_string_equal(diff.first.b, "+ normal");
    assert_int_equal(diff.row[SAMPLE_RES].windows_different, 2);
    assert_int_equal(diff.row[SAMPLE_RES].neurons_different, 3);
    assert_int_equal(diff.row[SAMPLE_RES].spikes_only_b, 2);
    assert_int_equal(diff.row[SAMPLE_RES].spikes_only_a, 2); /* code 3 */
    assert_int_equal(diff.row[SAMPLE_RSTD].windows_different, 0);
    trace_diff_free(&diff);
}

/* The same steps, but other signs, sub-neurons, gates. */
static void not_only_when_but_what(void **state)
{
    (void)state;
    struct pair pair = start();
    struct trace_diff diff;
    pair.codes[0][3] |= OAT_OUTLIER;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_string_equal(diff.first.b, "+ outlier");
    trace_diff_free(&diff);
    pair.codes[0][3] ^= OAT_OUTLIER | OAT_NEGATIVE;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_string_equal(diff.first.b, "- normal");
    assert_int_equal(diff.row[SAMPLE_RES].spikes_a, diff.row[SAMPLE_RES].spikes_b);
    trace_diff_free(&diff);
    pair.codes[0][3] ^= OAT_NEGATIVE;
    pair.hg.sub_gate = 7;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_true(diff.different);
    assert_string_equal(diff.first.a, "other gates");
    assert_int_equal(diff.first.time, 0);
    assert_int_equal(diff.row[SAMPLE_RSTD].windows_different, WINDOWS);
    assert_int_equal(diff.row[SAMPLE_RSTD].spikes_only_a, 0);
    trace_diff_free(&diff);
}

static void windows_and_headers(void **state)
{
    (void)state;
    struct pair pair = start();
    struct trace_diff diff;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS - 1);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_true(diff.different && diff.first_known);
    assert_int_equal(diff.first.time / T, WINDOWS - 1);
    assert_int_equal(diff.total.windows_a, 2 * WINDOWS);
    assert_int_equal(diff.total.windows_b, 2 * WINDOWS - 2);
    trace_diff_free(&diff);
    memset(pair.codes[2], 0, sizeof pair.codes[2]); /* a window without a spike is still a window */
    pair.hg.silent = 1;
    write_trace(sample_path("a"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS - 1);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_true(diff.different && !diff.first_known);
    trace_diff_free(&diff);
    pair.info.timesteps = T + 1;
    write_trace(sample_path("b"), &pair.info, pair.codes, &pair.hg, WINDOWS);
    compare(sample_path("a"), sample_path("b"), &diff);
    assert_true(diff.different && !diff.comparable);
    assert_string_equal(diff.reason, "T differs");
    trace_diff_free(&diff);
}

static int row_before(const struct trace_row *a, const struct trace_row *b)
{
    return a->time != b->time               ? a->time < b->time
           : a->population != b->population ? a->population < b->population
           : a->token != b->token           ? a->token < b->token
                                            : a->neuron < b->neuron;
}

static int same_place(const struct trace_row *a, const struct trace_row *b)
{
    return !row_before(a, b) && !row_before(b, a);
}

/* Two random traces: spikes that one of them alone has, counted over their sorted rows. */
static void against_rows(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("against_rows");
    struct trace_header_info info = sample_info(6, SPIKE_CODE_TERNARY);
    struct counters counters[SAMPLE_POPULATIONS];
    struct sample_rows a, b;
    struct trace_diff diff;
    sample_trace(&random, sample_path("a"), &info, 12, 1, 1, &a, counters);
    sample_trace(&random, sample_path("b"), &info, 12, 1, 1, &b, counters);
    compare(sample_path("a"), sample_path("b"), &diff);
    uint64_t only_a = 0;
    const struct trace_row *first = NULL;
    for (size_t i = 0; i < a.count; i++) {
        size_t k = 0;
        if (a.row[i].kind == TRACE_GATE) continue;
        while (k < b.count && !(b.row[k].kind != TRACE_GATE && same_place(&a.row[i], &b.row[k]) &&
                                b.row[k].sign == a.row[i].sign && b.row[k].kind == a.row[i].kind))
            k++;
        only_a += k == b.count;
        if (k == b.count && (first == NULL || a.row[i].time < first->time)) first = &a.row[i];
    }
    assert_int_equal(diff.total.spikes_only_a, only_a);
    assert_true(first != NULL && diff.first.time <= first->time);
    trace_diff_free(&diff);
    sample_rows_free(&a);
    sample_rows_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_spike_more),
        cmocka_unit_test(not_only_when_but_what),
        cmocka_unit_test(windows_and_headers),
        cmocka_unit_test(against_rows),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sample_directory_remove();
    return failed;
}
