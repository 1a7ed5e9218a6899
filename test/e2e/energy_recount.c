/* energy_recount METRICS.json TRACE.bin: recomputes every energy figure of a run of any model by the
 * formulas of docs/energy.md, written out here once more, and compares to the last digit.  Spikes, gates, tests and
 * synaptic operations come from the trace and must be the metrics' counters; the rest from the counters.  Prints the
 * number of figures compared; exit 1 at the first difference. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/trace_expand.h"

enum { POPULATIONS = 512, ACCESSES = 16, WIDTHS = 3, MODELS = 64 };

struct counted {
    const char *name, *code, *cache;
    const json_t *row;
    long long neurons, fan_out, spikes, lost, gates, sops, products, updates, tests, macs, partners, timesteps, rows;
    int layer;
};
struct access {
    long long bytes, buffer;
};
struct sum { /* of one population, with or without its spikes */
    long long adds, multiplies, events;
    int n;
    struct access at[ACCESSES];
};

static struct counted population[POPULATIONS];
static struct sum full[POPULATIONS], idle[POPULATIONS], dense[POPULATIONS];
static long long populations, tokens, cache, compared;

static _Noreturn void fail(const char *what, const char *name)
{
    fprintf(stderr, "energy_recount: %s: %s\n", name, what);
    exit(1);
}

static long long integer(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value)) fail("no such integer", key);
    return json_integer_value(value);
}

static void read_populations(const json_t *root)
{
    const json_t *list = json_object_get(root, "populations");
    populations = (long long)json_array_size(list);
    if (populations < 1 || populations > POPULATIONS) fail("too many", "populations");
    for (long long i = 0; i < populations; i++) {
        const json_t *row = json_array_get(list, (size_t)i);
        struct counted *p = &population[i];
        *p = (struct counted){json_string_value(json_object_get(row, "name")),
                              json_string_value(json_object_get(row, "code")),
                              json_string_value(json_object_get(row, "cache")),
                              row,
                              integer(row, "neurons"),
                              integer(row, "fan_out"),
                              integer(row, "spikes"),
                              integer(row, "spikes_lost"),
                              integer(row, "spikes_gate"),
                              integer(row, "synaptic_operations"),
                              integer(row, "spike_product_operations"),
                              integer(row, "membrane_updates"),
                              integer(row, "threshold_tests"),
                              integer(row, "dense_macs"),
                              integer(row, "gate_partners"),
                              integer(row, "timesteps"),
                              0,
                              (int)integer(row, "layer")};
        if (json_object_get(row, "table_rows") != NULL) p->rows = integer(row, "table_rows");
    }
}

/* The trace row by row: what it holds is what was counted. */
static void check_trace(const char *path)
{
    static struct trace_row rows[4096];
    static long long spikes[POPULATIONS], gates[POPULATIONS];
    struct lassim_error error;
    struct trace_reader *reader;
    struct trace_expand *expand;
    size_t n = 1;
    if (trace_reader_open(path, &reader, &error) != LASSIM_OK) fail(error.text, path);
    if (trace_expand_open(reader, &expand, &error) != LASSIM_OK) fail(error.text, path);
    while (n > 0) {
        if (trace_expand_rows(expand, rows, 4096, &n, &error) != LASSIM_OK) fail(error.text, path);
        for (size_t i = 0; i < n; i++)
            if (rows[i].kind == TRACE_GATE)
                gates[rows[i].population]++;
            else
                spikes[rows[i].population]++;
    }
    for (long long i = 0; i < populations; i++) {
        const struct counted *p = &population[i];
        if (strcmp(p->name, trace_reader_info(reader)->population[i].name) != 0) fail("another population", p->name);
        if (spikes[i] != p->spikes || gates[i] != p->gates) fail("other spikes than in the trace", p->name);
        if (p->sops != (spikes[i] - p->lost) * trace_reader_info(reader)->population[i].fan_out)
            fail("synaptic operations are not spikes x fan-out", p->name);
        compared += 3;
    }
    trace_expand_close(expand);
    trace_reader_close(reader);
}

/* "read", "write" or "both" */
static int uses_cache(const struct counted *p, const char *how)
{
    return strcmp(p->cache, how) == 0 || strcmp(p->cache, "both") == 0;
}

static void add_access(struct sum *sum, long long bytes, long long buffer)
{
    sum->at[sum->n++] = (struct access){bytes, buffer};
}

