/* Percentiles of what populations code, read back from the trace of a run (kernel/program/variant.h). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/calibration_text.h"
#include "convert/convert.h"
#include "kernel/program/variant.h"
#include "kernel/session.h"
#include "kernel/trace_reader.h"
#include "neurons/oat.h"
#include "neurons/real.h"

enum { BINS_AN_OCTAVE = 64, OCTAVES = 64, BINS = BINS_AN_OCTAVE * OCTAVES };

/* Of one population: how many values lie in each 64th of an octave below 2^top. */
struct histogram {
    int top;
    uint64_t values, bin[BINS]; /* values: silent ones too */
};

/* Bin of x > 0: bins count down from 2^top; the last one holds everything smaller. */
static unsigned bin_of(const struct histogram *histogram, double x)
{
    int octave = real_floor_log2(x), down = histogram->top - 1 - octave;
    unsigned within = (unsigned)((x * real_power_of_two(-octave) - 1) * BINS_AN_OCTAVE);
    if (down < 0) return 0;
    unsigned bin = (unsigned)down * BINS_AN_OCTAVE + (BINS_AN_OCTAVE - 1 - within);
    return bin < BINS ? bin : BINS - 1;
}

/* Upper edge of a bin. */
static double edge_of(const struct histogram *histogram, unsigned bin)
{
    int octave = histogram->top - 1 - (int)(bin / BINS_AN_OCTAVE);
    return (1 + (double)(BINS_AN_OCTAVE - bin % BINS_AN_OCTAVE) / BINS_AN_OCTAVE) * real_power_of_two(octave);
}

static double percentile_of(const struct histogram *histogram, double percent)
{
    double above = (double)histogram->values * (1 - percent / 100);
    uint64_t seen = 0;
    for (unsigned bin = 0; bin < BINS; bin++) {
        seen += histogram->bin[bin];
        if ((double)seen > above) return edge_of(histogram, bin);
    }
    return 0;
}

static void add_record(const struct model *model, const struct trace_record *record, struct histogram *histogram)
{
    const struct population_params *params = &model->population[record->population];
    double lsb = real_ldexp(params->scale, params->exponent - (int)params_steps(params, model->timesteps));
    histogram->values += record->neurons;
    for (uint32_t i = 0; i < record->count; i++) {
        const struct trace_active *active = &record->active[i];
        int shift = params->shift != NULL ? params->shift[active->neuron] : 0;
        double value = real_ldexp(__builtin_fabs((double)oat_value(active->code, params->j)) * lsb, shift);
        histogram->bin[bin_of(histogram, value)]++;
    }
}

static enum lassim_status read_trace(const struct model *model, const char *path, struct histogram *histograms,
                                     struct lassim_error *error)
{
    struct trace_reader *reader;
    const struct trace_record *record = NULL;
    enum lassim_status status = trace_reader_open(path, &reader, error);
    if (status != LASSIM_OK) return status;
    while ((status = trace_reader_next(reader, &record, error)) == LASSIM_OK && record != NULL)
        if (model->graph->population[record->population].code == CODE_OAT)
            add_record(model, record, &histograms[record->population]);
    trace_reader_close(reader);
    return status;
}

/* One sequence of the calibration text, traced, read back. */
static enum lassim_status run_sequence(const struct model *model, const uint32_t *ids, uint32_t n, const char *path,
                                       unsigned threads, struct histogram *histograms, struct lassim_error *error)
{
    const struct lassim_options options = {.trace = path, .threads = threads, .numa_off = 1};
    lassim_session *session = NULL;
    enum lassim_status status = session_open_model(model, &options, &session, error);
    if (status == LASSIM_OK) status = lassim_session_feed(session, ids, n, LASSIM_READ_ALL, NULL, NULL, error);
    if (status == LASSIM_OK) status = lassim_session_finish(session, error);
    lassim_session_close(session);
    if (status == LASSIM_OK) status = read_trace(model, path, histograms, error);
    unlink(path);
    return status;
}

static enum lassim_status run_text(const struct model *model, const struct calibration_text *text, const char *near,
                                   unsigned threads, struct histogram *histograms, struct lassim_error *error)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s.calibration", near) >= (int)sizeof path)
        return lassim_fail(error, LASSIM_ERR_RUN, near, NULL, "%s", strerror(ENAMETOOLONG));
    enum lassim_status status = LASSIM_OK;
    for (size_t at = 0; at < text->tokens && status == LASSIM_OK; at += text->context) {
        size_t n = text->tokens - at < text->context ? text->tokens - at : text->context;
        status = run_sequence(model, text->ids + at, (uint32_t)n, path, threads, histograms, error);
    }
    return status;
}

enum lassim_status variant_percentiles(const struct model *model, const char *calibration, double percent,
                                       const char *near, unsigned threads, double *out, struct lassim_error *error)
{
    const struct graph *graph = model->graph;
    struct calibration_text text;
    enum lassim_status status = calibration_text_read(calibration, &graph->config, &model->tokenizer,
                                                      convert_tokens(graph, CONVERT_CALIBRATION_TOKENS), &text, error);
    if (status != LASSIM_OK) return status;
    struct histogram *histograms = calloc(graph->populations, sizeof *histograms);
    if (histograms == NULL) status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for percentiles");
    for (uint32_t p = 0; p < graph->populations && status == LASSIM_OK; p++)
        histograms[p].top = model->calibrated_max[p] > 0 ? real_floor_log2(model->calibrated_max[p]) + 1 : 0;
    if (status == LASSIM_OK) status = run_text(model, &text, near, threads, histograms, error);
    for (uint32_t p = 0; p < graph->populations && status == LASSIM_OK; p++) {
        double found = percentile_of(&histograms[p], percent);
        out[p] = found > model->calibrated_max[p] ? model->calibrated_max[p] : found;
    }
    free(histograms);
    free(text.ids);
    return status;
}
