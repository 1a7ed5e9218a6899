/* Every kind of tokenizer against its reference on 1 MB of text: ids and decoded text, chunk by chunk and in one piece
 * (test/data/tokenizer/corpus/make_golden.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "convert/file_map.h"
#include "convert/json.h"
#include "convert/tokenizer_files.h"
#include "convert/tokenizer_gguf.h"
#include "kernel/tokenizer.h"
#include "kernel/utf8.h"
#include "test/helpers/corpus.h"
#include "test/helpers/opened_tokenizer.h"

#define HERE "test/data/tokenizer/corpus/"
enum { RANDOM_LISTS = 64, RANDOM_IDS = 40, VOCABULARY = 60000 };

static struct corpus corpus;

static struct opened_tokenizer open_gguf(const char *path)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    struct file_map map;
    struct gguf *gguf = NULL;
    enum lassim_status status = file_map_open(path, &map, &error);
    if (status == LASSIM_OK) status = gguf_open(path, map.data, map.size, &gguf, &error);
    if (status == LASSIM_OK) status = tokenizer_gguf_build(gguf, VOCABULARY, &blob, &error);
    if (status != LASSIM_OK) fail_msg("%s", error.text);
    assert_true(tokenizer_gguf_has(gguf));
    gguf_close(gguf);
    file_map_close(&map);
    return opened_tokenizer_blob(blob);
}

/* ---- one golden file ----------------------------------------------------------------------------- */

struct golden {
    const char *name;
    const struct tokenizer *tokenizer;
    struct bytes file;
    char *line; /* the next one */
    unsigned wrong;
};

static const char *next_line(struct golden *golden)
{
    char *line = golden->line, *end = strchr(line, '\n');
    assert_non_null(end);
    *end = '\0';
    golden->line = end + 1;
    return line;
}

static uint32_t hash_of(const void *data, size_t size)
{
    return (uint32_t)XXH3_64bits(data, size);
}

/* Hash of the text of ids, as a string of the reference has it. */
static uint32_t hash_of_text(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n)
{
    struct lassim_error error = {0};
    uint8_t *bytes = NULL;
    size_t size = 0;
    assert_int_equal(tokenizer_decode(tokenizer, ids, n, 0, &bytes, &size, &error), LASSIM_OK);
    uint8_t *text = malloc(3 * size + 1);
    assert_non_null(text);
    uint32_t hash = hash_of(text, utf8_replace_invalid(bytes, size, text));
    free(bytes);
    free(text);
    return hash;
}

static void check_text(struct golden *golden, const char *what, unsigned number, const struct bytes *text)
{
    struct lassim_error error = {0};
    uint32_t *ids = NULL;
    size_t n = 0;
    const char *line = next_line(golden);
    if (line[0] == '-') return;
    if (tokenizer_encode(golden->tokenizer, text->data, text->size, 0, &ids, &n, &error) != LASSIM_OK)
        fail_msg("%s", error.text);
    char found[32];
    snprintf(found, sizeof found, "%08x %08x", hash_of(ids, n * sizeof *ids), hash_of_text(golden->tokenizer, ids, n));
    int other_ids = memcmp(found, line, 8) != 0, other_text = strcmp(found + 9, line + 9) != 0;
    if ((other_ids || other_text) && golden->wrong++ < 10)
        print_message("%s: other %s%s for %s %u (%zu bytes, %zu ids)\n", golden->name, other_ids ? "ids" : "",
                      other_text ? " text" : "", what, number, text->size, n);
    free(ids);
}

static void check_random_ids(struct golden *golden)
{
    for (unsigned i = 0; i < RANDOM_LISTS; i++) {
        uint32_t ids[RANDOM_IDS], vocabulary = 0;
        char *end;
        const char *line = next_line(golden);
        uint32_t first = (uint32_t)strtoul(line, &end, 10);
        for (uint32_t id = 0; id < VOCABULARY; id++) {
            size_t size;
            tokenizer_token_bytes(golden->tokenizer, id, &size);
            if (size > 0) vocabulary = id + 1;
        }
        corpus.state = i;
        for (int k = 0; k < RANDOM_IDS; k++) ids[k] = first + (uint32_t)corpus_draw(&corpus, vocabulary - first);
        char found[16];
        snprintf(found, sizeof found, "%08x", hash_of_text(golden->tokenizer, ids, RANDOM_IDS));
        if (strcmp(found, end + 1) != 0 && golden->wrong++ < 10)
            print_message("%s: other text for list %u of random ids\n", golden->name, i);
    }
}

