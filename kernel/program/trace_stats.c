#include "kernel/program/trace_stats.h"

#include <math.h>
#include <stdlib.h>

#include "kernel/trace_decode.h"

/* What is remembered of a population while reading. */
struct history {
    uint64_t *spikes; /* [neurons] */
    uint64_t *last;   /* [neurons] timestep after its latest spike; 0: none yet */
    uint64_t window;  /* the latest one */
};

static enum lassim_status open_history(const struct trace_reader *reader, struct history *history, uint32_t neurons,
                                       struct lassim_error *error)
{
    if (history->spikes != NULL) return LASSIM_OK;
    history->spikes = calloc(neurons, sizeof *history->spikes);
    history->last = calloc(neurons, sizeof *history->last);
    if (history->spikes != NULL && history->last != NULL) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(reader), NULL, "no memory for %u neurons", neurons);
}

static void count_interval(struct trace_stats_row *row, uint64_t interval)
{
    if (row->intervals++ == 0 || interval < row->shortest) row->shortest = interval;
    if (interval > row->longest) row->longest = interval;
    row->interval_sum += interval;
    row->interval_squares += (stats_sum)interval * interval;
}

/* Intervals inside the window, and the one since the neuron's spike before, if `before` is one. */
static void count_intervals(struct trace_stats_row *row, uint64_t start, uint32_t fired, uint64_t *last)
{
    for (; fired != 0; fired &= fired - 1) {
        uint64_t time = start + (unsigned)__builtin_ctz(fired);
        if (*last != 0) count_interval(row, time + 1 - *last);
        *last = time + 1;
    }
}

static void count_neuron(struct trace_stats_row *row, struct history *history, uint32_t neuron, uint64_t start,
                         uint32_t fired)
{
    uint64_t before = history->spikes[neuron], added = (unsigned)__builtin_popcount(fired), alone = 0;
    history->spikes[neuron] += added;
    row->spikes += added;
    row->spiking += before == 0 && added > 0;
    row->neuron_squares += (stats_sum)(before + added) * (before + added) - (stats_sum)before * before;
    if (history->spikes[neuron] > row->most) row->most = history->spikes[neuron];
    count_intervals(row, start, fired, row->parallel ? &alone : &history->last[neuron]);
}

static void count_record(const struct trace_header_info *info, const struct trace_record *record,
                         struct trace_stats_row *row, struct history *history)
{
    const struct trace_population *population = &info->population[record->population];
    uint64_t per_step[SPIKE_STEPS_MAX] = {0};
    unsigned steps = trace_steps(info, population);
    if (row->windows > 0 && record->window == history->window) row->parallel = 1;
    history->window = record->window;
    row->windows++;
    row->steps += steps;
    row->neuron_steps += (uint64_t)record->neurons * steps;
    for (uint32_t i = 0; i < record->count; i++) {
        struct spike_steps spikes;
        trace_active_steps(info, population, &record->active[i], &spikes);
        count_neuron(row, history, record->active[i].neuron, record->window * info->timesteps, spikes.fired);
        for (unsigned t = 0; t < steps; t++) per_step[t] += spikes.fired >> t & 1;
    }
    for (unsigned t = 0; t < steps; t++) row->step_squares += (stats_sum)per_step[t] * per_step[t];
}

static enum lassim_status read_records(struct trace_reader *reader, struct trace_stats *stats,
                                       struct history *histories, struct lassim_error *error)
{
    const struct trace_header_info *info = trace_reader_info(reader);
    const struct trace_record *record;
    enum lassim_status status;
    while ((status = trace_reader_next(reader, &record, error)) == LASSIM_OK && record != NULL) {
        struct history *history = &histories[record->population];
        status = open_history(reader, history, info->population[record->population].neurons, error);
        if (status != LASSIM_OK) return status;
        count_record(info, record, &stats->row[record->population], history);
    }
    return status;
}

enum lassim_status trace_stats_run(struct trace_reader *reader, struct trace_stats *stats, struct lassim_error *error)
{
    uint32_t n = trace_reader_info(reader)->populations;
    struct history *histories = calloc(n, sizeof *histories);
    *stats = (struct trace_stats){.populations = n, .row = calloc(n, sizeof *stats->row)};
    enum lassim_status status = LASSIM_OK;
    if (histories == NULL || stats->row == NULL)
        status = lassim_fail(error, LASSIM_ERR_RUN, trace_reader_name(reader), NULL, "no memory for its populations");
    if (status == LASSIM_OK) status = read_records(reader, stats, histories, error);
    for (uint32_t p = 0; histories != NULL && p < n; p++) {
        free(histories[p].spikes);
        free(histories[p].last);
    }
    free(histories);
    stats->totals = *trace_reader_totals(reader);
    stats->complete = trace_reader_complete(reader);
    return status;
}

void trace_stats_free(struct trace_stats *stats)
{
    free(stats->row);
    stats->row = NULL;
}

double trace_stats_rate(const struct trace_stats_row *row)
{
    return row->neuron_steps > 0 ? (double)row->spikes / (double)row->neuron_steps : -1;
}

double trace_stats_interval_mean(const struct trace_stats_row *row)
{
    return row->intervals > 0 ? (double)row->interval_sum / (double)row->intervals : -1;
}

/* n sum of squares - (sum)^2, exact: n^2 times the variance. */
static double scaled_variance(uint64_t n, stats_sum squares, stats_sum sum)
{
    return (double)(n * squares - sum * sum);
}

double trace_stats_interval_cv(const struct trace_stats_row *row)
{
    if (row->intervals == 0) return -1;
    return sqrt(scaled_variance(row->intervals, row->interval_squares, row->interval_sum)) / (double)row->interval_sum;
}

double trace_stats_fano(const struct trace_stats_row *row)
{
    if (row->spikes == 0) return -1;
    return scaled_variance(row->steps, row->step_squares, row->spikes) / ((double)row->steps * (double)row->spikes);
}

/* Variance over time of the share c/N, and the mean over neurons of n/S - (n/S)^2, both times N^2 S^2 and N S^2. */
double trace_stats_synchrony(const struct trace_stats_row *row, uint64_t neurons)
{
    double together = scaled_variance(row->steps, row->step_squares, row->spikes);
    double single = (double)((stats_sum)row->steps * row->spikes - row->neuron_squares);
    if (row->spikes == 0 || !(single > 0)) return -1;
    return sqrt(together / ((double)neurons * single));
}
