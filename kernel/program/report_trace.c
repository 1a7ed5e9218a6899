#include "kernel/program/report_trace.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/trace_decode.h"
#include "kernel/trace_expand.h"
#include "neurons/oat.h"

static enum lassim_status no_memory(const struct report_trace *trace, struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(trace->reader), NULL, "no memory for its counts");
}

/* Puts a layer's number among the lowest ones, ascending. */
static void note_layer(struct report_trace *trace, int32_t layer)
{
    uint32_t at = 0;
    while (at < trace->layers && trace->layer[at] < layer) at++;
    if (at < trace->layers && trace->layer[at] == layer) return;
    if (at == REPORT_LAYERS) return;
    uint32_t moved = trace->layers - at - (trace->layers == REPORT_LAYERS);
    memmove(trace->layer + at + 1, trace->layer + at, moved * sizeof trace->layer[0]);
    trace->layer[at] = layer;
    if (trace->layers < REPORT_LAYERS) trace->layers++;
}

static uint32_t row_of_layer(const struct report_trace *trace, int32_t layer)
{
    for (uint32_t row = 0; row < trace->layers; row++)
        if (trace->layer[row] == layer) return row;
    return UINT32_MAX;
}

static int set_up(struct report_trace *trace)
{
    const struct trace_header_info *info = trace->info;
    trace->population = calloc(info->populations, sizeof *trace->population);
    int failed = trace->population == NULL;
    for (uint32_t p = 0; p < info->populations; p++) note_layer(trace, info->population[p].layer);
    for (uint32_t p = 0; !failed && p < info->populations; p++)
        trace->population[p].row = row_of_layer(trace, info->population[p].layer);
    for (uint32_t token = 0; token < REPORT_COLUMNS; token++) trace->ids[token] = UINT32_MAX;
    failed |= report_grid_init(&trace->time, trace->layers, info->timesteps);
    failed |= report_grid_init(&trace->token, trace->layers, 1);
    failed |= report_raster_init(&trace->raster, info);
    return failed ? -1 : 0;
}

/* Room to count the population's neurons one by one, once it opens its first window; none beyond the limit. */
static int start_neurons(struct report_trace *trace, uint32_t p)
{
    const struct trace_population *row = &trace->info->population[p];
    struct report_population *population = &trace->population[p];
    if (row->code == CODE_INPUT || row->neurons > REPORT_NEURONS_MAX - trace->neurons) return 0;
    trace->neurons += row->neurons;
    population->neuron = calloc(row->neurons, sizeof *population->neuron);
    if (row->heads > 0) population->spans = calloc(row->positions, sizeof *population->spans);
    return population->neuron == NULL || (row->heads > 0 && population->spans == NULL) ? -1 : 0;
}

/* 1 if the neuron spikes with the largest code it has: an OAT neuron that may be saturated. */
static int at_largest_code(const struct trace_header_info *info, const struct trace_population *row, uint32_t code)
{
    uint32_t largest = (UINT32_C(1) << trace_steps(info, row)) - 1;
    if (row->code != CODE_OAT || (code & OAT_MAGNITUDE) != largest) return 0;
    return row->j == 0 || (code & OAT_OUTLIER) != 0;
}

static void count_neuron(struct report_neuron *neuron, uint32_t spikes, int outlier, int full)
{
    neuron->spikes = neuron->spikes > UINT32_MAX - spikes ? UINT32_MAX : neuron->spikes + spikes;
    uint32_t count = neuron->outlier & ~REPORT_NEURON_FULL;
    if (outlier) count = count > REPORT_NEURON_FULL - 1 - spikes ? REPORT_NEURON_FULL - 1 : count + spikes;
    neuron->outlier = count | (neuron->outlier & REPORT_NEURON_FULL) | (full ? REPORT_NEURON_FULL : 0);
}

static void count_active(struct report_trace *trace, const struct trace_record *record, uint64_t *steps)
{
    const struct trace_population *row = &trace->info->population[record->population];
    struct report_population *population = &trace->population[record->population];
    for (uint32_t i = 0; i < record->count; i++) {
        const struct trace_active *active = &record->active[i];
        struct spike_steps spikes;
        enum trace_kind kind = trace_active_steps(trace->info, row, active, &spikes);
        for (uint32_t left = spikes.fired; left != 0; left &= left - 1) steps[__builtin_ctz(left)]++;
        int full = at_largest_code(trace->info, row, active->code);
        population->full += (unsigned)full;
        if (population->neuron == NULL) continue;
        count_neuron(&population->neuron[active->neuron], (unsigned)__builtin_popcount(spikes.fired),
                     kind == TRACE_OUTLIER, full);
    }
}

