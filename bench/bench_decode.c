/* Question (W1, W8): how long does one token take at batch 1 with every spike counted, beside the dense engine on
 * the same stored weights, and what does the second core give beside what it gives to plain reading?
 *
 * Both engines run in this process on one model, on one thread and on one per core, fed with the same tokens one by
 * one, logits of each; sides take turns in blocks of tokens, after a warm-up that starts each sequence.  A block is
 * about BLOCK_SECONDS long, LEAST to MOST tokens.  Between the blocks memory is read as the machine can (huge
 * pages).  Checked: all fused sides counted the same, and for the first token what the engine event counts.  Time a token
 * is without start-up, opening and prompt.  One JSON object on stdout; ratios are pairs of neighbours.
 *
 * bench_decode NAME=FILE.snn... [--quick] */
#include <string.h>

#include "bench/engine.h"
#include "bench/read_probe.h"

#define BLOCK_SECONDS 0.4
enum { SIDES = 4, WARM = 8, LEAST = 4, MOST = 32, REPEATS_MAX = 11, READ_BYTES = 1 << 30 };
/* Order of a turn: neighbours are compared. */
enum { FUSED_ALL, DENSE_ALL, FUSED_ONE, DENSE_ONE };

struct bench {
    struct engine_side side[SIDES];
    struct counters before;
    struct read_probe one, all;
    unsigned cores;
    int repeats;
    uint32_t block;
    double seconds[SIDES][REPEATS_MAX], read[2][REPEATS_MAX];
};

/* The engine event, which pops every packet of the queue, counts the same for the first token. */
static void check_counts(const struct bench *bench, lassim_model *model, const char *path)
{
    struct engine_side event = engine_open(model, LASSIM_ENGINE_EVENT, bench->cores);
    uint32_t tokens;
    engine_decode(&event, 1);
    struct counters wanted = engine_counts(&event);
    const struct counters *found = session_token_counters(bench->side[FUSED_ALL].session, &tokens);
    if (memcmp(&wanted, found, sizeof wanted) != 0) {
        fprintf(stderr, "bench_decode: %s: the engines event and fused count differently\n", path);
        exit(1);
    }
    lassim_session_close(event.session);
}

static void open_sides(struct bench *bench, lassim_model *model)
{
    double slowest = 0;
    for (int s = 0; s < SIDES; s++) {
        bench->side[s] = engine_open(model, s % 2 == 0 ? LASSIM_ENGINE_FUSED : LASSIM_ENGINE_DENSE,
                                     s < FUSED_ONE ? bench->cores : 1);
        engine_decode(&bench->side[s], WARM / 2);
        double token = engine_decode(&bench->side[s], WARM / 2);
        if (token > slowest) slowest = token;
    }
    double tokens = BLOCK_SECONDS / slowest;
    bench->block = tokens < LEAST ? LEAST : tokens > MOST ? MOST : (uint32_t)tokens;
    bench->before = engine_counts(&bench->side[FUSED_ALL]);
}

static void take_turns(struct bench *bench)
{
    for (int r = 0; r < bench->repeats; r++) {
        for (int s = 0; s < SIDES; s++) bench->seconds[s][r] = engine_decode(&bench->side[s], bench->block);
        bench->read[0][r] = read_probe_run(&bench->one);
        bench->read[1][r] = read_probe_run(&bench->all);
    }
}

static json_t *ratio_json(const struct bench *bench, const double *above, const double *below)
{
    double ratio[REPEATS_MAX];
    for (int r = 0; r < bench->repeats; r++) ratio[r] = above[r] / below[r];
    return measure_samples_json(ratio, (size_t)bench->repeats);
}

/* What more cores give to a token, turn by turn, over what they give to reading (medians: a pass is short). */
static json_t *share_json(const struct bench *bench)
{
    double share[REPEATS_MAX], read[2][REPEATS_MAX];
    size_t n = (size_t)bench->repeats;
    memcpy(read, bench->read, sizeof read);
    double gain = measure_median(read[1], n) / measure_median(read[0], n);
    for (size_t r = 0; r < n; r++) share[r] = bench->seconds[FUSED_ONE][r] / bench->seconds[FUSED_ALL][r] / gain;
    return measure_samples_json(share, n);
}

