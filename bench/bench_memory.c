/* Question (W6): how much memory does a run take over the size of its .snn, how many bits is a spike in the
 * trace, and how much slower is a run that writes one?
 *
 * Every figure is the program's own --metrics of `lassim --model FILE --token-ids ... -n N --metrics`, a process
 * a run.  Memory: context of CONTEXT tokens, prompt and some generated ones; the KV cache (the spike sums of keys
 * and values, 32 bits each, of the tokens that were fed) is computed from the shape and shown apart.
 * Trace: on the first model, a prompt of PROMPT tokens and a decode after a prompt of one, with and without --trace in
 * turns.  One JSON object on stdout.
 *
 * bench_memory LASSIM WORK_DIRECTORY NAME=FILE.snn... [--quick] */
#include <sys/stat.h>

#include "bench/command.h"
#include "kernel/session.h"

enum { CONTEXT = 512, GENERATED = 8, PROMPT = 128, DECODED = 33, REPEATS_MAX = 5, TEXT = 8 * CONTEXT };

struct bench {
    const char *lassim;
    char *trace, *metrics, *text;
    int repeats;
};

struct run {
    const char *model;
    int prompt, generated, trace;
};

/* The program's metrics of one run; the caller owns them. */
static json_t *run(const struct bench *bench, const struct run *run)
{
    char ids[TEXT], predict[16];
    size_t used = 0;
    for (int i = 0; i < run->prompt; i++)
        used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%d", i == 0 ? "" : ",", 4 + (i * 7919 + 13) % 1000);
    snprintf(predict, sizeof predict, "%d", run->generated);
    const char *argv[] = {bench->lassim, "--model",   run->model,     "--token-ids", ids,  "-n", predict,
                          "--quiet",     "--metrics", bench->metrics, NULL,          NULL, NULL};
    if (run->trace) argv[10] = "--trace", argv[11] = bench->trace;
    command_run(argv, bench->text);
    return command_json(bench->metrics);
}

/* Bytes of the sums of keys and values of one token. */
static double kv_bytes(const char *path)
{
    struct lassim_error error;
    lassim_model *model;
    if (lassim_model_open(path, &model, &error) != LASSIM_OK) {
        fprintf(stderr, "bench_memory: %s\n", error.text);
        exit(1);
    }
    const struct model_config *config = &model_of(model)->graph->config;
    double bytes = 2.0 * sizeof(int32_t) * (double)config->layers * (double)config->hidden;
    lassim_model_close(model);
    return bytes;
}

static double file_bytes(const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0) return (double)info.st_size;
    fprintf(stderr, "bench_memory: cannot read %s\n", path);
    exit(1);
}

static json_t *memory_json(const struct bench *bench, const char *name, const char *path)
{
    struct run one = {.model = path, .prompt = CONTEXT + 1 - GENERATED, .generated = GENERATED};
    json_t *metrics = run(bench, &one);
    double tokens = command_number(json_object_get(metrics, "totals"), "tokens"), kv = kv_bytes(path) * tokens;
    double peak = command_number(metrics, "peak_resident_bytes"), file = file_bytes(path);
    json_decref(metrics);
    return json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "name", name, "tokens", tokens, "snn_bytes", file,
                     "peak_resident_bytes", peak, "kv_bytes", kv, "ratio", (peak - kv) / file, "ratio_with_kv",
                     peak / file);
}

static json_t *trace_json(const struct bench *bench, const struct run *shape)
{
    double seconds[2][REPEATS_MAX], ratio[REPEATS_MAX], spikes = 0, gates = 0, bytes = 0;
    size_t n = (size_t)bench->repeats;
    for (int r = 0; r < bench->repeats; r++)
        for (int traced = 0; traced < 2; traced++) {
            struct run one = *shape;
            one.trace = traced;
            json_t *metrics = run(bench, &one);
            const json_t *totals = json_object_get(metrics, "totals");
            seconds[traced][r] = command_number(metrics, "wall_seconds");
            spikes = command_number(totals, "spikes"), gates = command_number(totals, "spikes_gate");
            if (traced) bytes = file_bytes(bench->trace);
            json_decref(metrics);
        }
    for (int r = 0; r < bench->repeats; r++) ratio[r] = seconds[1][r] / seconds[0][r];
    unlink(bench->trace);
    return json_pack("{s:i, s:i, s:f, s:f, s:f, s:f, s:o, s:o, s:o}", "prompt", shape->prompt, "generated",
                     shape->generated, "trace_bytes", bytes, "spikes", spikes, "spikes_gate", gates, "bits_per_spike",
                     8 * bytes / spikes, "slowdown", measure_samples_json(ratio, n), "seconds",
                     measure_samples_json(seconds[0], n), "seconds_with_trace", measure_samples_json(seconds[1], n));
}

int main(int argc, char **argv)
{
    int quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;
    if (argc < 4 + quick)
        return fprintf(stderr, "usage: bench_memory LASSIM WORK_DIRECTORY NAME=FILE.snn... [--quick]\n"), 2;
    struct bench bench = {.lassim = argv[1], .repeats = quick ? 1 : REPEATS_MAX};
    bench.trace = command_path(argv[2], "memory.bin"), bench.metrics = command_path(argv[2], "memory.json");
    bench.text = command_path(argv[2], "memory.txt");
    json_t *rows = json_array();
    const char *first = NULL;
    for (int i = 3; i < argc - quick; i++) {
        char *path = strchr(argv[i], '=');
        if (path == NULL) return fprintf(stderr, "bench_memory: expected NAME=FILE.snn, found %s\n", argv[i]), 2;
        *path++ = '\0';
        if (first == NULL) first = path;
        json_array_append_new(rows, memory_json(&bench, argv[i], path));
    }
    struct run long_prompt = {first, PROMPT, 0, 0}, long_decode = {first, 1, DECODED, 0};
    json_t *prompt = trace_json(&bench, &long_prompt), *decode = trace_json(&bench, &long_decode);
    json_t *root = json_pack("{s:s, s:i, s:o, s:{s:o, s:o}}", "schema", "lassim-bench-memory-1", "repeats",
                             bench.repeats, "rows", rows, "trace", "prompt", prompt, "decode", decode);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    putchar('\n');
    json_decref(root);
    return 0;
}
