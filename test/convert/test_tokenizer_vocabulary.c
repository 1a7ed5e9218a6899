/* vocab.txt, tokenizer.model and Qwen2's vocab.json in a folder, with what tokenizer_config.json adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "test/helpers/checkpoint_fixture.h"
#include "test/helpers/opened_tokenizer.h"

static struct opened_tokenizer opened(const char *name, const char *text, size_t size, const char *config)
{
    char *folder = folder_new();
    folder_write(folder, name, text, size);
    if (config != NULL) folder_write(folder, "tokenizer_config.json", config, strlen(config));
    struct opened_tokenizer opened = opened_tokenizer_folder(folder, 12);
    folder_remove(folder);
    return opened;
}

static void refused(const char *name, const char *text, size_t size, const char *config, const char *expected)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    char *folder = folder_new();
    folder_write(folder, name, text, size);
    if (config != NULL) folder_write(folder, "tokenizer_config.json", config, strlen(config));
    assert_refused(tokenizer_build(folder, 8, &blob, &error), &error, expected);
    assert_ptr_equal(strstr(error.text, folder), error.text);
    folder_remove(folder);
}

/* ---- vocab.txt ----------------------------------------------------------------------------------- */

static const char bert[] = "[PAD]\n[UNK]\r\n[CLS]\n[SEP]\na\n##b\n\n\xc3\xa9\na"; /* no line end; a twice, one empty */

static void test_vocab_text(void **state)
{
    (void)state;
    struct opened_tokenizer plain = opened("vocab.txt", bert, sizeof bert - 1, NULL);
    opened_tokenizer_encodes(plain.tokenizer, "A ab \xc3\xa9 [SEP]x", 1,
                             IDS(2, 8, 8, 5, 1, 3, 1, 3)); /* e is no token */
    opened_tokenizer_decodes(plain.tokenizer, 0, "a a", IDS(4, 8));
    opened_tokenizer_decodes(plain.tokenizer, 1, "ab", IDS(2, 8, 5, 3));
    assert_int_equal(tokenizer_pad(plain.tokenizer), 0);
    assert_int_equal(tokenizer_mask(plain.tokenizer), TOKENIZER_NONE);
    opened_tokenizer_close(&plain);
    struct opened_tokenizer cased =
        opened("vocab.txt", bert, sizeof bert - 1, "{\"do_lower_case\": false, \"mask_token\": \"a\"}");
    opened_tokenizer_encodes(cased.tokenizer, "A \xc3\xa9", 1, IDS(2, 1, 7, 3));
    assert_int_equal(tokenizer_mask(cased.tokenizer), 8);
    opened_tokenizer_close(&cased);
    struct opened_tokenizer accents =
        opened("vocab.txt", bert, sizeof bert - 1, "{\"do_lower_case\": true, \"strip_accents\": false}");
    opened_tokenizer_encodes(accents.tokenizer, "\xc3\x89", 0, IDS(7));
    opened_tokenizer_close(&accents);
}

#define REFUSED(text, expected) refused("vocab.txt", text, sizeof(text) - 1, NULL, expected)

