/* The table of W1 to W8: what each work is held to, what it reached. */
#include "bench/figures/print.h"

/* measured: where the figure lies in bench.json, see find. */
static const struct goal {
    const char *work, *what;
    double least, aim;
    enum { AT_LEAST, AT_MOST } side;
    const char *unit;
    const char *measured;
    const char *hint; /* how to get a row that was left out */
} goals[] = {
#define FULL "a full run has it"
#define TORCH "needs PyTorch: `make peers PEERS=torch`"
    {"W1", "one token, 125M shape, F16, against the dense engine", 0.85, 1.2, AT_LEAST, "×", "decode.rows.125m.ratio",
     ""},
    {"W1", "the same, `--weights i16`", 1, 1.2, AT_LEAST, "×", "decode.rows.125m-i16.ratio", FULL},
    {"W1", "one token, 1.3B shape, F16", 0.85, 1.4, AT_LEAST, "×", "decode.rows.1_3b.ratio", FULL},
    {"W1", "the same, `--weights i16`", 1, 1.4, AT_LEAST, "×", "decode.rows.1_3b-i16.ratio", FULL},
    {"W2", "prompt of 128, 768/12/3072, F16, 5 % of the FFN active, against LAS on PyTorch", 16, 40, AT_LEAST, "×",
     "prompt.rows.layers.ratio", TORCH},
    {"W2", "the same, `--weights i16`", 16, 40, AT_LEAST, "×", "prompt.rows.layers-i16.ratio", TORCH},
    {"W2", "the same, F16, 50 % of the FFN active", 16, 40, AT_LEAST, "×", "prompt.rows.layers50.ratio",
     FULL " and " TORCH},
    {"W3", "synapse kernel, batch 1, F16, share of the read bandwidth", 0.75, 0.9, AT_LEAST, "", "synapse.w3.f16_read",
     ""},
    {"W3", "the same, i16", 0.75, 0.9, AT_LEAST, "", "synapse.w3.i16_read", ""},
    {"W3", "batch 128, dense, F16, share of sgemm's rate", 0.4, 0.4, AT_LEAST, "", "synapse.w3.f16_gemm", ""},
    {"W3", "the same, i16", 0.6, 0.8, AT_LEAST, "", "synapse.w3.i16_gemm", ""},
    {"W4", "event queue, 10^2 pending, against a binary heap", 1.5, 3, AT_LEAST, "×", "queue.rows.0.ratio", ""},
    {"W4", "10^5 pending", 5, 20, AT_LEAST, "×", "queue.rows.3.ratio", ""},
    {"W4", "10^7 pending", 5, 20, AT_LEAST, "×", "queue.rows.5.ratio", FULL},
    {"W5", "integrate-and-fire network, against NEST", 5, 20, AT_LEAST, "×", "w5.ratios.over_nest",
     "needs NEST: `make peers PEERS=nest`"},
    {"W5", "the same, against Brian2 (C++ standalone)", 5, 20, AT_LEAST, "×", "w5.ratios.over_brian2",
     "needs Brian2: `make peers PEERS=brian2`"},
    {"W6", "peak resident over the .snn without the KV cache, 125M shape, context 512", 1.3, 1.1, AT_MOST, "×",
     "memory.rows.125m.ratio", ""},
    {"W6", "the same, 1.3B shape", 1.3, 1.1, AT_MOST, "×", "memory.rows.1_3b.ratio", FULL},
    {"W6", "bits a spike in the trace", 8, 4, AT_MOST, "", "memory.trace.prompt.bits_per_spike", ""},
    {"W6", "a prompt with the trace on", 1.5, 1.1, AT_MOST, "×", "memory.trace.prompt.slowdown", ""},
    {"W6", "a decode with the trace on", 1.5, 1.1, AT_MOST, "×", "memory.trace.decode.slowdown", ""},
    {"W7", "idle matrix over a fully active one, F16", 0.1, 0.02, AT_MOST, "", "synapse.w7.f16_idle", ""},
    {"W8", "one core to all, W2's prompt, F16", 1.7, 1.95, AT_LEAST, "×", "prompt.rows.layers.cores_ratio", ""},
    {"W8", "one core to all, W1's token, 125M shape, F16, over what reading gains", 0.85, 0.98, AT_LEAST, "",
     "decode.rows.125m.cores_share_of_read", ""},
    {"W8", "the same, 1.3B shape", 0.85, 0.98, AT_LEAST, "", "decode.rows.1_3b.cores_share_of_read", FULL},
};

/* One step of a path: a key, or of an array the row of that name ("_" stands for "."), its index, or -1 for the last. */
static const json_t *step(const json_t *value, const char *name)
{
    char *end, plain[64];
    if (!json_is_array(value)) return json_object_get(value, name);
    long index = strtol(name, &end, 10);
    if (*end == '\0') return json_array_get(value, index < 0 ? json_array_size(value) - 1 : (size_t)index);
    snprintf(plain, sizeof plain, "%s", name);
    for (char *c = plain; *c != '\0'; c++)
        if (*c == '_') *c = '.';
    return row_named(value, plain);
}

