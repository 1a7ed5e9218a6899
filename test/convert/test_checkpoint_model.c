/* Hyperparameters from config.json or a GGUF, whichever the checkpoint has. */
#include "convert/checkpoint_model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#include "test/helpers/gguf_draft.h"
#include "test/helpers/opened_checkpoint.h"

static struct checkpoint *open_good(const char *path)
{
    struct checkpoint *checkpoint = NULL;
    struct lassim_error error;
    if (checkpoint_open(path, &checkpoint, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return checkpoint;
}

static void test_folder(void **state)
{
    (void)state;
    static const char path[] = "examples/opt-tiny";
    struct checkpoint *checkpoint = open_good(path);
    struct checkpoint_config config;
    struct lassim_error error;
    uint64_t hash = 0;
    assert_int_equal(checkpoint_model_read(checkpoint, path, &config, &error), LASSIM_OK);
    assert_int_equal(config.model.family, FAMILY_OPT);
    assert_int_equal(checkpoint_model_hash(checkpoint, path, &hash, &error), LASSIM_OK);
    struct bytes text = bytes_of_file("examples/opt-tiny/config.json");
    assert_true(hash == XXH3_64bits(text.data, text.size));
    bytes_clear(&text);
    assert_refused(checkpoint_model_read(checkpoint, "README.md", &config, &error), &error, "README.md/config.json");
    assert_refused(checkpoint_model_hash(checkpoint, "README.md", &hash, &error), &error, "README.md/config.json");
    checkpoint_close(checkpoint);
}

/* A GGUF of another family: refused by name with the file's, and config.json beside it is not looked at. */
static void test_gguf(void **state)
{
    (void)state;
    char *folder = folder_new();
    struct gguf_draft draft = {0};
    struct checkpoint_config config;
    struct lassim_error error;
    uint64_t hash = 0, other = 0;
    gguf_draft_text(&draft, "general.architecture", "unheard-of");
    gguf_draft_write(&draft, folder, "m.gguf");
    folder_copy(folder, "examples/opt-tiny", "config.json");
    struct checkpoint *checkpoint = open_good(folder);
    assert_refused(checkpoint_model_read(checkpoint, folder, &config, &error), &error, "unheard-of");
    assert_non_null(strstr(error.text, "m.gguf: "));
    assert_int_equal(checkpoint_model_hash(checkpoint, folder, &hash, &error), LASSIM_OK);
    checkpoint_close(checkpoint);
    gguf_draft_text(&draft, "general.architecture", "unheard-og");
    gguf_draft_write(&draft, folder, "m.gguf");
    checkpoint = open_good(folder);
    assert_int_equal(checkpoint_model_hash(checkpoint, folder, &other, &error), LASSIM_OK);
    assert_true(hash != 0 && other != 0 && hash != other);
    checkpoint_close(checkpoint);
    gguf_draft_text(&draft, "general.architecture", "llama");
    gguf_draft_write(&draft, folder, "m.gguf");
    checkpoint = open_good(folder);
    assert_refused(checkpoint_model_read(checkpoint, folder, &config, &error), &error,
                   "token_embd.weight: tensor missing");
    checkpoint_close(checkpoint);
    folder_remove(folder);
}

/* A GGUF with the sizes of test/data/families/llama-llama3 and, if not NULL, these rotary factors (head_dim 8). */
static void write_llama(const char *folder, const float *factors)
{
    static const struct {
        const char *key;
        uint64_t value;
    } entries[] = {{"llama.context_length", 256},      {"llama.embedding_length", 32},
                   {"llama.block_count", 2},           {"llama.feed_forward_length", 44},
                   {"llama.attention.head_count", 4},  {"llama.attention.head_count_kv", 2},
                   {"tokenizer.ggml.bos_token_id", 1}, {"tokenizer.ggml.eos_token_id", 2}};
    static const uint64_t embedding[] = {32, 277}, query[] = {32, 32}, half[] = {4};
    static const uint8_t zeros[277 * 32 * 2];
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, "general.architecture", "llama");
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
        gguf_draft_number(&draft, entries[i].key, GGUF_UINT32, entries[i].value);
    gguf_draft_float(&draft, "llama.attention.layer_norm_rms_epsilon", 1e-5f);
    gguf_draft_float(&draft, "llama.rope.freq_base", 10000);
    gguf_draft_tensor(&draft, "token_embd.weight", 2, embedding, 1, zeros, sizeof zeros);
    gguf_draft_tensor(&draft, "blk.0.attn_q.weight", 2, query, 1, zeros, 32 * 32 * 2);
    if (factors != NULL) gguf_draft_tensor(&draft, "rope_freqs.weight", 1, half, 0, factors, 16);
    gguf_draft_write(&draft, folder, "m.gguf");
}

static void read_llama(const char *folder, const float *factors, struct checkpoint_config *config)
{
    struct lassim_error error;
    write_llama(folder, factors);
    struct checkpoint *checkpoint = open_good(folder);
    if (checkpoint_model_read(checkpoint, folder, config, &error) != LASSIM_OK) fail_msg("%s", error.text);
    checkpoint_close(checkpoint);
}

/* Llama 3's scaling as factors gives the frequencies of the folder's rope_scaling, as near as float32 can say. */
static void test_rotary_factors(void **state)
{
    (void)state;
    static const double float32_error = 0x1p-24;
    char *folder = folder_new();
    struct checkpoint_config scaled, plain, divided;
    struct lassim_error error;
    assert_int_equal(checkpoint_config_read("test/data/families/llama-llama3", &scaled, &error), LASSIM_OK);
    read_llama(folder, NULL, &plain);
    assert_null(plain.rotary.divisor);
    assert_int_equal(plain.model.family, FAMILY_LLAMA);
    assert_true(plain.model.norm_epsilon == 1e-5 && plain.model.tied == 1 && plain.rotary.theta == 10000);
    float factors[4];
    for (uint32_t i = 0; i < 4; i++)
        factors[i] = (float)(rotary_frequency(&plain.rotary, 8, i) / rotary_frequency(&scaled.rotary, 8, i));
    assert_true(factors[0] == 1 && factors[1] > 1 && factors[1] < 8 && factors[3] == 8);
    read_llama(folder, factors, &divided);
    assert_non_null(divided.rotary.divisor);
    for (uint32_t i = 0; i < 4; i++) {
        double ratio = rotary_frequency(&divided.rotary, 8, i) / rotary_frequency(&scaled.rotary, 8, i);
        assert_true(ratio > 1 - 2 * float32_error && ratio < 1 + 2 * float32_error);
    }
    checkpoint_config_clear(&divided);
    assert_null(divided.rotary.divisor);
    checkpoint_config_clear(&plain);
    checkpoint_config_clear(&scaled);
    folder_remove(folder);
}

/* n elements of both, as bytes. */
static void assert_bytes(const char *name, const void *a, const void *b, size_t bytes)
{
    if ((a == NULL) != (b == NULL) || (a != NULL && memcmp(a, b, bytes) != 0)) fail_msg("%s differs", name);
}

static void assert_matrices(const struct opened *a, const struct opened *b, uint32_t m)
{
    const struct matrix_slot *slot = &a->graph->matrix[m];
    const struct matrix_tensor *x = &a->tensors->matrix[m], *y = &b->tensors->matrix[m];
    size_t elements = (size_t)slot->sources * slot->targets, bytes = elements * weight_size(x->weight->type);
    uint8_t *p = malloc(bytes), *q = malloc(bytes);
    assert_true(p != NULL && q != NULL);
    assert_int_equal(x->weight->type, y->weight->type);
    assert_int_equal(x->by_source, y->by_source);
    checkpoint_tensor_copy(x->weight, 0, elements, p);
    checkpoint_tensor_copy(y->weight, 0, elements, q);
    assert_bytes(slot->name, p, q, bytes);
    assert_bytes(slot->name, x->bias, y->bias, slot->targets * sizeof *x->bias);
    free(p);
    free(q);
}

/* The same weights as F16 through safetensors and GGUF are one network, bit by bit: everything that a .snn is made of. */
static void test_same_network(void **state)
{
    (void)state;
    static const char *const names[] = {"llama-plain", "llama-grouped", "qwen2-tied", "gpt2-plain", "bert-embed"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        struct opened folder, gguf;
        snprintf(path, sizeof path, "test/data/families/%s", names[i]);
        opened_open(path, &folder);
        snprintf(path, sizeof path, "test/data/families/gguf/%s.gguf", names[i]);
        opened_open(path, &gguf);
        assert_bytes(names[i], &folder.graph->config, &gguf.graph->config, sizeof folder.graph->config);
        for (uint32_t m = 0; m < folder.graph->matrices; m++) assert_matrices(&folder, &gguf, m);
        size_t hidden = folder.graph->config.hidden * sizeof(double);
        for (uint32_t n = 0; n < folder.graph->norms; n++) {
            assert_bytes("gamma", folder.tensors->norm[n].gamma, gguf.tensors->norm[n].gamma, hidden);
            assert_bytes("beta", folder.tensors->norm[n].beta, gguf.tensors->norm[n].beta, hidden);
        }
        size_t angles = (size_t)folder.graph->config.positions * folder.graph->config.head_dim;
        assert_bytes("rotary", folder.tensors->rotary, gguf.tensors->rotary, angles * sizeof(int32_t));
        opened_close(&folder);
        opened_close(&gguf);
    }
}

static void refuse_factors(const char *members, const char *part)
{
    static const char base[] = "{\"model_type\":\"llama\",\"vocab_size\":9,\"hidden_size\":8,\"intermediate_size\":4,"
                               "\"num_hidden_layers\":1,\"num_attention_heads\":2,\"max_position_embeddings\":16,";
    char text[512];
    struct checkpoint_config config;
    struct lassim_error error;
    snprintf(text, sizeof text, "%s\"lassim_rope_factors\":%s}", base, members);
    enum lassim_status status = checkpoint_config_parse("c.json", text, strlen(text), &config, &error);
    if (part == NULL) {
        if (status != LASSIM_OK) fail_msg("%s", error.text);
        checkpoint_config_clear(&config);
        return;
    }
    assert_refused(status, &error, part);
}

static void test_factors_refused(void **state)
{
    (void)state;
    refuse_factors("[1,2.5]", NULL);
    refuse_factors("null", NULL);
    refuse_factors("[1]", "lassim_rope_factors: 1 numbers, expected 2");
    refuse_factors("[1,1,1]", "3 numbers, expected 2");
    refuse_factors("[]", "0 numbers");
    refuse_factors("[1,0.5]", "element 1, expected 1 .. 1e6");
    refuse_factors("[\"1\",1]", "element 0");
    refuse_factors("{}", "lassim_rope_factors");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folder), cmocka_unit_test(test_gguf),
                                       cmocka_unit_test(test_rotary_factors), cmocka_unit_test(test_same_network),
                                       cmocka_unit_test(test_factors_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
