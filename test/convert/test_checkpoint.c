/* Checkpoint folders: every layout, indexes that lie, names and shapes asked for, hashes. */
#include "convert/checkpoint.h"

#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/gguf_draft.h"

static const char *const prefixes[] = {"model.decoder.", "decoder.", "", NULL};
static const char *const heads[] = {"lm_head.weight", "model.lm_head.weight", NULL};
static const struct checkpoint_names names = {prefixes, "embed_tokens.weight", heads};

static struct checkpoint *open_good(const char *folder)
{
    struct checkpoint *checkpoint = NULL;
    struct lassim_error error;
    if (checkpoint_open(folder, &checkpoint, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return checkpoint;
}

static void refuse_folder(const char *folder, const char *part)
{
    struct checkpoint *checkpoint = NULL;
    struct lassim_error error = {0};
    assert_refused(checkpoint_open(folder, &checkpoint, &error), &error, part);
    assert_null(checkpoint);
    assert_non_null(strstr(error.text, folder)); /* names the file */
}

/* --- the bundled checkpoints --- */

static void test_bundled(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        size_t tensors, files;
        const char *name; /* of layer 0's fc1.weight */
        uint64_t rows, columns;
        enum weight_type type;
    } good[] = {
        {"examples/opt-tiny", 68, 1, "model.decoder.layers.0.fc1.weight", 1024, 256, WEIGHT_F16},
        {"test/data/variants/postln", 52, 1, "decoder.layers.0.fc1.weight", 256, 64, WEIGHT_F16},
        {"test/data/variants/bare", 15, 2, "model.decoder.layers.0.fc1.weight", 129, 60, WEIGHT_BF16},
        {"test/data/variants/nofinal", 34, 1, "model.decoder.layers.0.fc1.weight", 200, 48, WEIGHT_F32},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct checkpoint *checkpoint = open_good(good[i].folder);
        struct lassim_error error;
        const struct checkpoint_tensor *tensor;
        const uint64_t shape[] = {good[i].rows, good[i].columns};
        assert_int_equal(checkpoint_tensors(checkpoint), good[i].tensors);
        assert_int_equal(checkpoint_files(checkpoint), good[i].files);
        assert_int_equal(checkpoint_require(checkpoint, prefixes, "layers.0.fc1.weight", 2, shape, &tensor, &error),
                         LASSIM_OK);
        assert_string_equal(tensor->name, good[i].name);
        assert_int_equal(tensor->type, good[i].type);
        assert_ptr_equal(tensor, checkpoint_find(checkpoint, good[i].name));
        for (size_t k = 0; k < checkpoint_tensors(checkpoint); k++) {
            tensor = checkpoint_tensor_at(checkpoint, k);
            assert_int_equal(checkpoint_require_finite(tensor, &error), LASSIM_OK);
            if (k > 0) assert_true(strcmp(checkpoint_tensor_at(checkpoint, k - 1)->name, tensor->name) < 0);
        }
        checkpoint_close(checkpoint);
    }
    checkpoint_close(NULL);
}

static void test_hash(void **state)
{
    (void)state;
    char *folder = folder_new();
    folder_copy(folder, "test/data/variants/bare", "model-00001-of-00002.safetensors");
    folder_copy(folder, "test/data/variants/bare", "model-00002-of-00002.safetensors");
    folder_copy(folder, "test/data/variants/bare", "model.safetensors.index.json");
    struct checkpoint *original = open_good("test/data/variants/bare"), *copy = open_good(folder);
    assert_true(checkpoint_hash(original) == checkpoint_hash(copy));
    assert_true(checkpoint_hash(original) == 0x34611e26f28f896d); /* by Python's xxhash */
    assert_string_equal(checkpoint_file_name(copy, 1), "model-00002-of-00002.safetensors");
    assert_int_equal(checkpoint_file_size(copy, 1), 75064);
    checkpoint_close(copy);
    struct bytes bytes = bytes_of_file("test/data/variants/bare/model-00002-of-00002.safetensors");
    bytes.data[bytes.size - 1] ^= 1;
    folder_write(folder, "model-00002-of-00002.safetensors", bytes.data, bytes.size);
    copy = open_good(folder);
    assert_true(checkpoint_hash(original) != checkpoint_hash(copy));
    assert_true(checkpoint_file_hash(original, 0) == checkpoint_file_hash(copy, 0));
    assert_true(checkpoint_file_hash(original, 1) != checkpoint_file_hash(copy, 1));
    checkpoint_close(copy);
    checkpoint_close(original);
    bytes_clear(&bytes);
    folder_remove(folder);
}

/* --- folders made here --- */

static void write_safetensors(const char *folder, const char *name, const char *tensor, uint64_t elements)
{
    char json[256];
    snprintf(json, sizeof json, "{\"%s\":{\"dtype\":\"F16\",\"shape\":[%llu],\"data_offsets\":[0,%llu]}}", tensor,
             (unsigned long long)elements, (unsigned long long)elements * 2);
    struct bytes bytes = fixture_safetensors(json, elements * 2);
    folder_write(folder, name, bytes.data, bytes.size);
    bytes_clear(&bytes);
}

static void write_bin(const char *folder, const char *name, const struct fixture_tensor *tensor, size_t tensors,
                      unsigned width)
{
    struct bytes pickle = fixture_pickle(tensor, tensors), bin = fixture_bin(&pickle, tensor, tensors, width);
    folder_write(folder, name, bin.data, bin.size);
    bytes_clear(&pickle);
    bytes_clear(&bin);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    folder_write(folder, name, text, strlen(text));
}

static void test_sharded_bin(void **state)
{
    (void)state;
    static const struct fixture_tensor first[] = {{"decoder.a", "FloatStorage", "0", 6, 0, 2, {2, 3}},
                                                  {"decoder.b", "FloatStorage", "0", 6, 2, 1, {4}}};
    static const struct fixture_tensor second = {"decoder.c", "FloatStorage", "0", 2, 0, 1, {2}};
    char *folder = folder_new();
    write_bin(folder, "pytorch_model-00001-of-00002.bin", first, 2, 4);
    write_bin(folder, "pytorch_model-00002-of-00002.bin", &second, 1, 4);
    write_text(folder, "pytorch_model.bin.index.json",
               "{\"metadata\":{\"total_size\":32},\"weight_map\":{"
               "\"decoder.a\":\"pytorch_model-00001-of-00002.bin\",\"decoder.c\":\"pytorch_model-00002-of-00002.bin\","
               "\"decoder.b\":\"pytorch_model-00001-of-00002.bin\"}}");
    struct checkpoint *checkpoint = open_good(folder);
    assert_int_equal(checkpoint_tensors(checkpoint), 3);
    assert_int_equal(checkpoint_files(checkpoint), 2);
    const struct checkpoint_tensor *b = checkpoint_find_prefixed(checkpoint, prefixes, "b");
    float value;
    const uint8_t bytes[] = {8, 9, 10, 11};
    checkpoint_tensor_f32(b, 0, 1, &value);
    assert_memory_equal(&value, bytes, 4);
    checkpoint_close(checkpoint);
    folder_remove(folder);
}

static void test_order(void **state)
{
    (void)state;
    static const struct fixture_tensor tensor = {"bin", "HalfStorage", "0", 1, 0, 1, {1}};
    char *folder = folder_new();
    refuse_folder(folder, "no weights, expected model.safetensors");
    write_text(folder, "pytorch_model.bin.index.json", "{\"weight_map\":{}}");
    refuse_folder(folder, "weight_map: 0 tensors");
    write_bin(folder, "pytorch_model.bin", &tensor, 1, 2);
    struct checkpoint *checkpoint = open_good(folder);
    assert_non_null(checkpoint_find(checkpoint, "bin"));
    checkpoint_close(checkpoint);
    write_safetensors(folder, "shard", "sharded", 3);
    write_text(folder, "model.safetensors.index.json", "{\"weight_map\":{\"sharded\":\"shard\"}}");
    checkpoint = open_good(folder);
    assert_non_null(checkpoint_find(checkpoint, "sharded"));
    checkpoint_close(checkpoint);
    write_safetensors(folder, "model.safetensors", "single", 3);
    checkpoint = open_good(folder);
    assert_non_null(checkpoint_find(checkpoint, "single"));
    checkpoint_close(checkpoint);
    folder_remove(folder);
    refuse_folder("/nonexistent-lassim", "No such file");
    refuse_folder("README.md/", "directory");
}

static void test_odd_files(void **state)
{
    (void)state;
    char *folder = folder_new(), path[256];
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    write_text(folder, "model.safetensors", "");
    refuse_folder(folder, "expected at least 8");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("nowhere", path), 0);
    refuse_folder(folder, "No such file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/dev/zero", path), 0);
    refuse_folder(folder, "not a regular file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(".", path), 0);
    refuse_folder(folder, "not a regular file");
    assert_int_equal(unlink(path), 0);
    write_safetensors(folder, "blob", "w", 1); /* the hub's cache holds links to blobs */
    assert_int_equal(symlink("blob", path), 0);
    checkpoint_close(open_good(folder));
    folder_remove(folder);
}

