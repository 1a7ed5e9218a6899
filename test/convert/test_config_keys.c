/* config.json of Llama, Mistral, Qwen2, GPT-2 and BERT: what transformers' classes leave out, what every switch does, and
 * every key absent, of a wrong type or out of range. */
#include "convert/config_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "neurons/real.h"
#include "test/helpers/checkpoint_fixture.h"

/* What each family needs; more keys go in front of it. */
#define SIZES                                                                                 \
    "\"vocab_size\":100,\"hidden_size\":32,\"intermediate_size\":80,\"num_hidden_layers\":2," \
    "\"num_attention_heads\":4,\"max_position_embeddings\":64}"
#define LLAMA(keys) "{\"model_type\":\"llama\"," keys SIZES
#define MISTRAL(keys) "{\"model_type\":\"mistral\",\"num_key_value_heads\":2," keys SIZES
#define QWEN2(keys) "{\"model_type\":\"qwen2\",\"num_key_value_heads\":2," keys SIZES
#define BERT(keys) "{\"model_type\":\"bert\"," keys SIZES
#define GPT2(keys)                                                         \
    "{\"model_type\":\"gpt2\",\"bos_token_id\":7,\"eos_token_id\":7," keys \
    "\"vocab_size\":100,\"n_embd\":32,\"n_layer\":2,\"n_head\":4,\"n_positions\":64}"

static enum lassim_status parse(const char *text, struct checkpoint_config *config, struct lassim_error *error)
{
    *error = (struct lassim_error){0};
    return checkpoint_config_parse("config.json", text, strlen(text), config, error);
}

static struct checkpoint_config accept_text(const char *text)
{
    struct checkpoint_config config;
    struct lassim_error error;
    if (parse(text, &config, &error) != LASSIM_OK) fail_msg("%s: %s", text, error.text);
    return config;
}

static void refuse(const char *text, const char *part)
{
    struct checkpoint_config config;
    struct lassim_error error;
    assert_refused(parse(text, &config, &error), &error, part);
    assert_memory_equal(error.text, "config.json: ", 13);
    assert_null(config.labels);
}

static void test_llama(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text(LLAMA(""));
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
    c = accept_text(LLAMA("\"num_key_value_heads\":2,\"head_dim\":6,\"rms_norm_eps\":1e-5,\"attention_bias\":true,"
                          "\"mlp_bias\":true,\"tie_word_embeddings\":true,\"rope_theta\":5e5,\"hidden_act\":\"gelu\","
                          "\"eos_token_id\":[9,10],\"pad_token_id\":-1,\"architectures\":[\"LlamaForCausalLM\"],"));
    assert_true(c.model.kv_heads == 2 && c.model.head_dim == 6 && c.model.norm_epsilon == 1e-5 && c.model.tied);
    assert_true(c.attention_bias && c.output_bias && c.ffn_bias && c.rotary.theta == 5e5);
    assert_true(c.model.activation == ACTIVATION_GELU_ERF && c.model.eos == 9 && c.model.pad == 9);
    refuse(LLAMA("\"hidden_act\":\"relu\","), "hidden_act");
    refuse(LLAMA("\"hidden_act\":\"mish\","), "hidden_act: \"mish\" is not supported");
    refuse(
        LLAMA("\"architectures\":[\"LlamaForSequenceClassification\"],"),
        "architectures: \"LlamaForSequenceClassification\" is not supported, expected LlamaForCausalLM or LlamaModel");
    refuse(LLAMA("\"num_key_value_heads\":3,"), "key and value heads must divide the heads");
    refuse(LLAMA("\"head_dim\":7,"), "even head size");
    refuse(LLAMA("\"eos_token_id\":[100],"), "eos_token_id: 100, outside the vocabulary of 100");
    refuse(LLAMA("\"eos_token_id\":[],"), "eos_token_id");
    refuse(LLAMA("\"bos_token_id\":-1,"), "bos_token_id");
}

static void test_kin(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text(MISTRAL("\"sliding_window\":null,"));
    assert_true(c.model.family == FAMILY_LLAMA && c.model.kv_heads == 2 && !c.attention_bias && !c.output_bias);
    accept_text(MISTRAL("\"sliding_window\":64,"));
    accept_text(MISTRAL("")); /* its default of 4096 is beyond the positions */
    refuse(MISTRAL("\"sliding_window\":63,"), "sliding_window: 63 is not supported");
    refuse(MISTRAL("\"sliding_window\":\"4\","), "sliding_window");
    refuse("{\"model_type\":\"mistral\",\"num_key_value_heads\":2,\"vocab_size\":100,\"hidden_size\":32,"
           "\"intermediate_size\":80,\"num_hidden_layers\":2,\"num_attention_heads\":4,"
           "\"max_position_embeddings\":8192}",
           "sliding_window: absent, and its default of 4096 is not supported");
    c = accept_text(QWEN2("\"use_sliding_window\":false,\"sliding_window\":4,"));
    assert_true(c.model.family == FAMILY_QWEN2 && c.attention_bias && !c.output_bias && !c.ffn_bias);
    assert_true(c.model.bos == 0 && c.model.eos == 0 && !c.model.tied);
    refuse(QWEN2("\"use_sliding_window\":true,"), "use_sliding_window: true is not supported, expected false");
}

