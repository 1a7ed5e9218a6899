/* The engine `dense` on checkpoints' own weights: every golden family within 1e-4 of its standard deviation, whole or
 * token by token, on one thread or three. */
#include "convert/reference_weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/team.h"
#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/family_golden.h"

#define TOLERANCE 1e-4
enum { VALUES_MAX = GOLDEN_ROWS * GOLDEN_TOKENS * 512 };

struct read_out {
    uint32_t width;
    size_t rows;
    double *values; /* [VALUES_MAX] */
};

static void keep(void *context, uint32_t token, const float *logits)
{
    struct read_out *out = context;
    (void)token;
    assert_true((out->rows + 1) * out->width <= VALUES_MAX);
    for (uint32_t i = 0; i < out->width; i++) out->values[out->rows * out->width + i] = logits[i];
    out->rows++;
}

static void feed(struct dense_engine *engine, const uint32_t *ids, const uint32_t *types, size_t n,
                 struct read_out *out)
{
    struct lassim_error error = {0};
    const struct engine_feed feed = {ids, types, (uint32_t)n, LASSIM_READ_ALL, keep, out};
    if (dense_engine_feed(engine, &feed, &error) != LASSIM_OK) fail_msg("%s", error.text);
}

static void expect_close(const char *name, const char *file, const char *how, const double *values, size_t rows,
                         size_t columns)
{
    double off = golden_difference(name, file, values, rows, columns);
    print_message("%s/%s, %s: largest difference %.3g of the standard deviation\n", name, file, how, off);
    assert_true(off <= TOLERANCE);
}

static void check_encoder(const char *name, const struct graph *graph, struct dense_engine *engine,
                          struct read_out *out)
{
    struct golden_rows ids = golden_read_rows(name, "golden.ids"), types = {0};
    enum head_kind head = (enum head_kind)graph->config.head;
    double *vectors = malloc(ids.rows * out->width * sizeof *vectors);
    for (size_t s = 0; s < ids.rows; s++) {
        size_t before = out->rows;
        feed(engine, ids.number[s], NULL, ids.length[s], out);
        dense_engine_reset(engine);
        golden_mean(out->values + before * out->width, out->rows - before, out->width, vectors + s * out->width);
    }
    if (head == HEAD_VALUES) {
        expect_close(name, "hidden.npy", "whole", out->values, ids.length[0], out->width);
        expect_close(name, "golden.npy", "mean", vectors, ids.rows, out->width);
    } else {
        expect_close(name, "golden.npy", "whole", out->values, out->rows, out->width);
    }
    free(vectors);
    if (head != HEAD_CLASSIFY) return;
    types = golden_read_rows(name, "golden.types");
    out->rows = 0;
    for (size_t s = 0; s < ids.rows; s++) {
        feed(engine, ids.number[s], types.number[s], ids.length[s], out);
        dense_engine_reset(engine);
    }
    expect_close(name, "types.npy", "types", out->values, out->rows, out->width);
}

static void check_decoder(const char *name, struct dense_engine *engine, struct read_out *out)
{
    struct golden_rows ids = golden_read_rows(name, "golden.ids");
    feed(engine, ids.number[0], NULL, ids.length[0], out);
    expect_close(name, "golden.npy", "whole", out->values, out->rows, out->width);
    dense_engine_reset(engine);
    out->rows = 0;
    for (size_t t = 0; t < ids.length[0]; t++) feed(engine, ids.number[0] + t, NULL, 1, out);
    expect_close(name, "golden.npy", "token by token", out->values, out->rows, out->width);
}

static void check_family(const char *name, unsigned threads)
{
    struct lassim_error error = {0};
    struct reference *reference;
    struct dense_weights weights;
    struct dense_engine *engine = NULL;
    struct team *team;
    char folder[128];
    golden_path(name, "", folder, sizeof folder);
    if (reference_open(folder, &reference, &error) != LASSIM_OK) fail_msg("%s", error.text);
    reference_weights(reference, &weights);
    const struct graph *graph = reference_graph(reference);
    if (team_new(threads, NULL, 0, &team, &error) != LASSIM_OK ||
        dense_engine_new(graph, &weights, team, &engine, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
    struct read_out out = {graph->head_width, 0, malloc(VALUES_MAX * sizeof(double))};
    if (graph->config.encoder)
        check_encoder(name, graph, engine, &out);
    else
        check_decoder(name, engine, &out);
    free(out.values);
    dense_engine_free(engine);
    team_free(team);
    reference_close(reference);
}

static void test_golden_families(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_family_count; i++) check_family(golden_families[i], i % 2 == 0 ? 1 : 3);
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < golden_refusal_count; i++) {
        struct lassim_error error = {0};
        struct reference *reference;
        char folder[128];
        golden_path(golden_refusals[i].name, "", folder, sizeof folder);
        assert_refused(reference_open(folder, &reference, &error), &error, golden_refusals[i].part);
        assert_null(reference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_families), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
