/* docs/design.md's table of BERT and its head sides, spelled out for a small shape and compared row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/graph_rows.h"

/* V = 30, D = 12, F = 20, H = 3 (4 channels), 16 positions, 2 token types, N labels. */
enum { V = ROWS_V, D = ROWS_D, F = ROWS_F, H = ROWS_HEADS, P = ROWS_POSITIONS, T = ROWS_TYPES, N = 5 };

static struct model_config config_of(uint32_t layers, uint32_t head)
{
    struct model_config config = graph_rows_config(FAMILY_BERT);
    config.layers = layers;
    config.head = head;
    config.labels = head == HEAD_CLASSIFY ? N : 0;
    return config;
}

/* clang-format off */
/* All rows of one layer; the head side's norm2 fires `fan_out` synapses a spike. */
#define ROWS(fan_out) \
        {0, "tok", CODE_INPUT, V, D, PRODUCT_NONE, 0, -1, 0, 0, 0}, \
        {0, "pos", CODE_INPUT, P, D, PRODUCT_NONE, 0, -1, 0, 0, 0}, \
        {0, "typ", CODE_INPUT, T, D, PRODUCT_NONE, 0, -1, 0, 0, 0}, \
        {1, "embed.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, -1, 0, 0, 0}, \
        {2, "embed.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, -1, 0, 0, 0}, \
        {3, "embed.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, -1, 0, 0, 0}, \
        {4, "embed.ln", CODE_OAT, D, 3 * D + 1, PRODUCT_NONE, 0, -1, 0, 0, 1}, \
        {5, "layers.0.q", CODE_OAT, D, 0, PRODUCT_VISIBLE, 0, 0, 0, D, 0}, \
        {5, "layers.0.k", CODE_OAT, D, 0, PRODUCT_VISIBLE, 0, 0, 0, D, 0}, \
        {5, "layers.0.v", CODE_OAT, D, 0, PRODUCT_NONE, 0, 0, 0, D, 0}, \
        {6, "layers.0.exp", CODE_HG, H * P, 1, PRODUCT_NONE, 0, 0, 0, 0, 0}, \
        {7, "layers.0.e", CODE_OAT, H * P, 1, PRODUCT_FIXED, D / H, 0, 0, 0, 0}, \
        {8, "layers.0.inv", CODE_HG, H, 0, PRODUCT_FIXED, D / H, 0, 0, 0, 0}, \
        {8, "layers.0.ctx", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0}, \
        {9, "layers.0.att", CODE_OAT, D, D, PRODUCT_NONE, 0, 0, 0, 0, 0}, \
        {10, "layers.0.norm1.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 0, 0, D, 0}, \
        {11, "layers.0.norm1.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0}, \
        {12, "layers.0.norm1.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0}, \
        {13, "layers.0.norm1.ln", CODE_OAT, D, F + 1, PRODUCT_NONE, 0, 0, 0, 0, 1}, \
        {14, "layers.0.act", CODE_HG, F, 1, PRODUCT_NONE, 0, 0, 0, F, 0}, \
        {15, "layers.0.fc", CODE_OAT, F, D, PRODUCT_NONE, 0, 0, 0, 0, 0}, \
        {16, "layers.0.norm2.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 0, 1, D, 0}, \
        {17, "layers.0.norm2.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 1, 0, 0}, \
        {18, "layers.0.norm2.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 1, 0, 0}, \
        {19, "layers.0.norm2.ln", CODE_OAT, D, fan_out, PRODUCT_NONE, 0, 0, 1, 0, 0}
#define WIRES \
        {"tok", "tok", "embed.res", D, TARGET_RESIDUAL, 0}, \
        {"pos", "pos", "embed.res", D, TARGET_RESIDUAL, 0}, \
        {"typ", "typ", "embed.res", D, TARGET_RESIDUAL, 0}, \
        {"layers.0.q", "embed.ln", "layers.0.q", D, TARGET_POPULATION, 1}, \
        {"layers.0.k", "embed.ln", "layers.0.k", D, TARGET_POPULATION, 1}, \
        {"layers.0.v", "embed.ln", "layers.0.v", D, TARGET_POPULATION, 1}, \
        {"layers.0.o", "layers.0.att", "layers.0.norm1.res", D, TARGET_RESIDUAL, 1}, \
        {"layers.0.fc1", "layers.0.norm1.ln", "layers.0.act", F, TARGET_POPULATION, 1}, \
        {"layers.0.fc2", "layers.0.fc", "layers.0.norm2.res", D, TARGET_RESIDUAL, 1}

static void values_are_the_last_norm(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {ROWS(1)};
    static const struct graph_wire wires[] = {WIRES};
    struct graph *graph = graph_rows_build(config_of(1, HEAD_VALUES));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_int_equal(graph->head_matrix, GRAPH_NONE);
    assert_int_equal(graph->head_source, graph_find_population(graph, "layers.0.norm2.ln"));
    assert_int_equal(graph->head_width, D);
    assert_int_equal(graph->head_level, 20);
    assert_int_equal(graph->inputs, 3);
    graph_free(graph);
}

static void classifier_has_a_pooler(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {
        ROWS(D),
        {20, "pooler.act", CODE_HG, D, 1, PRODUCT_NONE, 0, 1, 1, D, 0},
        {21, "pooler", CODE_OAT, D, N, PRODUCT_NONE, 0, 1, 1, 0, 0},
    };
    static const struct graph_wire wires[] = {
        WIRES,
        {"pooler", "layers.0.norm2.ln", "pooler.act", D, TARGET_POPULATION, 1},
        {"head", "pooler", NULL, N, TARGET_HEAD, 1},
    };
    struct graph *graph = graph_rows_build(config_of(1, HEAD_CLASSIFY));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_int_equal(graph_rows_find(graph, "pooler.act")->function, HG_TANH);
    assert_int_equal(graph->head_width, N);
    assert_int_equal(graph->head_level, 22);
    graph_free(graph);
}

static void masked_lm_has_a_transform(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {
        ROWS(D),
        {20, "transform.act", CODE_HG, D, 1, PRODUCT_NONE, 0, 1, 1, D, 0},
        {21, "transform", CODE_OAT, D, 2, PRODUCT_NONE, 0, 1, 1, 0, 0},
        {22, "transform.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 1, 0, 0},
        {23, "transform.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 1, 1, 0, 0},
        {24, "transform.ln", CODE_OAT, D, V, PRODUCT_NONE, 0, 1, 1, 0, 0},
    };
    static const struct graph_wire wires[] = {
        WIRES,
        {"transform", "layers.0.norm2.ln", "transform.act", D, TARGET_POPULATION, 1},
        {"head", "transform.ln", NULL, V, TARGET_HEAD, 1},
    };
    struct graph *graph = graph_rows_build(config_of(1, HEAD_MASKED_LM));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    const struct norm_slot *norm = &graph->norm[graph->norms - 1];
    assert_string_equal(norm->name, "transform");
    assert_int_equal(norm->source, graph_find_population(graph, "transform"));
    assert_int_equal(graph->population[norm->source].kind, POPULATION_RELAY);
    assert_int_equal(graph->population[norm->source].norm, graph->norms - 1);
    assert_int_equal(graph->head_level, 25);
    graph_free(graph);
}
/* clang-format on */

static void the_next_block_is_fifteen_windows_later(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(config_of(3, HEAD_VALUES));
    assert_int_equal(graph_rows_find(graph, "layers.1.q")->level, 20);
    assert_int_equal(graph_rows_find(graph, "layers.0.norm2.ln")->fan_out, 3 * D + 1);
    assert_int_equal(graph_rows_find(graph, "layers.0.norm2.ln")->head_side, 0);
    assert_int_equal(graph_rows_find(graph, "layers.2.norm2.ln")->level, 19 + 30);
    assert_int_equal(graph->head_level, 20 + 30);
    graph_free(graph);
}

static void what_the_family_is_not(void **state)
{
    (void)state;
    static const struct graph_refusal bad[] = {
        {GRAPH_FIELD(pre_norm), 1, "after the branches"},
        {GRAPH_FIELD(norm_kind), NORM_RMS, "LayerNorm"},
        {GRAPH_FIELD(token_types), 0, "token type table"},
        {GRAPH_FIELD(gated), 1, "plain FFN"},
        {GRAPH_FIELD(encoder), 0, "encoder"},
        {GRAPH_FIELD(head), HEAD_LM, "no causal"},
        {GRAPH_FIELD(head), HEAD_CLASSIFY, "labels"},
        {GRAPH_FIELD(score_by_layer), 1, "encoder"},
    };
    graph_rows_refused(config_of(1, HEAD_VALUES), bad, sizeof bad / sizeof *bad);
    static const struct graph_refusal unspiked = {GRAPH_FIELD(activation), ACTIVATION_RELU, "smooth"};
    graph_rows_refused(config_of(1, HEAD_MASKED_LM), &unspiked, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_the_last_norm),  cmocka_unit_test(classifier_has_a_pooler),
        cmocka_unit_test(masked_lm_has_a_transform), cmocka_unit_test(the_next_block_is_fifteen_windows_later),
        cmocka_unit_test(what_the_family_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
