/* Question: how fast do the synapse kernels walk the weight rows of the sources that spiked, beside what
 * the machine can read; is their time a line in the spikes; what does an idle matrix cost; how fast are they where
 * all of many tokens are active, beside OpenBLAS?
 *
 * Event kernel ("runs"): one F16 matrix larger than the caches, the packets of one step (T = 16, its first; one packet
 * a block of sources) with 0 to 100 % of the sources active, on one thread and on one per core (each owns a share of
 * the targets, as in the engine).  Between two calls the whole matrix is read once, which is the peer: the read
 * bandwidth, and caches hold nothing of the rows to come.
 * Window kernels ("windows", bench/micro/windows.h), every weight type, one thread and one per core: one token over
 * 1 GiB of matrices in 4 KiB pages at the same shares, in turns with reading everything ("rows", "line"); 128 tokens
 * dense beside sgemm ("dense"); the OPT models' shapes in F16 ("shapes": rows split among workers against targets
 * split).  "w3" and "w7" sum that up for the most threads: TYPE_read = rate at 100 % over the read bandwidth,
 * TYPE_gemm = rate over sgemm's, TYPE_idle = time at 0 % over time at 100 %.
 * Sums of some targets are checked against the definition.  One JSON object on stdout; figures are medians, lowest and
 * highest beside them.
 *
 * Options: --seed N (default 1), --quick (fewer repeats, no shapes). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"
#include "bench/micro/machine.h"
#include "bench/micro/windows.h"
#include "kernel/team.h"
#include "layers/synapse.h"

enum { SOURCES = 8192, TARGETS = 4096, STEPS = 16, REPEATS_MAX = 25, GRID = -24, CHECKED = 16 };
enum { BLOCKS = SOURCES / GRAPH_BLOCK_NEURONS };
#define SHARES WINDOWS_SHARES
enum { ROWS = WINDOWS_SHARE_COUNT };
#define MATRIX_BYTES ((size_t)SOURCES * TARGETS * sizeof(uint16_t))

struct bench {
    struct matrix matrix;
    uint16_t *weights;
    struct population_params source;
    struct packet packets[BLOCKS]; /* one a block of the source population */
    uint32_t spikes[SOURCES], count;
    int64_t sum[TARGETS];
    uint64_t random, seed;
    uint64_t read[TEAM_THREADS_MAX]; /* each worker's sum, so that the reading is not left out */
    int repeats;
};

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void fail(const char *what)
{
    fprintf(stderr, "bench_synapse: %s\n", what);
    exit(1);
}

/* Random F16 weights of a trained matrix's size: |w| < 2^-3, all on the grid 2^-24. */
static void make_matrix(struct bench *bench)
{
    size_t count = (size_t)SOURCES * TARGETS;
    bench->weights = aligned_alloc(4096, count * sizeof *bench->weights);
    if (bench->weights == NULL) fail("no memory for the weights");
    bench->matrix = (struct matrix){.type = WEIGHT_F16, .grid = GRID, .weights = bench->weights};
    for (size_t i = 0; i < count; i++) {
        uint64_t bits = next_random(&bench->random);
        bench->weights[i] = (uint16_t)((bits & 0x83ff) | (6 + (bits >> 20) % 6) << 10);
    }
    bench->matrix.integer_max = 2047u << 10;
}

/* Exactly share x SOURCES spikes, ascending, half of them negative (Knuth's selection sampling). */
static void make_packets(struct bench *bench, double share)
{
    uint32_t wanted = (uint32_t)(share * SOURCES + 0.5), taken = 0;
    memset(bench->packets, 0, sizeof bench->packets);
    for (uint32_t i = 0; i < SOURCES; i++) {
        struct packet *packet = &bench->packets[i / GRAPH_BLOCK_NEURONS];
        uint64_t bits = next_random(&bench->random);
        if (packet->count == 0) packet->spikes = bench->spikes + taken;
        if ((bits >> 1) % (SOURCES - i) >= wanted - taken) continue;
        bench->spikes[taken++] = i | (bits & 1 ? SPIKE_NEGATIVE : 0);
        packet->count++;
    }
    bench->count = taken;
    memset(bench->sum, 0, sizeof bench->sum);
}

