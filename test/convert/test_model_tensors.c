/* Tensors by role: GPT-2's fused matrix in three parts, tied and untied heads, old names, and what is missing or has
 * another shape. */
#include "convert/model_tensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/family_golden.h"
#include "test/helpers/opened_checkpoint.h"

static void open_family(const char *name, struct opened *o)
{
    char folder[128];
    golden_path(name, "", folder, sizeof folder);
    opened_open(folder, o);
}

static const struct matrix_tensor *matrix_of(const struct opened *o, const char *name)
{
    uint32_t m = graph_find_matrix(o->graph, name);
    assert_int_not_equal(m, GRAPH_NONE);
    return &o->tensors->matrix[m];
}

static void test_fused(void **state)
{
    (void)state;
    static const char *const parts[] = {"layers.1.q", "layers.1.k", "layers.1.v"};
    struct opened o;
    open_family("gpt2-odd", &o);
    uint32_t hidden = o.graph->config.hidden;
    const struct checkpoint_tensor *whole = checkpoint_find(o.checkpoint, "transformer.h.1.attn.c_attn.weight");
    const struct checkpoint_tensor *bias = checkpoint_find(o.checkpoint, "transformer.h.1.attn.c_attn.bias");
    assert_non_null(whole);
    for (uint32_t p = 0; p < 3; p++) {
        const struct matrix_tensor *matrix = matrix_of(&o, parts[p]);
        assert_false(matrix->by_source);
        assert_true(matrix->weight->shape[0] == hidden && matrix->weight->shape[1] == hidden);
        for (uint32_t target = 0; target < hidden; target++)
            for (uint32_t source = 0; source < hidden; source++) {
                double part, stored;
                checkpoint_tensor_f64(matrix->weight, (uint64_t)target * hidden + source, 1, &part);
                checkpoint_tensor_f64(whole, (uint64_t)source * 3 * hidden + p * hidden + target, 1, &stored);
                assert_true(part == stored);
            }
        double stored[64];
        checkpoint_tensor_f64(bias, p * hidden, hidden, stored);
        assert_memory_equal(matrix->bias, stored, hidden * sizeof *stored);
    }
    opened_close(&o);
}

static void test_heads(void **state)
{
    (void)state;
    struct opened o;
    open_family("llama-grouped", &o);
    assert_string_equal(matrix_of(&o, "head")->weight->name, "model.embed_tokens.weight");
    assert_true(matrix_of(&o, "tok")->by_source && !matrix_of(&o, "head")->by_source);
    assert_true(matrix_of(&o, "layers.0.q")->bias == NULL && o.tensors->norm[0].beta == NULL);
    assert_non_null(o.tensors->rotary);
    opened_close(&o);
    open_family("llama-bias", &o);
    for (uint32_t m = 0; m < o.graph->matrices; m++)
        assert_int_equal(o.tensors->matrix[m].bias != NULL, o.graph->matrix[m].has_bias);
    opened_close(&o);
    open_family("qwen2-untied", &o);
    assert_string_equal(matrix_of(&o, "head")->weight->name, "lm_head.weight");
    assert_true(matrix_of(&o, "layers.0.k")->bias != NULL && matrix_of(&o, "layers.0.o")->bias == NULL);
    opened_close(&o);
    open_family("bert-mlm", &o);
    assert_string_equal(matrix_of(&o, "head")->weight->name, "bert.embeddings.word_embeddings.weight");
    assert_non_null(matrix_of(&o, "head")->bias);
    assert_null(o.tensors->rotary);
    opened_close(&o);
    open_family("bert-classify", &o);
    assert_string_equal(matrix_of(&o, "head")->weight->name, "classifier.weight");
    opened_close(&o);
}

