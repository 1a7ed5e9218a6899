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
#include "test/helpers/gguf_draft.h"

static const uint8_t zeros[4096];

/* The configuration of a draft, or NULL and the error. */
static json_t *config_of(struct gguf_draft *draft, struct lassim_error *error)
{
    struct gguf *gguf = NULL;
    json_t *json = NULL;
    struct bytes file = gguf_draft_finish(draft);
    if (gguf_open("c.gguf", file.data, file.size, &gguf, error) != LASSIM_OK) fail_msg("%s", error->text);
    enum lassim_status status = gguf_config(gguf, &json, error);
    assert_true((status == LASSIM_OK) == (json != NULL));
    if (status != LASSIM_OK) assert_refused(status, error, "c.gguf: ");
    gguf_close(gguf);
    bytes_clear(&file);
    return json;
}

static void refuse(struct gguf_draft *draft, const char *part)
{
    struct lassim_error error = {0};
    assert_null(config_of(draft, &error));
    assert_refused(LASSIM_ERR_FILE, &error, part);
}

static json_t *accept(struct gguf_draft *draft)
{
    struct lassim_error error;
    json_t *json = config_of(draft, &error);
    if (json == NULL) fail_msg("%s", error.text);
    return json;
}

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

static void add(struct gguf_draft *draft, const char *name, uint64_t inner, uint64_t outer)
{
    const uint64_t dimension[] = {inner, outer};
    gguf_draft_tensor(draft, name, 2, dimension, 0, zeros, inner * outer * sizeof(float));
}

static const struct {
    const char *key;
    uint64_t value;
} llama_entries[] = {
    {"llama.context_length", 64},      {"llama.embedding_length", 8},     {"llama.block_count", 1},
    {"llama.feed_forward_length", 12}, {"llama.attention.head_count", 2},
};

/* A llama with what it must have, but for the entry `without` (or NULL). */
static struct gguf_draft llama(const char *without)
{
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, "general.architecture", "llama");
    for (size_t i = 0; i < sizeof llama_entries / sizeof *llama_entries; i++)
        if (without == NULL || strcmp(without, llama_entries[i].key) != 0)
            gguf_draft_number(&draft, llama_entries[i].key, GGUF_UINT32, llama_entries[i].value);
    if (without == NULL || strcmp(without, "llama.attention.layer_norm_rms_epsilon") != 0)
        gguf_draft_float(&draft, "llama.attention.layer_norm_rms_epsilon", 0.25f);
    if (without == NULL || strcmp(without, "token_embd.weight") != 0) add(&draft, "token_embd.weight", 8, 20);
    if (without == NULL || strcmp(without, "blk.0.attn_q.weight") != 0) add(&draft, "blk.0.attn_q.weight", 8, 8);
    return draft;
}

static void assert_json(json_t *json, const char *text)
{
    char *found = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    assert_string_equal(found, text);
    free(found);
    json_decref(json);
}

static void test_llama(void **state)
{
    (void)state;
    struct gguf_draft draft = llama(NULL);
    assert_json(accept(&draft),
                "{\"architectures\":[\"LlamaForCausalLM\"],\"attention_bias\":false,\"head_dim\":4,\"hidden_act\":"
                "\"silu\",\"hidden_size\":8,\"intermediate_size\":12,\"max_position_embeddings\":64,\"mlp_bias\":false,"
                "\"model_type\":\"llama\",\"num_attention_heads\":2,\"num_hidden_layers\":1,\"rms_norm_eps\":"
                "0.25,\"rope_scaling\":null,\"tie_word_embeddings\":true,\"vocab_size\":20}");
    static const char *const needed[] = {"llama.context_length",       "llama.embedding_length",
                                         "llama.block_count",          "llama.feed_forward_length",
                                         "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon",
                                         "token_embd.weight",          "blk.0.attn_q.weight"};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        draft = llama(needed[i]);
        refuse(&draft, needed[i]);
    }
}

/* Switches: each is one more entry or tensor of the llama above, and the member that it becomes. */
static void test_switches(void **state)
{
    (void)state;
    struct gguf_draft draft = llama(NULL);
    add(&draft, "output.weight", 8, 20);
    add(&draft, "blk.0.attn_q.bias", 8, 1);
    add(&draft, "blk.0.ffn_up.bias", 12, 1);
    gguf_draft_number(&draft, "tokenizer.ggml.bos_token_id", GGUF_UINT32, 3);
    gguf_draft_number(&draft, "llama.attention.head_count_kv", GGUF_UINT32, 1);
    gguf_draft_float(&draft, "llama.rope.freq_base", 500000);
    json_t *json = accept(&draft);
    assert_true(json_is_false(json_object_get(json, "tie_word_embeddings")));
    assert_true(json_is_true(json_object_get(json, "attention_bias")));
    assert_true(json_is_true(json_object_get(json, "mlp_bias")));
    assert_int_equal(json_integer_value(json_object_get(json, "bos_token_id")), 3);
    assert_int_equal(json_integer_value(json_object_get(json, "num_key_value_heads")), 1);
    assert_true(json_real_value(json_object_get(json, "rope_theta")) == 500000);
    json_decref(json);
    draft = llama(NULL);
    gguf_draft_number(&draft, "llama.expert_count", GGUF_UINT32, 8);
    json = accept(&draft);
    assert_string_equal(json_string_value(json_object_get(json, "model_type")), "mixtral");
    json_decref(json);
    draft = llama(NULL);
    gguf_draft_number(&draft, "llama.attention.sliding_window", GGUF_UINT32, 32);
    json = accept(&draft);
    assert_string_equal(json_string_value(json_object_get(json, "model_type")), "mistral");
    assert_int_equal(json_integer_value(json_object_get(json, "sliding_window")), 32);
    json_decref(json);
}

