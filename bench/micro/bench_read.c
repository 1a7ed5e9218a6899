/* Question: how fast does this machine read memory with one thread and with one per core, with 4 KiB pages and with
 * huge ones?  That is the floor under W1 and W3, and W8's measure of what a second core can give.
 *
 * A buffer far larger than the caches; the sides take turns, five times or more.  "huge_kib" is what the
 * kernel did give.  One JSON object on stdout.  Options: --quick (a smaller buffer, fewer repeats). */
#include "bench/read_probe.h"

enum { SIDES = 4, REPEATS_MAX = 11 };

/* Anonymous memory in huge pages of this process, in KiB. */
static long huge_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "AnonHugePages: %ld kB", &kib) == 1) break;
    if (file != NULL) fclose(file);
    return kib;
}

int main(int argc, char **argv)
{
    static struct read_probe probe[SIDES];
    double rate[SIDES][REPEATS_MAX];
    int quick = argc == 2 && strcmp(argv[1], "--quick") == 0, repeats = quick ? 5 : REPEATS_MAX;
    if (argc > 1 + quick) return fprintf(stderr, "usage: bench_read [--quick]\n"), 2;
    size_t bytes = (size_t)(quick ? 256 : 1024) << 20;
    read_vector *buffer[2] = {read_probe_buffer(bytes, 0), read_probe_buffer(bytes, 1)};
    for (int s = 0; s < SIDES; s++)
        read_probe_open(&probe[s], buffer[s / 2], bytes, s % 2 == 0 ? 1 : topology_process_pus());
    for (int r = -1; r < repeats; r++) /* once for warmth */
        for (int s = 0; s < SIDES; s++) {
            double now = read_probe_run(&probe[s]);
            if (r >= 0) rate[s][r] = now;
        }
    json_t *rows = json_array();
    for (int s = 0; s < SIDES; s++) {
        json_array_append_new(rows,
                              json_pack("{s:i, s:b, s:o}", "threads", (int)team_workers(probe[s].team), "huge_pages",
                                        s / 2, "gigabytes_per_second", measure_samples_json(rate[s], (size_t)repeats)));
        read_probe_close(&probe[s]);
    }
    json_t *root = json_pack("{s:s, s:i, s:I, s:I, s:o}", "schema", "lassim-bench-read-1", "repeats", repeats, "bytes",
                             (json_int_t)bytes, "huge_kib", (json_int_t)huge_kib(), "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    return 0;
}
