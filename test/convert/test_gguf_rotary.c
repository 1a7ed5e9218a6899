/* Head size and rotary positions: every entry that says something of them, and those that do not fit together. */
#include "convert/gguf_rotary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/gguf_llama.h"

static void test_head_sizes(void **state)
{
    (void)state;
    struct gguf_draft draft = gguf_llama("blk.0.attn_q.weight");
    gguf_add_matrix(&draft, "blk.0.attn_q.weight", 8, 12);
    json_t *json = gguf_config_accept(&draft);
    assert_int_equal(json_integer_value(json_object_get(json, "head_dim")), 6);
    json_decref(json);
    draft = gguf_llama("blk.0.attn_q.weight");
    gguf_add_matrix(&draft, "blk.0.attn_q.weight", 8, 11);
    gguf_config_refuse(&draft, "11 rows, expected 2 heads");
    draft = gguf_llama(NULL);
    gguf_draft_number(&draft, "llama.attention.key_length", GGUF_UINT32, 5);
    gguf_config_refuse(&draft, "8 rows, expected 2 heads");
    static const char *const same[] = {"llama.rope.dimension_count", "llama.attention.value_length"};
    for (size_t i = 0; i < 2; i++) {
        draft = gguf_llama(NULL);
        gguf_draft_number(&draft, same[i], GGUF_UINT32, 4);
        json_decref(gguf_config_accept(&draft));
        draft = gguf_llama(NULL);
        gguf_draft_number(&draft, same[i], GGUF_UINT32, 2);
        gguf_config_refuse(&draft, "2 is not supported, expected the size of a head, 4");
    }
}

static void assert_scaling(struct gguf_draft *draft, const char *text)
{
    json_t *json = gguf_config_accept(draft), *scaling = json_incref(json_object_get(json, "rope_scaling"));
    json_decref(json);
    gguf_assert_json(scaling, text);
}

static void test_scaling(void **state)
{
    (void)state;
    struct gguf_draft draft = gguf_llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "linear");
    gguf_draft_float(&draft, "llama.rope.scaling.factor", 2.5f);
    assert_scaling(&draft, "{\"factor\":2.5,\"rope_type\":\"linear\"}");
    draft = gguf_llama(NULL);
    gguf_draft_float(&draft, "llama.rope.scale_linear", 4);
    assert_scaling(&draft, "{\"factor\":4.0,\"rope_type\":\"linear\"}");
    draft = gguf_llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "yarn");
    gguf_draft_float(&draft, "llama.rope.scaling.factor", 4);
    gguf_draft_number(&draft, "llama.rope.scaling.original_context_length", GGUF_UINT32, 32);
    gguf_draft_float(&draft, "llama.rope.scaling.yarn_beta_fast", 8);
    gguf_draft_float(&draft, "llama.rope.scaling.attn_factor", 1);
    assert_scaling(&draft, "{\"beta_fast\":8.0,\"factor\":4.0,\"original_max_position_embeddings\":32,\"rope_type\":"
                           "\"yarn\"}");
    draft = gguf_llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "yarn");
    gguf_draft_float(&draft, "llama.rope.scaling.attn_factor", 1.5f);
    gguf_config_refuse(&draft, "llama.rope.scaling.attn_factor: 1.5 is not supported, expected 1");
    draft = gguf_llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "none");
    json_t *json = gguf_config_accept(&draft);
    assert_true(json_is_null(json_object_get(json, "rope_scaling")));
    json_decref(json);
    draft = gguf_llama(NULL);
    gguf_draft_text(&draft, "llama.rope.scaling.type", "\xff");
    gguf_config_refuse(&draft, "rope.scaling.type: expected a name in UTF-8");
}

static void test_factors(void **state)
{
    (void)state;
    static const uint64_t half[] = {2}, three[] = {3};
    const float factors[] = {1, 32, 0.5f};
    struct gguf_draft draft = gguf_llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 0, factors, sizeof factors);
    json_t *json = gguf_config_accept(&draft), *array = json_incref(json_object_get(json, "lassim_rope_factors"));
    json_decref(json);
    gguf_assert_json(array, "[1.0,32.0]");
    draft = gguf_llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 0, factors + 1, 8);
    gguf_config_refuse(&draft, "rope_freqs.weight: element 1 is 0.5");
    draft = gguf_llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, three, 0, factors, 12);
    gguf_config_refuse(&draft, "3 elements of type F32, expected 2 of F32");
    draft = gguf_llama(NULL);
    gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 1, factors, 4);
    gguf_config_refuse(&draft, "2 elements of type F16");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_sizes),
        cmocka_unit_test(test_scaling),
        cmocka_unit_test(test_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
