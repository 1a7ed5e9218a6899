/* Metrics: every total is the sum over the populations, names are those of the counter table, the engine
 * dense has null where it counts nothing, energy follows the cost table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "kernel/energy.h"
#include "kernel/program/metrics.h"
#include "test/helpers/tiny_model.h"

enum { TOKENS = 3 };

static const struct model_config config = {.family = FAMILY_OPT,
                                           .vocabulary = 50,
                                           .hidden = 8,
                                           .embedding = 8,
                                           .ffn = 16,
                                           .layers = 2,
                                           .heads = 2,
                                           .positions = 16,
                                           .position_rows = 18,
                                           .position_offset = 2,
                                           .pre_norm = 1,
                                           .final_norm = 1,
                                           .tied = 1,
                                           .bos = 2,
                                           .eos = 2,
                                           .pad = 1,
                                           .norm_epsilon = 1e-5};

struct fixture {
    struct graph *graph;
    struct counters *population, token[TOKENS];
    struct metrics metrics;
};

/* Every counter of every population has a value of its own: field number * 1000 + population. */
static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    const char *reason = NULL;
    fixture->graph = graph_build(&config, &reason);
    if (fixture->graph == NULL) return -1;
    fixture->population = calloc(fixture->graph->populations, sizeof *fixture->population);
    for (uint32_t p = 0; p < fixture->graph->populations; p++) {
        uint64_t value = p;
#define FILL(field, text) fixture->population[p].field = value += 1000;
        LASSIM_COUNTERS(FILL)
#undef FILL
    }
    for (uint64_t t = 0; t < TOKENS; t++) fixture->token[t].spikes = 70 + t;
    fixture->metrics = (struct metrics){.graph = fixture->graph,
                                        .engine = "event",
                                        .window = 16,
                                        .population = fixture->population,
                                        .counted = fixture->population,
                                        .token = fixture->token,
                                        .tokens = TOKENS,
                                        .prompt_tokens = 2,
                                        .new_tokens = 2,
                                        .timesteps = 999,
                                        .dense_macs = 4321,
                                        .wall_seconds = 1.5,
                                        .peak_resident_bytes = 1 << 20};
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    graph_free(fixture->graph);
    free(fixture->population);
    free(fixture);
    return 0;
}

static json_int_t integer(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_integer(value));
    return json_integer_value(value);
}