static void test_rotary(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text(LLAMA("\"rope_scaling\":{\"type\":\"linear\",\"factor\":4},"));
    assert_true(c.rotary.scaling == ROTARY_LINEAR && c.rotary.factor == 4 && c.model.score_scale == 0);
    c = accept_text(LLAMA("\"rope_scaling\":null,\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":77},"));
    assert_true(c.rotary.scaling == ROTARY_PLAIN && c.rotary.theta == 77);
    c = accept_text(LLAMA("\"rope_scaling\":{\"rope_type\":\"dynamic\",\"factor\":4},"));
    assert_true(c.rotary.scaling == ROTARY_PLAIN);
    c = accept_text(LLAMA("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,"
                          "\"high_freq_factor\":4,\"original_max_position_embeddings\":16},"));
    assert_true(c.rotary.scaling == ROTARY_LLAMA3 && c.rotary.low_frequency == 1 && c.rotary.high_frequency == 4 &&
                c.rotary.original == 16);
    c = accept_text(LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4},"));
    double scale = 0.1 * real_log(4) + 1;
    assert_true(c.rotary.scaling == ROTARY_YARN && c.rotary.beta_fast == 32 && c.rotary.beta_slow == 1 &&
                c.rotary.original == 64 && !c.rotary.exact_range);
    assert_true(c.model.score_scale == scale * scale / real_sqrt(8));
    c = accept_text(LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"original_max_position_embeddings\":16,"
                          "\"attention_factor\":0.5,\"truncate\":false},"));
    assert_true(c.rotary.factor == 4 && c.model.score_scale == 0.25 / real_sqrt(8) && c.rotary.exact_range);
    c = accept_text(LLAMA("\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4,\"mscale\":1,\"mscale_all_dim\":1},"));
    assert_true(c.model.score_scale == 1 / real_sqrt(8));
    refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"longrope\"},"), "rope_type: \"longrope\" is not supported");
    refuse(LLAMA("\"rope_scaling\":{\"rope_type\":7},"), "rope_type: expected a string");
    refuse(LLAMA("\"rope_scaling\":[],"), "rope_scaling");
    refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"linear\"},"), "factor");
    refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"linear\",\"factor\":0.5},"), "factor: 0.5, expected 1 .. 1e+06");
    refuse(LLAMA("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,"
                 "\"high_freq_factor\":4},"),
           "low_freq_factor: 4, expected below high_freq_factor 4");
    refuse(LLAMA("\"partial_rotary_factor\":0.5,"), "partial_rotary_factor");
    refuse(LLAMA("\"rope_theta\":-1,"), "rope_theta");
    refuse(LLAMA("\"rope_theta\":\"x\","), "rope_theta");
}

static void test_gpt2(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text(GPT2(""));
    assert_true(c.model.family == FAMILY_GPT2 && c.model.ffn == 128 && c.model.position_rows == 64 && c.model.tied);
    assert_true(c.model.activation == ACTIVATION_GELU_TANH && c.model.norm_epsilon == 1e-5 &&
                c.model.score_scale == 0 && !c.model.score_by_layer && c.attention_bias && c.output_bias && c.ffn_bias);
    c = accept_text(GPT2("\"n_inner\":null,\"scale_attn_weights\":false,\"scale_attn_by_inverse_layer_idx\":true,"
                         "\"activation_function\":\"quick_gelu\",\"tie_word_embeddings\":false,"));
    assert_true(c.model.ffn == 128 && c.model.score_scale == 1 && c.model.score_by_layer && !c.model.tied);
    assert_true(c.model.activation == ACTIVATION_QUICK_GELU);
    assert_int_equal(accept_text(GPT2("\"n_inner\":37,")).model.ffn, 37);
    refuse(GPT2("\"add_cross_attention\":true,"), "add_cross_attention");
    refuse(GPT2("\"n_inner\":0,"), "n_inner");
    refuse(GPT2("\"scale_attn_weights\":1,"), "scale_attn_weights");
    refuse(GPT2("\"layer_norm_epsilon\":2,"), "layer_norm_epsilon: 2, expected 1e-12 .. 1");
}

