/* The double forward against golden logits of an independent implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/dense_attention.h"
#include "convert/dense_double.h"
#include "convert/dense_kernels.h"
#include "convert/json.h"
#include "kernel/npy.h"
#include "neurons/real.h"
#include "test/helpers/family_golden.h"
#include "test/helpers/opened_checkpoint.h"

enum { IDS_MAX = 512 };
/* Largest difference allowed, in standard deviations of the golden logits: they are float32. */
#define TOLERANCE 1e-6
/* The families' goldens hold what transformers computes in float32 anyway: rotary tables, RMSNorm's division, softmax. */
#define FAMILY_TOLERANCE 5e-6

/* "2,5,9" */
static size_t read_ids(const char *path, uint32_t *ids)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char text[4096];
    size_t n = 0, size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    for (char *at = text, *end; n < IDS_MAX; at = *end == ',' ? end + 1 : end) {
        unsigned long id = strtoul(at, &end, 10);
        if (end == at) break;
        ids[n++] = (uint32_t)id;
    }
    fclose(file);
    assert_true(n > 0);
    return n;
}

static size_t read_json_ids(const char *path, const char *key, uint32_t *ids)
{
    struct lassim_error error = {0};
    json_t *value = NULL;
    if (json_read_file(path, &value, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const json_t *array = json_object_get(json_object_get(value, key), "ids");
    size_t n = json_array_size(array);
    assert_true(n > 0 && n <= IDS_MAX);
    for (size_t i = 0; i < n; i++) ids[i] = (uint32_t)json_integer_value(json_array_get(array, i));
    json_decref(value);
    return n;
}

/* Logits of all ids as one sequence of `context` tokens each; owned by the caller. */
static double *forward(const struct opened *o, const uint32_t *ids, size_t n, size_t context, unsigned threads,
                       dense_observer *observer, void *observer_context)
{
    struct dense_double *dense = opened_forward(o, ids, NULL, n, context, threads, observer, observer_context);
    double *logits = malloc(n * o->config.model.vocabulary * sizeof *logits);
    assert_non_null(logits);
    dense_double_logits(dense, 0, n, logits);
    dense_double_close(dense);
    return logits;
}

static void compare(const char *name, const double *logits, const char *golden_path, size_t n, size_t vocabulary)
{
    struct lassim_error error = {0};
    struct npy_matrix golden;
    if (npy_read_f32(golden_path, &golden, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(golden.rows, n);
    assert_int_equal(golden.columns, vocabulary);
    double sum = 0, squares = 0, worst = 0;
    size_t count = n * vocabulary;
    for (size_t i = 0; i < count; i++) {
        sum += golden.data[i];
        squares += (double)golden.data[i] * golden.data[i];
        double off = logits[i] - golden.data[i];
        if (off < 0) off = -off;
        if (!(off <= worst)) worst = off;
    }
    double deviation = real_sqrt(squares / (double)count - sum / (double)count * (sum / (double)count));
    print_message("%s: largest difference %.3g of the standard deviation %.4g\n", name, worst / deviation, deviation);
    assert_true(worst <= TOLERANCE * deviation);
    npy_matrix_free(&golden);
}

static void test_golden_opt_tiny(void **state)
{
    (void)state;
    struct opened o;
    uint32_t ids[IDS_MAX];
    opened_open("examples/opt-tiny", &o);
    for (const char *key = "ab"; *key != '\0'; key++) {
        char name[2] = {*key, '\0'}, path[64];
        size_t n = read_json_ids("examples/opt-tiny/golden.json", name, ids);
        snprintf(path, sizeof path, "examples/opt-tiny/golden-%s.npy", name);
        double *logits = forward(&o, ids, n, n, 2, NULL, NULL);
        compare(path, logits, path, n, o.config.model.vocabulary);
        free(logits);
    }
    opened_close(&o);
}

static void check_variant(const char *variant)
{
    struct opened o;
    uint32_t ids[IDS_MAX];
    char folder[64], path[96];
    snprintf(folder, sizeof folder, "test/data/variants/%s", variant);
    opened_open(folder, &o);
    snprintf(path, sizeof path, "%s/golden.ids", folder);
    size_t n = read_ids(path, ids);
    snprintf(path, sizeof path, "%s/golden.npy", folder);
    double *logits = forward(&o, ids, n, n, 1, NULL, NULL);
    compare(path, logits, path, n, o.config.model.vocabulary);
    free(logits);
    opened_close(&o);
}

static void test_golden_variants(void **state)
{
    (void)state;
    check_variant("postln");
    check_variant("bare");
    check_variant("nofinal");
}

/* What is read out of every sequence of a family's golden ids, appended to out; returns rows. */
static size_t read_out(const struct opened *o, const struct golden_rows *ids, const struct golden_rows *types,
                       size_t sequences, double *out)
{
    size_t rows = 0, width = o->graph->head_width;
    for (size_t s = 0; s < sequences; s++) {
        size_t n = ids->length[s], count = o->config.model.head == HEAD_CLASSIFY ? 1 : n;
        struct dense_double *dense =
            opened_forward(o, ids->number[s], types == NULL ? NULL : types->number[s], n, n, 2, NULL, NULL);
        dense_double_logits(dense, 0, count, out + rows * width);
        dense_double_close(dense);
        rows += count;
    }
    return rows;
}

static void expect_close(const char *name, const char *file, const double *values, size_t rows, size_t columns)
{
    double off = golden_difference(name, file, values, rows, columns);
    print_message("%s/%s: largest difference %.3g of the standard deviation\n", name, file, off);
    assert_true(off <= FAMILY_TOLERANCE);
}

/* Sentence vectors of an encoder that reads its hidden states out. */
static void check_vectors(const char *name, const struct opened *o, const struct golden_rows *ids, double *out)
{
    size_t width = o->graph->head_width, at = 0;
    double *vectors = malloc(ids->rows * width * sizeof *vectors);
    expect_close(name, "hidden.npy", out, ids->length[0], width);
    for (size_t s = 0; s < ids->rows; at += ids->length[s++])
        golden_mean(out + at * width, ids->length[s], width, vectors + s * width);
    expect_close(name, "golden.npy", vectors, ids->rows, width);
    free(vectors);
}

static void check_family(const char *name)
{
    struct opened o;
    char folder[128];
    struct golden_rows ids = golden_read_rows(name, "golden.ids");
    golden_path(name, "", folder, sizeof folder);
    opened_open(folder, &o);
    enum head_kind head = (enum head_kind)o.config.model.head;
    double *out = malloc(GOLDEN_ROWS * GOLDEN_TOKENS * o.graph->head_width * sizeof *out);
    size_t rows = read_out(&o, &ids, NULL, head == HEAD_CLASSIFY || head == HEAD_VALUES ? ids.rows : 1, out);
    if (head == HEAD_VALUES)
        check_vectors(name, &o, &ids, out);
    else
        expect_close(name, "golden.npy", out, rows, o.graph->head_width);
    if (head == HEAD_CLASSIFY) {
        struct golden_rows types = golden_read_rows(name, "golden.types");
        rows = read_out(&o, &ids, &types, ids.rows, out);
        expect_close(name, "types.npy", out, rows, o.graph->head_width);
    }
    free(out);
    opened_close(&o);
}

static void test_golden_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_family_count; i++) check_family(golden_families[i]);
}

/* Threads, and a batch of several sequences instead of one by one, change no bit. */
static void test_same_bits(void **state)
{
    (void)state;
    struct opened o;
    uint32_t ids[30];
    opened_open("test/data/variants/bare", &o);
    size_t vocabulary = o.config.model.vocabulary;
    for (uint32_t i = 0; i < 30; i++) ids[i] = i * 37 % (uint32_t)vocabulary;
    double *one = forward(&o, ids, 30, 13, 1, NULL, NULL), *three = forward(&o, ids, 30, 13, 3, NULL, NULL);
    assert_memory_equal(one, three, 30 * vocabulary * sizeof *one);
    for (size_t start = 0; start < 30; start += 13) {
        size_t n = 30 - start < 13 ? 30 - start : 13;
        double *alone = forward(&o, ids + start, n, n, 2, NULL, NULL);
        assert_memory_equal(alone, one + start * vocabulary, n * vocabulary * sizeof *one);
        free(alone);
    }
    free(one);
    free(three);
    opened_close(&o);
}

/* The kernel's order: a plain loop gives the same bits, for sizes around every block edge. */
static void test_linear_order(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 7, 9}, {5, 256, 64}, {4, 257, 65}, {9, 600, 130}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        size_t tokens = sizes[s][0], sources = sizes[s][1], targets = sizes[s][2];
        float *w = malloc(sources * targets * sizeof *w);
        double *x = malloc(tokens * sources * sizeof *x), *y = malloc(tokens * targets * sizeof *y);
        for (size_t i = 0; i < sources * targets; i++) w[i] = (float)((double)(i * 2654435761u % 1000003) / 1e6 - 0.5);
        for (size_t i = 0; i < tokens * sources; i++) x[i] = (double)(i * 40503u % 65537) / 3e4 - 1;
        struct checkpoint_tensor tensor = {.readable = 1,
                                           .type = WEIGHT_F32,
                                           .rank = 2,
                                           .shape = {targets, sources},
                                           .elements = sources * targets,
                                           .data = w};
        dense_linear(2, &tensor, NULL, x, tokens, sources, targets, y);
        for (size_t t = 0; t < tokens; t++)
            for (size_t i = 0; i < targets; i++) {
                double sum = 0;
                for (size_t k = 0; k < sources; k++) sum += x[t * sources + k] * w[i * sources + k];
                assert_true(sum == y[t * targets + i]);
            }
        free(w);
        free(x);
        free(y);
    }
}

