#include "test/helpers/graph_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

void graph_rows_check(const struct graph *graph, const struct graph_row *rows, uint32_t n)
{
    for (uint32_t i = 0; i < n && i < graph->populations; i++) {
        const struct population *p = &graph->population[i];
        assert_string_equal(p->name, rows[i].name);
        if (p->level != rows[i].level || p->code != rows[i].code || p->neurons != rows[i].neurons ||
            p->fan_out != rows[i].fan_out || p->product != rows[i].product || p->product_partners != rows[i].partners ||
            p->layer != rows[i].layer || p->head_side != rows[i].head_side || p->bias_elements != rows[i].bias ||
            p->into_residual != rows[i].into_residual)
            fail_msg("row %u, %s: level %u fan_out %u layer %d head_side %d bias %u", i, p->name, p->level, p->fan_out,
                     p->layer, p->head_side, p->bias_elements);
        assert_int_equal(p->relu, p->kind == POPULATION_FFN);
        assert_int_equal(p->per_channel, p->kind == POPULATION_NORM);
        assert_int_equal(p->visible_only, p->kind == POPULATION_EXP || p->kind == POPULATION_WEIGHT);
    }
    assert_int_equal(graph->populations, n);
}

void graph_wires_check(const struct graph *graph, const struct graph_wire *wires, uint32_t n)
{
    assert_int_equal(graph->matrices, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct matrix_slot *slot = &graph->matrix[i];
        assert_string_equal(slot->name, wires[i].name);
        assert_string_equal(graph->population[slot->source].name, wires[i].source);
        assert_int_equal(slot->target, wires[i].kind);
        assert_int_equal(slot->targets, wires[i].targets);
        assert_int_equal(slot->has_bias, wires[i].has_bias);
        if (wires[i].target == NULL)
            assert_int_equal(slot->target_population, GRAPH_NONE);
        else
            assert_string_equal(graph->population[slot->target_population].name, wires[i].target);
    }
}

struct model_config graph_rows_config(uint32_t family)
{
    struct model_config c = {.family = family,
                             .vocabulary = ROWS_V,
                             .hidden = ROWS_D,
                             .ffn = ROWS_F,
                             .layers = 1,
                             .heads = ROWS_HEADS,
                             .positions = ROWS_POSITIONS,
                             .position_rows = ROWS_POSITIONS,
                             .pre_norm = 1,
                             .final_norm = 1,
                             .bos = 2,
                             .eos = 2,
                             .pad = 1,
                             .norm_epsilon = 1e-5};
    switch (family) {
    case FAMILY_OPT:
        c.position_offset = 2;
        c.position_rows += 2;
        break;
    case FAMILY_GPT2:
        c.tied = 1;
        c.activation = ACTIVATION_GELU_TANH;
        break;
    case FAMILY_BERT:
        c.pre_norm = c.final_norm = 0;
        c.token_types = ROWS_TYPES;
        c.encoder = 1;
        c.head = HEAD_VALUES;
        c.activation = ACTIVATION_GELU_ERF;
        break;
    default:
        c.heads = 2 * ROWS_HEADS;
        c.kv_heads = ROWS_HEADS;
        c.head_dim = ROWS_D / ROWS_HEADS;
        c.norm_kind = NORM_RMS;
        c.activation = ACTIVATION_SILU;
        c.gated = c.rotary = 1;
        c.position_rows = 0;
    }
    return c;
}

struct graph *graph_rows_build(struct model_config config)
{
    const char *reason;
    struct graph *graph = graph_build(&config, &reason);
    if (graph == NULL) fail_msg("%s", reason);
    uint32_t population = 0;
    const char *broken = graph_validate(graph, &population);
    if (broken != NULL) fail_msg("%s: %s", graph->population[population].name, broken);
    for (uint32_t p = 1; p < graph->populations; p++)
        assert_int_equal(graph_find_population(graph, graph->population[p].name), p);
    return graph;
}

void graph_rows_refused(struct model_config good, const struct graph_refusal *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct model_config config = good;
        memcpy((char *)&config + bad[i].offset, &bad[i].value, sizeof bad[i].value);
        const char *reason = graph_config_check(&config), *build_reason = NULL;
        if (reason == NULL || strstr(reason, bad[i].word) == NULL)
            fail_msg("case %zu: \"%s\" lacks \"%s\"", i, reason, bad[i].word);
        assert_null(graph_build(&config, &build_reason));
        assert_string_equal(build_reason, reason);
    }
}

const struct population *graph_rows_find(const struct graph *graph, const char *name)
{
    for (uint32_t p = 0; p < graph->populations; p++)
        if (strcmp(graph->population[p].name, name) == 0) return &graph->population[p];
    fail_msg("no population %s", name);
    return NULL;
}
