/* `lassim trace stats`: rates, inter-spike intervals and synchrony of each population, from a trace alone.
 *
 * Input and code spikes count, whatever their sign and kind; gates do not.  Everything is an exact integer until the
 * last division:
 *   rate        spikes / (neurons in open windows x T)
 *   interval    between two successive spikes of one neuron, in timesteps, across windows; where tokens of a population
 *               share a window (encoders), inside a window only
 *   CV          standard deviation of the intervals over their mean: 1 for a Poisson process, 0 for a clock
 *   Fano        variance over mean of the population's spikes per timestep
 *   synchrony   chi (Golomb & Rinzel, Physica D 1994): standard deviation over time of the share of neurons that spike,
 *               over the root mean square of that of single neurons; 1: all at once, about 1/sqrt(N): independent
 * over the timesteps at which the population had a window open; a neuron outside a window of visible keys is silent. */
#ifndef LASSIM_PROGRAM_TRACE_STATS_H
#define LASSIM_PROGRAM_TRACE_STATS_H

#include <jansson.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/trace_reader.h"

typedef unsigned __int128 stats_sum;

struct trace_stats_row {
    uint64_t windows;      /* population x token */
    uint64_t neuron_steps; /* neurons in open windows x T */
    uint64_t spikes;
    uint64_t spiking;         /* neurons that spiked at least once */
    uint64_t most;            /* spikes of the neuron with most */
    uint64_t steps;           /* timesteps with a window open */
    stats_sum step_squares;   /* spikes per timestep, squared, summed */
    stats_sum neuron_squares; /* spikes per neuron, squared, summed */
    uint64_t intervals, shortest, longest;
    stats_sum interval_sum, interval_squares;
    int parallel; /* tokens share windows */
};

struct trace_stats {
    uint32_t populations;
    struct trace_stats_row *row; /* [populations]; owned: trace_stats_free */
    struct trace_totals totals;
    int complete;
};

/* Reads what is left of the trace.  *stats is to be freed whatever is returned.  Memory: 16 bytes for each neuron of
 * the populations that have a window.  O(spikes). */
enum lassim_status trace_stats_run(struct trace_reader *reader, struct trace_stats *stats, struct lassim_error *error);
void trace_stats_free(struct trace_stats *stats);

/* Negative where there is nothing to divide by. */
double trace_stats_rate(const struct trace_stats_row *row);
double trace_stats_interval_mean(const struct trace_stats_row *row);
double trace_stats_interval_cv(const struct trace_stats_row *row);
double trace_stats_fano(const struct trace_stats_row *row);
double trace_stats_synchrony(const struct trace_stats_row *row, uint64_t neurons);

/* To stdout. */
void trace_stats_print(const struct trace_reader *reader, const struct trace_stats *stats);
/* As JSON; the caller owns it.  NULL without memory. */
json_t *trace_stats_object(const struct trace_reader *reader, const struct trace_stats *stats);

#endif