static json_t *row_json(struct bench *bench, const char *name, const char *path)
{
    size_t n = (size_t)bench->repeats;
    struct counters all = engine_counts(&bench->side[FUSED_ALL]), one = engine_counts(&bench->side[FUSED_ONE]);
    if (memcmp(&all, &one, sizeof all) != 0) {
        fprintf(stderr, "bench_decode: %s: counts differ with the number of threads\n", path);
        exit(1);
    }
    json_t *row =
        json_pack("{s:s, s:i, s:i}", "name", name, "block_tokens", (int)bench->block, "cores", (int)bench->cores);
    double tokens = (double)bench->block * bench->repeats;
    json_object_set_new(row, "counts", engine_counts_json(&bench->before, &all, tokens));
    json_object_set_new(row, "ratio", ratio_json(bench, bench->seconds[DENSE_ALL], bench->seconds[FUSED_ALL]));
    json_object_set_new(row, "ratio_1_thread", ratio_json(bench, bench->seconds[DENSE_ONE], bench->seconds[FUSED_ONE]));
    json_object_set_new(row, "cores_ratio", ratio_json(bench, bench->seconds[FUSED_ONE], bench->seconds[FUSED_ALL]));
    json_object_set_new(row, "cores_ratio_dense",
                        ratio_json(bench, bench->seconds[DENSE_ONE], bench->seconds[DENSE_ALL]));
    json_object_set_new(row, "cores_share_of_read", share_json(bench));
    json_object_set_new(row, "cores_ratio_read", ratio_json(bench, bench->read[1], bench->read[0]));
    json_object_set_new(row, "read_1_thread_gigabytes_per_second", measure_samples_json(bench->read[0], n));
    json_object_set_new(row, "read_gigabytes_per_second", measure_samples_json(bench->read[1], n));
    static const char *const keys[SIDES] = {"fused_seconds", "dense_seconds", "fused_1_thread_seconds",
                                            "dense_1_thread_seconds"};
    for (int s = 0; s < SIDES; s++) json_object_set_new(row, keys[s], measure_samples_json(bench->seconds[s], n));
    return row;
}

static json_t *measure(struct bench *bench, const char *argument)
{
    const char *path = strchr(argument, '=');
    if (path == NULL) {
        fprintf(stderr, "bench_decode: expected NAME=FILE.snn, found %s\n", argument);
        exit(2);
    }
    char *name = strndup(argument, (size_t)(path - argument));
    lassim_model *model = engine_model(path + 1);
    open_sides(bench, model);
    check_counts(bench, model, path + 1);
    take_turns(bench);
    json_t *row = row_json(bench, name, path + 1);
    for (int s = 0; s < SIDES; s++) lassim_session_close(bench->side[s].session);
    lassim_model_close(model);
    free(name);
    return row;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0;
    if (argc < 2 + quick) return fprintf(stderr, "usage: bench_decode NAME=FILE.snn... [--quick]\n"), 2;
    bench.repeats = quick ? 3 : REPEATS_MAX;
    bench.cores = topology_process_pus();
    read_vector *buffer = read_probe_buffer(READ_BYTES, 1);
    read_probe_open(&bench.one, buffer, READ_BYTES, 1);
    read_probe_open(&bench.all, buffer, READ_BYTES, bench.cores);
    json_t *rows = json_array();
    for (int i = 1; i < argc - quick; i++) json_array_append_new(rows, measure(&bench, argv[i]));
    read_probe_close(&bench.one), read_probe_close(&bench.all);
    json_t *root =
        json_pack("{s:s, s:i, s:o}", "schema", "lassim-bench-decode-1", "repeats", bench.repeats, "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    return 0;
}
