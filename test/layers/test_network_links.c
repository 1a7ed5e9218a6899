/* Where spikes go: the links of every family's network, by the populations' names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "layers/network_state.h"
#include "test/helpers/hand_network.h"
#include "test/helpers/tiny_model.h"

static struct hand hand;
static struct model *model;

static void open_family(uint32_t family, uint32_t layers, uint32_t head)
{
    struct model_config config = tiny_config_of(family);
    config.layers = layers;
    if (family == FAMILY_BERT) config.head = head;
    model = tiny_model_new(&config, 1, 0);
    hand_new(&hand, model, 8, 1);
}

static void close_family(void)
{
    hand_free(&hand);
    tiny_model_free(model);
}

static const struct population_links *links_of(const char *name)
{
    return &hand.network->links[hand_population(&hand, name)];
}

static uint32_t at(const char *name)
{
    return hand_population(&hand, name);
}

static void llama(void **state)
{
    (void)state;
    open_family(FAMILY_LLAMA, 2, 0);
    assert_int_equal(links_of("layers.1.q")->unit, at("layers.1.qr"));
    assert_int_equal(links_of("layers.1.k")->unit, at("layers.1.kr"));
    assert_int_equal(links_of("layers.1.qr")->unit, GRAPH_NONE);
    assert_int_equal(links_of("layers.1.gate")->unit, at("layers.1.fc"));
    assert_int_equal(links_of("layers.1.up")->unit, at("layers.1.fc"));
    assert_int_equal(links_of("layers.1.gate")->other, at("layers.1.up"));
    assert_int_equal(links_of("layers.1.norm2.res")->norm_source, 1);
    assert_int_equal(links_of("layers.1.norm2.ln")->norm_source, 0);
    for (uint32_t copy = 0; copy < 2; copy++) {
        const struct attention_state *attention = network_attention(hand.network, at("layers.1.kr"), copy);
        assert_int_equal(attention->query_population, at("layers.1.qr"));
        assert_int_equal(attention->key_population, at("layers.1.kr"));
        assert_int_equal(attention->value_population, at("layers.1.v"));
    }
    assert_int_equal(links_of("layers.0.norm1.res")->starts_residual, 1);
    assert_int_equal(links_of("layers.1.norm1.res")->starts_residual, 0);
    assert_int_equal(links_of("layers.0.norm1.res")->intakes, 1); /* tok */
    close_family();
}

static void bert(void **state)
{
    (void)state;
    open_family(FAMILY_BERT, 2, HEAD_VALUES);
    assert_int_equal(links_of("embed.res")->intakes, 3); /* tok, pos, typ */
    assert_string_equal(model->graph->norm[links_of("layers.0.q")->emptied_norm].name, "embed");
    assert_string_equal(model->graph->norm[links_of("layers.0.act")->emptied_norm].name, "layers.0.norm1");
    assert_string_equal(model->graph->norm[links_of("layers.1.q")->emptied_norm].name, "layers.0.norm2");
    assert_int_equal(links_of("layers.1.k")->emptied_norm, GRAPH_NONE);
    assert_int_equal(links_of("layers.1.act")->unit, at("layers.1.fc"));
    assert_int_equal(links_of("layers.1.fc")->norm_source, 0);
    assert_int_equal(links_of("layers.1.norm2.ln")->unit, at("layers.1.norm2.ln")); /* read out */
    assert_int_equal(links_of("layers.0.norm2.ln")->unit, GRAPH_NONE);
    close_family();
}

static void a_relay_can_be_a_norms_source(void **state)
{
    (void)state;
    open_family(FAMILY_BERT, 1, HEAD_MASKED_LM);
    assert_int_equal(links_of("transform.act")->unit, at("transform"));
    assert_int_equal(links_of("transform")->norm_source, 1);
    assert_int_equal(links_of("layers.0.fc")->norm_source, 0);
    assert_int_equal(links_of("layers.0.norm2.ln")->unit, GRAPH_NONE);
    close_family();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(llama),
        cmocka_unit_test(bert),
        cmocka_unit_test(a_relay_can_be_a_norms_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