/* What lies at path, steps joined by dots; NULL if nothing does. */
static const json_t *find(const json_t *value, const char *path)
{
    char steps[128], *rest = steps;
    snprintf(steps, sizeof steps, "%s", path);
    for (const char *name; value != NULL && (name = strsep(&rest, ".")) != NULL;) value = step(value, name);
    return value;
}

static void print_goal(const json_t *root, const struct goal *goal)
{
    const json_t *found = find(root, goal->measured);
    const char *side = goal->side == AT_MOST ? "≤ " : "≥ ", *unit = goal->unit;
    printf("| %s | %s | %s%g%s | %s%g%s | ", goal->work, goal->what, side, goal->least, unit, side, goal->aim, unit);
    if (!json_is_number(found) && !json_is_object(found)) {
        printf("– | not measured: %s |\n", goal->hint);
        return;
    }
    double measured = json_is_number(found) ? json_number_value(found) : command_number(found, "median");
    double sign = goal->side == AT_MOST ? -1 : 1;
    printf("%.3g%s", measured, unit);
    if (json_is_object(found)) printf(" (%.3g … %.3g)", command_number(found, "min"), command_number(found, "max"));
    if (sign * measured >= sign * goal->aim)
        printf(" | aim reached |\n");
    else if (sign * measured >= sign * goal->least)
        printf(" | met; aim missed by %.0f %% |\n", 100 * fabs(measured / goal->aim - 1));
    else
        printf(" | **not met**: off by %.0f %% |\n", 100 * fabs(measured / goal->least - 1));
}

static void print_decode(const json_t *decode)
{
    const json_t *row;
    size_t i;
    printf("Milliseconds of one token at batch 1 in W1, and what it spiked (all counted):\n\n| model | fused | dense "
           "engine | fused, "
           "1 thread | dense engine, 1 thread | spikes, 10³ | synaptic operations, 10⁶ | machine reads, GB/s |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    json_array_foreach(member(decode, "rows"), i, row)
    {
        static const char *const keys[] = {"fused_seconds", "dense_seconds", "fused_1_thread_seconds",
                                           "dense_1_thread_seconds"};
        const json_t *counts = member(row, "counts");
        double tokens = command_number(counts, "tokens");
        printf("| %s | ", text(row, "name"));
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            print_spread(row, keys[k], 1e-3, "%.1f");
            printf(" | ");
        }
        printf("%.0f | %.0f | ", command_number(counts, "spikes") / tokens * 1e-3,
               command_number(counts, "synaptic_operations") / tokens * 1e-6);
        print_spread(row, "read_gigabytes_per_second", 1, "%.1f");
        printf(" |\n");
    }
    printf("\n");
}

static void print_prompt(const json_t *prompt)
{
    const json_t *row;
    size_t i;
    printf("Milliseconds of one layer for a prompt of %d tokens in W2:\n\n| model | fused | fused, 1 thread | dense "
           "engine |\n"
           "| --- | --- | --- | --- |\n",
           (int)command_number(prompt, "tokens"));
    json_array_foreach(member(prompt, "rows"), i, row)
    {
        printf("| %s | ", text(row, "name"));
        print_spread(row, "layer_seconds", 1e-3, "%.1f");
        printf(" | ");
        print_spread(row, "layer_1_thread_seconds", 1e-3, "%.1f");
        printf(" | ");
        print_spread(row, "layer_dense_engine_seconds", 1e-3, "%.1f");
        printf(" |\n");
    }
    printf("\n");
}

static void print_memory(const json_t *memory)
{
    const json_t *row;
    size_t i;
    printf("Memory in W6: ");
    json_array_foreach(member(memory, "rows"), i, row)
    {
        printf("%s%s: .snn %.0f MB, peak resident %.0f MB (%.2f of it), of that KV cache of %.0f tokens %.0f MB",
               i > 0 ? "; " : "", text(row, "name"), command_number(row, "snn_bytes") * 1e-6,
               command_number(row, "peak_resident_bytes") * 1e-6, command_number(row, "ratio_with_kv"),
               command_number(row, "tokens"), command_number(row, "kv_bytes") * 1e-6);
    }
    printf(".\n\n");
}

void print_work(const json_t *root)
{
    printf("What it is held to, T = 16, all cores unless said otherwise; ratios are taken turn by turn:\n\n"
           "| work | what | at least | aim | measured | verdict |\n| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof goals / sizeof *goals; i++) print_goal(root, &goals[i]);
    printf("\n");
    print_decode(member(root, "decode"));
    print_prompt(member(root, "prompt"));
    print_memory(member(root, "memory"));
}
