#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "test/helpers/aborts.h"
#include "test/helpers/trace_samples.h"

/* The example of docs/trace-format.md. */
static void test_example_to_the_byte(void **state)
{
    (void)state;
    struct trace_population table = {.name = "a",
                                     .kind = 3,
                                     .code = CODE_OAT,
                                     .level = 1,
                                     .neurons = 8,
                                     .fan_out = 2,
                                     .block_neurons = 1024,
                                     .j = 2};
    const struct trace_header_info info = {
        .model_hash = 7, .timesteps = 4, .vocabulary = 9, .populations = 1, .population = &table};
    const uint32_t codes[8] = {[1] = 5, [4] = 15 | OAT_NEGATIVE | OAT_OUTLIER};
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open(sample_path("example"), 0, &info, &writer, &error), LASSIM_OK);
    trace_writer_record_oat(writer, 3, 0, 2, 0, codes, 8);
    assert_int_equal(trace_writer_finish(writer, 16, &error), LASSIM_OK);
    size_t size;
    uint8_t *bytes = sample_read_file(sample_path("example"), &size);
    const uint8_t head[] = "LASSIMTR\2\0\0\0\x8c\0\0\0\7\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\x09\0\0\0\1\0\0\0a";
    const uint8_t block[] = "TLBK\1\0\0\0\x08\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\4";
    const uint8_t record[] = {0x00, 0x00, 0x02, 0x02, 0x03, 0x53, 0xfa, 0x01};
    const uint8_t totals[] = "\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0";
    assert_int_equal(size, 140 + 64 + 8 + 64 + 24);
    assert_memory_equal(bytes, head, sizeof head);
    assert_memory_equal(bytes + 140 + 8, block, sizeof block);
    assert_memory_equal(bytes + 140 + 64, record, sizeof record);
    assert_memory_equal(bytes + 140 + 64 + 8 + 8, "TEND\0\0\0\0\x18", 9);
    assert_memory_equal(bytes + size - 24, totals, 24);
    assert_int_equal(trace_get64(bytes + 132), XXH3_64bits(bytes, 132));
    assert_int_equal(trace_get64(bytes + 140), XXH3_64bits_withSeed(bytes + 148, 64, 0));
    assert_int_equal(trace_get64(bytes + 212), XXH3_64bits_withSeed(bytes + 220, 80, 1));
    free(bytes);
}

/* The bytes of a trace are a contract: a change here is a new TRACE_VERSION. */
static void test_bytes_do_not_drift(void **state)
{
    (void)state;
    static const uint64_t expected[2] = {UINT64_C(0xe48e476115c61c0b), UINT64_C(0x0258b33dfc3dc5c7)};
    for (uint32_t code = 0; code < 2; code++) {
        struct sample_random random = {42};
        struct sample_rows rows;
        struct counters counters[SAMPLE_POPULATIONS];
        const struct trace_header_info info = sample_info(16, code);
        sample_trace(&random, sample_path("pinned"), &info, 40, 0, 1, &rows, counters);
        sample_rows_free(&rows);
        size_t size;
        uint8_t *bytes = sample_read_file(sample_path("pinned"), &size);
        uint64_t hash = XXH3_64bits(bytes, size);
        free(bytes);
        if (hash != expected[code]) fail_msg("code %u: 0x%016llx", code, (unsigned long long)hash);
    }
}

/* Runs a deed on a writer that has one record; it must abort. */
static void expect_bug(void *context)
{
    struct trace_writer *writer;
    const struct trace_header_info info = sample_info(4, SPIKE_CODE_RADIX);
    if (trace_writer_open("/dev/null", 0, &info, &writer, NULL) != LASSIM_OK) _exit(1);
    trace_writer_record_input(writer, 5, SAMPLE_TOK, 1, 0);
    (*(void (**)(struct trace_writer * writer)) context)(writer);
}

static void earlier_window(struct trace_writer *writer)
{
    trace_writer_record_input(writer, 4, SAMPLE_TOK, 2, 0);
}