/* The token's id is the row of the population that reads it in. */
static void note_token(struct report_trace *trace, const struct trace_record *record)
{
    if (trace->info->population[record->population].kind != POPULATION_TOKEN) return;
    if (trace->info->population[record->population].code != CODE_INPUT) return;
    if (record->token < REPORT_COLUMNS && record->count == 1) trace->ids[record->token] = record->active[0].neuron;
}

static int count_record(struct report_trace *trace, const struct trace_record *record)
{
    struct report_population *population = &trace->population[record->population];
    uint64_t steps[SPIKE_STEPS_MAX] = {0}, start = record->window * trace->info->timesteps, spikes = 0;
    if (population->counters.windows == 0 && start_neurons(trace, record->population) != 0) return -1;
    trace_record_count(trace->info, record, &population->counters);
    if (trace->info->population[record->population].code != CODE_INPUT) population->opened += record->neurons;
    if (population->spans != NULL) population->spans[record->span - 1]++;
    if (record->neurons > population->participants) population->participants = record->neurons;
    count_active(trace, record, steps);
    report_grid_reach(&trace->time, start + trace->info->timesteps - 1);
    report_grid_reach(&trace->token, record->token);
    for (unsigned t = 0; t < trace->info->timesteps; t++) {
        population->steps[t] += steps[t];
        spikes += steps[t];
        if (population->row != UINT32_MAX && steps[t] > 0)
            report_grid_add(&trace->time, population->row, start + t, steps[t]);
    }
    if (population->row != UINT32_MAX) report_grid_add(&trace->token, population->row, record->token, spikes);
    note_token(trace, record);
    report_raster_add(&trace->raster, record);
    return 0;
}

/* From windows by the number of visible keys to windows in which each key took part. */
static void sum_spans(struct report_trace *trace)
{
    for (uint32_t p = 0; p < trace->info->populations; p++) {
        uint64_t *spans = trace->population[p].spans;
        for (uint32_t key = trace->info->population[p].positions; spans != NULL && key-- > 1;)
            spans[key - 1] += spans[key];
    }
}

enum lassim_status report_trace_read(struct report_trace *trace, struct trace_reader *reader,
                                     struct lassim_error *error)
{
    *trace = (struct report_trace){.reader = reader, .info = trace_reader_info(reader)};
    if (set_up(trace) != 0) return no_memory(trace, error);
    const struct trace_record *record;
    enum lassim_status status;
    while ((status = trace_reader_next(reader, &record, error)) == LASSIM_OK && record != NULL) {
        if (count_record(trace, record) != 0) return no_memory(trace, error);
    }
    sum_spans(trace);
    return status;
}

void report_trace_free(struct report_trace *trace)
{
    for (uint32_t p = 0; trace->population != NULL && p < trace->info->populations; p++) {
        free(trace->population[p].neuron);
        free(trace->population[p].spans);
    }
    free(trace->population);
    trace->population = NULL;
    report_grid_free(&trace->time);
    report_grid_free(&trace->token);
    report_raster_free(&trace->raster);
}

static void add_neuron(const struct report_neuron *neuron, uint64_t windows, struct report_neurons *out)
{
    if (windows == 0) return;
    uint64_t half = (2 * (uint64_t)neuron->spikes + windows - 1) / windows; /* ceil(2 spikes / windows) */
    out->histogram[half < REPORT_HISTOGRAM ? half : REPORT_HISTOGRAM - 1]++;
    out->silent += neuron->spikes == 0;
    out->full += (neuron->outlier & REPORT_NEURON_FULL) != 0;
}

void report_neurons_of(const struct report_trace *trace, uint32_t p, struct report_neurons *out)
{
    const struct report_population *population = &trace->population[p];
    const struct trace_population *row = &trace->info->population[p];
    *out = (struct report_neurons){0};
    if (population->neuron == NULL) return;
    if (row->heads == 0) {
        for (uint32_t n = 0; n < row->neurons; n++)
            add_neuron(&population->neuron[n], population->counters.windows, out);
        return;
    }
    for (uint32_t n = 0; n < row->neurons; n++)
        add_neuron(&population->neuron[n], population->spans[n % row->positions], out);
}
