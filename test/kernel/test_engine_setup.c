/* What both engines size and index their state by; and the library's own assertions: the cheap tier in every build, the
 * expensive one in those with LASSIM_DEBUG. */
#include "kernel/engine_setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "test/helpers/aborts.h"
#include "test/helpers/graph_rows.h"

static void levels_tile_the_populations(void **state)
{
    (void)state;
    for (uint32_t family = FAMILY_OPT; family <= FAMILY_BERT; family++) {
        struct graph *graph = graph_rows_build(graph_rows_config(family));
        uint32_t *first = calloc(graph->levels + 1u, sizeof *first);
        assert_non_null(first);
        engine_index_levels(graph, first);
        assert_int_equal(first[0], 0);
        assert_int_equal(first[graph->levels], graph->populations);
        for (uint32_t level = 0; level < graph->levels; level++)
            for (uint32_t p = first[level]; p < first[level + 1]; p++)
                assert_int_equal(graph->population[p].level, level);
        free(first);
        graph_free(graph);
    }
}

static void index_levels(void *context)
{
    uint32_t first[64];
    engine_index_levels(context, first);
}

static void cheap_tier_is_always_on(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(graph_rows_config(FAMILY_OPT));
    assert_aborts(index_levels, graph, NULL);
    graph->population[5].level = 0;
    assert_aborts(index_levels, graph, "population 5 of ");
    graph_free(graph);
}

static void expensive_tier_is_on_in_debug_builds(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(graph_rows_config(FAMILY_OPT));
    graph->population[5].fan_out++;
#ifdef LASSIM_DEBUG
    assert_aborts(index_levels, graph, "population 5: fan_out");
#else
    assert_aborts(index_levels, graph, NULL);
#endif
    graph_free(graph);
}

static void pool_sizes_are_whole_units(void **state)
{
    (void)state;
    assert_int_equal(engine_rounded(0), 0);
    assert_int_equal(engine_rounded(1), POOL_ALIGNMENT);
    assert_int_equal(engine_rounded(POOL_ALIGNMENT), POOL_ALIGNMENT);
    assert_int_equal(engine_rounded(POOL_ALIGNMENT + 1), 2 * POOL_ALIGNMENT);
}

struct asked {
    uint32_t family, head, n;
    enum lassim_read read;
    uint32_t from, to;
};

static void whose_head_is_read(void **state)
{
    (void)state;
    static const struct asked cases[] = {
        {FAMILY_OPT, HEAD_LM, 5, LASSIM_READ_NONE, 5, 5},       {FAMILY_OPT, HEAD_LM, 5, LASSIM_READ_LAST, 4, 5},
        {FAMILY_OPT, HEAD_LM, 5, LASSIM_READ_ALL, 0, 5},        {FAMILY_OPT, HEAD_LM, 0, LASSIM_READ_ALL, 0, 0},
        {FAMILY_BERT, HEAD_VALUES, 5, LASSIM_READ_ALL, 0, 5},   {FAMILY_BERT, HEAD_VALUES, 5, LASSIM_READ_LAST, 0, 5},
        {FAMILY_BERT, HEAD_CLASSIFY, 5, LASSIM_READ_ALL, 0, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct model_config config = graph_rows_config(cases[i].family);
        config.head = cases[i].head;
        config.labels = config.head == HEAD_CLASSIFY ? 3 : 0;
        struct graph *graph = graph_rows_build(config);
        const struct engine_feed feed = {.n = cases[i].n, .read = cases[i].read};
        uint32_t from, to;
        engine_asked(graph, &feed, &from, &to);
        assert_int_equal(from, cases[i].from);
        assert_int_equal(to, cases[i].to);
        graph_free(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_tile_the_populations),
        cmocka_unit_test(cheap_tier_is_always_on),
        cmocka_unit_test(expensive_tier_is_on_in_debug_builds),
        cmocka_unit_test(pool_sizes_are_whole_units),
        cmocka_unit_test(whose_head_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
