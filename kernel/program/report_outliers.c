/* Outlier channels: which outputs of the norms spike through their outlier sub-neurons. */
#include <stdlib.h>

#include "kernel/program/report_trace.h"

struct channel {
    uint64_t spikes;
    uint32_t index;
};

/* 1 if population p is a norm's output whose neurons were counted. */
static int is_norm(const struct report_trace *trace, uint32_t p)
{
    const struct trace_population *row = &trace->info->population[p];
    return row->kind == POPULATION_NORM && row->code == CODE_OAT && trace->population[p].neuron != NULL;
}

static uint64_t outlier_spikes(const struct report_trace *trace, uint32_t p, uint32_t channel)
{
    if (channel >= trace->info->population[p].neurons) return 0;
    return trace->population[p].neuron[channel].outlier & ~REPORT_NEURON_FULL;
}

static int more_spikes(const void *a, const void *b)
{
    const struct channel *x = a, *y = b;
    if (x->spikes != y->spikes) return x->spikes < y->spikes ? 1 : -1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int lower_index(const void *a, const void *b)
{
    const struct channel *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static json_t *row_json(const struct report_trace *trace, uint32_t p, const struct channel *channel, uint32_t count)
{
    json_t *row = json_array();
    int failed = row == NULL;
    for (uint32_t c = 0; c < count; c++)
        failed |= json_array_append_new(row, json_integer((json_int_t)outlier_spikes(trace, p, channel[c].index)));
    if (!failed) return row;
    json_decref(row);
    return NULL;
}

/* Those that spiked of the `channels` sums, most first, of which `shown` are drawn, by number. */
static json_t *figure_json(const struct report_trace *trace, struct channel *channel, uint32_t channels)
{
    uint64_t spikes = 0, drawn = 0;
    uint32_t spiking = 0, rows = 0;
    for (uint32_t c = 0; c < channels; c++) {
        spikes += channel[c].spikes;
        spiking += channel[c].spikes > 0;
    }
    qsort(channel, channels, sizeof *channel, more_spikes);
    uint32_t shown = spiking < REPORT_CHANNELS ? spiking : REPORT_CHANNELS;
    qsort(channel, shown, sizeof *channel, lower_index);
    json_t *object = json_object(), *indices = json_array(), *sums = json_array(), *counts = json_array();
    json_t *populations = json_array();
    int failed = json_object_set_new(object, "channels", json_integer(channels));
    for (uint32_t c = 0; c < shown; c++) {
        drawn += channel[c].spikes;
        failed |= json_array_append_new(indices, json_integer(channel[c].index));
        failed |= json_array_append_new(sums, json_integer((json_int_t)channel[c].spikes));
    }
    for (uint32_t p = 0; p < trace->info->populations && p < REPORT_POPULATIONS && rows < REPORT_OUTLIER_ROWS; p++) {
        if (!is_norm(trace, p)) continue;
        rows++;
        failed |= json_array_append_new(populations, json_integer(p));
        failed |= json_array_append_new(counts, row_json(trace, p, channel, shown));
    }
    failed |= json_object_set_new(object, "spiking_channels", json_integer(spiking));
    failed |= json_object_set_new(object, "spikes", json_integer((json_int_t)spikes));
    failed |= json_object_set_new(object, "spikes_drawn", json_integer((json_int_t)drawn));
    failed |= json_object_set_new(object, "indices", indices) | json_object_set_new(object, "sums", sums);
    failed |= json_object_set_new(object, "populations", populations) | json_object_set_new(object, "rows", counts);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}

json_t *report_outliers_json(const struct report_trace *trace)
{
    uint32_t channels = 0;
    for (uint32_t p = 0; p < trace->info->populations; p++)
        if (is_norm(trace, p) && trace->info->population[p].neurons > channels)
            channels = trace->info->population[p].neurons;
    if (channels == 0) return json_null();
    struct channel *channel = calloc(channels, sizeof *channel);
    if (channel == NULL) return NULL;
    for (uint32_t c = 0; c < channels; c++) channel[c].index = c;
    for (uint32_t p = 0; p < trace->info->populations; p++)
        for (uint32_t c = 0; is_norm(trace, p) && c < trace->info->population[p].neurons; c++)
            channel[c].spikes += outlier_spikes(trace, p, c);
    json_t *object = figure_json(trace, channel, channels);
    free(channel);
    return object;
}