/* Two keys worked out by hand: scores 0 and ln 3 give weights 1/3 and 1, sum 4/3, octave 0. */
static void test_attention_by_hand(void **state)
{
    (void)state;
    const double q[4] = {0, 0, 2, 0}, k[4] = {0, 0, real_log(3) / 2 * real_sqrt(2), 0}, v[4] = {3, 6, 5, 9};
    double ctx[4], att[4], sums[2];
    struct dense_attention a = {.threads = 1,
                                .tokens = 2,
                                .context = 2,
                                .heads = 1,
                                .kv_heads = 1,
                                .head_dim = 2,
                                .scale = real_sqrt(0.5),
                                .q = q,
                                .k = k,
                                .v = v,
                                .context_values = ctx,
                                .attention = att,
                                .weight_sums = sums};
    a.scratch = malloc(dense_attention_scratch(1, 2, 2, 1, 2) * sizeof *a.scratch);
    dense_attention_run(&a);
    free(a.scratch);
    const double expected[4] = {3, 6, 6, 11};
    for (int i = 0; i < 4; i++) {
        assert_true(ctx[i] - expected[i] < 1e-14 && expected[i] - ctx[i] < 1e-14);
        double mean = i < 2 ? expected[i] : expected[i] * 3 / 4;
        assert_true(att[i] - mean < 1e-14 && mean - att[i] < 1e-14);
    }
    assert_true(sums[0] == 1);
    assert_true(sums[1] - 4.0 / 3 < 1e-15 && 4.0 / 3 - sums[1] < 1e-15);
    assert_true(a.lowest_score + real_log(3) < 1e-14 && a.lowest_score + real_log(3) > -1e-14);
}

