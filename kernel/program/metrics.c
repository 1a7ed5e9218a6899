#include "kernel/program/metrics.h"

#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "kernel/energy_work.h"
#include "kernel/outfile.h"
#include "kernel/program/metrics_energy.h"
#include "kernel/program/trace_summary.h"

void metrics_take(struct metrics *metrics, lassim_session *session, const struct model *model)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    metrics->graph = model->graph;
    metrics->model = model;
    metrics->window = session_steps(session);
    metrics->population = session_population_counters(session);
    metrics->counted = session_dense_counters(session);
    metrics->token = session_token_counters(session, &metrics->tokens);
    metrics->timesteps = session_timesteps(session);
    metrics->packets_popped = session_packets_popped(session);
    metrics->dense_macs = session_dense_macs(session);
    metrics->perturbation = session_perturbation(session);
    metrics->peak_resident_bytes = (uint64_t)usage.ru_maxrss * 1024;
}

static json_t *integer_or_null(uint64_t value, int present)
{
    return present ? json_integer((json_int_t)value) : json_null();
}

/* Sets every counter of object; counters NULL: null each. */
static void set_counters(json_t *object, const struct counters *counters)
{
#define SET_COUNTER(field, text) \
    json_object_set_new(object, #field, integer_or_null(counters ? counters->field : 0, counters != NULL));
    LASSIM_COUNTERS(SET_COUNTER)
#undef SET_COUNTER
}

struct counters metrics_totals(const struct metrics *metrics)
{
    struct counters sum;
    memset(&sum, 0, sizeof sum);
    for (uint32_t p = 0; metrics->population != NULL && p < metrics->graph->populations; p++) {
        counters_add(&sum, &metrics->population[p]);
    }
    if (metrics->population == NULL) sum.dense_macs = metrics->dense_macs;
    return sum;
}

static uint64_t total_neurons(const struct metrics *metrics)
{
    uint64_t neurons = 0;
    for (uint32_t p = 0; p < metrics->graph->populations; p++) neurons += metrics->graph->population[p].neurons;
    return neurons;
}

static json_t *totals_json(const struct metrics *metrics)
{
    json_t *totals = json_object();
    int spiking = metrics->population != NULL;
    struct counters sum = metrics_totals(metrics);
    json_object_set_new(totals, "tokens", json_integer(metrics->tokens));
    json_object_set_new(totals, "neurons", json_integer((json_int_t)total_neurons(metrics)));
    set_counters(totals, spiking ? &sum : NULL);
    json_object_set_new(totals, "dense_macs", json_integer((json_int_t)metrics->dense_macs));
    json_object_set_new(totals, "timesteps", integer_or_null(metrics->timesteps, spiking));
    return totals;
}

static json_t *layers_json(const struct metrics *metrics, const struct energy_view *view)
{
    json_t *layers = json_array();
    const struct graph *graph = metrics->graph;
    for (int32_t layer = -1; layer <= (int32_t)graph->config.layers; layer++) {
        struct counters sum;
        uint64_t neurons = 0;
        uint32_t first = 0, count = 0;
        memset(&sum, 0, sizeof sum);
        for (uint32_t p = 0; p < graph->populations; p++) {
            if (graph->population[p].layer != layer) continue;
            if (count++ == 0) first = p; /* a block's populations are neighbours */
            neurons += graph->population[p].neurons;
            if (metrics->population != NULL) counters_add(&sum, &metrics->population[p]);
        }
        if (neurons == 0) continue;
        json_t *row = json_object();
        json_object_set_new(row, "layer", json_integer(layer));
        json_object_set_new(row, "neurons", json_integer((json_int_t)neurons));
        set_counters(row, metrics->population ? &sum : NULL);
        energy_view_set(view, first, count, row);
        json_array_append_new(layers, row);
    }
    return layers;
}

static json_t *tokens_json(const struct metrics *metrics)
{
    json_t *tokens = json_array();
    for (uint32_t t = 0; t < metrics->tokens; t++) {
        json_t *row = json_object();
        json_object_set_new(row, "token", json_integer(t));
        set_counters(row, metrics->token ? &metrics->token[t] : NULL);
        json_array_append_new(tokens, row);
    }
    return tokens;
}

/* What the formulas of docs/energy.md need besides counters. */
static void set_shape(json_t *row, const struct metrics *metrics, uint32_t p)
{
    const struct graph *graph = metrics->graph;
    const struct model *model = metrics->model;
    json_t *matrices = json_array();
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        if (slot->source != p) continue;
        json_t *matrix = json_object();
        json_object_set_new(matrix, "name", json_string(slot->name));
        json_object_set_new(matrix, "sources", json_integer(slot->sources));
        json_object_set_new(matrix, "targets", json_integer(slot->targets));
        json_object_set_new(matrix, "row_bytes", json_integer((json_int_t)energy_row_bytes(graph, model, m)));
        json_array_append_new(matrices, matrix);
    }
    json_object_set_new(row, "matrices", matrices);
    json_object_set_new(
        row, "timesteps",
        json_integer(model != NULL ? params_steps(&model->population[p], metrics->window) : metrics->window));
    json_object_set_new(row, "cache", json_string(energy_cache_use(graph, p)));
    json_object_set_new(row, "gate_partners", json_integer((json_int_t)energy_gate_partners(graph, p)));
    if (graph->population[p].code == CODE_HG && model != NULL)
        json_object_set_new(row, "table_rows", json_integer(model->table[model->population[p].table].rows));
}

