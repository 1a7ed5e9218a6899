/* config.json: the bundled ones, model types, and texts that are none. */
#include "convert/checkpoint_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/config_texts.h"

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

static void test_families(void **state)
{
    (void)state;
    config_refuse("{" CONFIG_SIZES, "model_type");
    config_refuse("{\"model_type\":\"t5\"," CONFIG_SIZES,
                  "model_type: \"t5\" is not supported, expected one of opt, llama, qwen2, gpt2, bert, mistral");
    config_refuse("{\"model_type\":7," CONFIG_SIZES, "model_type");
    config_refuse("{\"model_type\":null," CONFIG_SIZES, "model_type");
    config_refuse(OPT("\"activation_function\":\"gelu\","), "activation_function: \"gelu\" is not supported");
    config_refuse(OPT("\"activation_function\":1,"), "activation_function");
    config_refuse("{\"model_type\":\"a\\nb\"," CONFIG_SIZES, "a\\x0ab");
}

static void test_hostile_text(void **state)
{
    (void)state;
    config_refuse("", "");
    config_refuse("[]", "");
    config_refuse("{", "");
    config_refuse(OPT("\"vocab_size\":7,"), "duplicate");
    struct bytes deep = {0};
    for (int i = 0; i < 200000; i++) bytes_text(&deep, "[");
    bytes_number(&deep, 0, 1);
    config_refuse((const char *)deep.data, "deep");
    bytes_clear(&deep);
    const char good[] = OPT("");
    for (size_t size = 0; size < sizeof good - 1; size++) {
        char prefix[sizeof good];
        memcpy(prefix, good, size);
        prefix[size] = '\0';
        config_refuse(prefix, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundled),
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
