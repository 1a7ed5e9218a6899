#include "kernel/program/trace_summary.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernel/trace_expand.h"

/* The counters that follow from a trace. */
#define TRACE_COUNTERS(X)  \
    X(windows)             \
    X(events)              \
    X(spikes)              \
    X(spikes_positive)     \
    X(spikes_negative)     \
    X(spikes_normal)       \
    X(spikes_outlier)      \
    X(spikes_gate)         \
    X(spikes_lost)         \
    X(active_neurons)      \
    X(synaptic_operations) \
    X(threshold_tests)

enum lassim_status trace_summarize(struct trace_reader *reader, struct trace_summary *summary,
                                   struct lassim_error *error)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    *summary = (struct trace_summary){0};
    summary->population = calloc(info->populations, sizeof *summary->population);
    if (summary->population == NULL)
        return lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(reader), NULL, "no memory for its counters");
    const struct trace_record *record;
    enum lassim_status status;
    while ((status = trace_reader_next(reader, &record, error)) == LASSIM_OK && record != NULL)
        trace_record_count(info, record, &summary->population[record->population]);
    for (uint32_t p = 0; p < info->populations; p++) counters_add(&summary->total, &summary->population[p]);
    summary->totals = *trace_reader_totals(reader);
    summary->complete = trace_reader_complete(reader);
    summary->bytes = trace_reader_bytes(reader);
    return status;
}

void trace_summary_free(struct trace_summary *summary)
{
    free(summary->population);
    summary->population = NULL;
}

/* Bits of the file per row of `trace export`. */
static double bits_per_spike(const struct trace_summary *summary)
{
    uint64_t rows = summary->total.spikes + summary->total.spikes_gate;
    return rows > 0 ? 8.0 * (double)summary->bytes / (double)rows : 0;
}

static uint64_t hg_spikes(const struct counters *counters)
{
    return counters->spikes - counters->spikes_normal - counters->spikes_outlier;
}

static void print_population(const struct trace_header_info *info, const struct trace_population *row,
                             const struct counters *counters)
{
    printf("%-24s %5s %2u %8u %8u %9llu %14llu %12llu %8llu\n", row->name, trace_code_name(row->code),
           trace_steps(info, row), row->neurons, row->fan_out, (unsigned long long)counters->windows,
           (unsigned long long)counters->spikes, (unsigned long long)counters->spikes_gate,
           (unsigned long long)counters->active_neurons);
}

static void print_perturbation(const struct trace_header_info *info)
{
    const struct trace_perturbation *perturbation = &info->perturbation;
    if (!perturbation->on) return;
    printf("perturbed      spikes lost with p = %g, threshold noise %g, %llu stuck neurons, seed %llu\n",
           perturbation->rule.drop, perturbation->rule.noise, (unsigned long long)perturbation->stuck,
           (unsigned long long)perturbation->rule.seed);
}

void trace_summary_print(const struct trace_reader *reader, const struct trace_summary *summary)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    const struct counters *total = &summary->total;
    printf("trace          %s\n", trace_reader_name(reader));
    printf("complete       %s\n", summary->complete ? "yes" : "no, cut off: read to its last whole block");
    printf("model hash     %016llx\n", (unsigned long long)info->model_hash);
    printf("T              %u, %s code\n", info->timesteps, trace_spike_code_name(info->code));
    print_perturbation(info);
    printf("blocks         %llu, %llu records, %llu bytes, %.2f bits per spike\n",
           (unsigned long long)summary->totals.blocks, (unsigned long long)summary->totals.records,
           (unsigned long long)summary->bytes, bits_per_spike(summary));
    printf("timesteps      %llu\n", (unsigned long long)summary->totals.timesteps);
    printf("spikes         %llu (%llu normal, %llu outlier, %llu HG code; %llu positive, %llu negative)\n",
           (unsigned long long)total->spikes, (unsigned long long)total->spikes_normal,
           (unsigned long long)total->spikes_outlier, (unsigned long long)hg_spikes(total),
           (unsigned long long)total->spikes_positive, (unsigned long long)total->spikes_negative);
    printf("gate spikes    %llu\n", (unsigned long long)total->spikes_gate);
    printf("events         %llu\n", (unsigned long long)total->events);
    printf("synaptic ops   %llu\n\n", (unsigned long long)total->synaptic_operations);
    printf("%-24s %5s %2s %8s %8s %9s %14s %12s %8s\n", "population", "code", "T", "neurons", "fan_out", "windows",
           "spikes", "gates", "active");
    for (uint32_t p = 0; p < info->populations; p++)
        print_population(info, &info->population[p], &summary->population[p]);
}

