/* `lassim simulate NET.json`: runs a network of integrate-and-fire neurons on input spikes. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "kernel/error.h"
#include "kernel/outfile.h"
#include "kernel/program/cli.h"
#include "kernel/program/run_loop.h"

/* X(field of struct lassim_network_counts, what it counts) */
#define SIMULATE_COUNTERS(X)                                           \
    X(spikes, "input spikes included")                                 \
    X(events, "non-empty spike packets (population, timestep, block)") \
    X(deliveries, "packets that left the queue at a target")           \
    X(synaptic_operations, "spikes x their synapses")                  \
    X(threshold_tests, "neurons visited: LIF every timestep, IF when spikes arrive")

struct simulation {
    const struct cli *cli;
    lassim_network *network;
    struct lassim_network_info info;
    uint64_t timesteps;
    double setup_seconds, wall_seconds;
    struct lassim_error *error;
};

static int is_standard_output(const struct cli *cli, enum option_id option)
{
    return cli_given(cli, option) && strcmp(cli_text(cli, option), "-") == 0;
}

static int check_options(const struct cli *cli)
{
    int trace = is_standard_output(cli, OPTION_TRACE), metrics = is_standard_output(cli, OPTION_SIMULATE_METRICS);
    if (trace + metrics + (trace + metrics > 0 && cli_flag(cli, OPTION_JSON)) <= 1) return 0;
    return cli_usage(trace ? OPTION_TRACE : OPTION_SIMULATE_METRICS, "only one result can go to standard output");
}

/* The network, what it is to do, its input. */
static enum lassim_status open_network(struct simulation *s)
{
    const struct cli *cli = s->cli;
    const struct lassim_network_options options = {
        .threads = (uint32_t)cli_integer(cli, OPTION_THREADS),
        .numa_off = cli_integer(cli, OPTION_NUMA) != 0,
        .trace = cli_text(cli, OPTION_TRACE),
        .no_clobber = (uint32_t)cli_flag(cli, OPTION_NO_CLOBBER),
    };
    double started = run_seconds();
    enum lassim_status status = lassim_network_open(cli->operand[0], &s->network, s->error);
    if (status != LASSIM_OK) return status;
    lassim_network_info(s->network, &s->info);
    s->timesteps = cli_given(cli, OPTION_SIMULATE_TIMESTEPS) ? (uint64_t)cli_integer(cli, OPTION_SIMULATE_TIMESTEPS)
                                                             : s->info.timesteps;
    if (s->timesteps == 0)
        return lassim_fail(s->error, LASSIM_ERR_USAGE, "--timesteps", NULL,
                           "expected, %s does not say how many to simulate", cli->operand[0]);
    status = lassim_network_start(s->network, &options, s->error);
    if (status == LASSIM_OK && cli_given(cli, OPTION_INPUT))
        status = lassim_network_feed_file(s->network, cli_text(cli, OPTION_INPUT), s->error);
    s->setup_seconds = run_seconds() - started;
    return status;
}

static void stop_simulation(void *context)
{
    lassim_network_stop(((struct simulation *)context)->network);
}

static void progress_of_simulation(void *context, uint64_t *timesteps, uint64_t *tokens)
{
    *timesteps = lassim_network_progress(((struct simulation *)context)->network);
    *tokens = 0;
}

static enum lassim_status run_network(struct simulation *s)
{
    const struct run_watch watch = {.stop = stop_simulation,
                                    .progress = progress_of_simulation,
                                    .context = s,
                                    .quiet = cli_flag(s->cli, OPTION_QUIET)};
    run_watch(&watch);
    double started = run_seconds();
    enum lassim_status status = lassim_network_run(s->network, s->timesteps, s->error);
    if (status == LASSIM_OK) status = lassim_network_finish(s->network, s->error);
    s->wall_seconds = run_seconds() - started;
    run_unwatch();
    return status;
}

/* ---- results ---- */

static double events_per_second(const struct simulation *s, const struct lassim_network_counts *total)
{
    return s->wall_seconds > 0 ? (double)total->synaptic_operations / s->wall_seconds : 0;
}

static void set_counts(json_t *object, const struct lassim_network_counts *counts)
{
#define SET_COUNTER(field, text) json_object_set_new(object, #field, json_integer((json_int_t)counts->field));
    SIMULATE_COUNTERS(SET_COUNTER)
#undef SET_COUNTER
}

static json_t *populations_json(const struct simulation *s)
{
    static const char *const models[] = {"input", "if", "lif"};
    json_t *list = json_array();
    for (uint32_t p = 0; p < s->info.populations; p++) {
        struct lassim_population population;
        struct lassim_network_counts counts;
        json_t *row = json_object();
        lassim_network_population(s->network, p, &population);
        lassim_network_counts(s->network, p, &counts);
        json_object_set_new(row, "name", json_string(population.name));
        json_object_set_new(row, "model", json_string(models[population.neuron]));
        json_object_set_new(row, "neurons", json_integer(population.size));
        set_counts(row, &counts);
        json_array_append_new(list, row);
    }
    return list;
}