/* Spikes, lost ones, products and so on given, so that idle is the same with fewer. */
static void spiking_sum(const struct counted *p, long long spikes, long long lost, long long sops, long long products,
                        long long bias, struct sum *sum)
{
    int input = strcmp(p->code, "input") == 0, hg = strcmp(p->code, "hg") == 0;
    long long resets = input ? 0 : spikes, arrived = spikes - lost, own = 4 * p->neurons, matrix_sops = 0;
    const json_t *matrices = json_object_get(p->row, "matrices");
    sum->adds = sops + products + resets + bias + p->tests;
    sum->multiplies = hg ? products : 0;
    sum->events = sops + products;
    add_access(sum, 8 * (spikes + p->gates), 4000);
    for (size_t m = 0; m < json_array_size(matrices); m++) {
        const json_t *matrix = json_array_get(matrices, m);
        long long row = integer(matrix, "row_bytes"), targets = integer(matrix, "targets");
        add_access(sum, arrived * row, integer(matrix, "sources") * row);
        add_access(sum, 8 * arrived * targets, 4 * targets);
        matrix_sops += arrived * targets;
    }
    add_access(sum, 8 * (sops - matrix_sops + products), own);
    add_access(sum, 4 * (p->tests + 2 * resets + 3 * bias), own);
    add_access(sum, 4 * products, uses_cache(p, "read") ? 4 * cache : own);
    if (uses_cache(p, "write")) add_access(sum, 8 * arrived, 4 * cache);
    if (hg) add_access(sum, 16 * (p->gates / 2), 16 * p->rows);
}

static void dense_sum(const struct counted *p, struct sum *sum)
{
    const json_t *matrices = json_object_get(p->row, "matrices");
    long long weights = 0;
    for (size_t m = 0; m < json_array_size(matrices); m++)
        weights += integer(json_array_get(matrices, m), "sources") * integer(json_array_get(matrices, m), "targets");
    for (size_t m = 0; m < json_array_size(matrices); m++) {
        const json_t *matrix = json_array_get(matrices, m);
        long long sources = integer(matrix, "sources"), targets = integer(matrix, "targets"), runs = p->macs / weights;
        if (strcmp(p->code, "input") == 0) {
            add_access(sum, tokens * targets, sources * targets);
            continue;
        }
        add_access(sum, runs * sources * targets, sources * targets);
        add_access(sum, runs * sources, sources);
        add_access(sum, 2 * runs * targets, targets);
    }
    if (weights == 0 && uses_cache(p, "read")) add_access(sum, p->macs, cache);
    if (uses_cache(p, "write")) add_access(sum, tokens * p->neurons, cache);
}

static void make_sums(void)
{
    for (long long i = 0; i < populations; i++) {
        const struct counted *p = &population[i];
        long long resets = strcmp(p->code, "input") == 0 ? 0 : p->spikes;
        long long bias = p->updates - p->sops - p->products - resets, gates = p->gates / 2 * p->partners;
        spiking_sum(p, p->spikes, p->lost, p->sops, p->products, bias, &full[i]);
        spiking_sum(p, 0, 0, 0, gates, bias, &idle[i]);
        dense_sum(p, &dense[i]);
    }
}

/* ---- models: costs in joules, by the metrics' own words; memories by docs/energy.md ---- */

struct costs {
    const char *name;
    int event, memory, dram;
    double add, multiply, per_event, mac[WIDTHS];
};

static double real(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return value != NULL ? json_number_value(value) : 0;
}

static double byte(const struct costs *model, double buffer)
{
    if (model->dram && buffer > 1048576) return 160e-12;
    if (buffer <= 8192) return 0 + (2.5e-12 - 0) * ((buffer - 0) / (8192 - 0));
    if (buffer <= 32768) return 2.5e-12 + (5e-12 - 2.5e-12) * ((buffer - 8192) / (32768 - 8192));
    if (buffer <= 1048576) return 5e-12 + (25e-12 - 5e-12) * ((buffer - 32768) / (1048576 - 32768));
    return 25e-12;
}

static double spiking(const struct costs *model, const struct sum *sum, long long first, long long n)
{
    long long adds = 0, multiplies = 0, events = 0;
    for (long long i = first; i < first + n; i++) {
        adds += sum[i].adds;
        multiplies += sum[i].multiplies;
        events += sum[i].events;
    }
    if (model->event) return model->per_event * (double)events;
    if (model->memory) adds += events;
    double joules = model->add * (double)adds + model->multiply * (double)multiplies;
    for (long long i = first; model->memory && i < first + n; i++)
        for (int k = 0; k < sum[i].n; k++)
            joules += (double)sum[i].at[k].bytes * byte(model, (double)sum[i].at[k].buffer);
    return joules;
}

