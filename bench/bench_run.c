/* Question: how long does a conversion take, and how fast and in how much memory does a converted model
 * run: the engines event and fused on one thread and on one per core, and with a trace, beside the dense network?
 *
 * Every figure is the program's own --metrics of `lassim --model M -n N -t THREADS [--engine E]
 * [--trace FILE]`; all sides take turns in one run.  Checked: all runs of one side report the same counts.  One
 * JSON object on stdout, medians with lowest and highest.
 *
 * bench_run LASSIM CHECKPOINT WORK_DIRECTORY [--quick] */
#include <sys/stat.h>

#include "bench/command.h"
#include "kernel/topology.h"

enum { SIDES_MAX = 7, REPEATS_MAX = 5 };

struct side {
    const char *name, *engine;
    unsigned threads;
    int trace;
    double seconds[REPEATS_MAX], tokens_per_second[REPEATS_MAX], peak[REPEATS_MAX];
    double tokens, operations, events; /* -1: not counted */
};

struct bench {
    const char *lassim, *checkpoint, *predict;
    char *model, *trace, *metrics, *text;
    int repeats, conversions;
    unsigned sides;
    struct side side[SIDES_MAX];
};

static void add_side(struct bench *bench, const char *name, const char *engine, unsigned threads, int trace)
{
    bench->side[bench->sides++] =
        (struct side){.name = name, .engine = engine, .threads = threads, .trace = trace, .tokens = -1};
}

static json_t *measure_convert(const struct bench *bench)
{
    double seconds[REPEATS_MAX], peak[REPEATS_MAX];
    const char *argv[] = {bench->lassim, "convert", bench->checkpoint, "-o", bench->model, "--quiet", NULL};
    for (int r = 0; r < bench->conversions; r++) {
        struct command_result result = command_run(argv, bench->text);
        seconds[r] = result.seconds;
        peak[r] = result.peak_bytes;
    }
    struct stat info;
    if (stat(bench->model, &info) != 0) exit(1);
    size_t n = (size_t)bench->conversions;
    return json_pack("{s:i, s:o, s:o, s:I}", "repeats", bench->conversions, "seconds", measure_json(seconds, n),
                     "peak_resident_bytes", measure_json(peak, n), "snn_bytes", (json_int_t)info.st_size);
}

static double count_of(const json_t *totals, const char *key)
{
    return json_is_null(json_object_get(totals, key)) ? -1 : command_number(totals, key);
}

static void same(struct side *side, double *known, double value, const char *what)
{
    if (side->tokens >= 0 && *known != value) {
        fprintf(stderr, "bench_run: %s: %s differ from run to run\n", side->name, what);
        exit(1);
    }
    *known = value;
}

static void run_side(const struct bench *bench, struct side *side, int repeat)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%u", side->threads);
    const char *argv[16] = {bench->lassim, "--model",  bench->model, "-n",      bench->predict, "-t",
                            threads,       "--engine", side->engine, "--quiet", "--metrics",    bench->metrics};
    if (side->trace) argv[12] = "--trace", argv[13] = bench->trace;
    command_run(argv, bench->text);
    json_t *metrics = command_json(bench->metrics);
    const json_t *totals = json_object_get(metrics, "totals");
    same(side, &side->operations, count_of(totals, "synaptic_operations"), "synaptic operations");
    same(side, &side->events, count_of(totals, "events"), "events");
    same(side, &side->tokens, count_of(totals, "tokens"), "tokens");
    side->seconds[repeat] = command_number(metrics, "wall_seconds");
    side->tokens_per_second[repeat] = command_number(metrics, "tokens_per_second");
    side->peak[repeat] = command_number(metrics, "peak_resident_bytes");
    json_decref(metrics);
}

/* How much longer runs with a trace take, pair by pair. */
static json_t *slowdown_json(const struct side *off, const struct side *on, int repeats)
{
    double ratio[REPEATS_MAX];
    for (int r = 0; r < repeats; r++) ratio[r] = on->seconds[r] / off->seconds[r];
    return measure_json(ratio, (size_t)repeats);
}

