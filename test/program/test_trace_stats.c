/* trace stats: chosen trains by hand, random ones against plain loops over the matrix of spikes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/program/trace_stats.h"
#include "test/helpers/trace_samples.h"

enum { T = 4, NEURONS = 6, WINDOWS = 40 };

/* One OAT population, radix code: bit T-1-t of a code is step t. */
static struct trace_header_info info_of(void)
{
    static struct trace_population population = {
        .name = "only", .code = CODE_OAT, .neurons = NEURONS, .fan_out = 1, .block_neurons = 1024};
    return (struct trace_header_info){.timesteps = T, .vocabulary = 1, .populations = 1, .population = &population};
}

static void run(const uint32_t *codes, const uint64_t *window, uint32_t windows, struct trace_stats *stats)
{
    struct trace_header_info info = info_of();
    struct trace_writer *writer;
    struct trace_reader *reader;
    struct lassim_error error;
    const char *path = sample_path("stats.bin");
    assert_int_equal(trace_writer_open(path, 0, &info, &writer, &error), LASSIM_OK);
    for (uint32_t w = 0; w < windows; w++)
        assert_int_equal(trace_writer_record_oat(writer, window[w], 0, w, 0, codes + w * NEURONS, NEURONS), LASSIM_OK);
    assert_int_equal(trace_writer_finish(writer, 1000, &error), LASSIM_OK);
    assert_int_equal(trace_reader_open(path, &reader, &error), LASSIM_OK);
    assert_int_equal(trace_stats_run(reader, stats, &error), LASSIM_OK);
    assert_int_equal(stats->complete, 1);
    trace_reader_close(reader);
}

static void assert_near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * (1 + fabs(want)))) fail_msg("%.17g, expected %.17g", got, want);
}

/* Neuron 0 spikes at 0, 2 and, a window later, 8 + 1; neuron 1 (negative) at 0; the others never. */
static void by_hand(void **state)
{
    (void)state;
    static const uint32_t codes[2 * NEURONS] = {0xa, 8 | OAT_NEGATIVE, 0, 0, 0, 0, 0x4, 0, 0, 0, 0, 0};
    static const uint64_t window[2] = {0, 2};
    struct trace_stats stats;
    run(codes, window, 2, &stats);
    const struct trace_stats_row *row = &stats.row[0];
    assert_int_equal(row->windows, 2);
    assert_int_equal(row->spikes, 4);
    assert_int_equal(row->spiking, 2);
    assert_int_equal(row->most, 3);
    assert_near(trace_stats_rate(row), 4.0 / (2 * NEURONS * T));
    assert_int_equal(row->intervals, 2);
    assert_int_equal(row->shortest, 2);
    assert_int_equal(row->longest, 7);
    assert_near(trace_stats_interval_mean(row), 4.5);
    assert_near(trace_stats_interval_cv(row), 2.5 / 4.5);
    /* counts per step 2 0 1 0 0 1 0 0: mean 1/2, mean square 6/8 */
    assert_near(trace_stats_fano(row), (0.75 - 0.25) / 0.5);
    trace_stats_free(&stats);
}

static void all_together_and_a_clock(void **state)
{
    (void)state;
    uint32_t codes[2 * NEURONS];
    static const uint64_t window[2] = {0, 1};
    struct trace_stats stats;
    for (int i = 0; i < 2 * NEURONS; i++) codes[i] = 0xa;
    run(codes, window, 2, &stats);
    assert_near(trace_stats_synchrony(&stats.row[0], NEURONS), 1);
    assert_near(trace_stats_interval_cv(&stats.row[0]), 0);
    assert_near(trace_stats_interval_mean(&stats.row[0]), 2);
    trace_stats_free(&stats);
    memset(codes, 0, sizeof codes);
    run(codes, window, 2, &stats);
    assert_true(trace_stats_interval_mean(&stats.row[0]) < 0 && trace_stats_fano(&stats.row[0]) < 0);
    assert_true(trace_stats_synchrony(&stats.row[0], NEURONS) < 0);
    assert_true(trace_stats_rate(&stats.row[0]) == 0);
    trace_stats_free(&stats);
}

