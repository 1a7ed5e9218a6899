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

struct graph *graph_rows_build(struct model_config config)
{
    const char *reason;
    struct graph *graph = graph_build(&config, &reason);
    if (graph == NULL) fail_msg("%s", reason);
    return graph;
}

const struct population *graph_rows_find(const struct graph *graph, const char *name)
{
    for (uint32_t p = 0; p < graph->populations; p++)
        if (strcmp(graph->population[p].name, name) == 0) return &graph->population[p];
    fail_msg("no population %s", name);
    return NULL;
}
