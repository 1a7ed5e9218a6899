#include "kernel/program/metrics_energy.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/energy_work.h"

struct energy_view {
    const struct metrics *metrics;
    struct energy_work *work, *idle; /* [populations] */
    double *neuron_windows;          /* [populations] neurons summed over windows; inputs: 0 */
};

/* One model's figures for some populations. */
struct figures {
    double spiking, idle, dense[ENERGY_WIDTHS], break_even[ENERGY_WIDTHS];
};

struct energy_view *energy_view_new(const struct metrics *metrics)
{
    uint32_t n = metrics->graph->populations;
    const struct model *model = metrics->model;
    struct energy_view *view = calloc(1, sizeof *view);
    if (view == NULL) return NULL;
    view->metrics = metrics;
    view->work = calloc(n, sizeof *view->work);
    view->idle = calloc(n, sizeof *view->idle);
    view->neuron_windows = calloc(n, sizeof *view->neuron_windows);
    if (view->work == NULL || view->idle == NULL || view->neuron_windows == NULL) {
        energy_view_free(view);
        return NULL;
    }
    for (uint32_t p = 0; p < n; p++) {
        const struct counters counters = metrics->counted != NULL ? metrics->counted[p] : (struct counters){0};
        const struct counters idle = energy_idle(metrics->graph, p, &counters);
        unsigned steps = model != NULL ? params_steps(&model->population[p], metrics->window) : metrics->window;
        energy_work_of(metrics->graph, model, p, &counters, metrics->tokens, &view->work[p]);
        energy_work_of(metrics->graph, model, p, &idle, metrics->tokens, &view->idle[p]);
        view->neuron_windows[p] = (double)counters.threshold_tests / steps;
    }
    return view;
}

void energy_view_free(struct energy_view *view)
{
    if (view == NULL) return;
    free(view->work);
    free(view->idle);
    free(view->neuron_windows);
    free(view);
}

struct energy_activity energy_view_activity(const struct energy_view *view, uint32_t first, uint32_t count)
{
    const struct graph *graph = view->metrics->graph;
    double neurons = 0, spikes = 0, tests = 0, events = 0, macs = 0;
    for (uint32_t p = first; p < first + count; p++) {
        const struct counters *counters = &view->metrics->counted[p];
        if (graph->population[p].code == CODE_INPUT) continue;
        neurons += view->neuron_windows[p];
        spikes += (double)counters->spikes;
        tests += (double)counters->threshold_tests;
        if (counters->dense_macs == 0) continue; /* no synapse of the dense network */
        events += (double)view->work[p].events;
        macs += (double)counters->dense_macs;
    }
    return (struct energy_activity){neurons > 0 ? spikes / neurons : -1, tests > 0 ? spikes / tests : -1,
                                    macs > 0 ? events / macs : -1};
}

static struct figures figures_of(const struct energy_view *view, const struct energy_model *model, uint32_t first,
                                 uint32_t count)
{
    struct figures figures = {.spiking = energy_spiking(model, &view->work[first], count),
                              .idle = energy_spiking(model, &view->idle[first], count)};
    double rate = energy_view_activity(view, first, count).spikes_per_neuron;
    for (int width = 0; width < ENERGY_WIDTHS; width++) {
        double dense = energy_dense(model, &view->work[first], count, (enum energy_width)width);
        figures.dense[width] = dense;
        figures.break_even[width] = energy_break_even(rate, figures.spiking, figures.idle, dense);
    }
    return figures;
}

static void set_real(json_t *object, const char *key, double value, int present)
{
    json_object_set_new(object, key, present ? json_real(value) : json_null());
}

static json_t *model_json(const struct energy_view *view, const struct energy_model *model, uint32_t first,
                          uint32_t count)
{
    char key[48];
    json_t *row = json_object();
    int spiking = view->metrics->population != NULL;
    const struct figures figures = figures_of(view, model, first, count);
    set_real(row, "spiking_joules", figures.spiking, spiking);
    set_real(row, "dense_joules", figures.dense[model->width], 1);
    for (int width = 0; width < ENERGY_WIDTHS; width++) {
        snprintf(key, sizeof key, "dense_%s_joules", energy_width_name((enum energy_width)width));
        set_real(row, key, figures.dense[width], 1);
    }
    for (int width = 0; width < ENERGY_WIDTHS; width++) {
        snprintf(key, sizeof key, "break_even_%s", energy_width_name((enum energy_width)width));
        set_real(row, key, figures.break_even[width], spiking && figures.break_even[width] >= 0);
    }
    return row;
}

static void set_model(json_t *row, const struct energy_model *model)
{
    json_object_set_new(row, "kind", json_string(energy_kind_name(model->kind)));
    json_object_set_new(row, "source", json_string(model->source));
    json_object_set_new(row, "dense_width", json_string(energy_width_name(model->width)));
    if (model->kind == ENERGY_EVENT) {
        json_object_set_new(row, "event_joules", json_real(model->event));
    } else {
        json_object_set_new(row, "add_joules", json_real(model->add));
        json_object_set_new(row, "multiply_joules", json_real(model->multiply));
    }
    for (int width = 0; width < ENERGY_WIDTHS; width++) {
        char key[48];
        snprintf(key, sizeof key, "mac_%s_joules", energy_width_name((enum energy_width)width));
        json_object_set_new(row, key, json_real(model->mac[width]));
    }
}

json_t *energy_view_totals(const struct energy_view *view)
{
    json_t *energy = json_object();
    for (unsigned i = 0; i < energy_list_models(&view->metrics->models); i++) {
        const struct energy_model *model = energy_list_model(&view->metrics->models, i);
        json_t *row = model_json(view, model, 0, view->metrics->graph->populations);
        set_model(row, model);
        json_object_set_new(energy, model->name, row);
    }
    return energy;
}