static json_t *populations_json(const struct metrics *metrics, const struct energy_view *view)
{
    static const char *const codes[] = {[CODE_INPUT] = "input", [CODE_OAT] = "oat", [CODE_HG] = "hg"};
    json_t *populations = json_array();
    for (uint32_t p = 0; p < metrics->graph->populations; p++) {
        const struct population *population = &metrics->graph->population[p];
        json_t *row = json_object();
        json_object_set_new(row, "name", json_string(population->name));
        json_object_set_new(row, "layer", json_integer(population->layer));
        json_object_set_new(row, "code", json_string(codes[population->code]));
        json_object_set_new(row, "neurons", json_integer(population->neurons));
        json_object_set_new(row, "fan_out", json_integer(population->fan_out));
        set_shape(row, metrics, p);
        set_counters(row, metrics->population ? &metrics->population[p] : NULL);
        if (metrics->population != NULL && metrics->population[p].dense_macs > 0) energy_view_set(view, p, 1, row);
        json_array_append_new(populations, row);
    }
    return populations;
}

static double tokens_per_second(const struct metrics *metrics)
{
    return metrics->wall_seconds > 0 ? (double)metrics->tokens / metrics->wall_seconds : 0;
}

json_t *metrics_json(const struct metrics *metrics, int brief)
{
    json_t *root = json_object();
    struct energy_view *view = energy_view_new(metrics);
    if (root == NULL || view == NULL) {
        json_decref(root);
        energy_view_free(view);
        return NULL;
    }
    json_object_set_new(root, "schema", json_string(METRICS_SCHEMA));
    json_object_set_new(root, "engine", json_string(metrics->engine));
    json_object_set_new(root, "packets_popped",
                        metrics->population != NULL ? json_integer((json_int_t)metrics->packets_popped) : json_null());
    json_object_set_new(root, "window_timesteps", json_integer(metrics->window));
    json_object_set_new(root, "prompt_tokens", json_integer(metrics->prompt_tokens));
    json_object_set_new(root, "new_tokens", json_integer(metrics->new_tokens));
    json_object_set_new(root, "perturbation",
                        metrics->perturbation != NULL ? perturbation_json(metrics->perturbation) : json_null());
    json_object_set_new(root, "totals", totals_json(metrics));
    json_object_set_new(root, "energy", energy_view_totals(view));
    json_object_set_new(root, "wall_seconds", json_real(metrics->wall_seconds));
    json_object_set_new(root, "tokens_per_second", json_real(tokens_per_second(metrics)));
    json_object_set_new(root, "peak_resident_bytes", json_integer((json_int_t)metrics->peak_resident_bytes));
    if (!brief) {
        json_object_set_new(root, "layers", layers_json(metrics, view));
        json_object_set_new(root, "tokens", tokens_json(metrics));
        json_object_set_new(root, "populations", populations_json(metrics, view));
        json_object_set_new(root, "neurobench",
                            metrics->neurobench != NULL
                                ? neurobench_json(metrics->neurobench, metrics->neurobench_names)
                                : json_null());
        json_object_set_new(root, "cache_elements", json_integer((json_int_t)energy_cache_elements(metrics->graph)));
    }
    energy_view_free(view);
    return root;
}

