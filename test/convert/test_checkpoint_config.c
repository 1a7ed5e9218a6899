/* config.json: the bundled ones, OPTConfig's defaults, and every key absent, of a wrong type, out of range. */
#include "convert/checkpoint_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

#define SIZES                                                                             \
    "\"vocab_size\":50272,\"hidden_size\":768,\"ffn_dim\":3072,\"num_hidden_layers\":12," \
    "\"num_attention_heads\":12,\"max_position_embeddings\":2048"
#define OPT "\"model_type\":\"opt\","

static enum lassim_status parse(const char *text, struct checkpoint_config *config, struct lassim_error *error)
{
    *error = (struct lassim_error){0};
    return checkpoint_config_parse("config.json", text, strlen(text), config, error);
}

static struct checkpoint_config accept_text(const char *text)
{
    struct checkpoint_config config;
    struct lassim_error error;
    if (parse(text, &config, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return config;
}

static void refuse(const char *text, const char *part)
{
    struct checkpoint_config config;
    struct lassim_error error;
    assert_refused(parse(text, &config, &error), &error, part);
    assert_memory_equal(error.text, "config.json: ", 13);
}

static void test_bundled(void **state)
{
    (void)state;
    struct checkpoint_config c;
    struct lassim_error error;
    assert_int_equal(checkpoint_config_read("test/data/variants/postln", &c, &error), LASSIM_OK);
    const struct model_config postln = {.family = FAMILY_OPT,
                                        .vocabulary = 511,
                                        .hidden = 64,
                                        .embedding = 32,
                                        .ffn = 256,
                                        .layers = 3,
                                        .heads = 4,
                                        .positions = 96,
                                        .position_rows = 98,
                                        .position_offset = 2,
                                        .tied = 1,
                                        .bos = 2,
                                        .eos = 2,
                                        .pad = 1,
                                        .norm_epsilon = 1e-5};
    assert_memory_equal(&c.model, &postln, sizeof postln);
    assert_true(c.attention_bias && c.norm_affine);
    assert_int_equal(checkpoint_config_read("test/data/variants/bare", &c, &error), LASSIM_OK);
    const struct model_config bare = {.family = FAMILY_OPT,
                                      .vocabulary = 333,
                                      .hidden = 60,
                                      .embedding = 60,
                                      .ffn = 129,
                                      .layers = 2,
                                      .heads = 5,
                                      .positions = 40,
                                      .position_rows = 42,
                                      .position_offset = 2,
                                      .pre_norm = 1,
                                      .final_norm = 1,
                                      .bos = 2,
                                      .eos = 2,
                                      .pad = 1,
                                      .norm_epsilon = 1e-5};
    assert_memory_equal(&c.model, &bare, sizeof bare);
    assert_false(c.attention_bias || c.norm_affine);
    assert_int_equal(checkpoint_config_read("test/data/variants/nofinal", &c, &error), LASSIM_OK);
    assert_true(c.model.pre_norm == 1 && c.model.final_norm == 0 && c.model.tied == 1);
    assert_int_equal(checkpoint_config_read("examples/opt-tiny", &c, &error), LASSIM_OK);
    assert_true(c.model.vocabulary == 4096 && c.model.final_norm == 1 && c.model.position_rows == 258);
    assert_refused(checkpoint_config_read("test/data", &c, &error), &error, "test/data/config.json");
}

static void test_defaults(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text("{" OPT SIZES "}");
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
    c = accept_text("{" OPT SIZES ",\"word_embed_proj_dim\":null,\"dropout\":0.1,\"anything\":[{}]}");
    assert_int_equal(c.model.embedding, 768);
}

static void test_switches(void **state)
{
    (void)state;
    struct checkpoint_config c = accept_text("{" OPT SIZES ",\"do_layer_norm_before\":false}");
    assert_true(c.model.pre_norm == 0 && c.model.final_norm == 0);
    c = accept_text("{" OPT SIZES ",\"_remove_final_layer_norm\":true}");
    assert_true(c.model.pre_norm == 1 && c.model.final_norm == 0);
    c = accept_text("{" OPT SIZES ",\"enable_bias\":false}");
    assert_true(!c.attention_bias && c.norm_affine);
    c = accept_text("{" OPT SIZES ",\"layer_norm_elementwise_affine\":false,\"tie_word_embeddings\":false}");
    assert_true(c.attention_bias && !c.norm_affine && c.model.tied == 0);
    c = accept_text("{" OPT SIZES ",\"word_embed_proj_dim\":512,\"bos_token_id\":0,\"eos_token_id\":50271}");
    assert_true(c.model.embedding == 512 && c.model.bos == 0 && c.model.eos == 50271 && c.model.pad == 1);
    refuse("{" OPT SIZES ",\"enable_bias\":1}", "enable_bias");
    refuse("{" OPT SIZES ",\"do_layer_norm_before\":\"true\"}", "do_layer_norm_before");
    refuse("{" OPT SIZES ",\"tie_word_embeddings\":0}", "tie_word_embeddings");
    refuse("{" OPT SIZES ",\"_remove_final_layer_norm\":[]}", "_remove_final_layer_norm");
    refuse("{" OPT SIZES ",\"layer_norm_elementwise_affine\":{}}", "layer_norm_elementwise_affine");
}

static void test_families(void **state)
{
    (void)state;
    refuse("{" SIZES "}", "model_type");
    refuse("{\"model_type\":\"t5\"," SIZES "}",
           "model_type: \"t5\" is not supported, expected one of opt, llama, qwen2, gpt2, bert, mistral");
    refuse("{\"model_type\":7," SIZES "}", "model_type");
    refuse("{\"model_type\":null," SIZES "}", "model_type");
    refuse("{" OPT SIZES ",\"activation_function\":\"gelu\"}", "activation_function: \"gelu\" is not supported");
    refuse("{" OPT SIZES ",\"activation_function\":1}", "activation_function");
    refuse("{\"model_type\":\"a\\nb\"," SIZES "}", "a\\x0ab");
}

/* Every size in turn absent, of another type, out of range. */
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
            refuse(text, keys[k]);
        }
    refuse("{" OPT SIZES ",\"word_embed_proj_dim\":0}", "word_embed_proj_dim");
    refuse("{" OPT SIZES ",\"word_embed_proj_dim\":1048576}", "word_embed_proj_dim");
    refuse("{" OPT "\"vocab_size\":10,\"hidden_size\":10,\"ffn_dim\":10,\"num_hidden_layers\":1025,"
           "\"num_attention_heads\":1,\"max_position_embeddings\":8}",
           "num_hidden_layers");
    refuse("{" OPT "\"vocab_size\":10,\"hidden_size\":10,\"ffn_dim\":10,\"num_hidden_layers\":1,"
           "\"num_attention_heads\":3,\"max_position_embeddings\":8}",
           "num_attention_heads: 3, expected a divisor of hidden_size 10");
}

