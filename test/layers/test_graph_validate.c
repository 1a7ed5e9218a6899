/* Every family's graphs are valid (graph_rows_build); each broken invariant is found and its population named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/graph_rows.h"

static void every_family_and_switch(void **state)
{
    (void)state;
    for (uint32_t family = FAMILY_OPT; family <= FAMILY_BERT; family++)
        for (uint32_t shape = 0; shape < 24; shape++) {
            struct model_config config = graph_rows_config(family);
            config.layers = 1 + shape % 3;
            if (shape / 3 % 2 && config.kv_heads != 0) config.kv_heads = config.heads;
            if (family == FAMILY_GPT2) config.activation = shape / 3 % ACTIVATIONS;
            if (family == FAMILY_BERT) {
                config.head = HEAD_MASKED_LM + shape / 6 % 3;
                config.labels = config.head == HEAD_CLASSIFY ? 4 : 0;
                config.activation =
                    shape / 3 % 2 && config.head != HEAD_MASKED_LM ? ACTIVATION_RELU : ACTIVATION_GELU_ERF;
            }
            graph_free(graph_rows_build(config));
        }
}

static void expect_broken(struct graph *graph, const char *population, const char *word)
{
    uint32_t at = GRAPH_NONE;
    const char *broken = graph_validate(graph, &at);
    if (broken == NULL || strstr(broken, word) == NULL) fail_msg("\"%s\" instead of \"%s\"", broken, word);
    if (population != NULL) assert_string_equal(graph->population[at].name, population);
}

static struct population *find(struct graph *graph, const char *name)
{
    return &graph->population[graph_find_population(graph, name)];
}

static void broken_populations(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
        const char *word;
    } broken[] = {
        {offsetof(struct population, neurons), 0, "no neurons"},
        {offsetof(struct population, level), 99, "level order"},
        {offsetof(struct population, level), 0, "level order"},
        {offsetof(struct population, code), CODE_INPUT, "inputs"},
        {offsetof(struct population, code), CODE_HG, "function"},
        {offsetof(struct population, product), PRODUCT_FIXED, "partners"},
        {offsetof(struct population, norm), 7, "no such norm"},
        {offsetof(struct population, partner), 0, "fan_out"},
        {offsetof(struct population, partner), 20, "partner"},
        {offsetof(struct population, fan_out), 13, "fan_out"},
        {offsetof(struct population, bias_elements), 13, "bias_elements"},
        {offsetof(struct population, into_residual), 1, "fan_out"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct graph *graph = graph_rows_build(graph_rows_config(FAMILY_GPT2));
        struct population *q = find(graph, "layers.0.q");
        if (broken[i].offset == offsetof(struct population, partner) && broken[i].value == 0) {
            q->partner = 0; /* allowed by itself: what it turns then owes it two synapses */
            q->kind = POPULATION_QUERY_TURNED;
            expect_broken(graph, "tok", broken[i].word);
        } else {
            memcpy((char *)q + broken[i].offset, &broken[i].value, sizeof broken[i].value);
            expect_broken(graph, "layers.0.q", broken[i].word);
        }
        graph_free(graph);
    }
}

static void broken_wires(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(graph_rows_config(FAMILY_OPT));
    struct matrix_slot *fc2 = &graph->matrix[graph_find_matrix(graph, "layers.0.fc2")], good = *fc2;
    fc2->sources++;
    expect_broken(graph, "layers.0.fc", "rows");
    *fc2 = good;
    fc2->target = TARGET_POPULATION;
    expect_broken(graph, "layers.0.fc", "residual");
    *fc2 = good;
    fc2->has_bias = 0;
    expect_broken(graph, "final.res", "bias_elements");
    *fc2 = good;
    fc2->target = TARGET_HEAD;
    expect_broken(graph, "layers.0.fc", "head");
    *fc2 = good;
    struct population *fc = find(graph, "layers.0.fc");
    fc->level++; /* final.res's own */
    expect_broken(graph, "layers.0.fc", "has closed");
    fc->level--;
    fc2->source = GRAPH_NONE;
    expect_broken(graph, "layers.0.fc", "fan_out");
    *fc2 = good;
    assert_null(graph_validate(graph, &(uint32_t){0}));
    graph_free(graph);
}

static void broken_norms_and_head(void **state)
{
    (void)state;
    struct graph *graph = graph_rows_build(graph_rows_config(FAMILY_BERT));
    struct norm_slot *norm = &graph->norm[1], good = *norm;
    norm->rstd = norm->source;
    expect_broken(graph, "layers.0.norm1.ln", "rstd");
    *norm = good;
    norm->output = graph->norm[0].output;
    expect_broken(graph, "embed.ln", "ln does not follow");
    *norm = good;
    graph->head_level++;
    expect_broken(graph, "layers.0.norm2.ln", "head's window");
    graph->head_level--;
    graph->head_source = graph->populations;
    expect_broken(graph, NULL, "reads nothing");
    graph_free(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_and_switch),
        cmocka_unit_test(broken_populations),
        cmocka_unit_test(broken_wires),
        cmocka_unit_test(broken_norms_and_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
