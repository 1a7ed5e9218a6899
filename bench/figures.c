/* Prints the README's figures, in Markdown, from what `make bench` measured.
 *
 * figures BENCH.json: exit 0; 1 if a figure is missing. */
#include <math.h>
#include <string.h>

#include "bench/command.h"

static const json_t *member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL) return value;
    fprintf(stderr, "figures: expected \"%s\"\n", key);
    exit(1);
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(member(object, key));
    return value != NULL ? value : "?";
}

/* "median (min … max)" of object.key, each divided by unit. */
static void print_spread(const json_t *object, const char *key, double unit, const char *format)
{
    const json_t *spread = member(object, key);
    if (json_is_null(spread)) {
        printf("–");
        return;
    }
    printf(format, command_number(spread, "median") / unit);
    printf(" (");
    printf(format, command_number(spread, "min") / unit);
    printf(" … ");
    printf(format, command_number(spread, "max") / unit);
    printf(")");
}

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
           "of a comparison take turns in one run.\n\n",
           command_number(machine, "load"));
}

static double median_of(const json_t *row, const char *key)
{
    return command_number(member(row, key), "median");
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

static void print_queue(const json_t *queue)
{
    const json_t *row;
    size_t i;
    printf("Event queue, hold model (increments 1 … 64 timesteps, random keys), nanoseconds a hold, %d repeats:\n\n"
           "| pending | event queue | binary heap | ratio |\n| --- | --- | --- | --- |\n",
           (int)command_number(queue, "repeats"));
    json_array_foreach(member(queue, "rows"), i, row)
    {
        printf("| 10^%.0f | ", log10(command_number(row, "pending")));
        print_spread(row, "queue_ns", 1, "%.0f");
        printf(" | ");
        print_spread(row, "heap_ns", 1, "%.0f");
        printf(" | %.1f |\n", command_number(row, "ratio"));
    }
    printf("\n");
}

/* Time, rate and share of one row of a run; "–" where nothing was read. */
static void print_synapse_row(const json_t *row)
{
    print_spread(row, "seconds", 1e-3, "%.3f");
    if (command_number(row, "spikes") > 0)
        printf(" | %.1f (%.0f %%) | %.2f |", command_number(row, "weights_gigabytes_per_second"),
               100 * command_number(row, "of_read_bandwidth"),
               command_number(row, "synaptic_operations_per_second") * 1e-9);
    else
        printf(" | – | – |");
}

static void print_synapse_lines(const json_t *runs)
{
    const json_t *run;
    size_t i;
    json_array_foreach(runs, i, run)
    {
        const json_t *line = member(run, "line");
        printf("%d thread%s: the machine reads ", (int)command_number(run, "threads"),
               command_number(run, "threads") > 1 ? "s" : "");
        print_spread(run, "read_gigabytes_per_second", 1, "%.1f");
        printf(" GB/s. No spike costs %.3f %% of all spiking; time against spikes is a line that starts at\n"
               "%.1f %% of the full time, no row further off it than %.1f %%.\n",
               100 * command_number(line, "idle_over_full"), 100 * command_number(line, "intercept_over_full"),
               100 * command_number(line, "largest_deviation_over_full"));
    }
    printf("\n");
}

static void print_synapses(const json_t *synapse)
{
    const json_t *runs = member(synapse, "runs"), *run, *row;
    size_t i, k;
    printf(
        "Synapse kernel, F16 matrix of %.0f MiB (%d × %d), one step's spikes, %d repeats; weights read a second, in\n"
        "parentheses their share of what the machine reads:\n\n| active sources |",
        command_number(synapse, "bytes") / 0x1p20, (int)command_number(synapse, "sources"),
        (int)command_number(synapse, "targets"), (int)command_number(synapse, "repeats"));
    json_array_foreach(runs, i, run)
    {
        int threads = (int)command_number(run, "threads");
        printf(" %d thread%s: ms | GB/s | 10⁹ synaptic operations/s |", threads, threads > 1 ? "s" : "");
    }
    printf("\n| --- |");
    for (i = 0; i < json_array_size(runs); i++) printf(" --- | --- | --- |");
    printf("\n");
    json_array_foreach(member(json_array_get(runs, 0), "rows"), k, row)
    {
        printf("| %.0f %% |", command_number(row, "active_percent"));
        for (i = 0; i < json_array_size(runs); i++) {
            printf(" ");
            print_synapse_row(json_array_get(member(json_array_get(runs, i), "rows"), k));
        }
        printf("\n");
    }
    printf("\n");
    print_synapse_lines(runs);
}

static void print_neurons(const json_t *neurons)
{
    const json_t *row;
    size_t i;
    printf("Neurons, nanoseconds each (T = 16, %d repeats):\n\n| case | ns |\n| --- | --- |\n",
           (int)command_number(neurons, "repeats"));
    json_array_foreach(member(neurons, "rows"), i, row)
    {
        printf("| `%s` | %.1f (%.1f … %.1f) |\n", text(row, "name"), command_number(row, "ns_per_neuron"),
               command_number(row, "lowest"), command_number(row, "highest"));
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: figures BENCH.json\n");
        return 2;
    }
    json_t *root = command_json(argv[1]);
    print_provenance(root);
    print_run(member(root, "run"));
    print_loss(member(root, "loss"));
    print_synapses(member(root, "synapse"));
    print_queue(member(root, "queue"));
    print_neurons(member(root, "neurons"));
    json_decref(root);
    return 0;
}