/* --- GGUF --- */

static void write_gguf(const char *folder, const char *name, unsigned parts)
{
    static const uint64_t shape[] = {2, 3};
    static const float values[] = {1, 2, 3, 4, 5, 6};
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, "general.architecture", "llama");
    if (parts != 0) gguf_draft_number(&draft, "split.count", GGUF_UINT16, parts);
    gguf_draft_tensor(&draft, "token_embd.weight", 2, shape, 0, values, sizeof values);
    gguf_draft_tensor(&draft, "decoder.old", 1, shape, 24, "ab", 2);
    gguf_draft_write(&draft, folder, name);
}

static void check_gguf(const char *path, const char *name)
{
    struct checkpoint *checkpoint = open_good(path);
    struct lassim_error error;
    const uint64_t shape[] = {2};
    const struct checkpoint_tensor *tensor = checkpoint_find(checkpoint, "model.embed_tokens.weight");
    float value;
    assert_non_null(tensor);
    assert_true(tensor->shape[0] == 3 && tensor->shape[1] == 2);
    checkpoint_tensor_f32(tensor, 3, 1, &value);
    assert_true(value == 4);
    assert_non_null(gguf_find_entry(checkpoint_gguf(checkpoint), "general.architecture"));
    assert_int_equal(checkpoint_files(checkpoint), 1);
    assert_string_equal(checkpoint_file_name(checkpoint, 0), name);
    assert_refused(checkpoint_require(checkpoint, prefixes, "old", 1, shape, &tensor, &error), &error,
                   "decoder.old: elements of type I8, expected F32, F16, BF16, Q8_0");
    checkpoint_close(checkpoint);
}