static void test_head_sizes(void **state)
{
    (void)state;
    struct gguf_draft draft = llama("blk.0.attn_q.weight");
    add(&draft, "blk.0.attn_q.weight", 8, 12);
    json_t *json = accept(&draft);
    assert_int_equal(json_integer_value(json_object_get(json, "head_dim")), 6);
    json_decref(json);
    draft = llama("blk.0.attn_q.weight");
    add(&draft, "blk.0.attn_q.weight", 8, 11);
    refuse(&draft, "11 rows, expected 2 heads");
    draft = llama(NULL);
    gguf_draft_number(&draft, "llama.attention.key_length", GGUF_UINT32, 5);
    refuse(&draft, "8 rows, expected 2 heads");
    static const char *const same[] = {"llama.rope.dimension_count", "llama.attention.value_length"};
    for (size_t i = 0; i < 2; i++) {
        draft = llama(NULL);
        gguf_draft_number(&draft, same[i], GGUF_UINT32, 4);
        json_decref(accept(&draft));
        draft = llama(NULL);
        gguf_draft_number(&draft, same[i], GGUF_UINT32, 2);
        refuse(&draft, "2 is not supported, expected the size of a head, 4");
    }
}

static void assert_scaling(struct gguf_draft *draft, const char *text)
{
    json_t *json = accept(draft), *scaling = json_incref(json_object_get(json, "rope_scaling"));
    json_decref(json);
    assert_json(scaling, text);
}

static void test_scaling(void **state)
{
    (void)state;
    struct gguf_draft draft = llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "linear");
    gguf_draft_float(&draft, "llama.rope.scaling.factor", 2.5f);
    assert_scaling(&draft, "{\"factor\":2.5,\"rope_type\":\"linear\"}");
    draft = llama(NULL);
    gguf_draft_float(&draft, "llama.rope.scale_linear", 4);
    assert_scaling(&draft, "{\"factor\":4.0,\"rope_type\":\"linear\"}");
    draft = llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "yarn");
    gguf_draft_float(&draft, "llama.rope.scaling.factor", 4);
    gguf_draft_number(&draft, "llama.rope.scaling.original_context_length", GGUF_UINT32, 32);
    gguf_draft_float(&draft, "llama.rope.scaling.yarn_beta_fast", 8);
    gguf_draft_float(&draft, "llama.rope.scaling.attn_factor", 1);
    assert_scaling(&draft, "{\"beta_fast\":8.0,\"factor\":4.0,\"original_max_position_embeddings\":32,\"rope_type\":"
                           "\"yarn\"}");
    draft = llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "yarn");
    gguf_draft_float(&draft, "llama.rope.scaling.attn_factor", 1.5f);
    refuse(&draft, "llama.rope.scaling.attn_factor: 1.5 is not supported, expected 1");
    draft = llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "none");
    json_t *json = accept(&draft);
    assert_true(json_is_null(json_object_get(json, "rope_scaling")));
    json_decref(json);
    draft = llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "\xff");
    refuse(&draft, "rope.scaling.type: expected a name in UTF-8");
}

static void test_factors(void **state)
{
    (void)state;
    static const uint64_t half[] = {2}, three[] = {3};
    const float factors[] = {1, 32, 0.5f};
    struct gguf_draft draft = llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 0, factors, sizeof factors);
    json_t *json = accept(&draft), *array = json_incref(json_object_get(json, "lassim_rope_factors"));
    json_decref(json);
    assert_json(array, "[1.0,32.0]");
    draft = llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 0, factors + 1, 8);
    refuse(&draft, "rope_freqs.weight: element 1 is 0.5");
    draft = llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, three, 0, factors, 12);
    refuse(&draft, "3 elements of type F32, expected 2 of F32");
    draft = llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 1, factors, 4);
    refuse(&draft, "2 elements of type F16");
}

static void test_architectures(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    refuse(&draft, "general.architecture: expected a string, found nothing");
    gguf_draft_text(&draft, "general.architecture", "phi3");
    assert_json(accept(&draft), "{\"model_type\":\"phi3\"}");
    static const char *const bad[] = {"", "a b", "x\n", "\xc3\xa9", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        gguf_draft_text(&draft, "general.architecture", bad[i]);
        refuse(&draft, "expected a name of 1 to 40");
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
        add(&draft, "token_embd.weight", 8, 20);
        add(&draft, "token_types.weight", 8, 2);
        if (kind == 4) add(&draft, "cls.output.weight", 8, 3);
        if (kind == 5) {
            refuse(&draft, "bert.pooling_type: expected an integer from 0 to 4, found 5");
            continue;
        }
        json_t *json = accept(&draft);
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
        cmocka_unit_test(test_families),      cmocka_unit_test(test_llama),   cmocka_unit_test(test_switches),
        cmocka_unit_test(test_head_sizes),    cmocka_unit_test(test_scaling), cmocka_unit_test(test_factors),
        cmocka_unit_test(test_architectures), cmocka_unit_test(test_bert),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
