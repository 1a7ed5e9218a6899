/* config.json of GPT-2: what transformers' class leaves out, what every key does, hostile values. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_gpt2(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(GPT2(""));
    assert_true(c.model.family == FAMILY_GPT2 && c.model.ffn == 128 && c.model.position_rows == 64 && c.model.tied);
    assert_true(c.model.activation == ACTIVATION_GELU_TANH && c.model.norm_epsilon == 1e-5 &&
                c.model.score_scale == 0 && !c.model.score_by_layer && c.attention_bias && c.output_bias && c.ffn_bias);
    c = config_accept(GPT2("\"n_inner\":null,\"scale_attn_weights\":false,\"scale_attn_by_inverse_layer_idx\":true,"
                           "\"activation_function\":\"quick_gelu\",\"tie_word_embeddings\":false,"));
    assert_true(c.model.ffn == 128 && c.model.score_scale == 1 && c.model.score_by_layer && !c.model.tied);
    assert_true(c.model.activation == ACTIVATION_QUICK_GELU);
    assert_int_equal(config_accept(GPT2("\"n_inner\":37,")).model.ffn, 37);
    config_refuse(GPT2("\"add_cross_attention\":true,"), "add_cross_attention");
    config_refuse(GPT2("\"n_inner\":0,"), "n_inner");
    config_refuse(GPT2("\"scale_attn_weights\":1,"), "scale_attn_weights");
    config_refuse(GPT2("\"layer_norm_epsilon\":2,"), "layer_norm_epsilon: 2, expected 1e-12 .. 1");
}

static void test_hostile_values(void **state)
{
    (void)state;
    static const struct config_hostile keys[] = {
        {"n_inner", CONFIG_INTEGER},           {"activation_function", CONFIG_ACTIVATION},
        {"layer_norm_epsilon", CONFIG_NUMBER}, {"scale_attn_by_inverse_layer_idx", CONFIG_SWITCH},
        {"scale_attn_weights", CONFIG_SWITCH}, {"tie_word_embeddings", CONFIG_SWITCH},
        {"add_cross_attention", CONFIG_MUST},
    };
    config_refuse_values(GPT2(""), keys, sizeof keys / sizeof *keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gpt2),
        cmocka_unit_test(test_hostile_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