static void test_ids(void **state)
{
    (void)state;
    refuse("{" OPT SIZES ",\"bos_token_id\":50272}", "bos_token_id");
    refuse("{" OPT SIZES ",\"eos_token_id\":-1}", "eos_token_id");
    refuse("{" OPT SIZES ",\"pad_token_id\":\"1\"}", "pad_token_id");
    refuse("{" OPT "\"vocab_size\":2,\"hidden_size\":10,\"ffn_dim\":10,\"num_hidden_layers\":1,"
           "\"num_attention_heads\":1,\"max_position_embeddings\":8}",
           "bos_token_id: absent, and its default 2");
}

static void test_hostile_text(void **state)
{
    (void)state;
    refuse("", "");
    refuse("[]", "");
    refuse("{" OPT SIZES, "");
    refuse("{" OPT SIZES ",\"vocab_size\":7}", "duplicate");
    struct bytes deep = {0};
    for (int i = 0; i < 200000; i++) bytes_text(&deep, "[");
    bytes_number(&deep, 0, 1);
    refuse((const char *)deep.data, "deep");
    bytes_clear(&deep);
    const char good[] = "{" OPT SIZES "}";
    for (size_t size = 0; size < sizeof good - 1; size++) {
        char prefix[sizeof good];
        memcpy(prefix, good, size);
        prefix[size] = '\0';
        refuse(prefix, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundled),      cmocka_unit_test(test_defaults), cmocka_unit_test(test_switches),
        cmocka_unit_test(test_families),     cmocka_unit_test(test_sizes),    cmocka_unit_test(test_ids),
        cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
