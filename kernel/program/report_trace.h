/* What the report shows of a trace, collected in one pass and in bounded memory whatever the trace's size: sums per
 * population, layer, timestep, token and neuron. */
#ifndef LASSIM_PROGRAM_REPORT_TRACE_H
#define LASSIM_PROGRAM_REPORT_TRACE_H

#include <jansson.h>
#include <stdint.h>

#include "kernel/counters.h"
#include "kernel/error.h"
#include "kernel/program/report_grid.h"
#include "kernel/program/report_raster.h"
#include "kernel/trace_reader.h"
#include "neurons/code.h"

enum {
    REPORT_POPULATIONS = 2048,    /* listed one by one: the first of the table */
    REPORT_LAYERS = 258,          /* in the figures by layer: the lowest numbers */
    REPORT_NEURONS_MAX = 1 << 24, /* counted one by one, of all populations together */
    REPORT_CHANNELS = 48,         /* columns of the outlier figure: the channels with most outlier spikes */
    REPORT_OUTLIER_ROWS = 256,    /* its rows: the first populations with channel thresholds */
    REPORT_HISTOGRAM = 2 * SPIKE_STEPS_MAX + 1
};

struct report_neuron {
    uint32_t spikes;  /* stays at UINT32_MAX */
    uint32_t outlier; /* of them; in the lowest 31 bits, stays there */
};
#define REPORT_NEURON_FULL 0x80000000u /* bit of outlier: was at its largest code at least once */

struct report_population {
    struct counters counters;
    uint64_t steps[SPIKE_STEPS_MAX]; /* spikes (not gates) by timestep of the window */
    uint64_t opened;                 /* (neuron, window) pairs; inputs open none */
    uint64_t full;                   /* of them at the largest code the neuron has; OAT */
    uint32_t row;                    /* of its layer, UINT32_MAX: left out */
    uint32_t participants;           /* neurons that took part in a window (visible keys: of the largest span) */
    struct report_neuron *neuron;    /* [neurons], NULL: not counted one by one */
    uint64_t *spans;                 /* heads > 0 and neuron: windows in which key k took part [positions] */
};

struct report_trace {
    struct trace_reader *reader;
    const struct trace_header_info *info;
    struct report_population *population; /* [populations] */
    uint64_t neurons;                     /* counted one by one */
    int32_t layer[REPORT_LAYERS];
    uint32_t layers;
    struct report_grid time, token; /* rows: layers */
    uint32_t ids[REPORT_COLUMNS];   /* of tokens, from the input population; UINT32_MAX: unknown */
    struct report_raster raster;
};

/* Reads what is left of reader, which must outlive *trace.  LASSIM_ERR_FILE as the reader says, LASSIM_ERR_RUN without
 * memory.  report_trace_free in any case. */
enum lassim_status report_trace_read(struct report_trace *trace, struct trace_reader *reader,
                                     struct lassim_error *error);
void report_trace_free(struct report_trace *trace);

/* Figures per neuron of one population, from its counts. */
struct report_neurons {
    uint64_t silent;                      /* took part and never spiked */
    uint64_t full;                        /* were at their largest code at least once */
    uint64_t histogram[REPORT_HISTOGRAM]; /* [0] silent; [i]: spikes per window in ((i-1)/2, i/2] */
};
/* All 0 if the population's neurons were not counted one by one.  O(neurons). */
void report_neurons_of(const struct report_trace *trace, uint32_t population, struct report_neurons *out);

/* Everything as JSON (kernel/program/report/data.md); the caller owns it, NULL without memory. */
json_t *report_trace_json(const struct report_trace *trace);
/* The outlier spikes per channel; the caller owns it.  json_null() if no population has channel thresholds and was
 * counted, NULL without memory. */
json_t *report_outliers_json(const struct report_trace *trace);

#endif