static void same_record(struct trace_writer *writer)
{
    trace_writer_record_input(writer, 5, SAMPLE_TOK, 1, 0);
}

static void lower_level(struct trace_writer *writer)
{
    const uint32_t codes[70] = {0};
    trace_writer_record_oat(writer, 5, SAMPLE_RES, 9, 0, codes, 70);
    trace_writer_record_input(writer, 5, SAMPLE_TOK, 2, 0);
}

static void wrong_size(struct trace_writer *writer)
{
    const uint32_t codes[70] = {0};
    trace_writer_record_oat(writer, 5, SAMPLE_RES, 9, 0, codes, 69);
}

static void magnitude_above_timesteps(struct trace_writer *writer)
{
    const uint32_t codes[70] = {16};
    trace_writer_record_oat(writer, 5, SAMPLE_RES, 9, 0, codes, 70);
}

static void gate_beyond_the_table(struct trace_writer *writer)
{
    const struct hg_code code = {.octave_gate = 5, .sub_gate = 5};
    trace_writer_record_hg(writer, 5, SAMPLE_RSTD, 9, 0, &code, 1);
}

static void more_keys_than_positions(struct trace_writer *writer)
{
    const uint32_t codes[30] = {0};
    trace_writer_record_oat(writer, 5, SAMPLE_E, 9, 10, codes, 30);
}

static void test_bugs_of_the_caller_abort(void **state)
{
    (void)state;
    static const struct {
        void (*deed)(struct trace_writer *writer);
        const char *text;
    } bugs[] = {
        {earlier_window, "trace_key_before"},
        {same_record, "trace_key_before"},
        {lower_level, "trace_key_before"},
        {wrong_size, "69 neurons"},
        {magnitude_above_timesteps, "magnitude of more than 4 bits"},
        {gate_beyond_the_table, "gate or magnitude"},
        {more_keys_than_positions, "span 10"},
    };
    for (size_t i = 0; i < sizeof bugs / sizeof *bugs; i++) {
        void (*deed)(struct trace_writer * writer) = bugs[i].deed;
        assert_aborts(expect_bug, &deed, bugs[i].text);
    }
}

static uint64_t random_code(struct sample_random *random, int loguniform)
{
    uint32_t length = loguniform ? sample_below(random, 16) : 16;
    uint32_t magnitude =
        loguniform ? (1u << length) + sample_below(random, 1u << length) : 1 + sample_below(random, 65535);
    return magnitude;
}

/* Payload size of n neurons of which percent are active. */
static double bits_per_spike(struct sample_random *random, const struct trace_header_info *info, uint32_t population,
                             uint32_t percent, int negative, int loguniform)
{
    uint32_t n = info->population[population].neurons;
    uint32_t *codes = calloc(n, sizeof *codes);
    uint8_t *out = malloc(trace_encode_room(info, population, n));
    struct trace_counts counts = {0};
    for (uint32_t i = 0; i < n; i++) {
        if (sample_below(random, 100) >= percent) continue;
        codes[i] = (uint32_t)random_code(random, loguniform);
        if (negative && sample_below(random, 2)) codes[i] |= OAT_NEGATIVE;
        if (sample_below(random, 1000) == 0) codes[i] |= OAT_OUTLIER;
    }
    size_t bytes = trace_encode_oat(info, population, codes, n, out, &counts);
    assert_true(bytes <= trace_payload_max(info, population));
    free(codes);
    free(out);
    return 8.0 * (double)bytes / (double)(counts.spikes[TRACE_NORMAL] + counts.spikes[TRACE_OUTLIER]);
}