static void test_gguf(void **state)
{
    (void)state;
    char *folder = folder_new(), path[256];
    int here = open(".", O_RDONLY | O_DIRECTORY);
    write_gguf(folder, "m.GGUF", 0);
    check_gguf(folder, "m.GGUF");
    snprintf(path, sizeof path, "%s/m.GGUF", folder);
    check_gguf(path, "m.GGUF");
    write_gguf(folder, "n.gguf", 1);
    refuse_folder(folder, "2 GGUF files, expected one: name the one to read: m.GGUF, n.gguf");
    snprintf(path, sizeof path, "%s/n.gguf", folder);
    check_gguf(path, "n.gguf");
    assert_int_equal(chdir(folder), 0);
    check_gguf("n.gguf", "n.gguf");
    write_gguf(folder, "n.gguf", 3);
    refuse_folder("n.gguf", "split.count: one of the 3 parts of a split GGUF");
    write_safetensors(folder, "model.safetensors", "w", 2); /* goes first */
    struct checkpoint *checkpoint = open_good(folder);
    assert_null(checkpoint_gguf(checkpoint));
    checkpoint_close(checkpoint);
    write_text(folder, "n.gguf", "GGUX");
    refuse_folder("n.gguf", "not a GGUF file");
    write_text(folder, "n.gguf", "");
    refuse_folder("n.gguf", "not a GGUF file");
    refuse_folder("model.safetensors", "expected a checkpoint folder or a .gguf file");
    refuse_folder("absent.gguf", "No such file");
    assert_int_equal(fchdir(here), 0);
    close(here);
    folder_remove(folder);
}

static void refuse_index(const char *folder, const char *index, const char *part)
{
    write_text(folder, "model.safetensors.index.json", index);
    refuse_folder(folder, part);
}