/* Opens the family's checkpoint with `from` renamed to `to` (of the same length) everywhere. */
static void refuse_renamed(const char *name, const char *from, const char *to, const char *part)
{
    char folder[128], path[200], *work = folder_new();
    struct checkpoint *checkpoint;
    struct checkpoint_config config;
    struct model_tensors *tensors;
    struct lassim_error error = {0};
    const char *reason;
    golden_path(name, "", folder, sizeof folder);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    struct bytes bytes = bytes_of_file(path);
    size_t length = strlen(from);
    for (uint8_t *at = bytes.data; (at = memmem(at, bytes.size - (size_t)(at - bytes.data), from, length)) != NULL;)
        memcpy(at, to, length);
    folder_write(work, "model.safetensors", bytes.data, bytes.size);
    bytes_clear(&bytes);
    assert_int_equal(checkpoint_config_read(folder, &config, &error), LASSIM_OK);
    assert_int_equal(checkpoint_open(work, &checkpoint, &error), LASSIM_OK);
    struct graph *graph = graph_build(&config.model, &reason);
    assert_refused(model_tensors_open(checkpoint, &config, graph, &tensors, &error), &error, part);
    assert_null(tensors);
    graph_free(graph);
    checkpoint_close(checkpoint);
    checkpoint_config_clear(&config);
    folder_remove(work);
}

static void test_missing(void **state)
{
    (void)state;
    refuse_renamed("llama-grouped", "layers.1.mlp.up_proj", "layers.1.mlp.up_proX",
                   "layers.1.mlp.up_proj.weight: tensor missing, expected model.layers.1.mlp.up_proj.weight or "
                   "layers.1.mlp.up_proj.weight");
    refuse_renamed("llama-grouped", "model.norm.weight", "model.norX.weight", "norm.weight: tensor missing");
    refuse_renamed("qwen2-untied", "lm_head.weight", "lm_heaX.weight", "lm_head.weight: tensor missing");
    refuse_renamed("qwen2-tied", "self_attn.k_proj.bias", "self_attn.k_proj.biaX", "k_proj.bias: tensor missing");
    refuse_renamed("gpt2-odd", "h.0.attn.c_attn.weight", "h.0.attn.c_attX.weight", "c_attn.weight: tensor missing");
    refuse_renamed("gpt2-odd", "h.2.attn.c_attn.bias", "h.2.attn.c_attX.bias", "c_attn.bias: tensor missing");
    refuse_renamed("bert-mlm", "embeddings.LayerNorm.gamma", "embeddings.LayerNorm.gammX",
                   "embeddings.LayerNorm.weight: tensor missing");
    refuse_renamed("bert-mlm", "cls.predictions.bias", "cls.predictions.biaX", "cls.predictions.decoder.bias");
    refuse_renamed("bert-classify", "pooler.dense.weight", "pooleX.dense.weight", "pooler.dense.weight");
    refuse_renamed("bert-classify", "token_type_embeddings", "token_typX_embeddings", "token_type_embeddings");
}

/* The checkpoint under a configuration that is not its own. */
static void refuse_shape(const char *name, void (*change)(struct model_config *), const char *part)
{
    struct opened o;
    struct lassim_error error = {0};
    struct model_tensors *tensors;
    const char *reason;
    open_family(name, &o);
    struct model_config other = o.config.model;
    change(&other);
    struct graph *graph = graph_build(&other, &reason);
    if (graph == NULL) fail_msg("%s", reason);
    assert_refused(model_tensors_open(o.checkpoint, &o.config, graph, &tensors, &error), &error, part);
    graph_free(graph);
    opened_close(&o);
}

static void wider_head(struct model_config *config)
{
    config->head_dim = config->hidden / config->heads + 2;
}

static void wider_ffn(struct model_config *config)
{
    config->ffn++;
}

static void more_tokens(struct model_config *config)
{
    config->vocabulary++;
}

static void test_shapes(void **state)
{
    (void)state;
    refuse_shape("llama-plain", wider_head, "layers.0.self_attn.q_proj.weight: shape [24, 24], expected [32, 24]");
    refuse_shape("gpt2-plain", wider_head, "h.0.attn.c_attn.weight: shape");
    refuse_shape("gpt2-plain", wider_ffn, "h.0.mlp.c_fc.weight: shape");
    refuse_shape("bert-embed", more_tokens, "embeddings.word_embeddings.weight: shape");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fused), cmocka_unit_test(test_heads),
                                       cmocka_unit_test(test_missing), cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