static void test_bits_per_spike(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("bits per spike");
    static const struct {
        const char *what;
        uint32_t percent;
        int negative, loguniform;
    } cases[] = {{"OAT 65 % active", 65, 1, 0},
                 {"ReLU 11 % active", 11, 0, 0},
                 {"ReLU 5 % active", 5, 0, 0},
                 {"e 46 % active", 46, 0, 1}};
    struct trace_population table = {.name = "x", .code = CODE_OAT, .neurons = 60000, .block_neurons = 1024, .j = 4};
    for (uint32_t code = 0; code < 2; code++) {
        const struct trace_header_info info = {.timesteps = 16, .code = code, .populations = 1, .population = &table};
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            double bits = bits_per_spike(&random, &info, 0, cases[i].percent, cases[i].negative, cases[i].loguniform);
            printf("%s, %s: %.2f bits per spike\n", cases[i].what, trace_spike_code_name(code), bits);
            assert_true(bits > 1 && bits <= 5);
        }
    }
}

/* The bound must hold for the densest and the most awkward records. */
static void test_payload_bound(void **state)
{
    (void)state;
    struct sample_random random = sample_seed("payload bound");
    static uint32_t codes[2500];
    struct trace_population table = {.name = "x", .code = CODE_OAT, .block_neurons = 1024, .j = 4};
    for (int round = 0; round < 4000; round++) {
        table.neurons = 1 + sample_below(&random, 2500);
        const struct trace_header_info info = {
            .timesteps = 1 + sample_below(&random, 16), .populations = 1, .population = &table};
        uint32_t percent = sample_below(&random, 101), from = sample_below(&random, table.neurons);
        memset(codes, 0, sizeof codes);
        for (uint32_t i = round % 2 ? from : 0; i < table.neurons; i++)
            if (sample_below(&random, 100) <= percent)
                codes[i] = (sample_below(&random, 1u << info.timesteps) | 1) | (sample_below(&random, 4) << 16);
        size_t bound = trace_payload_max(&info, 0);
        uint8_t *out = malloc(trace_encode_room(&info, 0, table.neurons)); /* ASan sees a write past it */
        struct trace_counts counts = {0};
        assert_true(trace_encode_oat(&info, 0, codes, table.neurons, out, &counts) <= bound);
        free(out);
    }
}

static void test_full_disk_is_reported_once_and_stays(void **state)
{
    (void)state;
    if (access("/dev/full", F_OK) != 0) skip();
    const struct trace_header_info info = sample_info(16, SPIKE_CODE_RADIX);
    struct trace_writer *writer;
    struct lassim_error error;
    assert_int_equal(trace_writer_open("/dev/full", 0, &info, &writer, &error), LASSIM_ERR_RUN);
    assert_null(writer);
    assert_non_null(strstr(error.text, "No space left"));
}

static void test_closed_pipe_is_sticky(void **state)
{
    (void)state;
    int ends[2];
    char path[64];
    const struct trace_header_info info = sample_info(16, SPIKE_CODE_RADIX);
    struct trace_writer *writer;
    struct lassim_error error;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    assert_int_equal(trace_writer_open(path, 0, &info, &writer, &error), LASSIM_OK);
    close(ends[0]);
    uint64_t window = 0;
    enum { ENOUGH = (TRACE_WRITER_BLOCKS + 1) * TRACE_BLOCK_RECORDS }; /* the thread has tried to write one of them */
    while (window < ENOUGH && trace_writer_record_input(writer, window, SAMPLE_TOK, 0, 1) == LASSIM_OK) window++;
    assert_in_range(window, TRACE_BLOCK_RECORDS - 1, ENOUGH - 1);
    assert_int_equal(trace_writer_record_input(writer, 2000, SAMPLE_TOK, 0, 1), LASSIM_ERR_RUN);
    assert_non_null(strstr(trace_writer_error(writer)->text, "Broken pipe"));
    assert_int_equal(trace_writer_finish(writer, 1, &error), LASSIM_ERR_RUN);
    assert_non_null(strstr(error.text, "Broken pipe"));
    close(ends[1]);
    signal(SIGPIPE, before);
}

/* A reader that takes its time. */
struct slow_reader {
    int fd;
    _Atomic int begun;
    uint8_t *bytes;
    size_t size, capacity;
};

