/* docs/design.md's schedule table, spelled out for small OPT shapes and compared row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/graph_rows.h"

/* V = 30, D = 12, F = 20, H = 3 (d_head 4), 16 positions, 18 rows; W = 7 where the embedding is projected. */
enum { V = ROWS_V, D = ROWS_D, F = ROWS_F, H = ROWS_HEADS, P = ROWS_POSITIONS, W = 7 };

static struct model_config config_of(uint32_t layers, uint32_t embedding, uint32_t pre_norm, uint32_t final_norm)
{
    struct model_config config = graph_rows_config(FAMILY_OPT);
    config.layers = layers;
    config.embedding = embedding;
    config.pre_norm = pre_norm;
    config.final_norm = final_norm;
    return config;
}

/* clang-format off */
static void pre_norm_block_is_the_table(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {
        {0, "tok", CODE_INPUT, V, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {0, "pos", CODE_INPUT, P + 2, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
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
        {14, "layers.0.fc", CODE_OAT, F, D, PRODUCT_NONE, 0, 0, 0, F, 0},
        {15, "final.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 1, 1, D, 0},
        {16, "final.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 1, 0, 0},
        {17, "final.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 1, 1, 0, 0},
        {18, "final.ln", CODE_OAT, D, V, PRODUCT_NONE, 0, 1, 1, 0, 0},
    };
    static const struct graph_wire wires[] = {
        {"tok", "tok", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"pos", "pos", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"layers.0.q", "layers.0.norm1.ln", "layers.0.q", D, TARGET_POPULATION, 1},
        {"layers.0.k", "layers.0.norm1.ln", "layers.0.k", D, TARGET_POPULATION, 1},
        {"layers.0.v", "layers.0.norm1.ln", "layers.0.v", D, TARGET_POPULATION, 1},
        {"layers.0.o", "layers.0.att", "layers.0.norm2.res", D, TARGET_RESIDUAL, 1},
        {"layers.0.fc1", "layers.0.norm2.ln", "layers.0.fc", F, TARGET_POPULATION, 1},
        {"layers.0.fc2", "layers.0.fc", "final.res", D, TARGET_RESIDUAL, 1},
        {"head", "final.ln", NULL, V, TARGET_HEAD, 0},
    };
    struct graph *graph = graph_rows_build(config_of(1, D, 1, 1));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_int_equal(graph->head_level, 5 + 14 * 1);
    assert_int_equal(graph->head_matrix, 8);
    assert_int_equal(graph->norms, 3);
    assert_string_equal(graph->norm[0].name, "layers.0.norm1");
    assert_string_equal(graph->norm[1].name, "layers.0.norm2");
    assert_string_equal(graph->norm[2].name, "final");
    graph_free(graph);
}

static void post_norm_with_projections_is_the_table(void **state)
{
    (void)state;
    static const struct graph_row rows[] = {
        {0, "tok", CODE_INPUT, V, W, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {0, "pos", CODE_INPUT, P + 2, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {1, "embed", CODE_OAT, W, D, PRODUCT_NONE, 0, -1, 0, 0, 0},
        {2, "layers.0.res", CODE_OAT, D, 3 * D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {3, "layers.0.q", CODE_OAT, D, 0, PRODUCT_VISIBLE, 0, 0, 0, D, 0},
        {3, "layers.0.k", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, D, 0},
        {3, "layers.0.v", CODE_OAT, D, 0, PRODUCT_NONE, 0, 0, 0, D, 0},
        {4, "layers.0.exp", CODE_HG, H * P, 1, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {5, "layers.0.e", CODE_OAT, H * P, 1, PRODUCT_FIXED, D / H, 0, 0, 0, 0},
        {6, "layers.0.inv", CODE_HG, H, 0, PRODUCT_FIXED, D / H, 0, 0, 0, 0},
        {6, "layers.0.ctx", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {7, "layers.0.att", CODE_OAT, D, D, PRODUCT_NONE, 0, 0, 0, 0, 0},
        {8, "layers.0.norm1.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 0, 0, D, 0},
        {9, "layers.0.norm1.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {10, "layers.0.norm1.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0},
        {11, "layers.0.norm1.ln", CODE_OAT, D, F + 1, PRODUCT_NONE, 0, 0, 0, 0, 1},
        {12, "layers.0.fc", CODE_OAT, F, D, PRODUCT_NONE, 0, 0, 0, F, 0},
        {13, "layers.0.norm2.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 0, 0, D, 0},
        {14, "layers.0.norm2.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 0, 0, 0, 0},
        {15, "layers.0.norm2.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 0, 0, 0, 0},
        {16, "layers.0.norm2.ln", CODE_OAT, D, 3 * D + 1, PRODUCT_NONE, 0, 0, 0, 0, 1},
        {17, "layers.1.q", CODE_OAT, D, 0, PRODUCT_VISIBLE, 0, 1, 0, D, 0},
        {17, "layers.1.k", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 0, D, 0},
        {17, "layers.1.v", CODE_OAT, D, 0, PRODUCT_NONE, 0, 1, 0, D, 0},
        {18, "layers.1.exp", CODE_HG, H * P, 1, PRODUCT_NONE, 0, 1, 0, 0, 0},
        {19, "layers.1.e", CODE_OAT, H * P, 1, PRODUCT_FIXED, D / H, 1, 0, 0, 0},
        {20, "layers.1.inv", CODE_HG, H, 0, PRODUCT_FIXED, D / H, 1, 0, 0, 0},
        {20, "layers.1.ctx", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 0, 0, 0},
        {21, "layers.1.att", CODE_OAT, D, D, PRODUCT_NONE, 0, 1, 0, 0, 0},
        {22, "layers.1.norm1.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 1, 0, D, 0},
        {23, "layers.1.norm1.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 0, 0, 0},
        {24, "layers.1.norm1.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 1, 0, 0, 0},
        {25, "layers.1.norm1.ln", CODE_OAT, D, F + 1, PRODUCT_NONE, 0, 1, 0, 0, 1},
        {26, "layers.1.fc", CODE_OAT, F, D, PRODUCT_NONE, 0, 1, 0, F, 0},
        {27, "layers.1.norm2.res", CODE_OAT, D, 2, PRODUCT_NONE, 0, 1, 1, D, 0},
        {28, "layers.1.norm2.xmu", CODE_OAT, D, 0, PRODUCT_ONE, 0, 1, 1, 0, 0},
        {29, "layers.1.norm2.rstd", CODE_HG, 1, 0, PRODUCT_FIXED, D, 1, 1, 0, 0},
        {30, "layers.1.norm2.ln", CODE_OAT, D, W, PRODUCT_NONE, 0, 1, 1, 0, 0},
        {31, "project_out", CODE_OAT, W, V, PRODUCT_NONE, 0, 2, 1, 0, 0},
    };
    static const struct graph_wire wires[] = {
        {"tok", "tok", "embed", W, TARGET_POPULATION, 0},
        {"pos", "pos", "layers.0.res", D, TARGET_RESIDUAL, 0},
        {"project_in", "embed", "layers.0.res", D, TARGET_RESIDUAL, 0},
        {"layers.0.q", "layers.0.res", "layers.0.q", D, TARGET_POPULATION, 1},
        {"layers.0.k", "layers.0.res", "layers.0.k", D, TARGET_POPULATION, 1},
        {"layers.0.v", "layers.0.res", "layers.0.v", D, TARGET_POPULATION, 1},
        {"layers.0.o", "layers.0.att", "layers.0.norm1.res", D, TARGET_RESIDUAL, 1},
        {"layers.0.fc1", "layers.0.norm1.ln", "layers.0.fc", F, TARGET_POPULATION, 1},
        {"layers.0.fc2", "layers.0.fc", "layers.0.norm2.res", D, TARGET_RESIDUAL, 1},
        {"layers.1.q", "layers.0.norm2.ln", "layers.1.q", D, TARGET_POPULATION, 1},
        {"layers.1.k", "layers.0.norm2.ln", "layers.1.k", D, TARGET_POPULATION, 1},
        {"layers.1.v", "layers.0.norm2.ln", "layers.1.v", D, TARGET_POPULATION, 1},
        {"layers.1.o", "layers.1.att", "layers.1.norm1.res", D, TARGET_RESIDUAL, 1},
        {"layers.1.fc1", "layers.1.norm1.ln", "layers.1.fc", F, TARGET_POPULATION, 1},
        {"layers.1.fc2", "layers.1.fc", "layers.1.norm2.res", D, TARGET_RESIDUAL, 1},
        {"project_out", "layers.1.norm2.ln", "project_out", W, TARGET_POPULATION, 0},
        {"head", "project_out", NULL, V, TARGET_HEAD, 0},
    };
    struct graph *graph = graph_rows_build(config_of(2, W, 0, 0));
    graph_rows_check(graph, rows, sizeof rows / sizeof *rows);
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_int_equal(graph->head_level, 32);
    assert_int_equal(graph->norms, 4);
    graph_free(graph);
}

/* The last rows of a graph without final norm: a lone residual in front of what reads the model out. */
static void no_final_norm_fires_the_residual_into_the_head(void **state)
{
    (void)state;
    static const struct graph_wire wires[] = {
        {"tok", "tok", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"pos", "pos", "layers.0.norm1.res", D, TARGET_RESIDUAL, 0},
        {"layers.0.q", "layers.0.norm1.ln", "layers.0.q", D, TARGET_POPULATION, 1},
        {"layers.0.k", "layers.0.norm1.ln", "layers.0.k", D, TARGET_POPULATION, 1},
        {"layers.0.v", "layers.0.norm1.ln", "layers.0.v", D, TARGET_POPULATION, 1},
        {"layers.0.o", "layers.0.att", "layers.0.norm2.res", D, TARGET_RESIDUAL, 1},
        {"layers.0.fc1", "layers.0.norm2.ln", "layers.0.fc", F, TARGET_POPULATION, 1},
        {"layers.0.fc2", "layers.0.fc", "layers.1.norm1.res", D, TARGET_RESIDUAL, 1},
        {"layers.1.q", "layers.1.norm1.ln", "layers.1.q", D, TARGET_POPULATION, 1},
        {"layers.1.k", "layers.1.norm1.ln", "layers.1.k", D, TARGET_POPULATION, 1},
        {"layers.1.v", "layers.1.norm1.ln", "layers.1.v", D, TARGET_POPULATION, 1},
        {"layers.1.o", "layers.1.att", "layers.1.norm2.res", D, TARGET_RESIDUAL, 1},
        {"layers.1.fc1", "layers.1.norm2.ln", "layers.1.fc", F, TARGET_POPULATION, 1},
        {"layers.1.fc2", "layers.1.fc", "final.res", D, TARGET_RESIDUAL, 1},
        {"head", "final.res", NULL, V, TARGET_HEAD, 0},
    };
    struct graph *graph = graph_rows_build(config_of(2, D, 1, 0));
    const struct population *last = &graph->population[graph->populations - 1];
    graph_wires_check(graph, wires, sizeof wires / sizeof *wires);
    assert_string_equal(last->name, "final.res");
    assert_int_equal(last->level, 29);
    assert_int_equal(last->fan_out, V);
    assert_int_equal(last->head_side, 1);
    assert_int_equal(last->bias_elements, D);
    assert_int_equal(last->norm, GRAPH_NONE);
    assert_int_equal(graph->head_level, 30);
    assert_int_equal(graph->norms, 4);
    graph_free(graph);
}
/* clang-format on */

static void projections_take_one_window_more_each(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(config_of(2, W, 1, 1));
    assert_int_equal(graph_rows_find(graph, "tok")->fan_out, W);
    assert_int_equal(graph_rows_find(graph, "pos")->fan_out, D);
    assert_int_equal(graph_rows_find(graph, "embed")->level, 1);
    assert_int_equal(graph_rows_find(graph, "layers.0.norm1.res")->level, 2);
    assert_int_equal(graph_rows_find(graph, "layers.0.norm1.res")->bias_elements, 0);
    assert_int_equal(graph_rows_find(graph, "layers.1.norm1.res")->level, 16);
    assert_int_equal(graph_rows_find(graph, "layers.1.norm1.res")->bias_elements, D);
    assert_int_equal(graph_rows_find(graph, "layers.1.norm1.res")->head_side, 0);
    assert_int_equal(graph_rows_find(graph, "final.ln")->fan_out, W);
    assert_int_equal(graph_rows_find(graph, "final.ln")->level, 33);
    assert_int_equal(graph_rows_find(graph, "project_out")->level, 34);
    assert_int_equal(graph_rows_find(graph, "project_out")->fan_out, V);
    assert_int_equal(graph->head_level, 35);
    graph_free(graph);
    graph = graph_rows_build(config_of(1, W, 1, 0));
    assert_int_equal(graph_rows_find(graph, "final.res")->fan_out, W);
    assert_int_equal(graph_rows_find(graph, "final.res")->level, 16);
    assert_int_equal(graph_rows_find(graph, "project_out")->level, 17);
    graph_free(graph);
}

static void post_norm_without_projection_starts_at_level_one(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(config_of(2, D, 0, 0));
    assert_int_equal(graph_rows_find(graph, "layers.0.res")->level, 1);
    assert_int_equal(graph_rows_find(graph, "layers.0.q")->level, 2);
    assert_int_equal(graph_rows_find(graph, "layers.0.norm1.res")->level, 7);
    assert_int_equal(graph_rows_find(graph, "layers.0.fc")->level, 11);
    assert_int_equal(graph_rows_find(graph, "layers.0.norm2.ln")->level, 15);
    assert_int_equal(graph_rows_find(graph, "layers.1.q")->level, 16);
    assert_int_equal(graph_rows_find(graph, "layers.1.norm2.ln")->fan_out, V);
    assert_int_equal(graph_rows_find(graph, "layers.1.norm2.ln")->into_residual, 0);
    assert_int_equal(graph->head_level, 30);
    graph_free(graph);
}

static void what_the_family_is_not(void **state)
{
    (void)state;
    static const struct graph_refusal bad[] = {
        {GRAPH_FIELD(pre_norm), 0, "final_norm"},
        {GRAPH_FIELD(norm_kind), NORM_RMS, "LayerNorm"},
        {GRAPH_FIELD(token_types), 2, "no token types"},
        {GRAPH_FIELD(rotary), 1, "rotary"},
        {GRAPH_FIELD(gated), 1, "ReLU"},
        {GRAPH_FIELD(activation), ACTIVATION_GELU_ERF, "ReLU"},
        {GRAPH_FIELD(score_by_layer), 1, "ReLU"},
        {GRAPH_FIELD(encoder), 1, "decoder"},
        {GRAPH_FIELD(head), HEAD_VALUES, "decoder"},
        {GRAPH_FIELD(kv_heads), 1, "evenly"},
        {GRAPH_FIELD(head_dim), 2, "evenly"},
    };
    graph_rows_refused(config_of(1, D, 1, 1), bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pre_norm_block_is_the_table),
        cmocka_unit_test(post_norm_with_projections_is_the_table),
        cmocka_unit_test(no_final_norm_fires_the_residual_into_the_head),
        cmocka_unit_test(projections_take_one_window_more_each),
        cmocka_unit_test(post_norm_without_projection_starts_at_level_one),
        cmocka_unit_test(what_the_family_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
