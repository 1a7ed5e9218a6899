/* What `trace stats` prints. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "kernel/program/trace_stats.h"

static void print_figure(double value)
{
    if (value < 0)
        printf(" %9s", "-");
    else
        printf(" %9.4g", value);
}

static void print_row(const struct trace_population *population, const struct trace_stats_row *row)
{
    printf("%-24s %8u %8" PRIu64 " %12" PRIu64 " %8" PRIu64, population->name, population->neurons, row->windows,
           row->spikes, population->neurons - row->spiking);
    print_figure(trace_stats_rate(row));
    print_figure(row->windows > 0 ? (double)row->spikes / (double)row->windows : -1);
    print_figure(trace_stats_interval_mean(row));
    print_figure(trace_stats_interval_cv(row));
    print_figure(row->intervals > 0 ? (double)row->shortest : -1);
    print_figure(row->intervals > 0 ? (double)row->longest : -1);
    print_figure(trace_stats_fano(row));
    print_figure(trace_stats_synchrony(row, population->neurons));
    printf("\n");
}

void trace_stats_print(const struct trace_reader *reader, const struct trace_stats *stats)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    printf("trace          %s\n", trace_reader_name(reader));
    printf("timesteps      %" PRIu64 ", T = %u\n", stats->totals.timesteps, info->timesteps);
    printf("rate: spikes per neuron and timestep of an open window; intervals in timesteps; gates left out\n\n");
    printf("%-24s %8s %8s %12s %8s %9s %9s %9s %9s %9s %9s %9s %9s\n", "population", "neurons", "windows", "spikes",
           "silent", "rate", "a window", "interval", "CV", "shortest", "longest", "Fano", "synchrony");
    for (uint32_t p = 0; p < info->populations; p++) print_row(&info->population[p], &stats->row[p]);
}

static json_t *figure(double value)
{
    return value < 0 ? json_null() : json_real(value);
}

static json_t *row_json(const struct trace_population *population, const struct trace_stats_row *row)
{
    json_t *intervals =
        json_pack("{s:I, s:o, s:o, s:o, s:o}", "count", (json_int_t)row->intervals, "mean",
                  figure(trace_stats_interval_mean(row)), "cv", figure(trace_stats_interval_cv(row)), "shortest",
                  row->intervals > 0 ? json_integer((json_int_t)row->shortest) : json_null(), "longest",
                  row->intervals > 0 ? json_integer((json_int_t)row->longest) : json_null());
    return json_pack(
        "{s:s, s:i, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "name", population->name, "layer", population->layer,
        "neurons", (json_int_t)population->neurons, "windows", (json_int_t)row->windows, "spikes",
        (json_int_t)row->spikes, "silent_neurons", (json_int_t)(population->neurons - row->spiking),
        "most_spikes_of_a_neuron", (json_int_t)row->most, "rate", figure(trace_stats_rate(row)), "intervals", intervals,
        "fano", figure(trace_stats_fano(row)), "synchrony", figure(trace_stats_synchrony(row, population->neurons)));
}

json_t *trace_stats_object(const struct trace_reader *reader, const struct trace_stats *stats)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    json_t *list = json_array(), *root = json_object();
    int failed = json_object_set_new(root, "complete", json_boolean(stats->complete));
    failed |= json_object_set_new(root, "timesteps", json_integer((json_int_t)stats->totals.timesteps));
    failed |= json_object_set_new(root, "T", json_integer(info->timesteps));
    for (uint32_t p = 0; p < info->populations; p++)
        failed |= json_array_append_new(list, row_json(&info->population[p], &stats->row[p]));
    failed |= json_object_set_new(root, "populations", list);
    if (!failed) return root;
    json_decref(root);
    return NULL;
}