static void *read_slowly(void *argument)
{
    struct slow_reader *reader = argument;
    usleep(50000);
    atomic_store(&reader->begun, 1);
    for (ssize_t got = 1; got > 0 && reader->size < reader->capacity;) {
        size_t room = reader->capacity - reader->size;
        usleep(500);
        got = read(reader->fd, reader->bytes + reader->size, room < 20000 ? room : 20000);
        if (got > 0) reader->size += (size_t)got;
    }
    return NULL;
}

/* The writer waits for it and loses nothing: pipe and buffers hold less than the trace is long, so that it cannot be
 * done before the reader begins. */
static void test_slow_reader_loses_nothing(void **state)
{
    (void)state;
    enum { WINDOWS = 3000, SEED = 11 };
    int ends[2];
    char path[64];
    size_t size;
    pthread_t thread;
    struct sample_rows rows;
    struct counters counters[SAMPLE_POPULATIONS];
    struct sample_random random = {SEED};
    const struct trace_header_info info = sample_info(16, SPIKE_CODE_RADIX);
    sample_trace(&random, sample_path("fast"), &info, WINDOWS, 1, 1, &rows, counters);
    sample_rows_free(&rows);
    uint8_t *expected = sample_read_file(sample_path("fast"), &size);
    assert_int_equal(pipe(ends), 0);
    snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
    struct slow_reader reader = {.fd = ends[0], .bytes = malloc(size + 1), .capacity = size + 1};
    assert_int_equal(pthread_create(&thread, NULL, read_slowly, &reader), 0);
    random = (struct sample_random){SEED};
    sample_trace(&random, path, &info, WINDOWS, 1, 1, &rows, counters);
    assert_true(atomic_load(&reader.begun));
    sample_rows_free(&rows);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    printf("%zu bytes through the pipe\n", size);
    assert_int_equal(reader.size, size);
    assert_memory_equal(reader.bytes, expected, size);
    free(reader.bytes);
    free(expected);
}

/* SIGKILL in mid-run: what was a whole block reads, under the name .partial only; at most the writer's buffers are
 * lost. */
static void test_killed_run_keeps_whole_blocks(void **state)
{
    (void)state;
    enum { RECORDS = 20 * TRACE_BLOCK_RECORDS + 100 };
    pid_t child = fork();
    if (child == 0) {
        const struct trace_header_info info = sample_info(16, SPIKE_CODE_RADIX);
        struct trace_writer *writer;
        if (trace_writer_open(sample_path("killed"), 0, &info, &writer, NULL) != LASSIM_OK) _exit(1);
        for (uint64_t window = 0; window < RECORDS; window++)
            trace_writer_record_input(writer, window, SAMPLE_TOK, 0, 1);
        raise(SIGKILL);
    }
    int status;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_not_equal(access(sample_path("killed"), F_OK), 0);
    struct trace_reader *reader;
    const struct trace_record *record;
    struct lassim_error error;
    uint64_t records = 0;
    assert_int_equal(trace_reader_open(sample_path("killed.partial"), &reader, &error), LASSIM_OK);
    for (;;) {
        assert_int_equal(trace_reader_next(reader, &record, &error), LASSIM_OK);
        if (record == NULL) break;
        records++;
    }
    assert_int_equal(records % TRACE_BLOCK_RECORDS, 0);
    assert_in_range(records, RECORDS - TRACE_WRITER_BLOCKS * TRACE_BLOCK_RECORDS, RECORDS);
    assert_false(trace_reader_complete(reader));
    trace_reader_close(reader);
}

static void test_rice_parameter(void **state)
{
    (void)state;
    for (uint32_t n = 1; n < 300; n++) {
        for (uint32_t active = 1; active <= n; active++) {
            unsigned k = trace_rice_parameter(n, active);
            assert_true((active << (k + 1)) >= n - active);
            assert_true(k == 0 || (active << k) < n - active);
        }
    }
    assert_int_equal(trace_rice_parameter(TRACE_NEURONS_MAX, 1), 27);
}