enum lassim_status metrics_write(const struct metrics *metrics, const char *path, int no_clobber,
                                 struct lassim_error *error)
{
    struct outfile *out;
    enum lassim_status status = outfile_open(path, no_clobber, &out, error);
    if (status != LASSIM_OK) return status;
    json_t *root = metrics_json(metrics, 0);
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(root);
    status = text != NULL ? outfile_write(out, text, strlen(text), error)
                          : lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory for the metrics");
    free(text);
    if (status == LASSIM_OK) status = outfile_write(out, "\n", 1, error);
    if (status == LASSIM_OK) return outfile_close_complete(out, error);
    outfile_abandon(out);
    return status;
}

static int is_file(const char *path)
{
    struct stat info;
    return path != NULL && strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

enum lassim_status metrics_write_traced(const struct metrics *metrics, const char *trace, const char *path,
                                        int no_clobber, struct lassim_error *error)
{
    struct trace_reader *reader;
    struct neurobench bench;
    struct metrics with = *metrics;
    if (!is_file(trace)) return metrics_write(metrics, path, no_clobber, error);
    enum lassim_status status = trace_reader_open(trace, &reader, error);
    if (status != LASSIM_OK) return status;
    status = neurobench_of_model(reader, metrics->model, &bench, error);
    with.neurobench = &bench;
    with.neurobench_names = trace_reader_info(reader);
    if (status == LASSIM_OK) status = metrics_write(&with, path, no_clobber, error);
    neurobench_free(&bench);
    trace_reader_close(reader);
    return status;
}

static void print_count(FILE *out, const char *name, uint64_t count, const char *text)
{
    fprintf(out, "%-26s %20" PRIu64 "  %s\n", name, count, text);
}

static void print_counters(const struct metrics *metrics, FILE *out)
{
    struct counters sum = metrics_totals(metrics);
    print_count(out, "tokens", metrics->tokens, "processed: prompt and generated ones that were fed back");
    print_count(out, "neurons", total_neurons(metrics), "of all populations");
    print_count(out, "timesteps", metrics->timesteps, "simulated (latency)");
#define PRINT_COUNTER(field, text) print_count(out, #field, sum.field, text);
    LASSIM_COUNTERS(PRINT_COUNTER)
#undef PRINT_COUNTER
}

void metrics_print(const struct metrics *metrics, FILE *out)
{
    if (metrics->population != NULL) {
        print_counters(metrics, out);
    } else {
        print_count(out, "tokens", metrics->tokens, "processed");
        print_count(out, "dense_macs", metrics->dense_macs, "multiply-accumulates");
    }
    struct energy_view *view = energy_view_new(metrics);
    if (view != NULL) energy_view_print(view, out);
    energy_view_free(view);
    fprintf(out, "engine %s, T = %" PRIu32 ", %.2f s, %.2f tokens/s, %.1f MiB at most\n", metrics->engine,
            metrics->window, metrics->wall_seconds, tokens_per_second(metrics),
            (double)metrics->peak_resident_bytes / (1024 * 1024));
}