static void test_lying_indexes(void **state)
{
    (void)state;
    char *folder = folder_new();
    write_safetensors(folder, "one", "a", 3);
    write_safetensors(folder, "two", "b", 3);
    write_safetensors(folder, "again", "a", 3);
    write_text(folder, "model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\"}}");
    checkpoint_close(open_good(folder));
    refuse_index(folder, "{\"weight_map\":{\"a\":\"two\",\"b\":\"two\"}}", "a: expected in the shard two, which has");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"two\",\"b\":\"one\"}}", "a: expected in the shard two, found in");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"one\",\"c\":\"two\"}}", "c: expected in the shard two");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"one\",\"b\":\"three\"}}", "three: No such file");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"one\",\"b\":\"again\"}}", "tensor defined twice");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"one\",\"a\":\"again\"}}", "duplicate");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"../one\"}}", "expected the name of a file beside the index");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "expected the name of a file beside the index");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"..\"}}", "expected the name of a file beside the index");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"\"}}", "expected the name of a file beside the index");
    refuse_index(folder, "{\"weight_map\":{\"a\":7}}", "expected the name of a file beside the index");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", "header");
    refuse_index(folder, "{\"weight_map\":[\"a\"]}", "weight_map");
    refuse_index(folder, "{\"map\":{}}", "weight_map");
    refuse_index(folder, "{\"weight_map\":{}}", "0 tensors");
    refuse_index(folder, "{\"weight_map\":{\"a\":\"one\"}", "index.json");
    refuse_index(folder, "", "index.json");
    folder_remove(folder);
}

static void test_too_many_shards(void **state)
{
    (void)state;
    char *folder = folder_new(), entry[64];
    struct bytes index = {0};
    bytes_text(&index, "{\"weight_map\":{");
    for (int i = 0; i <= CHECKPOINT_FILES_MAX; i++) {
        snprintf(entry, sizeof entry, "%s\"t%d\":\"s%d\"", i == 0 ? "" : ",", i, i);
        bytes_text(&index, entry);
    }
    bytes_text(&index, "}}");
    bytes_number(&index, 0, 1);
    refuse_index(folder, (const char *)index.data, "4097 shards, expected at most 4096");
    bytes_clear(&index);
    folder_remove(folder);
}

/* --- what the converter asks for --- */

static void test_prefixes(void **state)
{
    (void)state;
    static const struct fixture_tensor tensors[] = {{"model.decoder.x", "HalfStorage", "0", 1, 0, 1, {1}},
                                                    {"decoder.x", "HalfStorage", "0", 1, 0, 1, {1}},
                                                    {"decoder.y", "HalfStorage", "0", 1, 0, 1, {1}},
                                                    {"y", "HalfStorage", "0", 1, 0, 1, {1}},
                                                    {"z", "HalfStorage", "0", 1, 0, 1, {1}}};
    char *folder = folder_new(), suffix[600];
    write_bin(folder, "pytorch_model.bin", tensors, 5, 2);
    struct checkpoint *checkpoint = open_good(folder);
    assert_string_equal(checkpoint_find_prefixed(checkpoint, prefixes, "x")->name, "model.decoder.x");
    assert_string_equal(checkpoint_find_prefixed(checkpoint, prefixes, "y")->name, "decoder.y");
    assert_string_equal(checkpoint_find_prefixed(checkpoint, prefixes, "z")->name, "z");
    assert_null(checkpoint_find_prefixed(checkpoint, prefixes, "w"));
    memset(suffix, 'z', sizeof suffix - 1);
    suffix[sizeof suffix - 1] = '\0';
    assert_null(checkpoint_find_prefixed(checkpoint, prefixes, suffix));
    checkpoint_close(checkpoint);
    folder_remove(folder);
}

static void test_require(void **state)
{
    (void)state;
    static const struct fixture_tensor tensors[] = {{"decoder.w", "HalfStorage", "0", 6, 0, 2, {2, 3}},
                                                    {"decoder.i", "ShortStorage", "1", 6, 0, 1, {6}}};
    char *folder = folder_new();
    write_bin(folder, "pytorch_model.bin", tensors, 2, 2);
    struct checkpoint *checkpoint = open_good(folder);
    struct lassim_error error;
    const struct checkpoint_tensor *tensor;
    const uint64_t good[] = {2, 3}, swapped[] = {3, 2}, flat[] = {6}, rows[] = {2};
    assert_int_equal(checkpoint_require(checkpoint, prefixes, "w", 2, good, &tensor, &error), LASSIM_OK);
    assert_refused(checkpoint_require(checkpoint, prefixes, "w", 2, swapped, &tensor, &error), &error,
                   "pytorch_model.bin: decoder.w: shape [2, 3], expected [3, 2]");
    assert_refused(checkpoint_require(checkpoint, prefixes, "w", 1, flat, &tensor, &error), &error,
                   "shape [2, 3], expected [6]");
    assert_refused(checkpoint_require(checkpoint, prefixes, "w", 1, rows, &tensor, &error), &error,
                   "shape [2, 3], expected [2]");
    assert_refused(checkpoint_require(checkpoint, prefixes, "i", 1, flat, &tensor, &error), &error,
                   "decoder.i: elements of type ShortStorage, expected F32, F16 or BF16");
    assert_refused(checkpoint_require(checkpoint, prefixes, "v", 1, flat, &tensor, &error), &error,
                   "v: tensor missing, expected model.decoder.v, decoder.v or v");
    checkpoint_close(checkpoint);
    folder_remove(folder);
}