static int set_integer(json_t *object, const char *key, uint64_t value)
{
    return json_object_set_new(object, key, json_integer((json_int_t)value));
}

static int set_counters(json_t *object, const struct counters *counters)
{
    int failed = 0;
#define SET_COUNTER(field) failed |= set_integer(object, #field, counters->field);
    TRACE_COUNTERS(SET_COUNTER)
#undef SET_COUNTER
    return failed;
}

static json_t *population_json(const struct trace_header_info *info, const struct trace_population *row,
                               const struct counters *counters)
{
    json_t *object = json_object();
    int failed = json_object_set_new(object, "name", json_string(row->name));
    failed |= json_object_set_new(object, "layer", json_integer(row->layer));
    failed |= set_integer(object, "level", row->level);
    failed |= json_object_set_new(object, "code", json_string(trace_code_name(row->code)));
    failed |= set_integer(object, "neurons", row->neurons);
    failed |= set_integer(object, "fan_out", row->fan_out);
    failed |= set_integer(object, "T", trace_steps(info, row));
    failed |= set_integer(object, "block", row->block_neurons);
    failed |= set_integer(object, "gates", trace_gates(row));
    failed |= set_integer(object, "octave_gates", row->octave_gates);
    failed |= set_integer(object, "j", row->j);
    failed |= set_integer(object, "heads", row->heads);
    failed |= set_integer(object, "positions", row->positions);
    failed |= set_counters(object, counters);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

json_t *perturbation_json(const struct trace_perturbation *perturbation)
{
    char hash[17];
    if (!perturbation->on) return json_null();
    json_t *object = json_object();
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)perturbation->stuck_hash);
    int failed = json_object_set_new(object, "drop_spikes", json_real(perturbation->rule.drop));
    failed |= json_object_set_new(object, "threshold_noise", json_real(perturbation->rule.noise));
    failed |= set_integer(object, "stuck_neurons", perturbation->stuck);
    failed |= json_object_set_new(object, "stuck_hash", json_string(hash));
    failed |= set_integer(object, "seed", perturbation->rule.seed);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static int set_header(json_t *object, const struct trace_header_info *info)
{
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)info->model_hash);
    int failed = json_object_set_new(object, "hash", json_string(hash));
    failed |= set_integer(object, "T", info->timesteps);
    failed |= json_object_set_new(object, "code", json_string(trace_spike_code_name(info->code)));
    failed |= set_integer(object, "vocabulary", info->vocabulary);
    failed |= json_object_set_new(object, "perturbation", perturbation_json(&info->perturbation));
    return failed;
}

enum lassim_status trace_summary_json(const struct trace_reader *reader, const struct trace_summary *summary,
                                      struct lassim_error *error)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    json_t *object = json_object(), *populations = json_array();
    int failed = json_object_set_new(object, "complete", json_boolean(summary->complete));
    failed |= set_header(object, info);
    failed |= set_integer(object, "blocks", summary->totals.blocks);
    failed |= set_integer(object, "records", summary->totals.records);
    failed |= set_integer(object, "bytes", summary->bytes);
    failed |= json_object_set_new(object, "bits_per_spike", json_real(bits_per_spike(summary)));
    failed |= set_integer(object, "timesteps", summary->totals.timesteps);
    failed |= set_counters(object, &summary->total);
    for (uint32_t p = 0; p < info->populations; p++)
        failed |=
            json_array_append_new(populations, population_json(info, &info->population[p], &summary->population[p]));
    failed |= json_object_set_new(object, "populations", populations);
    if (!failed) failed = json_dumpf(object, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) != 0 && !ferror(stdout);
    json_decref(object);
    putchar('\n');
    return failed ? lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(reader), NULL, "no memory for its JSON")
                  : LASSIM_OK;
}