static json_t *trace_json(const struct bench *bench, const struct side *off, const struct side *on)
{
    json_t *metrics = command_json(bench->metrics); /* of the run that wrote it: the last one */
    double spikes = command_number(json_object_get(metrics, "totals"), "spikes");
    struct stat info;
    if (stat(bench->trace, &info) != 0) exit(1);
    json_decref(metrics);
    return json_pack("{s:I, s:f, s:f, s:o}", "bytes", (json_int_t)info.st_size, "spikes", spikes, "bits_per_spike",
                     8.0 * (double)info.st_size / spikes, "slowdown", slowdown_json(off, on, bench->repeats));
}

static json_t *rate_json(const struct side *side, double count, int repeats)
{
    double rate[REPEATS_MAX];
    if (count < 0) return json_null();
    for (int r = 0; r < repeats; r++) rate[r] = count / side->seconds[r];
    return measure_json(rate, (size_t)repeats);
}

static json_t *side_json(struct side *side, int repeats)
{
    size_t n = (size_t)repeats;
    json_t *row = json_pack("{s:s, s:s, s:i, s:b, s:f}", "name", side->name, "engine", side->engine, "threads",
                            (int)side->threads, "trace", side->trace, "tokens", side->tokens);
    json_object_set_new(row, "synaptic_operations_per_second", rate_json(side, side->operations, repeats));
    json_object_set_new(row, "events_per_second", rate_json(side, side->events, repeats));
    json_object_set_new(row, "tokens_per_second", measure_json(side->tokens_per_second, n));
    json_object_set_new(row, "wall_seconds", measure_json(side->seconds, n));
    json_object_set_new(row, "peak_resident_bytes", measure_json(side->peak, n));
    return row;
}

int main(int argc, char **argv)
{
    int quick = argc == 5 && strcmp(argv[4], "--quick") == 0;
    if (argc < 4 || argc > 4 + quick) {
        fprintf(stderr, "usage: bench_run LASSIM CHECKPOINT WORK_DIRECTORY [--quick]\n");
        return 2;
    }
    struct bench bench = {.lassim = argv[1], .checkpoint = argv[2], .predict = quick ? "22" : "118"};
    bench.model = command_path(argv[3], "opt.snn"), bench.trace = command_path(argv[3], "spikes.bin");
    bench.metrics = command_path(argv[3], "metrics.json"), bench.text = command_path(argv[3], "text");
    bench.repeats = quick ? 3 : REPEATS_MAX, bench.conversions = quick ? 1 : REPEATS_MAX;
    unsigned all = topology_process_pus();
    add_side(&bench, "dense, 1 thread", "dense", 1, 0);
    if (all > 1) add_side(&bench, "dense, all cores", "dense", all, 0);
    add_side(&bench, "event, 1 thread", "event", 1, 0);
    if (all > 1) add_side(&bench, "event, all cores", "event", all, 0);
    add_side(&bench, "fused, 1 thread", "fused", 1, 0);
    if (all > 1) add_side(&bench, "fused, all cores", "fused", all, 0);
    add_side(&bench, "fused, all cores, trace", "fused", all, 1);
    json_t *convert = measure_convert(&bench), *rows = json_array();
    for (int repeat = 0; repeat < bench.repeats; repeat++)
        for (unsigned s = 0; s < bench.sides; s++) run_side(&bench, &bench.side[s], repeat);
    json_t *trace = trace_json(&bench, &bench.side[bench.sides - 2], &bench.side[bench.sides - 1]);
    for (unsigned s = 0; s < bench.sides; s++) json_array_append_new(rows, side_json(&bench.side[s], bench.repeats));
    json_t *root = json_pack("{s:s, s:i, s:i, s:o, s:o, s:o}", "schema", "lassim-bench-run-1", "repeats", bench.repeats,
                             "predict", atoi(bench.predict), "convert", convert, "trace", trace, "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    return 0;
}