static void totals_are_sums(void **state)
{
    const struct fixture *fixture = *state;
    json_t *root = metrics_json(&fixture->metrics, 0);
    const json_t *totals = json_object_get(root, "totals");
    json_int_t number = 0, n = fixture->graph->populations;
#define CHECK(field, text) \
    number += 1000;        \
    if (strcmp(#field, "dense_macs") != 0) assert_true(integer(totals, #field) == n * number + n * (n - 1) / 2);
    LASSIM_COUNTERS(CHECK)
#undef CHECK
    assert_int_equal(integer(totals, "tokens"), TOKENS);
    assert_int_equal(integer(totals, "timesteps"), 999);
    assert_int_equal(integer(totals, "dense_macs"), 4321);
    json_int_t neurons = 0;
    for (uint32_t p = 0; p < fixture->graph->populations; p++) neurons += fixture->graph->population[p].neurons;
    assert_true(integer(totals, "neurons") == neurons);
    assert_string_equal(json_string_value(json_object_get(root, "schema")), "lassim.metrics.1");
    json_decref(root);
}

static json_int_t sum_of(const json_t *rows, const char *key)
{
    json_int_t sum = 0;
    size_t i;
    const json_t *row;
    json_array_foreach(rows, i, row) sum += integer(row, key);
    return sum;
}

static void lists_add_up(void **state)
{
    const struct fixture *fixture = *state;
    json_t *root = metrics_json(&fixture->metrics, 0);
    const json_t *totals = json_object_get(root, "totals"), *layers = json_object_get(root, "layers"),
                 *populations = json_object_get(root, "populations");
    assert_int_equal(json_array_size(populations), fixture->graph->populations);
    assert_int_equal(json_array_size(layers), 4); /* before, two blocks, after */
#define CHECK(field, text)                                                   \
    if (strcmp(#field, "dense_macs") != 0) {                                 \
        assert_true(sum_of(layers, #field) == integer(totals, #field));      \
        assert_true(sum_of(populations, #field) == integer(totals, #field)); \
    }
    LASSIM_COUNTERS(CHECK)
#undef CHECK
    assert_true(sum_of(layers, "neurons") == integer(totals, "neurons"));
    assert_true(sum_of(json_object_get(root, "tokens"), "spikes") == 70 + 71 + 72);
    const json_t *first = json_array_get(populations, 0);
    assert_string_equal(json_string_value(json_object_get(first, "name")), fixture->graph->population[0].name);
    assert_string_equal(json_string_value(json_object_get(first, "code")), "input");
    json_decref(root);
    root = metrics_json(&fixture->metrics, 1);
    assert_null(json_object_get(root, "populations"));
    json_decref(root);
}

static void energy_counts_products_of_hg_only(void **state)
{
    const struct fixture *fixture = *state;
    struct counters sum = metrics_totals(&fixture->metrics);
    double products = 0;
    for (uint32_t p = 0; p < fixture->graph->populations; p++) {
        if (fixture->graph->population[p].code == CODE_HG) {
            products += (double)fixture->population[p].spike_product_operations;
        }
    }
    assert_true(products > 0);
    double spiking = 0.9e-12 * (double)(sum.membrane_updates + sum.threshold_tests) + 3.7e-12 * products;
    json_t *root = metrics_json(&fixture->metrics, 1);
    const json_t *row = json_object_get(json_object_get(root, "energy"), "horowitz45_fp32");
    double got = json_real_value(json_object_get(row, "spiking_joules"));
    double dense = json_real_value(json_object_get(row, "dense_joules"));
    assert_true(got > spiking * (1 - 1e-12) && got < spiking * (1 + 1e-12));
    double macs = (double)sum.dense_macs;
    assert_true(dense > macs * 4.6e-12 * (1 - 1e-12) && dense < macs * 4.6e-12 * (1 + 1e-12));
    json_decref(root);
}

static void dense_has_nulls(void **state)
{
    const struct fixture *fixture = *state;
    struct metrics dense = fixture->metrics;
    dense.population = dense.token = NULL;
    json_t *root = metrics_json(&dense, 0);
    const json_t *totals = json_object_get(root, "totals");
#define CHECK(field, text) \
    if (strcmp(#field, "dense_macs") != 0) assert_true(json_is_null(json_object_get(totals, #field)));
    LASSIM_COUNTERS(CHECK)
#undef CHECK
    assert_true(json_is_null(json_object_get(totals, "timesteps")));
    assert_int_equal(integer(totals, "dense_macs"), 4321);
    const json_t *energy = json_object_get(json_object_get(root, "energy"), "horowitz45_fp32");
    assert_true(json_is_null(json_object_get(energy, "spiking_joules")));
    assert_int_equal(json_array_size(json_object_get(root, "tokens")), TOKENS);
    json_decref(root);
}

static void written_file_reads_back(void **state)
{
    const struct fixture *fixture = *state;
    struct lassim_error error;
    char path[] = "/tmp/test_metrics-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(metrics_write(&fixture->metrics, path, 1, &error), LASSIM_ERR_RUN);
    assert_int_equal(metrics_write(&fixture->metrics, path, 0, &error), LASSIM_OK);
    json_t *read = json_load_file(path, JSON_REJECT_DUPLICATES, NULL), *made = metrics_json(&fixture->metrics, 0);
    assert_true(json_equal(read, made));
    json_decref(read);
    json_decref(made);
    unlink(path);
}

static void table_names_every_counter(void **state)
{
    const struct fixture *fixture = *state;
    char *text = NULL, line[64];
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    metrics_print(&fixture->metrics, out);
    fclose(out);
    struct counters sum = metrics_totals(&fixture->metrics);
#define CHECK(field, description)                                                         \
    snprintf(line, sizeof line, "%-26s %20llu  ", #field, (unsigned long long)sum.field); \
    assert_non_null(strstr(text, line));
    LASSIM_COUNTERS(CHECK)
#undef CHECK
    assert_non_null(strstr(text, "horowitz45_fp32"));
    free(text);
}

/* Of a session's run on a traced model: its counters, and NeuroBench's metrics from its trace. */
static void a_sessions_metrics(void **state)
{
    (void)state;
    static const uint32_t ids[] = {2, 5, 9, 1};
    const struct model_config tiny = tiny_config();
    struct model *model = tiny_model_new(&tiny, 3, 0);
    char trace[] = "/tmp/lassim-metrics-trace-XXXXXX", path[] = "/tmp/lassim-metrics-XXXXXX";
    close(mkstemp(trace));
    close(mkstemp(path));
    const struct lassim_options options = {.trace = trace, .threads = 1, .numa_off = 1, .timesteps = 7};
    struct metrics metrics = {.engine = "fused", .prompt_tokens = 4};
    lassim_session *session;
    struct lassim_error error;
    assert_int_equal(session_open_model(model, &options, &session, &error), LASSIM_OK);
    assert_int_equal(lassim_session_feed(session, ids, 4, LASSIM_READ_LAST, NULL, NULL, &error), LASSIM_OK);
    assert_int_equal(lassim_session_finish(session, &error), LASSIM_OK);
    metrics_take(&metrics, session, model);
    assert_true(metrics.tokens == 4 && metrics.window == 7 && metrics.token != NULL);
    assert_ptr_equal(metrics.population, session_population_counters(session));
    assert_int_equal(metrics.timesteps, session_timesteps(session));
    assert_int_equal(metrics.dense_macs, session_dense_macs(session));
    assert_true(metrics.peak_resident_bytes > 0 && metrics.packets_popped > 0);
    const char *const traces[] = {trace, NULL, "/dev/null"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(metrics_write_traced(&metrics, traces[i], path, 0, &error), LASSIM_OK);
        json_t *read = json_load_file(path, JSON_REJECT_DUPLICATES, NULL), *bench = json_object_get(read, "neurobench");
        double products = json_real_value(json_object_get(bench, "spike_products"));
        if (i == 0) assert_true(products * 4 == (double)metrics_totals(&metrics).spike_product_operations);
        if (i > 0) assert_true(json_is_null(bench));
        json_decref(read);
    }
    model->hash++; /* another model's trace */
    assert_int_equal(metrics_write_traced(&metrics, trace, path, 0, &error), LASSIM_ERR_FILE);
    lassim_session_close(session);
    tiny_model_free(model);
    unlink(trace);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_sums),
        cmocka_unit_test(lists_add_up),
        cmocka_unit_test(energy_counts_products_of_hg_only),
        cmocka_unit_test(dense_has_nulls),
        cmocka_unit_test(written_file_reads_back),
        cmocka_unit_test(table_names_every_counter),
        cmocka_unit_test(a_sessions_metrics),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
