/* docs/design.md's table of Llama and Qwen2, spelled out for small shapes and compared row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/graph_rows.h"

/* V = 30, D = 12, F = 20, H = 6 on G = 3 heads of 4 channels, 16 positions. */
enum {
    V = ROWS_V,
    D = ROWS_D,
    F = ROWS_F,
    G = ROWS_HEADS,
    H = 2 * G,
    C = D / G,
    Q = H * C,
    K = G * C,
    P = ROWS_POSITIONS
};

static struct model_config config_of(uint32_t family, uint32_t layers)
{
    struct model_config config = graph_rows_config(family);
    config.layers = layers;
    return config;
}

/* clang-format off */
static void block_is_the_table(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {
        {0, "tok", CODE_INPUT, V, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {1, "layers.0.norm1.res", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {2, "layers.0.norm1.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0},
        {3, "layers.0.norm1.ln", CODE_OAT, D, Q + 2 * K, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {4, "layers.0.q", CODE_OAT, Q, 2, PRODUCT_NONE, 0, 0, 0, Q, 0},
        {4, "layers.0.k", CODE_OAT, K, 2, PRODUCT_NONE, 0, 0, 0, K, 0},
        {4, "layers.0.v", CODE_OAT, K, 0, PRODUCT_NONE, 0, 0, 0, K, 0},
        {5, "layers.0.qr", CODE_OAT, Q, 0, PRODUCT_VISIBLE, 0, 0, 0, 0, 0},
        {5, "layers.0.kr", CODE_OAT, K, 0, PRODUCT_FIXED, H / G, 0, 0, 0, 0},
        {6, "layers.0.exp", CODE_HG, H * P, 1, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {7, "layers.0.e", CODE_OAT, H * P, 1, PRODUCT_FIXED, C, 0, 0, 0, 0},
        {8, "layers.0.inv", CODE_HG, H, 0, PRODUCT_FIXED, C, 0, 0, 0, 0},
        {8, "layers.0.ctx", CODE_OAT, Q, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {9, "layers.0.att", CODE_OAT, Q, D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {10, "layers.0.norm2.res", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, D, 0},
        {11, "layers.0.norm2.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0},
        {12, "layers.0.norm2.ln", CODE_OAT, D, 2 * F, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {13, "layers.0.gate", CODE_HG, F, 0, PRODUCT_ONE, 0, 0, 0, F, 0},
        {13, "layers.0.up", CODE_OAT, F, 0, PRODUCT_ONE, 0, 0, 0, F, 0},
        {14, "layers.0.fc", CODE_OAT, F, D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {15, "final.res", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 1, D, 0},
        {16, "final.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 1, 1, 0, 0},
        {17, "final.ln", CODE_OAT, D, V, PRODUCT_NONE, 0, 1, 1, 0, 0},
    };
    static const struct graph_wire wires[] = {
        {"tok", "tok", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"layers.0.q", "layers.0.norm1.ln", "layers.0.q", Q, TARGET_POPULATION, 1},
        {"layers.0.k", "layers.0.norm1.ln", "layers.0.k", K, TARGET_POPULATION, 1},
        {"layers.0.v", "layers.0.norm1.ln", "layers.0.v", K, TARGET_POPULATION, 1},
        {"layers.0.o", "layers.0.att", "layers.0.norm2.res", D, TARGET_RESIDUAL, 1},
        {"layers.0.gate", "layers.0.norm2.ln", "layers.0.gate", F, TARGET_POPULATION, 1},
        {"layers.0.up", "layers.0.norm2.ln", "layers.0.up", F, TARGET_POPULATION, 1},
        {"layers.0.down", "layers.0.fc", "final.res", D, TARGET_RESIDUAL, 1},
        {"head", "final.ln", NULL, V, TARGET_HEAD, 0},
    };
    struct graph *graph = graph_rows_build(config_of(FAMILY_LLAMA, 1));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_int_equal(graph->head_level, 4 + 14 * 1);
    assert_int_equal(graph->head_width, V);
    assert_int_equal(graph->inputs, 1);
    assert_int_equal(graph->norms, 3);
    assert_string_equal(graph->norm[2].name, "final");
    for (uint32_t n = 0; n < graph->norms; n++) assert_int_equal(graph->norm[n].centered, graph->norm[n].source);
    graph_free(graph);
}
/* clang-format on */

static void partners_and_functions(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(config_of(FAMILY_QWEN2, 2));
    assert_int_equal(graph_rows_find(graph, "layers.1.qr")->partner, graph_find_population(graph, "layers.1.q"));
    assert_int_equal(graph_rows_find(graph, "layers.1.kr")->partner, graph_find_population(graph, "layers.1.k"));
    assert_int_equal(graph_rows_find(graph, "layers.1.fc")->partner, graph_find_population(graph, "layers.1.gate"));
    assert_int_equal(graph_rows_find(graph, "layers.1.gate")->function, HG_SILU);
    assert_int_equal(graph_rows_find(graph, "layers.1.exp")->function, HG_EXP);
    assert_int_equal(graph_rows_find(graph, "layers.1.norm1.res")->level, 15);
    assert_int_equal(graph_rows_find(graph, "layers.1.fc")->level, 28);
    assert_int_equal(graph->head_level, 4 + 14 * 2);
    assert_true(graph->config.score_scale == 0.5); /* 1 / sqrt(4) */
    graph_free(graph);
}

static void one_query_a_key_head(void **state)
{
    (void)state;
    struct model_config config = config_of(FAMILY_LLAMA, 1);
    config.kv_heads = 0; /* as many as query heads */
    struct graph *graph = graph_rows_build(config);
    assert_int_equal(graph->config.kv_heads, H);
    assert_int_equal(graph_rows_find(graph, "layers.0.kr")->product, PRODUCT_ONE);
    assert_int_equal(graph_rows_find(graph, "layers.0.kr")->neurons, Q);
    graph_free(graph);
}

static void what_the_family_is_not(void **state)
{
    (void)state;
    static const struct graph_refusal bad[] = {
        {GRAPH_FIELD(pre_norm), 0, "pre_norm"},
        {GRAPH_FIELD(final_norm), 0, "final_norm"},
        {GRAPH_FIELD(norm_kind), NORM_LAYER, "RMSNorm"},
        {GRAPH_FIELD(rotary), 0, "position rows"},
        {GRAPH_FIELD(token_types), 2, "no other input"},
        {GRAPH_FIELD(embedding), D / 2, "no other input"},
        {GRAPH_FIELD(gated), 0, "gated"},
        {GRAPH_FIELD(activation), ACTIVATION_RELU, "gated"},
        {GRAPH_FIELD(encoder), 1, "decoder"},
        {GRAPH_FIELD(head), HEAD_VALUES, "decoder"},
        {GRAPH_FIELD(score_by_layer), 1, "decoder"},
        {GRAPH_FIELD(kv_heads), 4, "divide"},
        {GRAPH_FIELD(head_dim), 3, "even"},
    };
    graph_rows_refused(config_of(FAMILY_LLAMA, 1), bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_is_the_table),
        cmocka_unit_test(partners_and_functions),
        cmocka_unit_test(one_query_a_key_head),
        cmocka_unit_test(what_the_family_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