static void receive(void *context, unsigned worker, unsigned workers)
{
    struct bench *bench = context;
    uint32_t from, to;
    packet_share(TARGETS, 64, worker, workers, &from, &to);
    for (int b = 0; b < BLOCKS; b++) /* an empty packet is no event */
        if (bench->packets[b].count > 0)
            synapse_receive(&bench->matrix, TARGETS, &bench->source, STEPS, &bench->packets[b], from, to, bench->sum);
}

static void read_all(void *context, unsigned worker, unsigned workers)
{
    struct bench *bench = context;
    bench->read[worker] = read_probe_part((const read_vector *)(void *)bench->weights, MATRIX_BYTES, worker, workers);
}

static void check(struct bench *bench)
{
    for (int c = 0; c < CHECKED; c++) {
        uint32_t target = (uint32_t)(next_random(&bench->random) % TARGETS);
        int64_t sum = 0;
        for (uint32_t s = 0; s < bench->count; s++) {
            uint64_t row = bench->spikes[s] & SPIKE_NEURON;
            int64_t term =
                synapse_integer(&bench->matrix, TARGETS, (uint32_t)row, (uint32_t)target) * (INT64_C(1) << (STEPS - 1));
            sum += bench->spikes[s] & SPIKE_NEGATIVE ? -term : term;
        }
        if (sum != bench->sum[target]) fail("a sum differs from its definition");
    }
}

static double timed(struct team *team, team_work *work, struct bench *bench)
{
    double start = measure_now();
    team_run(team, work, bench);
    return measure_now() - start;
}

/* Least squares of the median times over the shares: where the line starts and how far a row is off it,
 * both over the time of the full packet. */
static json_t *line_json(const double *seconds)
{
    double x = 0, y = 0, xx = 0, xy = 0, worst = 0;
    for (int r = 0; r < ROWS; r++) {
        x += SHARES[r], y += seconds[r];
        xx += SHARES[r] * SHARES[r], xy += SHARES[r] * seconds[r];
    }
    double slope = (ROWS * xy - x * y) / (ROWS * xx - x * x), start = (y - slope * x) / ROWS;
    for (int r = 0; r < ROWS; r++) {
        double off = __builtin_fabs(seconds[r] - start - slope * SHARES[r]);
        if (off > worst) worst = off;
    }
    double full = seconds[ROWS - 1];
    return json_pack("{s:f, s:f, s:f}", "intercept_over_full", start / full, "largest_deviation_over_full",
                     worst / full, "idle_over_full", seconds[0] / full);
}

static json_t *row_json(double share, double *seconds, int repeats, double bandwidth)
{
    double rows = (double)(uint32_t)(share * SOURCES + 0.5), operations = rows * TARGETS;
    double median = measure_median(seconds, (size_t)repeats);
    double gigabytes = operations * sizeof(uint16_t) / median * 1e-9;
    return json_pack("{s:f, s:I, s:o, s:f, s:f, s:f}", "active_percent", share * 100, "spikes", (json_int_t)rows,
                     "seconds", measure_json(seconds, (size_t)repeats), "weights_gigabytes_per_second", gigabytes,
                     "synaptic_operations_per_second", operations / median, "of_read_bandwidth", gigabytes / bandwidth);
}

/* All shares on `threads` threads. */
static json_t *measure(struct bench *bench, unsigned threads)
{
    static double seconds[ROWS][REPEATS_MAX], reading[ROWS * REPEATS_MAX], medians[ROWS];
    struct lassim_error error;
    struct topology *topology;
    struct team *team;
    if (topology_new(NULL, NULL, &topology, &error) != LASSIM_OK) fail(error.text);
    if (team_new(threads, topology, 1, &team, &error) != LASSIM_OK) fail(error.text);
    size_t readings = 0;
    timed(team, read_all, bench);
    for (int repeat = 0; repeat < bench->repeats; repeat++)
        for (int r = 0; r < ROWS; r++) {
            make_packets(bench, SHARES[r]);
            reading[readings++] = timed(team, read_all, bench);
            seconds[r][repeat] = timed(team, receive, bench);
            check(bench);
        }
    team_free(team);
    topology_free(topology);
    double bytes = (double)MATRIX_BYTES;
    double bandwidth = bytes / measure_median(reading, readings) * 1e-9;
    json_t *rows = json_array();
    for (int r = 0; r < ROWS; r++) {
        json_array_append_new(rows, row_json(SHARES[r], seconds[r], bench->repeats, bandwidth));
        medians[r] = seconds[r][bench->repeats / 2];
    }
    return json_pack("{s:i, s:{s:f, s:f, s:f}, s:o, s:o}", "threads", (int)threads, "read_gigabytes_per_second",
                     "median", bandwidth, "min", bytes / reading[readings - 1] * 1e-9, "max", bytes / reading[0] * 1e-9,
                     "line", line_json(medians), "rows", rows);
}