/* The first chunks in full: which id differs. */
static void check_listed(struct golden *golden)
{
    for (unsigned chunk = 0; chunk < 2; chunk++) {
        struct bytes text = corpus_chunk(&corpus, chunk);
        struct lassim_error error = {0};
        uint32_t *ids = NULL;
        size_t n = 0;
        const char *at = next_line(golden);
        assert_int_equal(tokenizer_encode(golden->tokenizer, text.data, text.size, 0, &ids, &n, &error), LASSIM_OK);
        for (size_t i = 0; i < n; i++) {
            char *end;
            uint32_t expected = (uint32_t)strtoul(at, &end, 10);
            if (expected != ids[i])
                fail_msg("%s: chunk %u: id %zu is %u, not %u", golden->name, chunk, i, ids[i], expected);
            at = end;
        }
        assert_int_equal(*at, '\0');
        free(ids);
        bytes_clear(&text);
    }
}

/* Compares with NAME.golden.  specials: the reference keeps added tokens whole. */
static void check(struct opened_tokenizer opened, const char *name, const char *golden_name, int specials)
{
    char path[128];
    snprintf(path, sizeof path, HERE "%s.golden", golden_name);
    struct golden golden = {.name = name, .tokenizer = opened.tokenizer, .file = bytes_of_file(path)};
    struct bytes whole = {0};
    bytes_add(&golden.file, "", 1);
    golden.line = (char *)golden.file.data;
    next_line(&golden);
    for (unsigned i = 0; i < CORPUS_CHUNKS; i++) {
        struct bytes chunk = corpus_chunk(&corpus, i);
        check_text(&golden, "chunk", i, &chunk);
        if (specials || !corpus_has_specials(i)) bytes_add(&whole, chunk.data, chunk.size);
        bytes_clear(&chunk);
    }
    check_text(&golden, "the whole corpus", 0, &whole);
    check_random_ids(&golden);
    if (golden.wrong == 0) check_listed(&golden);
    bytes_clear(&whole);
    bytes_clear(&golden.file);
    opened_tokenizer_close(&opened);
    if (golden.wrong > 0) fail_msg("%s: %u differences", name, golden.wrong);
}

/* ---- tokenizers ---------------------------------------------------------------------------------- */

static void test_llama3(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "llama3", VOCABULARY), "llama3", "llama3", 1);
}

static void test_qwen2(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "qwen2", VOCABULARY), "qwen2", "qwen2", 1);
}

static void test_smollm(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "smollm", VOCABULARY), "smollm", "smollm", 1);
}

static void test_bert(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "bert", VOCABULARY), "bert", "bert", 1);
}

static void test_bert_cased(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "bert-cased", VOCABULARY), "bert-cased", "bert-cased", 1);
}

static void test_sentencepiece(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "llama2", VOCABULARY), "llama2", "llama2", 0);
}

static void test_llama2_json(void **state)
{
    (void)state;
    check(opened_tokenizer_folder(HERE "llama2-json", VOCABULARY), "llama2-json", "llama2-json", 1);
}

/* llama2-json's tokenizer.json with Metaspace for its normalizers. */
static void check_metaspace(const char *name, const char *pre_tokenizer, const char *decoder)
{
    struct lassim_error error = {0};
    json_t *root = NULL;
    char *folder = folder_new();
    assert_int_equal(json_read_file(HERE "llama2-json/tokenizer.json", &root, &error), LASSIM_OK);
    json_object_set_new(root, "normalizer", json_null());
    json_object_set_new(root, "pre_tokenizer", json_loads(pre_tokenizer, 0, NULL));
    if (decoder != NULL) json_object_set_new(root, "decoder", json_loads(decoder, 0, NULL));
    char *text = json_dumps(root, 0);
    folder_write(folder, "tokenizer.json", text, strlen(text));
    struct opened_tokenizer opened = opened_tokenizer_folder(folder, VOCABULARY);
    free(text);
    json_decref(root);
    folder_remove(folder);
    check(opened, name, name, 1);
}

static void test_llama2_first(void **state)
{
    (void)state;
    check_metaspace(
        "llama2-first",
        "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":\"first\",\"split\":false}", NULL);
}

static void test_llama2_always(void **state)
{
    (void)state;
    const char *stage =
        "{\"type\":\"Metaspace\",\"replacement\":\"\xe2\x96\x81\",\"prepend_scheme\":\"always\",\"split\":true}";
    char decoder[256];
    snprintf(decoder, sizeof decoder,
             "{\"type\":\"Sequence\",\"decoders\":[%s,{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}", stage);
    check_metaspace("llama2-always", stage, decoder);
}

