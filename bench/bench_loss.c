/* Question: what does spiking cost in accuracy, and how many spikes does it take, at each T?
 *
 * Loss: `lassim verify` of the held-out text against the original checkpoint in float32.  Spikes: --metrics
 * of runs over a fixed text, radix and ternary, logits of every token asked for.  "Into weights": spikes,
 * and active neurons, per neuron and window, averaged over the inputs of all matrices of the blocks and of
 * the head; norm1.ln feeds q, k and v and counts three times (a pre-LN model).  These figures are exact counts or deterministic; nothing here is timed.  One JSON object.
 *
 * bench_loss LASSIM CHECKPOINT WORK_DIRECTORY [--quick] */
#include "bench/command.h"

enum { TEXT_BYTES = 400 /* of the held-out text, for the spike counts */ };
static const char *const TIMESTEPS[] = {"16", "12", "10", "8", "6", "4"};
enum { ROWS = sizeof TIMESTEPS / sizeof TIMESTEPS[0] };

struct bench {
    const char *lassim, *checkpoint, *tokens;
    char *heldout, *prompt, *radix, *ternary, *result, *logits, *text;
};

/* Sums over some populations. */
struct count {
    double spikes, active, neuron_windows;
};

static void convert(const struct bench *bench, const char *code, const char *model)
{
    const char *argv[] = {bench->lassim, "convert", bench->checkpoint, "-o", model, "--code", code, "--quiet", NULL};
    command_run(argv, bench->text);
}

/* How many matrices the population's spikes enter. */
static int matrices_fed(const char *name)
{
    static const struct {
        const char *end;
        int matrices;
    } FED[] = {{".norm1.ln", 3}, {".norm2.ln", 1}, {"final.ln", 1}, {".att", 1}, {".fc", 1}};
    for (size_t k = 0; k < sizeof FED / sizeof FED[0]; k++) {
        size_t length = strlen(name), end = strlen(FED[k].end);
        if (length >= end && strcmp(name + length - end, FED[k].end) == 0) return FED[k].matrices;
    }
    return 0;
}

static void add(struct count *to, double times, const json_t *row)
{
    to->spikes += times * command_number(row, "spikes");
    to->active += times * command_number(row, "active_neurons");
    to->neuron_windows += times * command_number(row, "neurons") * command_number(row, "windows");
}

/* Runs model over the prompt; *weights: the populations that feed weights, *ffn: the fc among them. */
static double run(const struct bench *bench, const char *model, const char *timesteps, struct count *weights,
                  struct count *ffn)
{
    const char *argv[] = {bench->lassim, "--model",  model,         "-f",      bench->prompt,
                          "-n",          "0",        "--timesteps", timesteps, "--metrics",
                          bench->result, "--logits", bench->logits, "--quiet", NULL};
    command_run(argv, bench->text);
    json_t *metrics = command_json(bench->result), *row;
    size_t i;
    *weights = *ffn = (struct count){0, 0, 0};
    json_array_foreach(json_object_get(metrics, "populations"), i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        if (name == NULL) continue;
        add(weights, matrices_fed(name), row);
        if (strstr(name, ".fc") != NULL) add(ffn, 1, row);
    }
    double all = command_number(json_object_get(metrics, "totals"), "spikes");
    json_decref(metrics);
    return all;
}

static json_t *verify(const struct bench *bench, const char *timesteps)
{
    const char *argv[] = {bench->lassim,     "verify",      "--model",      bench->radix,  "--reference",
                          bench->checkpoint, "--text",      bench->heldout, "--timesteps", timesteps,
                          "--tokens-max",    bench->tokens, "--json",       NULL};
    command_run(argv, bench->result);
    return command_json(bench->result);
}

static json_t *row_json(const struct bench *bench, const char *timesteps)
{
    struct count radix, ternary, ffn, unused;
    json_t *row = verify(bench, timesteps);
    double radix_all = run(bench, bench->radix, timesteps, &radix, &ffn);
    double ternary_all = run(bench, bench->ternary, timesteps, &ternary, &unused);
    json_t *spikes =
        json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "radix_per_neuron_window", radix.spikes / radix.neuron_windows,
                  "ternary_per_neuron_window", ternary.spikes / ternary.neuron_windows, "active_share",
                  radix.active / radix.neuron_windows, "ffn_active_share", ffn.active / ffn.neuron_windows,
                  "radix_total", radix_all, "ternary_total", ternary_all);
    json_object_set_new(row, "spikes", spikes);
    return row;
}

/* The first TEXT_BYTES of the held-out text, cut at a blank, to the file `prompt`. */
static void write_prompt(const struct bench *bench)
{
    char text[TEXT_BYTES];
    FILE *from = fopen(bench->heldout, "rb"), *to = fopen(bench->prompt, "wb");
    size_t n = from != NULL ? fread(text, 1, sizeof text, from) : 0;
    while (n > 0 && text[n - 1] != ' ') n--;
    if (from == NULL || to == NULL || n == 0 || fwrite(text, 1, n, to) != n || fclose(to) != 0) {
        fprintf(stderr, "bench_loss: cannot copy from %s to %s\n", bench->heldout, bench->prompt);
        exit(1);
    }
    fclose(from);
}

int main(int argc, char **argv)
{
    int quick = argc == 5 && strcmp(argv[4], "--quick") == 0;
    if (argc < 4 || argc > 4 + quick) {
        fprintf(stderr, "usage: bench_loss LASSIM CHECKPOINT WORK_DIRECTORY [--quick]\n");
        return 2;
    }
    struct bench bench = {.lassim = argv[1], .checkpoint = argv[2], .tokens = quick ? "60" : "1275"};
    bench.heldout = command_path(argv[2], "heldout.txt"), bench.prompt = command_path(argv[3], "prompt.txt");
    bench.radix = command_path(argv[3], "radix.snn"), bench.ternary = command_path(argv[3], "ternary.snn");
    bench.result = command_path(argv[3], "result.json"), bench.text = command_path(argv[3], "text");
    bench.logits = command_path(argv[3], "logits.npy");
    write_prompt(&bench);
    convert(&bench, "radix", bench.radix);
    convert(&bench, "ternary", bench.ternary);
    json_t *rows = json_array();
    for (int r = 0; r < ROWS; r++) json_array_append_new(rows, row_json(&bench, TIMESTEPS[r]));
    json_t *root = json_pack("{s:s, s:s, s:o}", "schema", "lassim-bench-loss-1", "text", "heldout.txt", "rows", rows);
    json_dumpf(root, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    return 0;
}
