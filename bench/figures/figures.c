/* Prints the README's figures, in Markdown, from what `make bench` measured.
 *
 * figures BENCH.json: exit 0; 1 if a figure is missing. */
#include "bench/figures/print.h"

static void print_provenance(const json_t *root)
{
    const json_t *machine = member(root, "machine");
    printf("Written by `%s`, %s, commit %s%s. Machine: %s, %d cores, %.1f GiB, Linux %s; %s, `%s`.%s\n",
           text(root, "command"), text(root, "date"), text(root, "commit"),
           json_is_true(member(root, "modified")) ? " with changes" : "", text(machine, "cpu"),
           (int)command_number(machine, "cores"), command_number(machine, "memory_kib") / 0x1p20,
           text(machine, "kernel"), text(root, "compiler"), text(root, "flags"),
           json_is_true(member(root, "quick")) ? " A quick run: short and not to be quoted." : "");
    printf("Load average when it began: %.2f. Figures are medians, in parentheses the lowest and the highest; sides\n"
           "of a comparison take turns in one run.%s\n\n",
           command_number(machine, "load"),
           command_number(machine, "load") > command_number(machine, "cores")
               ? "  **Others used the machine: not to be quoted.**"
               : "");
}

static void print_run(const json_t *run)
{
    const json_t *convert = member(run, "convert"), *trace = member(run, "trace"), *row;
    double event = 0, fused = 0, dense = 0;
    size_t i;
    printf("opt-tiny (5.3 M weights, F16), %d repeats of `lassim --model opt.snn -n %d`, T = 16, with `-t` and "
           "`--engine`;\n"
           "tokens are prompt and generated ones together:\n\n",
           (int)command_number(run, "repeats"), (int)command_number(run, "predict"));
    printf("| engine | tokens/s | synaptic operations/s, 10⁶ | events/s, 10³ | peak memory, MiB |\n"
           "| --- | --- | --- | --- | --- |\n");
    json_array_foreach(member(run, "rows"), i, row)
    {
        int threads = (int)command_number(row, "threads"), traced = json_is_true(member(row, "trace"));
        double *best = strcmp(text(row, "engine"), "dense") == 0   ? &dense
                       : strcmp(text(row, "engine"), "fused") == 0 ? &fused
                                                                   : &event;
        if (median_of(row, "tokens_per_second") > *best && !traced) *best = median_of(row, "tokens_per_second");
        printf("| %s, %d thread%s%s | ", text(row, "engine"), threads, threads == 1 ? "" : "s",
               traced ? ", trace" : "");
        print_spread(row, "tokens_per_second", 1, "%.1f");
        printf(" | ");
        print_spread(row, "synaptic_operations_per_second", 1e6, "%.0f");
        printf(" | ");
        print_spread(row, "events_per_second", 1e3, "%.1f");
        printf(" | ");
        print_spread(row, "peak_resident_bytes", 0x1p20, "%.1f");
        printf(" |\n");
    }
    printf("\nSpeed relative to the dense network, best against best: event %.2f, fused %.2f (below 1 is slower).  "
           "The dense\nnetwork counts nothing.  Conversion: ",
           event / dense, fused / dense);
    print_spread(convert, "seconds", 1, "%.2f");
    printf(" s, ");
    print_spread(convert, "peak_resident_bytes", 0x1p20, "%.0f");
    printf(" MiB, %d run%s.\nTrace: %.2f bits a spike; a run that writes one takes ",
           (int)command_number(convert, "repeats"), command_number(convert, "repeats") > 1 ? "s" : "",
           command_number(trace, "bits_per_spike"));
    print_spread(trace, "slowdown", 1, "%.2f");
    printf(" times as long.\n\n");
}

static void print_loss(const json_t *loss)
{
    const json_t *rows = member(loss, "rows"), *row;
    size_t i;
    printf("Loss on %d tokens of the held-out text (`lassim verify --reference`: against the original checkpoint in\n"
           "float32, dense perplexity %.2f), and spikes; deterministic, no repeats:\n\n",
           (int)command_number(json_array_get(rows, 0), "tokens"),
           command_number(json_array_get(rows, 0), "ppl_dense"));
    printf("| T | ΔPPL | mean KL | top-1 | saturations | spikes per neuron and window into weights: radix / ternary | "
           "active | FFN active |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    json_array_foreach(rows, i, row)
    {
        const json_t *spikes = member(row, "spikes");
        printf("| %d | %+.4f %% | %.1e | %.1f %% | %d | %.2f / %.2f | %.0f %% | %.0f %% |\n",
               (int)command_number(row, "timesteps"), command_number(row, "dppl_percent"),
               command_number(row, "kl_mean"), 100 * command_number(row, "top1_agreement"),
               (int)command_number(row, "saturations"), command_number(spikes, "radix_per_neuron_window"),
               command_number(spikes, "ternary_per_neuron_window"), 100 * command_number(spikes, "active_share"),
               100 * command_number(spikes, "ffn_active_share"));
    }
    printf(
        "\nSpikes and active share: the mean over the inputs of all weight matrices of the blocks and the head. The\n"
        "ternary code sends %.0f %% fewer spikes than radix at T = %d, all populations counted.\n\n",
        100 - 100 * command_number(member(json_array_get(rows, 0), "spikes"), "ternary_total") /
                  command_number(member(json_array_get(rows, 0), "spikes"), "radix_total"),
        (int)command_number(json_array_get(rows, 0), "timesteps"));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: figures BENCH.json\n");
        return 2;
    }
    json_t *root = command_json(argv[1]);
    print_provenance(root);
    if (json_object_get(root, "decode") != NULL) { /* written since there is a table of W1 to W8 */
        print_work(root);
        print_context(member(root, "context"));
        if (json_object_get(root, "large") != NULL) print_large(json_object_get(root, "large"));
        print_peers(root);
    }
    print_run(member(root, "run"));
    print_loss(member(root, "loss"));
    print_synapses(member(root, "synapse"));
    print_queue(member(root, "queue"));
    print_neurons(member(root, "neurons"));
    json_decref(root);
    return 0;
}
