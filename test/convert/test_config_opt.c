/* config.json of OPT: what transformers' class leaves out, what every key does, hostile values. */
#include "test/helpers/config_texts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_defaults(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(OPT(""));
    const struct model_config opt_125m = {.family = FAMILY_OPT,
                                          .vocabulary = 50272,
                                          .hidden = 768,
                                          .embedding = 768,
                                          .ffn = 3072,
                                          .layers = 12,
                                          .heads = 12,
                                          .positions = 2048,
                                          .position_rows = 2050,
                                          .position_offset = 2,
                                          .pre_norm = 1,
                                          .final_norm = 1,
                                          .tied = 1,
                                          .bos = 2,
                                          .eos = 2,
                                          .pad = 1,
                                          .norm_epsilon = 1e-5};
    assert_memory_equal(&c.model, &opt_125m, sizeof opt_125m);
    assert_true(c.attention_bias == 1 && c.norm_affine == 1);
    c = config_accept(OPT("\"word_embed_proj_dim\":null,\"dropout\":0.1,\"anything\":[{}],"));
    assert_int_equal(c.model.embedding, 768);
}

static void test_switches(void **state)
{
    (void)state;
    struct checkpoint_config c = config_accept(OPT("\"do_layer_norm_before\":false,"));
    assert_true(c.model.pre_norm == 0 && c.model.final_norm == 0);
    c = config_accept(OPT("\"_remove_final_layer_norm\":true,"));
    assert_true(c.model.pre_norm == 1 && c.model.final_norm == 0);
    c = config_accept(OPT("\"enable_bias\":false,"));
    assert_true(!c.attention_bias && c.norm_affine);
    c = config_accept(OPT("\"layer_norm_elementwise_affine\":false,\"tie_word_embeddings\":false,"));
    assert_true(c.attention_bias && !c.norm_affine && c.model.tied == 0);
    c = config_accept(OPT("\"word_embed_proj_dim\":512,\"bos_token_id\":0,\"eos_token_id\":50271,"));
    assert_true(c.model.embedding == 512 && c.model.bos == 0 && c.model.eos == 50271 && c.model.pad == 1);
    config_refuse(OPT("\"enable_bias\":1,"), "enable_bias");
    config_refuse(OPT("\"do_layer_norm_before\":\"true\","), "do_layer_norm_before");
    config_refuse(OPT("\"tie_word_embeddings\":0,"), "tie_word_embeddings");
    config_refuse(OPT("\"_remove_final_layer_norm\":[],"), "_remove_final_layer_norm");
    config_refuse(OPT("\"layer_norm_elementwise_affine\":{},"), "layer_norm_elementwise_affine");
}

static void test_sizes(void **state)
{
    (void)state;
    static const char *const keys[] = {"vocab_size",        "hidden_size",         "ffn_dim",
                                       "num_hidden_layers", "num_attention_heads", "max_position_embeddings"};
    static const char *const values[] = {NULL,     "0",    "-1",   "1048576", "4294967297", "12.0",
                                         "\"12\"", "true", "[12]", "null",    "1e2",        "9223372036854775807"};
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char text[512] = "{\"model_type\":\"opt\"";
            for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
                const char *value = i == k ? values[v] : "12";
                size_t used = strlen(text);
                if (value != NULL) snprintf(text + used, sizeof text - used, ",\"%s\":%s", keys[i], value);
            }
            strcat(text, "}");
            config_refuse(text, keys[k]);
        }
    config_refuse(OPT("\"word_embed_proj_dim\":0,"), "word_embed_proj_dim");
    config_refuse(OPT("\"word_embed_proj_dim\":1048576,"), "word_embed_proj_dim");
    config_refuse(
        "{\"model_type\":\"opt\",\"vocab_size\":10,\"hidden_size\":10,\"ffn_dim\":10,\"num_hidden_layers\":1025,"
        "\"num_attention_heads\":1,\"max_position_embeddings\":8}",
        "num_hidden_layers");
    config_refuse("{\"model_type\":\"opt\",\"vocab_size\":10,\"hidden_size\":10,\"ffn_dim\":10,\"num_hidden_layers\":1,"
                  "\"num_attention_heads\":3,\"max_position_embeddings\":8}",
                  "num_attention_heads: 3, expected a divisor of hidden_size 10");
}

static void test_ids(void **state)
{
    (void)state;
    config_refuse(OPT("\"bos_token_id\":50272,"), "bos_token_id");
    config_refuse(OPT("\"eos_token_id\":-1,"), "eos_token_id");
    config_refuse(OPT("\"pad_token_id\":\"1\","), "pad_token_id");
    config_refuse("{\"model_type\":\"opt\",\"vocab_size\":2,\"hidden_size\":10,\"ffn_dim\":10,\"num_hidden_layers\":1,"
                  "\"num_attention_heads\":1,\"max_position_embeddings\":8}",
                  "bos_token_id: absent, and its default 2");
}

static void test_hostile_values(void **state)
{
    (void)state;
    static const struct config_hostile keys[] = {
        {"word_embed_proj_dim", CONFIG_INTEGER},          {"activation_function", CONFIG_TEXT},
        {"do_layer_norm_before", CONFIG_SWITCH},          {"enable_bias", CONFIG_SWITCH},
        {"layer_norm_elementwise_affine", CONFIG_SWITCH}, {"tie_word_embeddings", CONFIG_SWITCH},
        {"_remove_final_layer_norm", CONFIG_SWITCH},
    };
    config_refuse_values(OPT(""), keys, sizeof keys / sizeof *keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_switches),       cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_ids),      cmocka_unit_test(test_hostile_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