static void test_gguf(void **state)
{
    (void)state;
    check(open_gguf(HERE "qwen2.gguf"), "qwen2.gguf", "qwen2-gguf", 1);
    check(open_gguf(HERE "bert.gguf"), "bert.gguf", "bert", 1);
    check(open_gguf(HERE "llama2.gguf"), "llama2.gguf", "llama2-gguf", 1);
}

/* qwen2.gguf's metadata with the name of its pre-tokenizer blotted out: llama.cpp's default. */
static void test_ggml(void **state)
{
    (void)state;
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    struct gguf *gguf = NULL;
    struct bytes file = bytes_of_file(HERE "qwen2.gguf");
    uint8_t *key = memmem(file.data, file.size, "tokenizer.ggml.pre", 18);
    assert_non_null(key);
    key[17] = 'x';
    assert_int_equal(gguf_open("f", file.data, file.size, &gguf, &error), LASSIM_OK);
    if (tokenizer_gguf_build(gguf, VOCABULARY, &blob, &error) != LASSIM_OK) fail_msg("%s", error.text);
    gguf_close(gguf);
    bytes_clear(&file);
    check(opened_tokenizer_blob(blob), "ggml", "ggml", 1);
}

/* The real ones, where `make models` has put them. */
static void test_models(void **state)
{
    (void)state;
    if (access("build/models/minilm/tokenizer.json", R_OK) != 0 || access("build/models/smollm2.gguf", R_OK) != 0) {
        print_message("without build/models: make models\n");
        skip();
    }
    check(opened_tokenizer_folder("build/models/minilm", VOCABULARY), "minilm", "minilm", 1);
    check(open_gguf("build/models/smollm2.gguf"), "smollm2", "smollm2", 1);
}

/* ---- pairs --------------------------------------------------------------------------------------- */

static void check_pair(const struct tokenizer *tokenizer, const json_t *row)
{
    const json_t *a = json_object_get(row, "a"), *b = json_object_get(row, "b"), *most = json_object_get(row, "most");
    const json_t *ids = json_object_get(row, "ids"), *types = json_object_get(row, "types");
    struct tokenizer_text first = {json_string_value(a), json_string_length(a)};
    struct tokenizer_text second = {json_string_value(b), json_string_length(b)};
    struct lassim_error error = {0};
    struct tokenizer_encoding encoding;
    size_t limit = json_is_null(most) ? SIZE_MAX : (size_t)json_integer_value(most);
    enum lassim_status status = tokenizer_encode_pair(tokenizer, &first, json_is_null(b) ? NULL : &second, limit,
                                                      TOKENIZER_TRUNCATE, &encoding, &error);
    if (status != LASSIM_OK) fail_msg("%s", error.text);
    assert_int_equal(encoding.n, json_array_size(ids));
    for (size_t i = 0; i < encoding.n; i++) {
        assert_int_equal(encoding.ids[i], json_integer_value(json_array_get(ids, i)));
        assert_int_equal(encoding.types[i], json_integer_value(json_array_get(types, i)));
    }
    tokenizer_encoding_clear(&encoding);
}

static void test_pairs(void **state)
{
    (void)state;
    struct opened_tokenizer opened = opened_tokenizer_folder(HERE "bert", VOCABULARY);
    struct lassim_error error = {0};
    json_t *rows = NULL, *row;
    size_t index;
    assert_int_equal(json_read_file(HERE "bert.pairs.json", &rows, &error), LASSIM_OK);
    json_array_foreach(rows, index, row) check_pair(opened.tokenizer, row);
    assert_int_equal(index, 80);
    json_decref(rows);
    opened_tokenizer_close(&opened);
}

static int open_corpus(void **state)
{
    (void)state;
    corpus = corpus_open();
    return 0;
}

static int close_corpus(void **state)
{
    (void)state;
    corpus_close(&corpus);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_llama3),      cmocka_unit_test(test_qwen2),        cmocka_unit_test(test_smollm),
        cmocka_unit_test(test_bert),        cmocka_unit_test(test_bert_cased),   cmocka_unit_test(test_sentencepiece),
        cmocka_unit_test(test_llama2_json), cmocka_unit_test(test_llama2_first), cmocka_unit_test(test_llama2_always),
        cmocka_unit_test(test_gguf),        cmocka_unit_test(test_ggml),         cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, open_corpus, close_corpus);
}