static void test_refuses_vocab_text(void **state)
{
    (void)state;
    REFUSED("", "vocab.txt: expected the token [UNK]");
    REFUSED("[UNK]\n[CLS]\n", "vocab.txt: expected the token [SEP]");
    REFUSED("[UNK]\n[C\0LS]\n", "vocab.txt: line 2: token 1: expected UTF-8 without NUL");
    REFUSED("\0", "line 1: token 0: expected UTF-8 without NUL");
    REFUSED("a\n\xff\n", "line 2: token 1: expected UTF-8");
    REFUSED("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "line 9: token 8, expected at most 8");
    REFUSED("\n\n\n\n\n\n\n\n\n", "line 9: token 8, expected at most 8");
    refused("vocab.txt", "a", 1, "{\"do_lower_case\": 1}", "do_lower_case: expected true or false");
}

/* ---- tokenizer.model ----------------------------------------------------------------------------- */

static void test_model(void **state)
{
    (void)state;
    struct bytes bytes = bytes_of_file("test/data/tokenizer/corpus/llama2/tokenizer.model");
    static const char *const configs[] = {NULL, "{\"add_bos_token\": false, \"add_eos_token\": true}",
                                          "{\"legacy\": false, \"added_tokens_decoder\": {\"2399\": {\"content\": "
                                          "\"<x>\"}, \"1\": {\"content\": \"<s>\"}}}"};
    for (int i = 0; i < 3; i++) {
        char *folder = folder_new();
        struct lassim_error error = {0};
        uint32_t *ids = NULL;
        size_t n = 0;
        folder_write(folder, "tokenizer.model", bytes.data, bytes.size);
        if (configs[i] != NULL) folder_write(folder, "tokenizer_config.json", configs[i], strlen(configs[i]));
        struct tokenizer_blob_out blob = {0};
        enum lassim_status status = tokenizer_build(folder, 2500, &blob, &error);
        if (i == 2) { /* the id is taken */
            assert_refused(status, &error, "added_tokens_decoder: id 2399 is given to two tokens");
            folder_remove(folder);
            continue;
        }
        if (status != LASSIM_OK) fail_msg("%s", error.text);
        struct opened_tokenizer model = opened_tokenizer_blob(blob);
        assert_int_equal(tokenizer_encode(model.tokenizer, "the", 3, 1, &ids, &n, &error), LASSIM_OK);
        assert_int_equal(ids[0] == 1, i == 0);
        assert_int_equal(ids[n - 1] == 2, i == 1);
        free(ids);
        opened_tokenizer_close(&model);
        folder_remove(folder);
    }
    bytes_clear(&bytes);
}

/* legacy false: only the start of a text gets a space in front, not what follows an added token. */
static void test_legacy(void **state)
{
    (void)state;
    struct bytes bytes = bytes_of_file("test/data/tokenizer/corpus/llama2/tokenizer.model");
    static const char *const configs[] = {
        "{\"added_tokens_decoder\": {\"2400\": {\"content\": \"<x>\", \"normalized\": false}}}",
        "{\"legacy\": false, \"added_tokens_decoder\": {\"2400\": {\"content\": \"<x>\", \"normalized\": false}}}"};
    for (int i = 0; i < 2; i++) {
        char *folder = folder_new();
        struct lassim_error error = {0};
        uint32_t *ids = NULL;
        size_t n = 0, size;
        folder_write(folder, "tokenizer.model", bytes.data, bytes.size);
        folder_write(folder, "tokenizer_config.json", configs[i], strlen(configs[i]));
        struct opened_tokenizer model = opened_tokenizer_folder(folder, 2500);
        assert_int_equal(tokenizer_encode(model.tokenizer, "the<x>the", 9, 0, &ids, &n, &error), LASSIM_OK);
        assert_true(n >= 3 && ids[1] == 2400);
        assert_memory_equal(tokenizer_token_bytes(model.tokenizer, ids[0], &size), " the", 4);
        assert_int_equal(*tokenizer_token_bytes(model.tokenizer, ids[2], &size), i == 0 ? ' ' : 't');
        free(ids);
        opened_tokenizer_close(&model);
        folder_remove(folder);
    }
    bytes_clear(&bytes);
}

static void test_refuses_model(void **state)
{
    (void)state;
    refused("tokenizer.model", "", 0, NULL, "tokenizer.model: byte 0: expected pieces");
    refused("tokenizer.model",
            "\x0a\x03\x0a\x01"
            "a",
            5, NULL, "tokenizer.model: trainer_spec.model_type: expected BPE");
}

/* ---- vocab.json ---------------------------------------------------------------------------------- */

static void test_qwen2(void **state)
{
    (void)state;
    static const char vocab[] = "{\"1\": 0, \"2\": 1, \"12\": 2, \"\xc3\x83\": 3, \"\xc2\xa9\": 4}", merges[] = "1 2\n";
    static const char config[] = "{\"tokenizer_class\": \"Qwen2Tokenizer\", \"bos_token\": null}";
    char *folder = folder_new();
    folder_write(folder, "vocab.json", vocab, strlen(vocab));
    folder_write(folder, "merges.txt", merges, strlen(merges));
    folder_write(folder, "tokenizer_config.json", config, strlen(config));
    struct opened_tokenizer qwen2 = opened_tokenizer_folder(folder, 5);
    opened_tokenizer_encodes(qwen2.tokenizer, "12e\u0301", 0,
                             IDS(0, 1, 3, 4)); /* digits apart; e and its accent are one */
    opened_tokenizer_close(&qwen2);
    folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vocab_text), cmocka_unit_test(test_refuses_vocab_text), cmocka_unit_test(test_model),
        cmocka_unit_test(test_legacy),     cmocka_unit_test(test_refuses_model),      cmocka_unit_test(test_qwen2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
