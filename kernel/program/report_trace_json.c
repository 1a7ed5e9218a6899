#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/program/report_trace.h"
#include "kernel/program/trace_summary.h"

static int set(json_t *object, const char *key, uint64_t value)
{
    return json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *integers(const uint64_t *value, uint32_t count)
{
    json_t *array = json_array();
    int failed = array == NULL;
    for (uint32_t i = 0; i < count; i++) failed |= json_array_append_new(array, json_integer((json_int_t)value[i]));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static int set_neurons(json_t *object, const struct report_trace *trace, uint32_t p)
{
    struct report_neurons neurons;
    if (trace->population[p].neuron == NULL) return 0;
    report_neurons_of(trace, p, &neurons);
    int failed = set(object, "silent", neurons.silent) | set(object, "neurons_at_largest", neurons.full);
    uint32_t bins = 2 * trace_steps(trace->info, &trace->info->population[p]) + 1;
    return failed | json_object_set_new(object, "histogram", integers(neurons.histogram, bins));
}

static json_t *population_json(const struct report_trace *trace, uint32_t p)
{
    const struct trace_population *row = &trace->info->population[p];
    const struct report_population *population = &trace->population[p];
    json_t *object = json_object();
    int failed = json_object_set_new(object, "name", json_string(row->name));
    failed |= json_object_set_new(object, "layer", json_integer(row->layer));
    failed |= json_object_set_new(object, "code", json_string(trace_code_name(row->code)));
    failed |= set(object, "level", row->level) | set(object, "neurons", row->neurons);
    failed |= set(object, "fan_out", row->fan_out) | set(object, "T", trace_steps(trace->info, row));
    failed |= set(object, "heads", row->heads);
    failed |= set(object, "windows", population->counters.windows) | set(object, "opened", population->opened);
    failed |= set(object, "spikes", population->counters.spikes);
    failed |= set(object, "spikes_negative", population->counters.spikes_negative);
    failed |= set(object, "spikes_outlier", population->counters.spikes_outlier);
    failed |= set(object, "spikes_gate", population->counters.spikes_gate);
    failed |= set(object, "active_neurons", population->counters.active_neurons);
    failed |= set(object, "synaptic_operations", population->counters.synaptic_operations);
    failed |= set(object, "at_largest", population->full);
    failed |= json_object_set_new(object, "steps", integers(population->steps, trace->info->timesteps));
    failed |= set_neurons(object, trace, p);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

static json_t *populations_json(const struct report_trace *trace)
{
    json_t *array = json_array();
    int failed = array == NULL;
    for (uint32_t p = 0; p < trace->info->populations && p < REPORT_POPULATIONS; p++)
        failed |= json_array_append_new(array, population_json(trace, p));
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

/* Ids of the tokens, where each has a column of its own and is known. */
static json_t *ids_json(const struct report_trace *trace)
{
    if (trace->token.bin > 1) return json_null();
    json_t *array = json_array();
    int failed = array == NULL;
    for (uint32_t token = 0; token < trace->token.columns; token++) {
        uint32_t id = trace->ids[token];
        failed |= json_array_append_new(array, id == UINT32_MAX ? json_null() : json_integer(id));
    }
    if (!failed) return array;
    json_decref(array);
    return NULL;
}

static int set_header(json_t *object, const struct report_trace *trace)
{
    const struct trace_header_info *info = trace->info;
    const struct trace_totals *totals = trace_reader_totals(trace->reader);
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)info->model_hash);
    int failed = json_object_set_new(object, "complete", json_boolean(trace_reader_complete(trace->reader)));
    failed |= json_object_set_new(object, "hash", json_string(hash));
    failed |= set(object, "T", info->timesteps) | set(object, "timesteps", totals->timesteps);
    failed |= json_object_set_new(object, "code", json_string(trace_spike_code_name(info->code)));
    failed |= set(object, "records", totals->records) | set(object, "bytes", trace_reader_bytes(trace->reader));
    failed |= json_object_set_new(object, "perturbation", perturbation_json(&info->perturbation));
    return failed;
}

/* Sums over all populations, listed or not. */
static int set_totals(json_t *object, const struct report_trace *trace)
{
    struct counters sum = {0};
    uint64_t rowless = 0, opened = 0, neurons = 0, uncounted = 0, input = 0;
    for (uint32_t p = 0; p < trace->info->populations; p++) {
        const struct report_population *population = &trace->population[p];
        counters_add(&sum, &population->counters);
        opened += population->opened;
        if (trace->info->population[p].code == CODE_INPUT) input += population->counters.spikes;
        neurons += trace->info->population[p].neurons;
        rowless += population->row == UINT32_MAX;
        uncounted += population->neuron == NULL && population->counters.windows > 0 &&
                     trace->info->population[p].code != CODE_INPUT;
    }
    json_t *totals = json_object();
    int failed = set(totals, "spikes", sum.spikes) | set(totals, "spikes_negative", sum.spikes_negative);
    failed |= set(totals, "spikes_outlier", sum.spikes_outlier) | set(totals, "spikes_gate", sum.spikes_gate);
    failed |= set(totals, "events", sum.events) | set(totals, "active_neurons", sum.active_neurons);
    failed |= set(totals, "synaptic_operations", sum.synaptic_operations) | set(totals, "opened", opened);
    failed |= set(totals, "spikes_input", input) | set(totals, "windows", sum.windows);
    failed |= set(totals, "neurons", neurons);
    failed |= set(totals, "populations", trace->info->populations);
    failed |= set(totals, "populations_without_layer", rowless) | set(totals, "populations_uncounted", uncounted);
    return failed | json_object_set_new(object, "totals", totals);
}

json_t *report_trace_json(const struct report_trace *trace)
{
    json_t *object = json_object(), *layers = json_array();
    int failed = set_header(object, trace) | set_totals(object, trace);
    for (uint32_t row = 0; row < trace->layers; row++)
        failed |= json_array_append_new(layers, json_integer(trace->layer[row]));
    failed |= json_object_set_new(object, "layers", layers);
    failed |= json_object_set_new(object, "populations", populations_json(trace));
    failed |= json_object_set_new(object, "time", report_grid_json(&trace->time));
    failed |= json_object_set_new(object, "tokens", report_grid_json(&trace->token));
    failed |= json_object_set_new(object, "token_ids", ids_json(trace));
    failed |= json_object_set_new(object, "outliers", report_outliers_json(trace));
    failed |= json_object_set_new(object, "raster", report_raster_json(&trace->raster));
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