static double dense_joules(const struct costs *model, int width, long long first, long long n)
{
    static const int bytes[WIDTHS] = {4, 2, 1};
    long long macs = 0;
    for (long long i = first; i < first + n; i++) macs += population[i].macs;
    double joules = model->mac[width] * (double)macs;
    for (long long i = first; model->memory && i < first + n; i++)
        for (int k = 0; k < dense[i].n; k++)
            joules += (double)(dense[i].at[k].bytes * bytes[width]) *
                      byte(model, (double)(dense[i].at[k].buffer * bytes[width]));
    return joules;
}

static void expect(const json_t *row, const char *key, double value, int present, const char *name)
{
    const json_t *got = json_object_get(row, key);
    if (got == NULL || (present ? json_number_value(got) != value : !json_is_null(got))) {
        fprintf(stderr, "energy_recount: %s: %s is %.17g, recomputed %.17g\n", name, key, json_number_value(got),
                value);
        exit(1);
    }
    compared++;
}

/* The figures of populations [first, first + n) in `energy`, {model: {...}}. */
static void check_group(const json_t *energy, const struct costs *models, int count, long long first, long long n,
                        const char *name)
{
    static const char *const width[WIDTHS] = {"fp32", "fp16", "int8"};
    double spikes = 0, windows = 0;
    for (long long i = first; i < first + n; i++) {
        if (strcmp(population[i].code, "input") == 0) continue;
        spikes += (double)population[i].spikes;
        windows += (double)population[i].tests / (double)population[i].timesteps;
    }
    for (int m = 0; m < count; m++) {
        const json_t *row = json_object_get(energy, models[m].name);
        double joules = spiking(&models[m], full, first, n), rest = spiking(&models[m], idle, first, n);
        expect(row, "spiking_joules", joules, 1, name);
        for (int w = 0; w < WIDTHS; w++) {
            char key[40];
            double other = dense_joules(&models[m], w, first, n);
            snprintf(key, sizeof key, "dense_%s_joules", width[w]);
            expect(row, key, other, 1, name);
            snprintf(key, sizeof key, "break_even_%s", width[w]);
            int there = spikes > 0 && other > 0 && joules > rest;
            expect(row, key, other <= rest ? 0 : spikes / windows * ((other - rest) / (joules - rest)), there, name);
        }
    }
}

static int read_models(const json_t *energy, struct costs *models)
{
    int count = 0;
    const char *name;
    json_t *row;
    json_object_foreach((json_t *)(size_t)energy, name, row)
    {
        const char *kind = json_string_value(json_object_get(row, "kind"));
        if (count == MODELS) fail("too many", "models");
        models[count++] =
            (struct costs){name,
                           strcmp(kind, "event") == 0,
                           strcmp(kind, "memory") == 0,
                           strstr(name, "dram") != NULL,
                           real(row, "add_joules"),
                           real(row, "multiply_joules"),
                           real(row, "event_joules"),
                           {real(row, "mac_fp32_joules"), real(row, "mac_fp16_joules"), real(row, "mac_int8_joules")}};
    }
    return count;
}

static void check_all(const json_t *root)
{
    struct costs models[MODELS];
    const json_t *energy = json_object_get(root, "energy"), *layers = json_object_get(root, "layers");
    int count = read_models(energy, models);
    check_group(energy, models, count, 0, populations, "the run");
    for (size_t l = 0; l < json_array_size(layers); l++) {
        const json_t *row = json_array_get(layers, l);
        long long first = 0, n = 0;
        while (population[first].layer != integer(row, "layer")) first++;
        while (first + n < populations && population[first + n].layer == integer(row, "layer")) n++;
        check_group(json_object_get(row, "energy"), models, count, first, n, "a layer");
    }
    for (long long i = 0; i < populations; i++) {
        const json_t *own = json_object_get(population[i].row, "energy");
        if ((own != NULL) != (population[i].macs > 0))
            fail("energy without dense work, or the reverse", population[i].name);
        if (own == NULL) continue;
        check_group(own, models, count, i, 1, population[i].name);
        expect(population[i].row, "spikes_per_synapse", (double)full[i].events / (double)population[i].macs, 1,
               population[i].name);
    }
}

int main(int argc, char **argv)
{
    json_error_t reason;
    if (argc != 3) fail("METRICS.json TRACE.bin", "usage");
    json_t *root = json_load_file(argv[1], 0, &reason);
    if (root == NULL) fail(reason.text, argv[1]);
    tokens = integer(json_object_get(root, "totals"), "tokens");
    cache = integer(root, "cache_elements");
    read_populations(root);
    check_trace(argv[2]);
    make_sums();
    check_all(root);
    printf("%lld\n", compared);
    json_decref(root);
    return 0;
}