/* Tokens that share windows: no interval leads from one to the other. */
static void shared_windows(void **state)
{
    (void)state;
    static const uint32_t codes[3 * NEURONS] = {[0] = 0xf, [NEURONS] = 0x8, [2 * NEURONS] = 0x9};
    static const uint64_t window[3] = {5, 5, 5};
    struct trace_stats stats;
    run(codes, window, 3, &stats);
    assert_int_equal(stats.row[0].intervals, 3 + 0 + 1);
    assert_int_equal(stats.row[0].longest, 3);
    trace_stats_free(&stats);
}

struct brute {
    double mean, cv, fano, synchrony;
    uint64_t intervals;
};

static void brute_force(uint8_t spike[NEURONS][WINDOWS * T], const uint64_t *window, struct brute *to)
{
    double sum = 0, squares = 0, step_sum = 0, step_squares = 0, single = 0;
    uint32_t steps = WINDOWS * T, n = 0;
    for (int i = 0; i < NEURONS; i++) {
        long last = -1;
        double count = 0;
        for (uint32_t s = 0; s < steps; s++) {
            long time = (long)(window[s / T] * T + s % T);
            if (!spike[i][s]) continue;
            if (last >= 0) {
                sum += (double)(time - last);
                squares += (double)((time - last) * (time - last));
                n++;
            }
            last = time;
            count++;
        }
        single += count / steps - count / steps * (count / steps);
    }
    for (uint32_t s = 0; s < steps; s++) {
        double count = 0;
        for (int i = 0; i < NEURONS; i++) count += spike[i][s];
        step_sum += count;
        step_squares += count * count;
    }
    double mean = step_sum / steps, variance = step_squares / steps - mean * mean;
    *to = (struct brute){sum / n, sqrt(squares / n - sum / n * (sum / n)) / (sum / n), variance / mean,
                         sqrt(variance / NEURONS / NEURONS / (single / NEURONS)), n};
}

static void random_trains(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("random_trains");
    for (int round = 0; round < 20; round++) {
        uint32_t codes[WINDOWS * NEURONS];
        uint64_t window[WINDOWS], now = 0;
        static uint8_t spike[NEURONS][WINDOWS * T];
        struct trace_stats stats;
        struct brute want;
        for (int w = 0; w < WINDOWS; w++) {
            now += 1 + sample_below(&random, 3);
            window[w] = now;
            for (int i = 0; i < NEURONS; i++) {
                uint32_t code = sample_below(&random, 1 << T);
                codes[w * NEURONS + i] = code;
                for (int t = 0; t < T; t++) spike[i][w * T + t] = code >> (T - 1 - t) & 1;
            }
        }
        run(codes, window, WINDOWS, &stats);
        brute_force(spike, window, &want);
        assert_int_equal(stats.row[0].intervals, want.intervals);
        assert_near(trace_stats_interval_mean(&stats.row[0]), want.mean);
        assert_near(trace_stats_interval_cv(&stats.row[0]), want.cv);
        assert_near(trace_stats_fano(&stats.row[0]), want.fano);
        assert_near(trace_stats_synchrony(&stats.row[0], NEURONS), want.synchrony);
        trace_stats_free(&stats);
    }
}

/* Spikes of random traces of every kind of population are those of their rows. */
static void counts_are_the_rows(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("counts_are_the_rows");
    struct trace_header_info info = sample_info(7, SPIKE_CODE_TERNARY);
    struct counters counters[SAMPLE_POPULATIONS];
    struct sample_rows rows;
    struct trace_reader *reader;
    struct trace_stats stats;
    struct lassim_error error;
    sample_trace(&random, sample_path("rows.bin"), &info, 20, 0, 1, &rows, counters);
    assert_int_equal(trace_reader_open(sample_path("rows.bin"), &reader, &error), LASSIM_OK);
    assert_int_equal(trace_stats_run(reader, &stats, &error), LASSIM_OK);
    for (uint32_t p = 0; p < SAMPLE_POPULATIONS; p++) {
        assert_int_equal(stats.row[p].spikes, counters[p].spikes);
        assert_int_equal(stats.row[p].windows, counters[p].windows);
    }
    trace_stats_free(&stats);
    trace_reader_close(reader);
    sample_rows_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),       cmocka_unit_test(all_together_and_a_clock), cmocka_unit_test(shared_windows),
        cmocka_unit_test(random_trains), cmocka_unit_test(counts_are_the_rows),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sample_directory_remove();
    return failed;
}