static struct graph *small_graph(void)
{
    const struct model_config config = {.family = FAMILY_OPT,
                                        .vocabulary = 60,
                                        .hidden = 16,
                                        .embedding = 16,
                                        .ffn = 32,
                                        .layers = 2,
                                        .heads = 4,
                                        .positions = 12,
                                        .position_rows = 14,
                                        .position_offset = 2,
                                        .pre_norm = 1,
                                        .final_norm = 1,
                                        .tied = 1,
                                        .norm_epsilon = 1e-5};
    const char *reason;
    struct graph *graph = graph_build(&config, &reason);
    assert_non_null(graph);
    return graph;
}

static void assert_row_of(const struct trace_population *row, const struct population *from, uint32_t j, uint32_t own)
{
    assert_string_equal(row->name, from->name);
    assert_int_equal(row->fan_out, from->fan_out);
    assert_int_equal(row->level, from->level);
    assert_int_equal(row->j, from->code == CODE_OAT ? j : 0);
    assert_int_equal(row->timesteps, from->code != CODE_INPUT && own < 8 ? own : 0);
    assert_int_equal(trace_gates(row), from->code == CODE_HG ? 8 + 32 : 0);
    assert_int_equal(row->heads, from->visible_only ? 4 : 0);
    assert_int_equal(row->positions, from->visible_only ? 12 : 0);
}

static void test_table_from_a_model(void **state)
{
    (void)state;
    struct graph *graph = small_graph();
    struct population_params *params = calloc(graph->populations, sizeof *params);
    struct hg_table table = {.lo = -3, .hi = 4, .negative = 1, .underflow = 1, .sub_bits = 5};
    for (uint32_t p = 0; p < graph->populations; p++) {
        params[p].j = p % 11;
        params[p].steps = p % 17;
    }
    const struct model model = {.graph = graph,
                                .timesteps = 16,
                                .code = SPIKE_CODE_TERNARY,
                                .population = params,
                                .table = &table,
                                .tables = 1,
                                .hash = 99};
    struct trace_header_info info;
    struct lassim_error error;
    assert_int_equal(trace_info_from_model(&model, 8, &info, &error), LASSIM_OK);
    assert_int_equal(info.timesteps, 8);
    assert_int_equal(info.code, SPIKE_CODE_TERNARY);
    assert_int_equal(info.model_hash, 99);
    assert_int_equal(info.populations, graph->populations);
    int visible = 0;
    for (uint32_t p = 0; p < graph->populations; p++) {
        assert_row_of(&info.population[p], &graph->population[p], p % 11, p % 17);
        visible += graph->population[p].visible_only;
    }
    assert_int_equal(visible, 4);
    trace_info_free(&info);
    free(params);
    graph_free(graph);
}

static void test_rows_must_fit(void **state)
{
    (void)state;
    struct trace_population table = {
        .name = "x", .code = CODE_HG, .neurons = 1 << 20, .block_neurons = 1, .octave_gates = 1, .sub_bits = 12};
    const struct trace_header_info info = {.timesteps = 16, .populations = 1, .population = &table};
    uint32_t bad;
    assert_non_null(trace_info_check(&info, &bad)); /* 2^20 x 4097 */
    assert_int_equal(bad, 0);
    table.neurons = 1 << 19;
    assert_null(trace_info_check(&info, &bad));
}

static int make_directory(void **state)
{
    (void)state;
    sample_directory();
    return 0;
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
        cmocka_unit_test(test_example_to_the_byte),
        cmocka_unit_test(test_bytes_do_not_drift),
        cmocka_unit_test(test_bugs_of_the_caller_abort),
        cmocka_unit_test(test_bits_per_spike),
        cmocka_unit_test(test_payload_bound),
        cmocka_unit_test(test_full_disk_is_reported_once_and_stays),
        cmocka_unit_test(test_closed_pipe_is_sticky),
        cmocka_unit_test(test_slow_reader_loses_nothing),
        cmocka_unit_test(test_killed_run_keeps_whole_blocks),
        cmocka_unit_test(test_rice_parameter),
        cmocka_unit_test(test_table_from_a_model),
        cmocka_unit_test(test_rows_must_fit),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_files);
}