struct seen {
    const struct graph *graph;
    uint32_t last;
    int count[64];
};

static enum lassim_status note(void *context, uint32_t population, const double *values, size_t rows, size_t columns,
                               struct lassim_error *error)
{
    (void)error;
    struct seen *seen = context;
    const struct population *p = &seen->graph->population[population];
    assert_true(population < 64);
    assert_true(seen->last == UINT32_MAX || population > seen->last);
    if (p->kind == POPULATION_EXP || p->kind == POPULATION_WEIGHT)
        assert_true(rows == 1 && columns == 1);
    else
        assert_true(rows == 6 && columns == p->neurons);
    for (size_t i = 0; i < rows * columns; i++) assert_true(values[i] - values[i] == 0);
    if (p->kind == POPULATION_INVERSE)
        for (size_t i = 0; i < rows * columns; i++) assert_true(values[i] >= 1 && values[i] <= (double)rows);
    seen->last = population;
    seen->count[population]++;
    return LASSIM_OK;
}

/* Every population but the input ones is seen once, in the graph's order. */
static void test_observer_sees_all(void **state)
{
    (void)state;
    static const char *const variants[] = {"postln", "bare", "nofinal"};
    for (size_t i = 0; i < 3; i++) {
        struct opened o;
        char folder[64];
        const uint32_t ids[6] = {2, 5, 9, 100, 44, 7};
        snprintf(folder, sizeof folder, "test/data/variants/%s", variants[i]);
        opened_open(folder, &o);
        struct seen seen = {.graph = o.graph, .last = UINT32_MAX};
        free(forward(&o, ids, 6, 6, 1, note, &seen));
        for (uint32_t p = 0; p < o.graph->populations; p++)
            assert_int_equal(seen.count[p], o.graph->population[p].code != CODE_INPUT);
        opened_close(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_opt_tiny),   cmocka_unit_test(test_golden_variants),
        cmocka_unit_test(test_golden_families),   cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_linear_order),      cmocka_unit_test(test_attention_by_hand),
        cmocka_unit_test(test_observer_sees_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