static double quantity_of(const struct energy_activity *activity, enum energy_quantity quantity)
{
    switch (quantity) {
    case ENERGY_SPIKES_PER_SYNAPSE: return activity->spikes_per_synapse;
    case ENERGY_SPIKES_PER_NEURON: return activity->spikes_per_neuron;
    case ENERGY_SPIKE_RATE: return activity->spike_rate;
    }
    return -1;
}

void energy_view_set(const struct energy_view *view, uint32_t first, uint32_t count, json_t *row)
{
    if (view->metrics->population == NULL) return;
    const struct energy_activity activity = energy_view_activity(view, first, count);
    json_t *verdicts = json_object(), *energy = json_object();
    for (int quantity = ENERGY_SPIKES_PER_SYNAPSE; quantity <= ENERGY_SPIKE_RATE; quantity++) {
        double value = quantity_of(&activity, (enum energy_quantity)quantity);
        set_real(row, energy_quantity_name((enum energy_quantity)quantity), value, value >= 0);
    }
    for (unsigned i = 0; i < energy_thresholds(); i++) {
        const struct energy_threshold *threshold = energy_threshold(i);
        double value = quantity_of(&activity, threshold->quantity);
        json_object_set_new(verdicts, threshold->name,
                            value >= 0 ? json_string(energy_verdict(threshold, value)) : json_null());
    }
    for (unsigned i = 0; i < energy_list_models(&view->metrics->models); i++) {
        const struct energy_model *model = energy_list_model(&view->metrics->models, i);
        json_object_set_new(energy, model->name, model_json(view, model, first, count));
    }
    json_object_set_new(row, "verdicts", verdicts);
    json_object_set_new(row, "energy", energy);
}

/* ---- prose ---- */

static void print_figure(FILE *out, double value)
{
    if (value < 0)
        fprintf(out, " %10s", "-");
    else
        fprintf(out, " %10.4g", value);
}

static void print_row(const struct energy_view *view, const char *name, const struct energy_model *model,
                      uint32_t first, uint32_t count, FILE *out)
{
    const struct figures figures = figures_of(view, model, first, count);
    int spiking = view->metrics->population != NULL;
    fprintf(out, "%-26s", name);
    print_figure(out, spiking ? figures.spiking : -1);
    for (int width = 0; width < ENERGY_WIDTHS; width++) print_figure(out, figures.dense[width]);
    for (int width = 0; width < ENERGY_WIDTHS; width++) print_figure(out, spiking ? figures.break_even[width] : -1);
}

static void print_header(const char *what, const char *more, FILE *out)
{
    fprintf(out, "%-26s %10s %32s %32s\n%-26s %10s", what, "spiking,", "dense, joules", "break-even, spikes per neuron",
            "", "joules");
    for (int twice = 0; twice < 2; twice++)
        for (int width = 0; width < ENERGY_WIDTHS; width++)
            fprintf(out, " %10s", energy_width_name((enum energy_width)width));
    fprintf(out, "%s\n", more);
}

static void print_verdicts(const struct energy_activity *activity, FILE *out)
{
    print_figure(out, activity->spikes_per_neuron);
    print_figure(out, activity->spikes_per_synapse);
    for (unsigned i = 0; i < energy_thresholds(); i++) {
        double value = quantity_of(activity, energy_threshold(i)->quantity);
        fprintf(out, " %s", value < 0 ? "-" : energy_verdict(energy_threshold(i), value));
    }
    fputc('\n', out);
}

/* The chosen model, for every population that has work in the dense network. */
static void print_layers(const struct energy_view *view, const struct energy_model *model, FILE *out)
{
    const struct metrics *metrics = view->metrics;
    fprintf(out, "\nenergy %s: %s\n", model->name, model->source);
    print_header("layer (population)", " per neuron per synapse published thresholds say", out);
    for (uint32_t p = 0; p < metrics->graph->populations; p++) {
        if (metrics->counted[p].dense_macs == 0) continue;
        const struct energy_activity activity = energy_view_activity(view, p, 1);
        print_row(view, metrics->graph->population[p].name, model, p, 1, out);
        print_verdicts(&activity, out);
    }
}

void energy_view_print(const struct energy_view *view, FILE *out)
{
    const struct metrics *metrics = view->metrics;
    uint32_t n = metrics->graph->populations;
    const struct energy_model *chosen = metrics->energy;
    print_header("energy", "", out);
    for (unsigned i = 0; i < energy_list_models(&metrics->models); i++) {
        const struct energy_model *model = energy_list_model(&metrics->models, i);
        if (chosen != NULL && model != chosen) continue;
        print_row(view, model->name, model, 0, n, out);
        fputc('\n', out);
    }
    if (metrics->population == NULL) return;
    const struct energy_activity activity = energy_view_activity(view, 0, n);
    fprintf(out, "%.4g spikes per neuron and window, %.4g per synapse and token, rate %.4g\n",
            activity.spikes_per_neuron, activity.spikes_per_synapse, activity.spike_rate);
    fputs("published thresholds say:", out);
    for (unsigned i = 0; i < energy_thresholds(); i++) {
        const struct energy_threshold *threshold = energy_threshold(i);
        double value = quantity_of(&activity, threshold->quantity);
        fprintf(out, "%s %s %s", i > 0 ? "," : "", threshold->name, value < 0 ? "-" : energy_verdict(threshold, value));
    }
    fputc('\n', out);
    if (chosen != NULL) print_layers(view, chosen, out);
}
