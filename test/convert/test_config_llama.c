/* config.json of Llama, Mistral and Qwen2: what transformers' classes leave out, what every key does, hostile values. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void test_llama(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(LLAMA(""));
    const struct model_config expected = {.family = FAMILY_LLAMA,
                                          .vocabulary = 100,
                                          .hidden = 32,
                                          .ffn = 80,
                                          .layers = 2,
                                          .heads = 4,
                                          .positions = 64,
                                          .pre_norm = 1,
                                          .final_norm = 1,
                                          .bos = 1,
                                          .eos = 2,
                                          .pad = 2,
                                          .norm_kind = NORM_RMS,
                                          .activation = ACTIVATION_SILU,
                                          .gated = 1,
                                          .rotary = 1,
                                          .norm_epsilon = 1e-6};
    assert_memory_equal(&c.model, &expected, sizeof expected);
    assert_true(!c.attention_bias && !c.output_bias && !c.ffn_bias && c.norm_affine);
    assert_true(c.rotary.scaling == ROTARY_PLAIN && c.rotary.theta == 10000);
    c = config_accept(LLAMA("\"num_key_value_heads\":2,\"head_dim\":6,\"rms_norm_eps\":1e-5,\"attention_bias\":true,"
                            "\"mlp_bias\":true,\"tie_word_embeddings\":true,\"rope_theta\":5e5,\"hidden_act\":\"gelu\","
                            "\"eos_token_id\":[9,10],\"pad_token_id\":-1,\"architectures\":[\"LlamaForCausalLM\"],"));
    assert_true(c.model.kv_heads == 2 && c.model.head_dim == 6 && c.model.norm_epsilon == 1e-5 && c.model.tied);
    assert_true(c.attention_bias && c.output_bias && c.ffn_bias && c.rotary.theta == 5e5);
    assert_true(c.model.activation == ACTIVATION_GELU_ERF && c.model.eos == 9 && c.model.pad == 9);
    config_refuse(LLAMA("\"hidden_act\":\"relu\","), "hidden_act");
    config_refuse(LLAMA("\"hidden_act\":\"mish\","), "hidden_act: \"mish\" is not supported");
    config_refuse(
        LLAMA("\"architectures\":[\"LlamaForSequenceClassification\"],"),
        "architectures: \"LlamaForSequenceClassification\" is not supported, expected LlamaForCausalLM or LlamaModel");
    config_refuse(LLAMA("\"num_key_value_heads\":3,"), "key and value heads must divide the heads");
    config_refuse(LLAMA("\"head_dim\":7,"), "even head size");
    config_refuse(LLAMA("\"eos_token_id\":[100],"), "eos_token_id: 100, outside the vocabulary of 100");
    config_refuse(LLAMA("\"eos_token_id\":[],"), "eos_token_id");
    config_refuse(LLAMA("\"bos_token_id\":-1,"), "bos_token_id");
}

static void test_kin(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(MISTRAL("\"sliding_window\":null,"));
    assert_true(c.model.family == FAMILY_LLAMA && c.model.kv_heads == 2 && !c.attention_bias && !c.output_bias);
    config_accept(MISTRAL("\"sliding_window\":64,"));
    config_accept(MISTRAL("")); /* its default of 4096 is beyond the positions */
    config_refuse(MISTRAL("\"sliding_window\":63,"), "sliding_window: 63 is not supported");
    config_refuse(MISTRAL("\"sliding_window\":\"4\","), "sliding_window");
    config_refuse("{\"model_type\":\"mistral\",\"num_key_value_heads\":2,\"vocab_size\":100,\"hidden_size\":32,"
                  "\"intermediate_size\":80,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
                  "\"max_position_embeddings\":8192}",
                  "sliding_window: absent, and its default of 4096 is not supported");
    c = config_accept(QWEN2("\"use_sliding_window\":false,\"sliding_window\":4,"));
    assert_true(c.model.family == FAMILY_QWEN2 && c.attention_bias && !c.output_bias && !c.ffn_bias);
    assert_true(c.model.bos == 0 && c.model.eos == 0 && !c.model.tied);
    config_refuse(QWEN2("\"use_sliding_window\":true,"), "use_sliding_window: true is not supported, expected false");
}

static void test_hostile_values(void **state)
{
    (void)state;
    static const struct config_hostile keys[] = {
        {"num_key_value_heads", CONFIG_INTEGER},
        {"head_dim", CONFIG_INTEGER},
        {"rms_norm_eps", CONFIG_NUMBER},
        {"hidden_act", CONFIG_ACTIVATION},
        {"tie_word_embeddings", CONFIG_SWITCH},
        {"attention_bias", CONFIG_SWITCH},
        {"mlp_bias", CONFIG_SWITCH},
    };
    config_refuse_values(LLAMA(""), keys, sizeof keys / sizeof *keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama),
        cmocka_unit_test(test_kin),
        cmocka_unit_test(test_hostile_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
