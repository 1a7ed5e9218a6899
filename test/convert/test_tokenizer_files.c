#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/json.h"
#include "convert/tokenizer_files.h"
#include "kernel/tokenizer.h"
#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/opened_tokenizer.h"

/* The files of one folder; NULL: not there. */
struct files {
    const char *vocab, *merges, *config, *special, *added, *tokenizer;
};

static char *folder_of(const struct files *files)
{
    const char *names[6] = {"vocab.json",        "merges.txt",    "tokenizer_config.json", "special_tokens_map.json",
                            "added_tokens.json", "tokenizer.json"};
    const char *texts[6] = {files->vocab, files->merges, files->config, files->special, files->added, files->tokenizer};
    char *folder = folder_new();
    for (int i = 0; i < 6; i++)
        if (texts[i] != NULL) folder_write(folder, names[i], texts[i], strlen(texts[i]));
    return folder;
}

static struct tokenizer_blob_out built_from(const char *folder, uint32_t vocabulary)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    if (tokenizer_build(folder, vocabulary, &blob, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return blob;
}

static struct tokenizer_blob_out built(const struct files *files, uint32_t vocabulary)
{
    char *folder = folder_of(files);
    struct tokenizer_blob_out blob = built_from(folder, vocabulary);
    folder_remove(folder);
    return blob;
}

static struct tokenizer *opened(const struct tokenizer_blob_out *blob)
{
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    if (tokenizer_open("blob", blob->data, blob->size, &tokenizer, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return tokenizer;
}

/* Building must fail with status 3 and one line that holds `expected`. */
static void refused(const struct files *files, const char *expected)
{
    char *folder = folder_of(files);
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {NULL, 7};
    assert_int_equal(tokenizer_build(folder, 10, &blob, &error), LASSIM_ERR_FILE);
    assert_int_equal(error.status, LASSIM_ERR_FILE);
    assert_null(blob.data);
    assert_int_equal(blob.size, 7);
    assert_null(strchr(error.text, '\n'));
    assert_ptr_equal(strstr(error.text, folder), error.text);
    if (strstr(error.text, expected) == NULL) fail_msg("\"%s\" without \"%s\"", error.text, expected);
    folder_remove(folder);
}

static const char small_vocab[] =
    "{\"a\": 0, \"b\": 1, \"\xc4\xa0\": 2, \"ab\": 3, \"\xc4\xa0\x61\x62\": 4, \"</s>\": 5}";

static void test_both_files(void **state)
{
    (void)state;
    struct files files = {small_vocab,
                          "#version: 0.2\na b\r\n\n\xc4\xa0 ab\n",
                          "{\"bos_token\": \"</s>\", \"add_bos_token\": true, \"tokenizer_class\": \"GPT2Tokenizer\"}",
                          "{\"bos_token\": \"a\", \"eos_token\": {\"content\": \"</s>\"}}",
                          "{\"<x>\": 9}",
                          NULL};
    struct tokenizer_blob_out blob = built(&files, 12);
    struct tokenizer *tokenizer = opened(&blob);
    assert_int_equal(tokenizer_vocabulary(tokenizer), 12);
    assert_int_equal(tokenizer_bos(tokenizer), 5); /* tokenizer_config.json before special_tokens_map.json */
    assert_int_equal(tokenizer_eos(tokenizer), 5);
    assert_int_equal(tokenizer_pad(tokenizer), TOKENIZER_NONE);
    assert_true(tokenizer_adds_bos(tokenizer) && tokenizer_is_special(tokenizer, 5));
    assert_false(tokenizer_is_special(tokenizer, 9));
    opened_tokenizer_encodes(tokenizer, "ab ab</s><x>abc", 1,
                             IDS(5, 3, 4, 5, 9, 3)); /* c has no token, and there is no unk */
    tokenizer_close(tokenizer);
    free(blob.data);
}

static void test_unk_and_prefix(void **state)
{
    (void)state;
    struct files files = {small_vocab,
                          "",
                          "{\"unk_token\": \"</s>\", \"add_prefix_space\": true, \"added_tokens_decoder\":"
                          "{\"7\": {\"content\": \"<y>\", \"special\": true, \"rstrip\": true}}}",
                          NULL,
                          NULL,
                          NULL};
    struct tokenizer_blob_out blob = built(&files, 8);
    struct tokenizer *tokenizer = opened(&blob);
    opened_tokenizer_encodes(tokenizer, "ac<y>  b", 0, IDS(2, 0, 5, 7, 2, 1));
    assert_true(tokenizer_is_special(tokenizer, 7));
    tokenizer_close(tokenizer);
    free(blob.data);
}

/* ---- tokenizer.json ----------------------------------------------------------------------------- */

#define STAGES                                                                                         \
    "\"normalizer\": null, \"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false}," \
    "\"decoder\": {\"type\": \"ByteLevel\"}"
#define MODEL(vocab, merges) "\"model\": {\"type\": \"BPE\", \"vocab\": " vocab ", \"merges\": " merges "}"
#define SMALL "{\"a\": 0, \"b\": 1, \"ab\": 2}"

static void test_merge_forms(void **state)
{
    (void)state;
    struct files lines = {.tokenizer = "{" STAGES "," MODEL(SMALL, "[\"a b\"]") "}"};
    struct files pairs = {.tokenizer = "{" STAGES "," MODEL(SMALL, "[[\"a\", \"b\"]]") "}"};
    struct tokenizer_blob_out first = built(&lines, 5), second = built(&pairs, 5);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    struct tokenizer *tokenizer = opened(&first);
    opened_tokenizer_encodes(tokenizer, "aabb", 0, IDS(0, 2, 1));
    tokenizer_close(tokenizer);
    free(first.data);
    free(second.data);
}

static void test_tokenizer_json_wins(void **state)
{
    (void)state;
    struct files files = {
        .vocab = "{\"b\": 0, \"a\": 1}",
        .merges = "",
        .config = "{\"bos_token\": \"b\", \"add_bos_token\": false, \"eos_token\": \"b\"}",
        .tokenizer =
            "{" STAGES
            "," MODEL(SMALL, "[]") ","
                                   "\"added_tokens\": [{\"id\": 4, \"content\": \"<s>\", \"special\": true}],"
                                   "\"post_processor\": {\"type\": \"Sequence\", \"processors\": [{\"type\":"
                                   "\"ByteLevel\"}, {\"type\": \"TemplateProcessing\", \"single\": ["
                                   "{\"SpecialToken\": {\"id\": \"<s>\"}}, {\"Sequence\": {\"id\": \"A\"}}]}]}}"};
    struct tokenizer_blob_out blob = built(&files, 5);
    struct tokenizer *tokenizer = opened(&blob);
    assert_int_equal(tokenizer_bos(tokenizer), 4);
    assert_int_equal(tokenizer_eos(tokenizer), 1);
    assert_true(tokenizer_adds_bos(tokenizer));
    opened_tokenizer_encodes(tokenizer, "a<s>b", 1, IDS(4, 0, 4, 1));
    tokenizer_close(tokenizer);
    free(blob.data);
}

/* opt-tiny's vocab.json and merges.txt rewritten as a tokenizer.json. */
static char *as_tokenizer_json(int pairs)
{
    struct lassim_error error = {0};
    json_t *vocab = NULL, *root = NULL, *merges = json_array();
    struct bytes text = bytes_of_file("examples/opt-tiny/merges.txt");
    assert_int_equal(json_read_file("examples/opt-tiny/vocab.json", &vocab, &error), LASSIM_OK);
    bytes_add(&text, "", 1);
    for (char *line = strtok((char *)text.data, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *space = strchr(line, ' ');
        if (line[0] == '#' && line[1] == 'v') continue;
        if (!pairs)
            json_array_append_new(merges, json_string(line));
        else
            json_array_append_new(merges, json_pack("[s%s]", line, (int)(space - line), space + 1));
    }
    const char *frame = "{" STAGES ", \"model\": {}}";
    assert_int_equal(json_parse("frame", NULL, frame, strlen(frame), &root, &error), LASSIM_OK);
    json_object_set_new(json_object_get(root, "model"), "vocab", vocab);
    json_object_set_new(json_object_get(root, "model"), "merges", merges);
    char *written = json_dumps(root, pairs ? JSON_ENSURE_ASCII : JSON_INDENT(1));
    json_decref(root);
    bytes_clear(&text);
    return written;
}

static void test_opt_tiny_both_forms(void **state)
{
    (void)state;
    struct tokenizer_blob_out plain = built_from("examples/opt-tiny", 4096);
    struct bytes config = bytes_of_file("examples/opt-tiny/tokenizer_config.json");
    bytes_add(&config, "", 1);
    for (int pairs = 0; pairs < 2; pairs++) {
        char *text = as_tokenizer_json(pairs);
        struct files files = {.config = (const char *)config.data, .tokenizer = text};
        struct tokenizer_blob_out blob = built(&files, 4096);
        assert_int_equal(blob.size, plain.size);
        /* All but unk (bytes 56 .. 59), which only the pair of files takes from the config. */
        assert_memory_equal(blob.data, plain.data, 56);
        assert_memory_equal(blob.data + 60, plain.data + 60, plain.size - 60);
        free(blob.data);
        free(text);
    }
    bytes_clear(&config);
    free(plain.data);
}

static void test_variants(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        uint32_t vocabulary;
    } variants[] = {
        {"test/data/variants/bare", 333}, {"test/data/variants/nofinal", 290}, {"test/data/variants/postln", 511}};
    for (int i = 0; i < 3; i++) {
        struct tokenizer_blob_out blob = built_from(variants[i].folder, variants[i].vocabulary);
        struct tokenizer *tokenizer = opened(&blob);
        assert_int_equal(tokenizer_bos(tokenizer), 2);
        assert_int_equal(tokenizer_eos(tokenizer), 2);
        assert_int_equal(tokenizer_pad(tokenizer), 1);
        opened_tokenizer_encodes(tokenizer, "!</s>", 1, IDS(2, 4, 2));
        tokenizer_close(tokenizer);
        free(blob.data);
    }
}

/* ---- what is refused ---------------------------------------------------------------------------- */

static void test_refuses_vocabularies(void **state)
{
    (void)state;
    refused(&(struct files){.vocab = NULL}, "found none");
    refused(&(struct files){.vocab = SMALL}, "merges.txt: cannot open");
    refused(&(struct files){.vocab = "[]", .merges = ""}, "vocab.json: expected an object, found array");
    refused(&(struct files){.vocab = "{\"a\": 0", .merges = ""}, "vocab.json: line 1, column");
    refused(&(struct files){.vocab = "{\"a\": 0, \"a\": 1}", .merges = ""}, "duplicate object key");
    refused(&(struct files){.vocab = "{\"a\": 3, \"b\": 3}", .merges = ""}, "id 3 is given to two tokens");
    refused(&(struct files){.vocab = "{\"a\": 10}", .merges = ""}, "token \"a\": expected an id in 0 .. 9");
    refused(&(struct files){.vocab = "{\"a\": -1}", .merges = ""}, "expected an id in 0 .. 9");
    refused(&(struct files){.vocab = "{\"a\": 1e0}", .merges = ""}, "expected an id in 0 .. 9");
    refused(&(struct files){.vocab = "{\"a\": 4294967296}", .merges = ""}, "expected an id in 0 .. 9");
    refused(&(struct files){.vocab = "{\"a b\": 1}", .merges = ""}, "GPT-2's byte alphabet");
    refused(&(struct files){.vocab = "{\"\xe6\x97\xa5\": 1}", .merges = ""}, "GPT-2's byte alphabet");
    refused(&(struct files){.vocab = "{\"\": 1}", .merges = ""}, "empty token");
    refused(&(struct files){.vocab = SMALL, .merges = "", .config = "{\"tokenizer_class\": \"CLIPTokenizer\"}"},
            "found \"CLIPTokenizer\"");
}

static void test_refuses_merges(void **state)
{
    (void)state;
    refused(&(struct files){.vocab = SMALL, .merges = "a b\na c\n"}, "merges.txt: line 2: merge of \"a\" and \"c\"");
    refused(&(struct files){.vocab = SMALL, .merges = "b a\n"}, "\"ba\" is not in the vocabulary");
    refused(&(struct files){.vocab = SMALL, .merges = "a\n"}, "line 1: expected two tokens");
    refused(&(struct files){.vocab = SMALL, .merges = "a b \n"}, "line 1: expected two tokens");
    refused(&(struct files){.vocab = SMALL, .merges = " b\n"}, "line 1: expected two tokens");
    refused(&(struct files){.tokenizer = "{" STAGES "," MODEL(SMALL, "[\"a b\", 5]") "}"}, "model.merges[1]");
    refused(&(struct files){.tokenizer = "{" STAGES "," MODEL(SMALL, "[[\"a\"]]") "}"}, "model.merges[0]");
    refused(&(struct files){.tokenizer = "{" STAGES "," MODEL(SMALL, "[\"a b b\"]") "}"}, "model.merges[0]");
    refused(&(struct files){.tokenizer = "{" STAGES "," MODEL(SMALL, "[[\"a\", \"\"]]") "}"}, "\"\" is not in");
    refused(&(struct files){.tokenizer = "{" STAGES "," MODEL(SMALL, "{}") "}"}, "merges: expected an array");
}

static void test_refuses_special(void **state)
{
    (void)state;
    refused(&(struct files){.vocab = SMALL, .merges = "", .config = "{\"bos_token\": \"<s>\"}"},
            "bos_token: \"<s>\" is not in the vocabulary");
    refused(&(struct files){.vocab = SMALL, .merges = "", .special = "{\"eos_token\": {\"content\": \"<s>\"}}"},
            "special_tokens_map.json: eos_token");
    refused(&(struct files){.vocab = SMALL, .merges = "", .config = "{\"bos_token\": 5}"},
            "bos_token: expected a string or an object");
    refused(&(struct files){.vocab = SMALL, .merges = "", .config = "{\"add_bos_token\": true}"}, "no bos_token");
    refused(&(struct files){.vocab = SMALL, .merges = "", .config = "{\"add_bos_token\": 1}"},
            "expected true or false");
    refused(&(struct files){.vocab = SMALL, .merges = "", .added = "{\"<s>\": 10}"}, "added token \"<s>\"");
    refused(&(struct files){.vocab = SMALL, .merges = "", .added = "{\"<s>\": 1}"}, "id 1 is given to two tokens");
    refused(&(struct files){.vocab = SMALL, .merges = "", .added = "{\"a\": 7}"}, "has the ids 0 and 7");
    refused(&(struct files){.vocab = SMALL, .merges = "", .added = "{\"\": 7}"}, "empty token");
    refused(&(struct files){.vocab = SMALL,
                            .merges = "",
                            .config = "{\"added_tokens_decoder\": {\"1x\": {\"content\": \"q\"}}}"},
            "expected a token id");
    refused(&(struct files){.vocab = SMALL,
                            .merges = "",
                            .config = "{\"added_tokens_decoder\": {\"8\": {\"content\": \"q\", \"single_word\": 1}}}"},
            "single_word: expected true or false");
    char long_token[700];
    snprintf(long_token, sizeof long_token, "{\"%0600d\": 8}", 0);
    refused(&(struct files){.vocab = SMALL, .merges = "", .added = long_token}, "600 bytes, expected at most 512");
}

/* Members that tokenizer.json must have; its stages: test_tokenizer_stages.c. */
static void test_refuses_members(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", "model: expected an object, found nothing"},
        {"[]", "expected an object, found array"},
        {"{" STAGES "}", "model: expected an object, found nothing"},
        {"{" STAGES ", \"model\": {\"vocab\": [], \"merges\": []}}", "vocab: expected an object, found array"},
        {"{" STAGES ", \"model\": {\"dropout\": 0.1}}", "model.dropout"},
        {"{" STAGES ", \"model\": {\"byte_fallback\": true}}", "byte_fallback: expected false"},
        {"{" STAGES ", \"model\": {\"ignore_merges\": 1}}", "ignore_merges: expected true or false"},
        {"{" STAGES ", \"model\": {\"end_of_word_suffix\": \"</w>\"}}", "found \"</w>\""},
        {"{" STAGES ", \"model\": {\"unk_token\": \"?\", \"vocab\": {}, \"merges\": []}}",
         "model.unk_token: \"?\" is not in the vocabulary"},
        {"{" STAGES "," MODEL(SMALL, "[]") ", \"added_tokens\": [{\"content\": \"x\"}]}", "id: expected an integer"},
        {"{" STAGES "," MODEL(SMALL, "[]") ", \"added_tokens\": [{\"content\": \"x\", \"id\": 10}]}", "0 .. 9"},
        {"{" STAGES "," MODEL(SMALL, "[]") ", \"added_tokens\": [7]}", "expected an object around it"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(&(struct files){.tokenizer = cases[i][0]}, cases[i][1]);
}

static void test_refuses_hostile_json(void **state)
{
    (void)state;
    char deep[10001];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    refused(&(struct files){.tokenizer = deep}, "nested too deep");
    struct tokenizer_blob_out blob = {0};
    struct lassim_error error = {0};
    assert_int_equal(tokenizer_build("examples/opt-tiny", 0, &blob, &error), LASSIM_ERR_FILE);
    assert_int_equal(tokenizer_build("examples/opt-tiny", UINT32_MAX, &blob, &error), LASSIM_ERR_FILE);
    assert_int_equal(tokenizer_build("examples/opt-tiny", 4095, &blob, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "expected an id in 0 .. 4094"));
    assert_int_equal(tokenizer_build("no/such/folder", 10, &blob, &error), LASSIM_ERR_FILE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_files),           cmocka_unit_test(test_unk_and_prefix),
        cmocka_unit_test(test_merge_forms),          cmocka_unit_test(test_tokenizer_json_wins),
        cmocka_unit_test(test_opt_tiny_both_forms),  cmocka_unit_test(test_variants),
        cmocka_unit_test(test_refuses_vocabularies), cmocka_unit_test(test_refuses_merges),
        cmocka_unit_test(test_refuses_special),      cmocka_unit_test(test_refuses_members),
        cmocka_unit_test(test_refuses_hostile_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
