/* Figures of single parts: event queue, synapse kernel, neurons. */
#include "bench/figures/print.h"

void print_queue(const json_t *queue)
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

void print_synapses(const json_t *synapse)
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

void print_neurons(const json_t *neurons)
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