/* NULL without memory. */
static json_t *simulation_json(const struct simulation *s)
{
    char hash[17];
    struct rusage usage;
    struct lassim_network_counts total;
    json_t *root = json_object(), *totals = json_object();
    getrusage(RUSAGE_SELF, &usage);
    lassim_network_counts(s->network, UINT32_MAX, &total);
    snprintf(hash, sizeof hash, "%016" PRIx64, s->info.hash);
    set_counts(totals, &total);
    json_object_set_new(totals, "neurons", json_integer((json_int_t)s->info.neurons));
    json_object_set_new(totals, "synapses", json_integer((json_int_t)s->info.synapses));
    json_object_set_new(totals, "timesteps", json_integer((json_int_t)total.timesteps));
    json_object_set_new(root, "schema", json_string("lassim.simulation.1"));
    json_object_set_new(root, "hash", json_string(hash));
    json_object_set_new(root, "weights_moved", json_integer((json_int_t)s->info.moved));
    json_object_set_new(root, "weights_moved_max", json_real(s->info.moved_max));
    json_object_set_new(root, "totals", totals);
    json_object_set_new(root, "populations", populations_json(s));
    json_object_set_new(root, "setup_seconds", json_real(s->setup_seconds));
    json_object_set_new(root, "wall_seconds", json_real(s->wall_seconds));
    json_object_set_new(root, "synaptic_events_per_second", json_real(events_per_second(s, &total)));
    json_object_set_new(root, "peak_resident_bytes", json_integer((json_int_t)usage.ru_maxrss * 1024));
    return root;
}

static enum lassim_status write_metrics(const struct simulation *s)
{
    const char *path = cli_text(s->cli, OPTION_SIMULATE_METRICS);
    struct outfile *out;
    if (path == NULL) return LASSIM_OK;
    enum lassim_status status = outfile_open(path, cli_flag(s->cli, OPTION_NO_CLOBBER), &out, s->error);
    if (status != LASSIM_OK) return status;
    json_t *root = simulation_json(s);
    char *text = json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    json_decref(root);
    status = text != NULL ? outfile_write(out, text, strlen(text), s->error)
                          : lassim_fail(s->error, LASSIM_ERR_RUN, path, NULL, "no memory for the metrics");
    free(text);
    if (status == LASSIM_OK) status = outfile_write(out, "\n", 1, s->error);
    if (status == LASSIM_OK) return outfile_close_complete(out, s->error);
    outfile_abandon(out);
    return status;
}

static void print_count(FILE *out, const char *name, uint64_t count, const char *text)
{
    fprintf(out, "%-26s %20" PRIu64 "  %s\n", name, count, text);
}

static void print_table(const struct simulation *s, FILE *out)
{
    struct lassim_network_counts total, one;
    struct lassim_population population;
    lassim_network_counts(s->network, UINT32_MAX, &total);
    fprintf(out, "%-26s %10s %14s %12s %18s\n", "population", "neurons", "spikes", "events", "synaptic ops");
    for (uint32_t p = 0; p < s->info.populations; p++) {
        lassim_network_population(s->network, p, &population);
        lassim_network_counts(s->network, p, &one);
        fprintf(out, "%-26s %10" PRIu32 " %14" PRIu64 " %12" PRIu64 " %18" PRIu64 "\n", population.name,
                population.size, one.spikes, one.events, one.synaptic_operations);
    }
    fputc('\n', out);
    print_count(out, "neurons", s->info.neurons, "of all populations");
    print_count(out, "synapses", s->info.synapses, "of all projections");
    print_count(out, "timesteps", total.timesteps, "simulated");
#define PRINT_COUNTER(field, text) print_count(out, #field, total.field, text);
    SIMULATE_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
    if (s->info.moved > 0)
        fprintf(out, "%" PRIu64 " weights moved to their grid, by %.3g at most\n", s->info.moved, s->info.moved_max);
    fprintf(out, "%.4f s after %.4f s of preparation, %.4g synaptic events/s\n", s->wall_seconds, s->setup_seconds,
            events_per_second(s, &total));
}

static enum lassim_status show(const struct simulation *s, FILE *out)
{
    enum lassim_status status = write_metrics(s);
    if (status != LASSIM_OK) return status;
    if (cli_flag(s->cli, OPTION_JSON)) {
        json_t *root = simulation_json(s);
        json_dumpf(root, out, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        fputc('\n', out);
        json_decref(root);
    } else if (!cli_flag(s->cli, OPTION_QUIET)) {
        print_table(s, out);
    }
    return LASSIM_OK;
}

int cmd_simulate(const struct cli *cli)
{
    struct lassim_error error = {LASSIM_OK, ""};
    struct simulation s = {.cli = cli, .error = &error};
    int taken = is_standard_output(cli, OPTION_TRACE) || is_standard_output(cli, OPTION_SIMULATE_METRICS);
    if (check_options(cli) != 0) return LASSIM_ERR_USAGE;
    enum lassim_status status = open_network(&s);
    if (status == LASSIM_OK) status = run_network(&s);
    if (status == LASSIM_OK) status = show(&s, taken ? stderr : stdout);
    lassim_network_close(s.network);
    if (run_interrupted()) return LASSIM_ERR_RUN; /* whoever sent the signal knows why */
    return status == LASSIM_OK ? 0 : cli_error(&error);
}
