/* The energy part of metrics: every model on both sides, for the whole run, block by block and population by
 * population, with break-even and published thresholds (docs/energy.md). */
#ifndef LASSIM_PROGRAM_METRICS_ENERGY_H
#define LASSIM_PROGRAM_METRICS_ENERGY_H

#include "kernel/program/metrics.h"

/* Works of all populations, with and without their spikes; made once per output. */
struct energy_view;

/* NULL without memory; metrics outlives it.  energy_view_free. */
struct energy_view *energy_view_new(const struct metrics *metrics);
void energy_view_free(struct energy_view *view);

/* How populations [first, first + count) spiked; a quantity without meaning is negative. */
struct energy_activity {
    double spikes_per_neuron;  /* and window */
    double spike_rate;         /* spikes per neuron and timestep */
    double spikes_per_synapse; /* synaptic and product operations per dense multiply-accumulate */
};
struct energy_activity energy_view_activity(const struct energy_view *view, uint32_t first, uint32_t count);

/* {model: {kind, source, costs, spiking_joules, dense_joules, ...}} of the whole run.  The caller owns it. */
json_t *energy_view_totals(const struct energy_view *view);
/* Sets activity, verdicts and {model: {...}} of populations [first, first + count) in row. */
void energy_view_set(const struct energy_view *view, uint32_t first, uint32_t count, json_t *row);
/* The printed tables. */
void energy_view_print(const struct energy_view *view, FILE *out);

#endif
