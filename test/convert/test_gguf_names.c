/* A GGUF's tensors against the safetensors checkpoint that it was made of (test/data/families), and names and heads
 * that do not fit. */
#include "convert/gguf_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/checkpoint.h"
#include "test/helpers/gguf_draft.h"

static struct checkpoint *open_good(const char *path)
{
    struct checkpoint *checkpoint = NULL;
    struct lassim_error error;
    if (checkpoint_open(path, &checkpoint, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return checkpoint;
}

/* The same name, shape, type and bytes. */
static void assert_same(const struct checkpoint_tensor *a, const struct checkpoint_tensor *b)
{
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->shape, b->shape, a->rank * sizeof *a->shape);
    assert_true(a->readable && b->readable);
    size_t bytes = a->elements * sizeof(float);
    float *x = malloc(bytes), *y = malloc(bytes);
    assert_true(x != NULL && y != NULL);
    checkpoint_tensor_f32(a, 0, a->elements, x);
    checkpoint_tensor_f32(b, 0, b->elements, y);
    assert_memory_equal(x, y, bytes);
    if (a->rank > 1) { /* vectors are F32 in a GGUF */
        assert_int_equal(a->type, b->type);
        checkpoint_tensor_copy(a, 0, a->elements, x);
        checkpoint_tensor_copy(b, 0, b->elements, y);
        assert_memory_equal(x, y, a->elements * weight_size(a->type));
    }
    free(x);
    free(y);
}

static void test_families(void **state)
{
    (void)state;
    static const struct {
        const char *name, *prefix; /* of the names in the GGUF, but not in the folder */
        size_t left_out;           /* of the folder: attn.bias masks, the pooler */
    } families[] = {
        {"llama-plain", "", 0}, {"llama-grouped", "", 0}, {"qwen2-tied", "", 0}, {"gpt2-plain", "transformer.", 2},
        {"bert-embed", "", 2},
    };
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        char path[128];
        snprintf(path, sizeof path, "test/data/families/%s", families[f].name);
        struct checkpoint *folder = open_good(path);
        snprintf(path, sizeof path, "test/data/families/gguf/%s.gguf", families[f].name);
        struct checkpoint *gguf = open_good(path);
        assert_int_equal(checkpoint_tensors(gguf) + families[f].left_out, checkpoint_tensors(folder));
        for (size_t i = 0; i < checkpoint_tensors(gguf); i++) {
            const struct checkpoint_tensor *tensor = checkpoint_tensor_at(gguf, i);
            const char *name = tensor->name;
            assert_memory_equal(name, families[f].prefix, strlen(families[f].prefix));
            const struct checkpoint_tensor *same = checkpoint_find(folder, name + strlen(families[f].prefix));
            if (same == NULL) fail_msg("%s has no %s", families[f].name, name);
            assert_same(tensor, same);
        }
        checkpoint_close(gguf);
        checkpoint_close(folder);
    }
}

/* --- files made here --- */

static const uint8_t zeros[4096];

static enum lassim_status list_draft(struct gguf_draft *draft, struct bytes *file, struct tensor_list *list,
                                     struct lassim_error *error)
{
    struct gguf *gguf = NULL;
    *file = gguf_draft_finish(draft);
    *list = (struct tensor_list){0};
    if (gguf_open("n.gguf", file->data, file->size, &gguf, error) != LASSIM_OK) fail_msg("%s", error->text);
    enum lassim_status status = gguf_list_tensors(gguf, list, error);
    gguf_close(gguf);
    return status == LASSIM_OK ? tensor_list_sort(list, error) : status;
}

static void refuse(struct gguf_draft *draft, const char *part)
{
    struct bytes file;
    struct tensor_list list;
    struct lassim_error error;
    assert_refused(list_draft(draft, &file, &list, &error), &error, part);
    tensor_list_clear(&list);
    bytes_clear(&file);
}

