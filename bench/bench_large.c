/* Question: does a model that takes more than half of the machine's memory decode without swapping, how fast, and
 * in how much memory over the size of its file?
 *
 * Runs `lassim --model FILE --token-ids 4 -n N --metrics`, a process a run, for two N in turns; the time of one
 * token is the difference over the difference of N, so that opening and the first touch of the pages are not
 * in it.  Page faults are the process's own, pages swapped in and out the whole system's (/proc/vmstat)
 * during the run.  One JSON object on stdout.
 *
 * bench_large LASSIM WORK_DIRECTORY NAME=FILE.snn [TOKENS]  (default 16 more tokens than the short run's 4) */
#include <sys/stat.h>

#include "bench/command.h"

enum { SHORT = 4, REPEATS = 3, RUNS = 2 };

/* Counter `name` of /proc/vmstat, 0 where there is none. */
static double vmstat(const char *name)
{
    char key[64];
    unsigned long long value, found = 0;
    FILE *file = fopen("/proc/vmstat", "r");
    while (file != NULL && fscanf(file, "%63s %llu", key, &value) == 2)
        if (strcmp(key, name) == 0) found = value;
    if (file != NULL) fclose(file);
    return (double)found;
}

struct bench {
    const char *lassim, *model;
    char *metrics, *text;
};

/* One run of N new tokens; its metrics' wall seconds, and its row added to rows. */
static double run(const struct bench *bench, int n, json_t *rows)
{
    char predict[16];
    snprintf(predict, sizeof predict, "%d", n);
    const char *argv[] = {bench->lassim, "--model", bench->model, "--token-ids",  "4", "-n",
                          predict,       "--quiet", "--metrics",  bench->metrics, NULL};
    double in = vmstat("pswpin"), out = vmstat("pswpout");
    struct command_result result = command_run(argv, bench->text);
    json_t *metrics = command_json(bench->metrics);
    const json_t *totals = json_object_get(metrics, "totals");
    double seconds = command_number(metrics, "wall_seconds");
    json_array_append_new(
        rows, json_pack("{s:i, s:f, s:f, s:f, s:I, s:I, s:f, s:f, s:f, s:f}", "new_tokens", n, "wall_seconds", seconds,
                        "process_seconds", result.seconds, "peak_resident_bytes", result.peak_bytes, "minor_faults",
                        (json_int_t)result.minor_faults, "major_faults", (json_int_t)result.major_faults,
                        "pages_swapped_in", vmstat("pswpin") - in, "pages_swapped_out", vmstat("pswpout") - out,
                        "spikes", command_number(totals, "spikes"), "synaptic_operations",
                        command_number(totals, "synaptic_operations")));
    json_decref(metrics);
    return seconds;
}

int main(int argc, char **argv)
{
    char *path = argc > 3 ? strchr(argv[3], '=') : NULL;
    int more = argc > 4 ? atoi(argv[4]) : 16;
    struct stat info;
    if (path == NULL || argc > 5 || more < 1)
        return fprintf(stderr, "usage: bench_large LASSIM WORK_DIRECTORY NAME=FILE.snn [TOKENS]\n"), 2;
    *path++ = '\0';
    if (stat(path, &info) != 0) return fprintf(stderr, "bench_large: cannot read %s\n", path), 1;
    struct bench bench = {argv[1], path, command_path(argv[2], "large.metrics"), command_path(argv[2], "large.txt")};
    double token[REPEATS], peak = 0, swapped = 0;
    json_t *rows = json_array(), *row;
    size_t i;
    run(&bench, 1, rows); /* brings the file into memory */
    for (int r = 0; r < REPEATS; r++) {
        double few = run(&bench, SHORT, rows);
        token[r] = (run(&bench, SHORT + more, rows) - few) / more;
    }
    json_array_foreach(rows, i, row)
    {
        double now = command_number(row, "peak_resident_bytes");
        if (now > peak) peak = now;
        swapped += command_number(row, "pages_swapped_in") + command_number(row, "pages_swapped_out");
    }
    json_t *root = json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:o, s:o}", "schema", "lassim-bench-large-1", "name",
                             argv[3], "snn_bytes", (json_int_t)info.st_size, "peak_resident_bytes", peak, "ratio",
                             peak / (double)info.st_size, "pages_swapped", swapped, "seconds_per_token",
                             measure_samples_json(token, REPEATS), "runs", rows);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(root);
    return 0;
}
