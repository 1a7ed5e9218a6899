/* Bounds of hyperparameters, and what every graph must satisfy whatever the config. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/graph_rows.h"

static struct model_config good_config(void)
{
    struct model_config config = graph_rows_config(FAMILY_OPT);
    config.layers = 2;
    return config;
}

static void bad_fields_are_refused_by_name(void **state)
{
    (void)state;
    static const struct graph_refusal bad[] = {
        {GRAPH_FIELD(family), 0, "family"},
        {GRAPH_FIELD(family), 6, "family"},
        {GRAPH_FIELD(vocabulary), 0, "vocabulary"},
        {GRAPH_FIELD(vocabulary), 1 << 20, "vocabulary"},
        {GRAPH_FIELD(vocabulary), 2, "bos"},
        {GRAPH_FIELD(vocabulary), UINT32_MAX, "vocabulary"},
        {GRAPH_FIELD(hidden), 0, "hidden"},
        {GRAPH_FIELD(hidden), 1 << 20, "hidden"},
        {GRAPH_FIELD(hidden), 13, "heads"},
        {GRAPH_FIELD(embedding), 1 << 20, "embedding"},
        {GRAPH_FIELD(ffn), 0, "FFN"},
        {GRAPH_FIELD(ffn), UINT32_MAX, "FFN"},
        {GRAPH_FIELD(layers), 0, "layers"},
        {GRAPH_FIELD(layers), 1025, "layers"},
        {GRAPH_FIELD(heads), 0, "heads"},
        {GRAPH_FIELD(heads), 5, "heads"},
        {GRAPH_FIELD(heads), 24, "heads"},
        {GRAPH_FIELD(positions), 0, "positions"},
        {GRAPH_FIELD(positions), 1 << 20, "positions"},
        {GRAPH_FIELD(positions), 17, "position rows"},
        {GRAPH_FIELD(position_rows), 0, "position rows"},
        {GRAPH_FIELD(position_rows), 17, "position rows"},
        {GRAPH_FIELD(position_offset), 3, "position rows"},
        {GRAPH_FIELD(position_offset), UINT32_MAX, "position rows"},
        {GRAPH_FIELD(pre_norm), 2, "pre_norm"},
        {GRAPH_FIELD(pre_norm), 0, "final_norm"},
        {GRAPH_FIELD(final_norm), 2, "final_norm"},
        {GRAPH_FIELD(tied), 7, "tied"},
        {GRAPH_FIELD(bos), 30, "bos"},
        {GRAPH_FIELD(eos), 30, "eos"},
        {GRAPH_FIELD(pad), UINT32_MAX, "pad"},
    };
    graph_rows_refused(good_config(), bad, sizeof bad / sizeof *bad);
}

static void epsilon_and_products_are_bounded(void **state)
{
    (void)state;
    static const double bad[] = {0, -1e-5, 1e-13, 1.5, __builtin_nan(""), __builtin_inf()};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct model_config config = good_config();
        config.norm_epsilon = bad[i];
        assert_non_null(graph_config_check(&config));
    }
    struct model_config config = good_config();
    config.hidden = config.embedding = config.heads = 1 << 19;
    config.positions = 1 << 8;
    config.position_rows = config.positions + 2;
    assert_non_null(strstr(graph_config_check(&config), "heads times positions"));
    config.positions /= 2;
    config.position_rows = config.positions + 2;
    assert_null(graph_config_check(&config));
}

static void every_shape_keeps_the_invariants(void **state)
{
    (void)state;
    for (uint32_t shape = 0; shape < 48; shape++) {
        struct model_config config = good_config();
        config.layers = 1 + shape % 3;
        config.embedding = shape / 3 % 2 ? 7 : 12;
        config.pre_norm = shape / 6 % 2;
        config.final_norm = config.pre_norm && shape / 12 % 2;
        config.heads = shape / 24 ? 12 : 1;
        graph_free(graph_rows_build(config));
    }
}

static void windows_and_blocks(void **state)
{
    (void)state;
    const char *reason;
    struct model_config config = good_config();
    config.vocabulary = 2049;
    struct graph *graph = graph_build(&config, &reason);
    assert_non_null(graph);
    for (uint32_t p = 0; p < graph->populations; p++) {
        int visible = graph->population[p].kind == POPULATION_EXP || graph->population[p].kind == POPULATION_WEIGHT;
        uint32_t all = graph->population[p].neurons;
        assert_int_equal(graph->population[p].visible_only, visible);
        assert_int_equal(graph_window_neurons(graph, p, 1), visible ? 3 : all);
        assert_int_equal(graph_window_neurons(graph, p, 5), visible ? 15 : all);
        assert_int_equal(graph_window_neurons(graph, p, 16), all);
        assert_int_equal(graph_window_neurons(graph, p, UINT32_MAX), all);
    }
    assert_int_equal(graph_blocks(graph, 0), 3);
    assert_int_equal(graph_blocks(graph, 1), 1);
    graph_free(graph);
    graph_free(NULL);
}

static void kinds_have_names(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < POPULATION_KINDS; kind++)
        assert_string_not_equal(population_kind_name((enum population_kind)kind), "?");
    assert_string_equal(population_kind_name(POPULATION_KINDS), "?");
    assert_string_equal(population_kind_name(POPULATION_CENTERED), "xmu");
    assert_string_equal(code_kind_name(CODE_INPUT), "input");
    assert_string_equal(code_kind_name(CODE_OAT), "OAT");
    assert_string_equal(code_kind_name(CODE_HG), "HG");
    assert_string_equal(code_kind_name((enum code_kind)9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_fields_are_refused_by_name),
        cmocka_unit_test(epsilon_and_products_are_bounded),
        cmocka_unit_test(every_shape_keeps_the_invariants),
        cmocka_unit_test(windows_and_blocks),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
