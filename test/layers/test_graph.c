/* Bounds of hyperparameters, and what every graph must satisfy whatever the config. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "layers/graph.h"

static struct model_config good_config(void)
{
    return (struct model_config){.family = FAMILY_OPT,
                                 .vocabulary = 30,
                                 .hidden = 12,
                                 .embedding = 12,
                                 .ffn = 20,
                                 .layers = 2,
                                 .heads = 3,
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
}

/* One field of good_config replaced, and a word that the refusal must hold. */
struct bad_field {
    size_t offset;
    uint32_t value;
    const char *word;
};
#define FIELD(name) offsetof(struct model_config, name)

static void bad_fields_are_refused_by_name(void **state)
{
    (void)state;
    static const struct bad_field bad[] = {
        {FIELD(family), 0, "family"},
        {FIELD(family), 6, "family"},
        {FIELD(vocabulary), 0, "vocabulary"},
        {FIELD(vocabulary), 1 << 20, "vocabulary"},
        {FIELD(vocabulary), 2, "bos"},
        {FIELD(vocabulary), UINT32_MAX, "vocabulary"},
        {FIELD(hidden), 0, "hidden"},
        {FIELD(hidden), 1 << 20, "hidden"},
        {FIELD(hidden), 13, "heads"},
        {FIELD(embedding), 1 << 20, "embedding"},
        {FIELD(ffn), 0, "FFN"},
        {FIELD(ffn), UINT32_MAX, "FFN"},
        {FIELD(layers), 0, "layers"},
        {FIELD(layers), 1025, "layers"},
        {FIELD(heads), 0, "heads"},
        {FIELD(heads), 5, "heads"},
        {FIELD(heads), 24, "heads"},
        {FIELD(positions), 0, "positions"},
        {FIELD(positions), 1 << 20, "positions"},
        {FIELD(positions), 17, "position rows"},
        {FIELD(position_rows), 0, "position rows"},
        {FIELD(position_rows), 17, "position rows"},
        {FIELD(position_offset), 3, "position rows"},
        {FIELD(position_offset), UINT32_MAX, "position rows"},
        {FIELD(pre_norm), 2, "pre_norm"},
        {FIELD(pre_norm), 0, "final_norm"},
        {FIELD(final_norm), 2, "final_norm"},
        {FIELD(tied), 7, "tied"},
        {FIELD(bos), 30, "bos"},
        {FIELD(eos), 30, "eos"},
        {FIELD(pad), UINT32_MAX, "pad"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct model_config config = good_config();
        memcpy((char *)&config + bad[i].offset, &bad[i].value, sizeof bad[i].value);
        const char *reason = graph_config_check(&config), *build_reason = NULL;
        assert_non_null(reason);
        if (strstr(reason, bad[i].word) == NULL) fail_msg("case %zu: \"%s\" lacks \"%s\"", i, reason, bad[i].word);
        assert_null(graph_build(&config, &build_reason));
        assert_string_equal(build_reason, reason);
    }
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

/* Sums that must hold in every graph. */
static void check_invariants(const struct graph *graph)
{
    const struct model_config *c = &graph->config;
    uint64_t fan_out = 0, synapses = 0;
    for (uint32_t p = 0; p < graph->populations; p++) {
        const struct population *population = &graph->population[p];
        fan_out += population->fan_out;
        assert_true(population->neurons > 0 && population->level < graph->levels);
        assert_true(p == 0 || graph->population[p - 1].level <= population->level);
        assert_true(p == 0 || graph->population[p - 1].head_side <= population->head_side);
        for (uint32_t other = 0; other < p; other++)
            assert_string_not_equal(graph->population[other].name, population->name);
        if (population->product == PRODUCT_FIXED) assert_true(population->product_partners > 0);
        if (population->kind == POPULATION_RESIDUAL && population->norm != GRAPH_NONE) synapses += 2;
        synapses += population->kind == POPULATION_EXP || population->kind == POPULATION_WEIGHT;
        synapses += (uint64_t)population->into_residual;
    }
    for (uint32_t m = 0; m < graph->matrices; m++) {
        const struct matrix_slot *slot = &graph->matrix[m];
        synapses += slot->targets;
        assert_int_equal(slot->sources, graph->population[slot->source].neurons);
        if (slot->target == TARGET_HEAD) {
            assert_int_equal(slot->targets, c->vocabulary);
            assert_int_equal(graph->population[slot->source].level + 1, graph->head_level);
            continue;
        }
        assert_true(slot->target_population < graph->populations);
        assert_int_equal(slot->targets, graph->population[slot->target_population].neurons);
        assert_true(graph->population[slot->source].level < graph->population[slot->target_population].level);
        assert_int_equal(graph->population[slot->target_population].kind == POPULATION_RESIDUAL,
                         slot->target == TARGET_RESIDUAL);
    }
    assert_int_equal(fan_out, synapses);
    for (uint32_t n = 0; n < graph->norms; n++) {
        const struct norm_slot *norm = &graph->norm[n];
        assert_int_equal(graph->population[norm->source].kind, POPULATION_RESIDUAL);
        assert_int_equal(graph->population[norm->centered].kind, POPULATION_CENTERED);
        assert_int_equal(graph->population[norm->rstd].kind, POPULATION_RSTD);
        assert_int_equal(graph->population[norm->output].kind, POPULATION_NORM);
        assert_int_equal(graph->population[norm->output].norm, n);
        assert_int_equal(graph->population[norm->output].level, graph->population[norm->source].level + 3);
    }
    assert_string_equal(graph->matrix[graph->head_matrix].name, "head");
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
        const char *reason = NULL;
        struct graph *graph = graph_build(&config, &reason);
        if (graph == NULL) fail_msg("shape %u: %s", shape, reason);
        assert_null(reason);
        check_invariants(graph);
        graph_free(graph);
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