static void test_nonfinite(void **state)
{
    (void)state;
    const char json[] = "{\"decoder.w\":{\"dtype\":\"BF16\",\"shape\":[2,2],\"data_offsets\":[0,8]}}";
    struct bytes bytes = fixture_safetensors(json, 8);
    char *folder = folder_new();
    struct lassim_error error;
    bytes.data[bytes.size - 4] = 0x80; /* element 2: infinity */
    bytes.data[bytes.size - 3] = 0xff;
    folder_write(folder, "model.safetensors", bytes.data, bytes.size);
    struct checkpoint *checkpoint = open_good(folder);
    assert_refused(checkpoint_require_finite(checkpoint_find_prefixed(checkpoint, prefixes, "w"), &error), &error,
                   "decoder.w: element 2 is NaN or infinite");
    checkpoint_close(checkpoint);
    bytes_clear(&bytes);
    folder_remove(folder);
}

/* Which tensor is the embedding and which the head of a checkpoint with these two names (NULL: absent). */
static void check_head(const char *embedding, const char *head, int tied, const char *expected_embedding,
                       const char *expected_head, const char *refusal)
{
    struct fixture_tensor tensors[2] = {{"other", "HalfStorage", "0", 6, 0, 2, {2, 3}}};
    size_t n = 0;
    if (embedding != NULL) tensors[n++] = (struct fixture_tensor){embedding, "HalfStorage", "0", 6, 0, 2, {2, 3}};
    if (head != NULL) tensors[n++] = (struct fixture_tensor){head, "HalfStorage", "1", 6, 0, 2, {2, 3}};
    char *folder = folder_new();
    write_bin(folder, "pytorch_model.bin", tensors, n == 0 ? 1 : n, 2);
    struct checkpoint *checkpoint = open_good(folder);
    struct lassim_error error = {0};
    const struct checkpoint_tensor *tensor;
    enum lassim_status status = checkpoint_require_embedding(checkpoint, &names, tied, 2, 3, &tensor, &error);
    if (expected_embedding == NULL) {
        assert_refused(status, &error, refusal);
    } else {
        assert_int_equal(status, LASSIM_OK);
        assert_string_equal(tensor->name, expected_embedding);
    }
    status = checkpoint_require_head(checkpoint, &names, tied, 2, 3, &tensor, &error);
    if (expected_head == NULL) {
        assert_refused(status, &error, refusal);
    } else {
        assert_int_equal(status, LASSIM_OK);
        assert_string_equal(tensor->name, expected_head);
        assert_refused(checkpoint_require_head(checkpoint, &names, tied, 2, 4, &tensor, &error), &error,
                       "expected [2, 4]");
    }
    checkpoint_close(checkpoint);
    folder_remove(folder);
}

static void test_heads(void **state)
{
    (void)state;
    const char *embedding = "decoder.embed_tokens.weight", *head = "lm_head.weight";
    check_head(embedding, NULL, 1, embedding, embedding, NULL);
    check_head(embedding, head, 1, embedding, embedding, NULL);
    check_head(NULL, head, 1, head, head, NULL);
    check_head(NULL, NULL, 1, NULL, NULL, "embed_tokens.weight: tensor missing");
    check_head(embedding, head, 0, embedding, head, NULL);
    check_head(embedding, "model.lm_head.weight", 0, embedding, "model.lm_head.weight", NULL);
    check_head(embedding, NULL, 0, embedding, NULL, "lm_head.weight: tensor missing");
    check_head(NULL, head, 0, NULL, head, "embed_tokens.weight: tensor missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundled),     cmocka_unit_test(test_hash),
        cmocka_unit_test(test_sharded_bin), cmocka_unit_test(test_order),
        cmocka_unit_test(test_odd_files),   cmocka_unit_test(test_lying_indexes),
        cmocka_unit_test(test_gguf),        cmocka_unit_test(test_too_many_shards),
        cmocka_unit_test(test_prefixes),    cmocka_unit_test(test_require),
        cmocka_unit_test(test_nonfinite),   cmocka_unit_test(test_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
