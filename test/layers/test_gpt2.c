/* docs/design.md's table of GPT-2, spelled out for a small shape and compared row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/graph_rows.h"

/* V = 30, D = 12, F = 20, H = 3 (4 channels), 16 positions. */
enum { V = ROWS_V, D = ROWS_D, F = ROWS_F, H = ROWS_HEADS, P = ROWS_POSITIONS };

static struct model_config config_of(uint32_t layers)
{
    struct model_config config = graph_rows_config(FAMILY_GPT2);
    config.layers = layers;
    return config;
}

/* clang-format off */
static void block_is_the_table(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {
        {0, "tok", CODE_INPUT, V, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {0, "pos", CODE_INPUT, P, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {1, "layers.0.norm1.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {2, "layers.0.norm1.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {3, "layers.0.norm1.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0},
        {4, "layers.0.norm1.ln", CODE_OAT, D, 3 * D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {5, "layers.0.q", CODE_OAT, D, 0, PRODUCT_VISIBLE, 0, 0, 0, D, 0},
        {5, "layers.0.k", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, D, 0},
        {5, "layers.0.v", CODE_OAT, D, 0, PRODUCT_NONE, 0, 0, 0, D, 0},
        {6, "layers.0.exp", CODE_HG, H * P, 1, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {7, "layers.0.e", CODE_OAT, H * P, 1, PRODUCT_FIXED, D / H, 0, 0, 0, 0},
        {8, "layers.0.inv", CODE_HG, H, 0, PRODUCT_FIXED, D / H, 0, 0, 0, 0},
        {8, "layers.0.ctx", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {9, "layers.0.att", CODE_OAT, D, D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {10, "layers.0.norm2.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 0, 0, D, 0},
        {11, "layers.0.norm2.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {12, "layers.0.norm2.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0},
        {13, "layers.0.norm2.ln", CODE_OAT, D, F, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {14, "layers.0.act", CODE_HG, F, 1, PRODUCT_NONE, 0, 0, 0, F, 0},
        {15, "layers.0.fc", CODE_OAT, F, D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {16, "final.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 1, 1, D, 0},
        {17, "final.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 1, 0, 0},
        {18, "final.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 1, 1, 0, 0},
        {19, "final.ln", CODE_OAT, D, V, PRODUCT_NONE, 0, 1, 1, 0, 0},
    };
    static const struct graph_wire wires[] = {
        {"tok", "tok", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"pos", "pos", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"layers.0.q", "layers.0.norm1.ln", "layers.0.q", D, TARGET_POPULATION, 1},
        {"layers.0.k", "layers.0.norm1.ln", "layers.0.k", D, TARGET_POPULATION, 1},
        {"layers.0.v", "layers.0.norm1.ln", "layers.0.v", D, TARGET_POPULATION, 1},
        {"layers.0.o", "layers.0.att", "layers.0.norm2.res", D, TARGET_RESIDUAL, 1},
        {"layers.0.fc1", "layers.0.norm2.ln", "layers.0.act", F, TARGET_POPULATION, 1},
        {"layers.0.fc2", "layers.0.fc", "final.res", D, TARGET_RESIDUAL, 1},
        {"head", "final.ln", NULL, V, TARGET_HEAD, 0},
    };
    struct graph *graph = graph_rows_build(config_of(1));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_int_equal(graph->head_level, 5 + 15 * 1);
    assert_int_equal(graph->inputs, 2);
    assert_int_equal(graph_rows_find(graph, "layers.0.act")->function, HG_GELU_TANH);
    assert_int_equal(graph_rows_find(graph, "layers.0.fc")->partner, graph_find_population(graph, "layers.0.act"));
    graph_free(graph);
}
/* clang-format on */

static void the_next_block_is_fifteen_windows_later(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(config_of(3));
    assert_int_equal(graph_rows_find(graph, "layers.1.norm1.res")->level, 16);
    assert_int_equal(graph_rows_find(graph, "layers.2.fc")->level, 45);
    assert_int_equal(graph->head_level, 5 + 15 * 3);
    graph_free(graph);
}

/* With ReLU the FFN is OPT's one window. */
static void rectified(void **state)
{
    (void)state;
    struct model_config config = config_of(1);
    config.activation = ACTIVATION_RELU;
    struct graph *graph = graph_rows_build(config);
    assert_int_equal(graph_rows_find(graph, "layers.0.fc")->level, 14);
    assert_int_equal(graph_rows_find(graph, "layers.0.fc")->relu, 1);
    assert_int_equal(graph->head_level, 5 + 14);
    graph_free(graph);
}

static void what_the_family_is_not(void **state)
{
    (void)state;
    static const struct graph_refusal bad[] = {
        {GRAPH_FIELD(pre_norm), 0, "pre_norm"},
        {GRAPH_FIELD(final_norm), 0, "final_norm"},
        {GRAPH_FIELD(norm_kind), NORM_RMS, "LayerNorm"},
        {GRAPH_FIELD(token_types), 1, "position table"},
        {GRAPH_FIELD(gated), 1, "plain FFN"},
        {GRAPH_FIELD(encoder), 1, "decoder"},
        {GRAPH_FIELD(head), HEAD_MASKED_LM, "decoder"},
        {GRAPH_FIELD(kv_heads), 1, "as many key"},
        {GRAPH_FIELD(labels), 1, "labels"},
    };
    graph_rows_refused(config_of(1), bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_is_the_table),
        cmocka_unit_test(the_next_block_is_fifteen_windows_later),
        cmocka_unit_test(rectified),
        cmocka_unit_test(what_the_family_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
