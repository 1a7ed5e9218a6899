/* Parts of a block by themselves, on a bare builder: what they add, and where the builder stands afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layers/graph_parts.h"

enum { D = 8, F = 6, ROOM = 32 };

struct bench {
    struct population population[ROOM];
    struct matrix_slot matrix[ROOM];
    struct norm_slot norm[ROOM];
    struct graph graph;
    struct graph_builder builder;
};

static void begin(struct bench *bench, const struct model_config *config)
{
    memset(bench, 0, sizeof *bench);
    bench->graph.population = bench->population;
    bench->graph.matrix = bench->matrix;
    bench->graph.norm = bench->norm;
    bench->graph.config = *config;
    bench->builder = (struct graph_builder){.graph = &bench->graph,
                                            .population_capacity = ROOM,
                                            .matrix_capacity = ROOM,
                                            .norm_capacity = ROOM,
                                            .layer = 4,
                                            .level = 10};
}

static struct model_config config_of(void)
{
    return (struct model_config){
        .hidden = D, .ffn = F, .heads = 4, .kv_heads = 2, .head_dim = 2, .positions = 5, .activation = ACTIVATION_SILU};
}

static const struct population *named(const struct bench *bench, const char *name)
{
    uint32_t p = graph_find_population(&bench->graph, name);
    if (p == GRAPH_NONE) fail_msg("no population %s", name);
    return &bench->population[p];
}

static void attention_takes_five_levels_or_six(void **state)
{
    (void)state;
    for (uint32_t rotary = 0; rotary < 2; rotary++) {
        struct bench bench;
        struct model_config config = config_of();
        config.rotary = rotary;
        begin(&bench, &config);
        uint32_t from = graph_add_population(&bench.builder, "from", POPULATION_EMBED, D);
        parts_attention(&bench.builder, "layers.4.", from);
        assert_int_equal(bench.builder.level, 10 + 5 + rotary);
        assert_int_equal(bench.population[from].fan_out, 8 + 2 * 4);
        assert_int_equal(named(&bench, "layers.4.exp")->level, 11 + rotary);
        assert_int_equal(named(&bench, "layers.4.exp")->neurons, 4 * 5);
        assert_int_equal(named(&bench, rotary ? "layers.4.kr" : "layers.4.k")->product, PRODUCT_FIXED);
        assert_int_equal(named(&bench, rotary ? "layers.4.kr" : "layers.4.k")->product_partners, 2);
        assert_int_equal(named(&bench, "layers.4.k")->fan_out, rotary ? 2 : 0);
        assert_int_equal(graph_find_population(&bench.graph, "layers.4.qr") == GRAPH_NONE, !rotary);
        assert_int_equal(bench.matrix[bench.graph.matrices - 1].target, TARGET_RESIDUAL);
    }
}

static void feed_forward_follows_activation_and_gate(void **state)
{
    (void)state;
    for (uint32_t gated = 0; gated < 2; gated++)
        for (uint32_t activation = gated; activation < ACTIVATIONS; activation++) {
            struct bench bench;
            struct model_config config = config_of();
            config.gated = gated;
            config.activation = activation;
            begin(&bench, &config);
            uint32_t from = graph_add_population(&bench.builder, "from", POPULATION_EMBED, D);
            parts_feed_forward(&bench.builder, "layers.4.", from);
            int smooth = gated || activation != ACTIVATION_RELU;
            assert_int_equal(bench.builder.level, 10 + 1 + smooth);
            assert_int_equal(bench.population[from].fan_out, gated ? 2 * F : F);
            assert_int_equal(named(&bench, "layers.4.fc")->fan_out, D);
            assert_int_equal(named(&bench, "layers.4.fc")->level, 10 + smooth);
            assert_string_equal(bench.matrix[bench.graph.matrices - 1].name, gated ? "layers.4.down" : "layers.4.fc2");
            if (!smooth) continue;
            const struct population *hg = named(&bench, gated ? "layers.4.gate" : "layers.4.act");
            assert_int_equal(hg->function, graph_activation_function(activation));
            assert_int_equal(named(&bench, "layers.4.fc")->partner, hg - bench.population);
        }
}

static void a_relay_stands_behind_its_activation(void **state)
{
    (void)state;
    struct bench bench;
    struct model_config config = config_of();
    begin(&bench, &config);
    uint32_t from = graph_add_population(&bench.builder, "from", POPULATION_EMBED, D);
    uint32_t relay = parts_activated(&bench.builder, "pooler.", "matrix", "pooler", from, HG_TANH, 3);
    assert_string_equal(bench.population[relay].name, "pooler");
    assert_int_equal(bench.population[relay].kind, POPULATION_RELAY);
    assert_int_equal(bench.population[relay].level, 11);
    assert_int_equal(bench.builder.level, 12);
    assert_string_equal(bench.population[bench.population[relay].partner].name, "pooler.act");
    assert_string_equal(bench.matrix[0].name, "matrix");
    assert_int_equal(bench.population[bench.population[relay].partner].bias_elements, 3);
}

static void layers_and_norms_are_named(void **state)
{
    (void)state;
    struct bench bench;
    struct model_config config = config_of();
    char prefix[24];
    begin(&bench, &config);
    parts_layer(&bench.builder, 1023, prefix, sizeof prefix);
    assert_string_equal(prefix, "layers.1023.");
    assert_int_equal(bench.builder.layer, 1023);
    uint32_t ln = parts_norm(&bench.builder, prefix, "norm1"), before = bench.population[ln].fan_out;
    assert_string_equal(bench.population[ln].name, "layers.1023.norm1.ln");
    assert_int_equal(bench.builder.level, 14);
    assert_int_equal(parts_replace_residual(&bench.builder, ln), ln);
    assert_int_equal(bench.population[ln].into_residual, 1);
    assert_int_equal(bench.population[ln].fan_out, before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_takes_five_levels_or_six),
        cmocka_unit_test(feed_forward_follows_activation_and_gate),
        cmocka_unit_test(a_relay_stands_behind_its_activation),
        cmocka_unit_test(layers_and_norms_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
