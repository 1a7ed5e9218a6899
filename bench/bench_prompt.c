/* Question (W2, W8): how long does one BERT-base-shaped layer (768/12/3072) take for a prompt of 128 tokens, every
 * spike counted, beside the formulation of LAS published for PyTorch (bench/peers/torch_las.py, the same shape,
 * tokens, T and activation), beside our dense engine, and what does the second core give?
 *
 * The models are post-norm, LAYERS layers; the time of a layer is the whole prompt's, its embedding, norms
 * and the head of the last token included, over the layers.  All sides take turns, the peer as a process
 * that waits for its turn; a tenth of a second lies between two turns.  Checked: counts do not differ with the number of threads.  One JSON object on
 * stdout; ratios are of one turn.  Without --peer the rows against PyTorch are null.
 *
 * bench_prompt [--peer PYTHON SCRIPT] NAME=FILE.snn... [--quick] */
#include <string.h>

#include "bench/engine.h"
#include "bench/peer.h"

enum { SIDES = 3, TOKENS = 128, REPEATS_MAX = 15, MODELS_MAX = 8 };
enum { FUSED_ALL, DENSE_ALL, FUSED_ONE };

struct row {
    const char *name;
    char *path;
    lassim_model *model;
    struct engine_side side[SIDES];
    double layers, seconds[SIDES][REPEATS_MAX]; /* a layer */
    struct counters counts[SIDES];
};

struct bench {
    struct row row[MODELS_MAX];
    int rows, repeats;
    struct peer peer;
    json_t *about; /* NULL: no peer */
    double las[REPEATS_MAX], plain[REPEATS_MAX];
};

static void open_row(struct row *row, char *argument)
{
    char *equals = strchr(argument, '=');
    if (equals == NULL) {
        fprintf(stderr, "bench_prompt: expected NAME=FILE.snn, found %s\n", argument);
        exit(2);
    }
    *equals = '\0';
    *row = (struct row){.name = argument, .path = equals + 1, .model = engine_model(equals + 1)};
    row->layers = (double)model_of(row->model)->graph->config.layers;
    for (int s = 0; s < SIDES; s++) {
        row->side[s] = engine_open(row->model, s == DENSE_ALL ? LASSIM_ENGINE_DENSE : LASSIM_ENGINE_FUSED,
                                   s == FUSED_ONE ? 1 : topology_process_pus());
        engine_prompt(&row->side[s], TOKENS);
    }
}

static void run_row(struct row *row, int repeat)
{
    for (int s = 0; s < SIDES; s++) {
        engine_reset(&row->side[s]);
        measure_rest();
        row->seconds[s][repeat] = engine_prompt(&row->side[s], TOKENS) / row->layers;
        row->counts[s] = engine_counts(&row->side[s]);
    }
    if (memcmp(&row->counts[FUSED_ALL], &row->counts[FUSED_ONE], sizeof row->counts[0]) == 0) return;
    fprintf(stderr, "bench_prompt: %s: counts differ with the number of threads\n", row->path);
    exit(1);
}

static void take_turns(struct bench *bench)
{
    for (int r = 0; r < bench->repeats; r++) {
        if (bench->about != NULL) {
            measure_rest();
            bench->las[r] = peer_seconds(&bench->peer, "las");
            measure_rest();
            bench->plain[r] = peer_seconds(&bench->peer, "dense");
        }
        for (int i = 0; i < bench->rows; i++) run_row(&bench->row[i], r);
    }
}

static json_t *ratio_json(const double *above, const double *below, int repeats)
{
    double ratio[REPEATS_MAX];
    for (int r = 0; r < repeats; r++) ratio[r] = above[r] / below[r];
    return measure_samples_json(ratio, (size_t)repeats);
}

static json_t *row_json(const struct bench *bench, struct row *row)
{
    static const struct counters none;
    size_t n = (size_t)bench->repeats;
    json_t *out = json_pack("{s:s, s:f}", "name", row->name, "layers", row->layers);
    json_object_set_new(out, "ratio",
                        bench->about == NULL ? json_null()
                                             : ratio_json(bench->las, row->seconds[FUSED_ALL], bench->repeats));
    json_object_set_new(out, "cores_ratio",
                        ratio_json(row->seconds[FUSED_ONE], row->seconds[FUSED_ALL], bench->repeats));
    json_object_set_new(out, "ratio_to_dense_engine",
                        ratio_json(row->seconds[DENSE_ALL], row->seconds[FUSED_ALL], bench->repeats));
    json_object_set_new(out, "layer_seconds", measure_samples_json(row->seconds[FUSED_ALL], n));
    json_object_set_new(out, "layer_1_thread_seconds", measure_samples_json(row->seconds[FUSED_ONE], n));
    json_object_set_new(out, "layer_dense_engine_seconds", measure_samples_json(row->seconds[DENSE_ALL], n));
    json_object_set_new(out, "counts", engine_counts_json(&none, &row->counts[FUSED_ALL], TOKENS));
    return out;
}

static json_t *peer_json(struct bench *bench)
{
    size_t n = (size_t)bench->repeats;
    if (bench->about == NULL) return json_null();
    json_object_set_new(bench->about, "las_over_dense", ratio_json(bench->las, bench->plain, bench->repeats));
    json_object_set_new(bench->about, "las_seconds", measure_samples_json(bench->las, n));
    json_object_set_new(bench->about, "dense_seconds", measure_samples_json(bench->plain, n));
    return bench->about;
}

static void start_peer(struct bench *bench, const char *python, const char *script)
{
    char threads[16];
    snprintf(threads, sizeof threads, "%u", topology_process_pus());
    const char *argv[] = {python, script, "--serve", "--threads", threads, NULL};
    bench->peer = peer_start(argv);
    bench->about = peer_answer(&bench->peer);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int quick = argc > 1 && strcmp(argv[argc - 1], "--quick") == 0, first = 1;
    bench.repeats = quick ? 3 : REPEATS_MAX;
    if (argc > 4 && strcmp(argv[1], "--peer") == 0) {
        start_peer(&bench, argv[2], argv[3]);
        first = 4;
    }
    if (argc - quick <= first || argc - quick - first > MODELS_MAX)
        return fprintf(stderr, "usage: bench_prompt [--peer PYTHON SCRIPT] NAME=FILE.snn... [--quick]\n"), 2;
    for (int i = first; i < argc - quick; i++) open_row(&bench.row[bench.rows++], argv[i]);
    take_turns(&bench);
    json_t *rows = json_array();
    for (int i = 0; i < bench.rows; i++) json_array_append_new(rows, row_json(&bench, &bench.row[i]));
    json_t *root = json_pack("{s:s, s:i, s:i, s:o, s:o}", "schema", "lassim-bench-prompt-1", "repeats", bench.repeats,
                             "tokens", TOKENS, "rows", rows, "peer", peer_json(&bench));
    if (bench.about != NULL) peer_end(&bench.peer);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    for (int i = 0; i < bench.rows; i++) {
        for (int s = 0; s < SIDES; s++) lassim_session_close(bench.row[i].side[s].session);
        lassim_model_close(bench.row[i].model);
    }
    return 0;
}