static void add(struct gguf_draft *draft, const char *name, uint64_t inner, uint64_t outer, uint32_t type)
{
    const uint64_t dimension[] = {inner, outer};
    gguf_draft_tensor(draft, name, 2, dimension, type, zeros, sizeof zeros);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *gguf, *name;
    } names[] = {
        {"blk.12.ffn_down.weight", "model.layers.12.mlp.down_proj.weight"},
        {"blk.0.ffn_up.bias", "model.layers.0.mlp.up_proj.bias"},
        {"output.weight", "lm_head.weight"},
        {"blk.x.ffn_up.weight", "blk.x.ffn_up.weight"},
        {"blk..ffn_up.weight", "blk..ffn_up.weight"},
        {"blk.1.ffn_up", "blk.1.ffn_up"},
        {"blk.1.ffn_up.scale", "blk.1.ffn_up.scale"},
        {"blk.1.ffn_upper.weight", "blk.1.ffn_upper.weight"},
        {"blk.1.ffn_gate_exps.weight", "blk.1.ffn_gate_exps.weight"},
        {"rope_freqs.weight", "rope_freqs.weight"},
        {".weight", ".weight"},
    };
    struct gguf_draft draft = {0};
    struct bytes file;
    struct tensor_list list;
    struct lassim_error error;
    gguf_draft_text(&draft, "general.architecture", "llama");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) add(&draft, names[i].gguf, 4, 2, 0);
    if (list_draft(&draft, &file, &list, &error) != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(list.count, sizeof names / sizeof *names);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) assert_non_null(tensor_list_find(&list, names[i].name));
    tensor_list_clear(&list);
    bytes_clear(&file);
}

static void test_types(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    struct bytes file;
    struct tensor_list list;
    struct lassim_error error;
    gguf_draft_text(&draft, "general.architecture", "unheard-of");
    add(&draft, "a", 256, 2, 12);
    add(&draft, "b", 256, 2, 10);
    add(&draft, "c", 256, 2, 30);
    add(&draft, "d", 256, 2, 28);
    if (list_draft(&draft, &file, &list, &error) != LASSIM_OK) fail_msg("%s", error.text);
    const struct checkpoint_tensor *t = list.tensor;
    assert_true(t[0].readable && t[0].type == WEIGHT_F32 && t[0].blocks != NULL);
    assert_true(t[0].shape[0] == 2 && t[0].shape[1] == 256);
    assert_true(!t[1].readable && t[2].readable && t[2].type == WEIGHT_BF16 && t[2].blocks == NULL && !t[3].readable);
    assert_string_equal(t[0].dtype, "Q4_K");
    assert_string_equal(t[1].dtype, "Q2_K");
    assert_string_equal(t[3].dtype, "F64");
    tensor_list_clear(&list);
    bytes_clear(&file);
}

static void test_refused(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    refuse(&draft, "general.architecture: expected a string, found nothing");
    gguf_draft_text(&draft, "general.architecture", "llama");
    add(&draft, "blk.0.attn_q.weight", 4, 4, 0);
    refuse(&draft, "llama.attention.head_count: expected an integer, found nothing");
    gguf_draft_text(&draft, "general.architecture", "llama");
    gguf_draft_number(&draft, "llama.attention.head_count", GGUF_UINT32, 0);
    add(&draft, "blk.0.attn_q.weight", 4, 4, 0);
    refuse(&draft, "expected an integer from 1");
    static const uint64_t rows[] = {0, 5, 6, 3};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gguf_draft_text(&draft, "general.architecture", "llama");
        gguf_draft_number(&draft, "llama.attention.head_count", GGUF_UINT32, 2);
        add(&draft, "blk.0.attn_k.weight", 4, rows[i], 0);
        refuse(&draft, "self_attn.k_proj.weight: ");
    }
    gguf_draft_text(&draft, "general.architecture", "llama");
    add(&draft, "token_embd.weight", 4, 4, 0);
    add(&draft, "model.embed_tokens.weight", 4, 4, 0);
    refuse(&draft, "model.embed_tokens.weight: tensor defined twice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