/* One weight type on the threads of `windows`; adds its figures to w3 and w7. */
static json_t *measure_type(struct windows_bench *windows, enum weight_type type, json_t *w3, json_t *w7)
{
    double medians[ROWS];
    char key[32], name[8] = {0};
    json_t *rows = json_array();
    windows_type(windows, type);
    for (int r = 0; r < ROWS; r++) json_array_append_new(rows, windows_row(windows, SHARES[r], &medians[r]));
    json_t *dense = windows_dense(windows);
    for (int i = 0; weight_type_name(type)[i] != '\0'; i++) name[i] = (char)(weight_type_name(type)[i] | 0x20);
    snprintf(key, sizeof key, "%s_read", name);
    json_object_set(w3, key, json_object_get(json_array_get(rows, ROWS - 1), "of_read_bandwidth"));
    snprintf(key, sizeof key, "%s_gemm", name);
    json_object_set(w3, key, json_object_get(dense, "of_sgemm"));
    snprintf(key, sizeof key, "%s_idle", name);
    json_object_set_new(w7, key, json_real(medians[0] / medians[ROWS - 1]));
    return json_pack("{s:s, s:i, s:i, s:I, s:o, s:o, s:o}", "type", weight_type_name(type), "sources", WINDOWS_SIDE,
                     "targets", WINDOWS_SIDE, "matrices", (json_int_t)windows->matrices, "rows", rows, "line",
                     line_json(medians), "dense", dense);
}

/* All types; w3 and w7 are written over by the run with more threads, which comes last. */
static json_t *measure_windows(const struct bench *bench, unsigned threads, json_t *w3, json_t *w7)
{
    static struct windows_bench windows;
    int quick = bench->repeats < REPEATS_MAX;
    json_t *types = json_array(), *shapes = NULL;
    windows_open(&windows, bench->seed, quick ? WINDOWS_REPEATS_QUICK : WINDOWS_REPEATS_MAX, threads, (size_t)1 << 30);
    for (int type = 0; type < WEIGHT_TYPES; type++) {
        json_array_append_new(types, measure_type(&windows, (enum weight_type)type, w3, w7));
        if (type == WEIGHT_F16 && !quick) shapes = windows_shapes(&windows);
    }
    windows_close(&windows);
    json_t *run = json_pack("{s:i, s:I, s:i, s:o}", "threads", (int)threads, "bytes", (json_int_t)windows.bytes,
                            "repeats", windows.repeats, "types", types);
    if (shapes != NULL) json_object_set_new(run, "shapes", shapes);
    return run;
}

static void print_member(const char *name, json_t *value)
{
    printf(", \"%s\": ", name);
    json_dumpf(value, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    json_decref(value);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.seed = 1, .repeats = REPEATS_MAX};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            bench.repeats = 5;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            bench.seed = strtoull(argv[++i], NULL, 10);
        else
            fail("expected --seed N or --quick");
    }
    bench.random = bench.seed;
    make_matrix(&bench);
    unsigned pus = topology_process_pus();
    json_t *runs = json_array(), *windows = json_array(), *w3 = json_object(), *w7 = json_object();
    json_array_append_new(runs, measure(&bench, 1));
    if (pus > 1) json_array_append_new(runs, measure(&bench, pus));
    json_array_append_new(windows, measure_windows(&bench, 1, w3, w7));
    if (pus > 1) json_array_append_new(windows, measure_windows(&bench, pus, w3, w7));
    printf("{\"schema\": \"lassim-bench-synapse-1\", \"seed\": %llu, \"repeats\": %d, \"type\": \"F16\", "
           "\"sources\": %d, \"targets\": %d, \"bytes\": %zu, ",
           (unsigned long long)bench.seed, bench.repeats, SOURCES, TARGETS, MATRIX_BYTES);
    machine_print_json(stdout);
    print_member("runs", runs);
    print_member("windows", windows);
    print_member("w3", w3);
    print_member("w7", w7);
    printf("}\n");
    free(bench.weights);
    return 0;
}
