/* A GGUF's hyperparameters against the config.json of the checkpoint that it was made of, and entries that are missing,
 * wrong or of other models. */
#include "convert/gguf_config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/gguf_metadata.h"
#include "convert/json.h"
#include "test/helpers/gguf_llama.h"

/* Every member that both have is equal; names lists those that must be in both. */
static void test_families(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t same; /* members equal in both */
    } families[] = {
        {"llama-plain", 18}, {"llama-grouped", 18}, {"qwen2-tied", 16}, {"gpt2-plain", 11}, {"bert-embed", 12},
    };
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        char path[128];
        const char *key;
        struct gguf *gguf = NULL;
        struct lassim_error error;
        json_t *made = NULL, *original = NULL, *value;
        snprintf(path, sizeof path, "test/data/families/gguf/%s.gguf", families[f].name);
        struct bytes file = bytes_of_file(path);
        assert_int_equal(gguf_open(path, file.data, file.size, &gguf, &error), LASSIM_OK);
        if (gguf_config(gguf, &made, &error) != LASSIM_OK) fail_msg("%s", error.text);
        snprintf(path, sizeof path, "test/data/families/%s/config.json", families[f].name);
        assert_int_equal(json_read_file(path, &original, &error), LASSIM_OK);
        size_t same = 0;
        json_object_foreach(original, key, value)
        {
            const json_t *other = json_object_get(made, key);
            if (other == NULL) continue;
            int equal = json_is_number(value) ? json_number_value(value) == json_number_value(other)
                                              : json_equal(value, (json_t *)other);
            if (!equal) fail_msg("%s: %s differs", families[f].name, key);
            same++;
        }
        if (same != families[f].same) fail_msg("%s: %zu members", families[f].name, same);
        json_decref(made);
        json_decref(original);
        gguf_close(gguf);
        bytes_clear(&file);
    }
}

static void test_llama(void **state)
{
    (void)state;
    struct gguf_draft draft = gguf_llama(NULL);
    gguf_assert_json(
        gguf_config_accept(&draft),
        "{\"architectures\":[\"LlamaForCausalLM\"],\"attention_bias\":false,\"head_dim\":4,\"hidden_act\":"
        "\"silu\",\"hidden_size\":8,\"intermediate_size\":12,\"max_position_embeddings\":64,\"mlp_bias\":false,"
        "\"model_type\":\"llama\",\"num_attention_heads\":2,\"num_hidden_layers\":1,\"rms_norm_eps\":"
        "0.25,\"rope_scaling\":null,\"tie_word_embeddings\":true,\"vocab_size\":20}");
    static const char *const needed[] = {"llama.context_length",       "llama.embedding_length",
                                         "llama.block_count",          "llama.feed_forward_length",
                                         "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon",
                                         "token_embd.weight",          "blk.0.attn_q.weight"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        draft = gguf_llama(needed[i]);
        gguf_config_refuse(&draft, needed[i]);
    }
}

/* Switches: each is one more entry or tensor of the llama above, and the member that it becomes. */
static void test_switches(void **state)
{
    (void)state;
    struct gguf_draft draft = gguf_llama(NULL);
    gguf_add_matrix(&draft, "output.weight", 8, 20);
    gguf_add_matrix(&draft, "blk.0.attn_q.bias", 8, 1);
    gguf_add_matrix(&draft, "blk.0.ffn_up.bias", 12, 1);
    gguf_draft_number(&draft, "tokenizer.ggml.bos_token_id", GGUF_UINT32, 3);
    gguf_draft_number(&draft, "llama.attention.head_count_kv", GGUF_UINT32, 1);
    gguf_draft_float(&draft, "llama.rope.freq_base", 500000);
    json_t *json = gguf_config_accept(&draft);
    assert_true(json_is_false(json_object_get(json, "tie_word_embeddings")));
    assert_true(json_is_true(json_object_get(json, "attention_bias")));
    assert_true(json_is_true(json_object_get(json, "mlp_bias")));
    assert_int_equal(json_integer_value(json_object_get(json, "bos_token_id")), 3);
    assert_int_equal(json_integer_value(json_object_get(json, "num_key_value_heads")), 1);
    assert_true(json_real_value(json_object_get(json, "rope_theta")) == 500000);
    json_decref(json);
    draft = gguf_llama(NULL);
    gguf_draft_number(&draft, "llama.expert_count", GGUF_UINT32, 8);
    json = gguf_config_accept(&draft);
    assert_string_equal(json_string_value(json_object_get(json, "model_type")), "mixtral");
    json_decref(json);
    draft = gguf_llama(NULL);
    gguf_draft_number(&draft, "llama.attention.sliding_window", GGUF_UINT32, 32);
    json = gguf_config_accept(&draft);
    assert_string_equal(json_string_value(json_object_get(json, "model_type")), "mistral");
    assert_int_equal(json_integer_value(json_object_get(json, "sliding_window")), 32);
    json_decref(json);
}

static void test_architectures(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    gguf_config_refuse(&draft, "general.architecture: expected a string, found nothing");
    gguf_draft_text(&draft, "general.architecture", "phi3");
    gguf_assert_json(gguf_config_accept(&draft), "{\"model_type\":\"phi3\"}");
    static const char *const bad[] = {"", "a b", "x\n", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gguf_draft_text(&draft, "general.architecture", bad[i]);
        gguf_config_refuse(&draft, "expected a name of 1 to 40");
    }
}

static void test_bert(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "mean", "cls", "last", "rank"};
    for (uint64_t kind = 0; kind <= 5; kind++) {
        struct gguf_draft draft = {0};
        gguf_draft_text(&draft, "general.architecture", "bert");
        gguf_draft_number(&draft, "bert.context_length", GGUF_UINT32, 16);
        gguf_draft_number(&draft, "bert.embedding_length", GGUF_UINT32, 8);
        gguf_draft_number(&draft, "bert.block_count", GGUF_UINT32, 1);
        gguf_draft_number(&draft, "bert.feed_forward_length", GGUF_UINT32, 12);
        gguf_draft_number(&draft, "bert.attention.head_count", GGUF_UINT32, 2);
        gguf_draft_float(&draft, "bert.attention.layer_norm_epsilon", 1e-12f);
        gguf_draft_number(&draft, "bert.pooling_type", GGUF_UINT32, kind);
        gguf_add_matrix(&draft, "token_embd.weight", 8, 20);
        gguf_add_matrix(&draft, "token_types.weight", 8, 2);
        if (kind == 4) gguf_add_matrix(&draft, "cls.output.weight", 8, 3);
        if (kind == 5) {
            gguf_config_refuse(&draft, "bert.pooling_type: expected an integer from 0 to 4, found 5");
            continue;
        }
        json_t *json = gguf_config_accept(&draft);
        assert_string_equal(json_string_value(json_object_get(json, "lassim_pooling")), names[kind]);
        assert_int_equal(json_integer_value(json_object_get(json, "type_vocab_size")), 2);
        assert_int_equal(json_integer_value(json_object_get(json, "num_labels")), kind == 4 ? 3 : 0);
        assert_true(json_real_value(json_object_get(json, "layer_norm_eps")) == 1e-12);
        json_decref(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),      cmocka_unit_test(test_llama), cmocka_unit_test(test_switches),
        cmocka_unit_test(test_architectures), cmocka_unit_test(test_bert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