static void test_bert(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text(BERT(""));
    assert_true(c.model.encoder && c.model.token_types == 2 && c.model.norm_epsilon == 1e-12 && !c.model.pre_norm);
    assert_true(c.model.head == HEAD_VALUES && c.model.activation == ACTIVATION_GELU_ERF && c.model.pad == 0);
    assert_int_equal(accept_text(BERT("\"architectures\":[\"BertForPreTraining\"],")).model.head, HEAD_MASKED_LM);
    c = accept_text(BERT("\"architectures\":[\"BertForMaskedLM\"],\"tie_word_embeddings\":false,"));
    assert_true(c.model.head == HEAD_MASKED_LM && !c.model.tied);
    refuse(BERT("\"architectures\":[\"BertForMaskedLM\"],\"hidden_act\":\"relu\","), "hidden_act");
    refuse(BERT("\"architectures\":[\"BertForTokenClassification\"],"), "architectures");
    refuse(BERT("\"architectures\":[3],"), "architectures");
    refuse(BERT("\"architectures\":\"BertModel\","), "architectures");
    refuse(BERT("\"position_embedding_type\":\"relative_key\","), "position_embedding_type: \"relative_key\"");
    refuse(BERT("\"is_decoder\":true,"), "is_decoder");
    refuse(BERT("\"type_vocab_size\":0,"), "type_vocab_size");
}

static void test_labels(void **state)
{
    (void)state;
#define CLASSIFY(keys) BERT("\"architectures\":[\"BertForSequenceClassification\"]," keys)
    struct checkpoint_config c = accept_text(CLASSIFY("\"id2label\":{\"0\":\"no\",\"1\":\"yes\",\"2\":\"\\u00e4\"},"));
    assert_true(c.model.head == HEAD_CLASSIFY && c.model.labels == 3 && c.labels_size == 10);
    assert_memory_equal(c.labels, "no\0yes\0\xc3\xa4", 10);
    checkpoint_config_clear(&c);
    assert_null(c.labels);
    c = accept_text(CLASSIFY(""));
    assert_memory_equal(c.labels, "LABEL_0\0LABEL_1", 16);
    checkpoint_config_clear(&c);
    c = accept_text(CLASSIFY("\"num_labels\":1,"));
    assert_int_equal(c.model.labels, 1);
    checkpoint_config_clear(&c);
    refuse(CLASSIFY("\"id2label\":{},"), "id2label: 0 labels");
    refuse(CLASSIFY("\"id2label\":{\"0\":\"a\",\"2\":\"b\"},"), "1: expected");
    refuse(CLASSIFY("\"id2label\":{\"0\":\"\"},"), "id2label");
    refuse(CLASSIFY("\"id2label\":{\"0\":7},"), "0: expected");
    refuse(CLASSIFY("\"id2label\":[\"a\"],"), "id2label");
    refuse(CLASSIFY("\"num_labels\":1000000,"), "num_labels");
}

/* Each size of each family: absent, wrong types, zero, negative, too large, not whole. */
static void test_sizes(void **state)
{
    (void)state;
    static const char *const keys[][8] = {
        {"llama", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "max_position_embeddings", NULL},
        {"bert", "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
         "max_position_embeddings", NULL},
        {"gpt2", "vocab_size", "n_embd", "n_layer", "n_head", "n_positions", NULL, NULL},
    };
    static const char *const bad[] = {NULL, "null", "\"8\"", "[]", "{}", "true", "0", "-1", "1048576", "8.5", "1e300"};
    for (size_t f = 0; f < sizeof keys / sizeof *keys; f++)
        for (size_t k = 1; keys[f][k] != NULL; k++)
            for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
                char text[600];
                int at = snprintf(text, sizeof text, "{\"model_type\":\"%s\",\"bos_token_id\":0,\"eos_token_id\":0",
                                  keys[f][0]);
                for (size_t i = 1; keys[f][i] != NULL; i++) {
                    if (i == k && bad[b] == NULL) continue;
                    at +=
                        snprintf(text + at, sizeof text - (size_t)at, ",\"%s\":%s", keys[f][i], i == k ? bad[b] : "8");
                }
                snprintf(text + at, sizeof text - (size_t)at, "}");
                refuse(text, keys[f][k]);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama), cmocka_unit_test(test_kin),  cmocka_unit_test(test_rotary),
        cmocka_unit_test(test_gpt2),  cmocka_unit_test(test_bert), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
