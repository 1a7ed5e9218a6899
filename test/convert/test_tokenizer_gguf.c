#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "convert/tokenizer_gguf.h"
#include "test/helpers/gguf_draft.h"
#include "test/helpers/opened_tokenizer.h"

#define KEY(name) "tokenizer.ggml." name
#define S "\xe2\x96\x81"

static enum lassim_status build(struct gguf_draft *draft, uint32_t vocabulary, struct tokenizer_blob_out *blob,
                                struct lassim_error *error)
{
    struct bytes bytes = gguf_draft_finish(draft);
    struct gguf *gguf = NULL;
    enum lassim_status status = gguf_open("m.gguf", bytes.data, bytes.size, &gguf, error);
    if (status != LASSIM_OK) fail_msg("%s", error->text);
    status = tokenizer_gguf_build(gguf, vocabulary, blob, error);
    gguf_close(gguf);
    bytes_clear(&bytes);
    return status;
}

static struct opened_tokenizer opened(struct gguf_draft *draft)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    if (build(draft, 20, &blob, &error) != LASSIM_OK) fail_msg("%s", error.text);
    return opened_tokenizer_blob(blob);
}

static void refused(struct gguf_draft *draft, const char *expected)
{
    struct lassim_error error = {0};
    struct tokenizer_blob_out blob = {0};
    assert_refused(build(draft, 5, &blob, &error), &error, expected);
    assert_ptr_equal(strstr(error.text, "m.gguf: "), error.text);
    assert_null(blob.data);
}

static const char *const letters[] = {"a", "b", "ab", "<s>", ""};
static const char *const merge[] = {"a b"};

/* "gpt2" with that pre-tokenizer; NULL: none named. */
static struct gguf_draft gpt2(const char *pre)
{
    static const int32_t types[] = {1, 1, 1, 3, 1};
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, KEY("model"), "gpt2");
    if (pre != NULL) gguf_draft_text(&draft, KEY("pre"), pre);
    gguf_draft_strings(&draft, KEY("tokens"), letters, 5);
    gguf_draft_int32s(&draft, KEY("token_type"), types, 5);
    return draft;
}

static void test_byte_level(void **state)
{
    (void)state;
    struct gguf_draft draft = gpt2("llama-bpe");
    gguf_draft_strings(&draft, KEY("merges"), merge, 1);
    gguf_draft_number(&draft, KEY("bos_token_id"), GGUF_UINT32, 3);
    struct opened_tokenizer llama = opened(&draft);
    assert_true(tokenizer_adds_bos(llama.tokenizer)); /* llama.cpp's default for this one */
    opened_tokenizer_encodes(llama.tokenizer, "ab<s>a", 1, IDS(3, 2, 3, 0));
    opened_tokenizer_close(&llama);
    draft = gpt2("llama-bpe");
    gguf_draft_strings(&draft, KEY("merges"), merge, 1);
    gguf_draft_number(&draft, KEY("bos_token_id"), GGUF_UINT32, 3);
    gguf_draft_number(&draft, KEY("add_bos_token"), GGUF_BOOL, 0);
    struct opened_tokenizer without = opened(&draft);
    opened_tokenizer_encodes(without.tokenizer, "ab", 1, IDS(2));
    opened_tokenizer_close(&without);
}

static void test_sentencepiece(void **state)
{
    (void)state;
    static const char *const tokens[] = {"<unk>", "<s>", S, "a", S "a"};
    static const float scores[] = {0, 0, -3, -3, -1};
    static const int32_t types[] = {2, 3, 1, 1, 1};
    for (int prefix = 0; prefix < 2; prefix++) {
        struct gguf_draft draft = {0};
        gguf_draft_text(&draft, KEY("model"), "llama");
        gguf_draft_strings(&draft, KEY("tokens"), tokens, 5);
        gguf_draft_floats(&draft, KEY("scores"), scores, 5);
        gguf_draft_int32s(&draft, KEY("token_type"), types, 5);
        gguf_draft_number(&draft, KEY("bos_token_id"), GGUF_UINT32, 1);
        gguf_draft_number(&draft, KEY("add_eos_token"), GGUF_BOOL, 1); /* without an eos */
        if (!prefix) gguf_draft_number(&draft, KEY("add_space_prefix"), GGUF_BOOL, 0);
        struct opened_tokenizer llama = opened(&draft);
        opened_tokenizer_encodes(llama.tokenizer, "a a?", 1, 4,
                                 prefix ? (uint32_t[]){1, 4, 4, 0} : (uint32_t[]){1, 3, 4, 0});
        opened_tokenizer_decodes(llama.tokenizer, 1, prefix ? "a a" : " a a", IDS(1, 4, 4));
        opened_tokenizer_close(&llama);
    }
}

static void test_wordpiece(void **state)
{
    (void)state;
    static const char *const tokens[] = {"[CLS]", "[SEP]", "[UNK]", S "a", "b", S "##", "[x", S};
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, KEY("model"), "bert");
    gguf_draft_strings(&draft, KEY("tokens"), tokens, 8);
    gguf_draft_number(&draft, KEY("bos_token_id"), GGUF_UINT32, 0);
    gguf_draft_number(&draft, KEY("seperator_token_id"), GGUF_UINT32, 1);
    struct opened_tokenizer bert = opened(&draft);
    opened_tokenizer_encodes(bert.tokenizer, "Ab abb c", 1, IDS(0, 3, 4, 3, 4, 4, 2, 1));
    opened_tokenizer_decodes(bert.tokenizer, 0, "[CLS] ab [SEP]", IDS(0, 3, 4, 1));
    assert_int_equal(tokenizer_cls(bert.tokenizer), 0);
    assert_int_equal(tokenizer_bos(bert.tokenizer), TOKENIZER_NONE);
    opened_tokenizer_close(&bert);
}

static void test_refuses_names(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    refused(&draft, "tokenizer.ggml.model");
    draft = (struct gguf_draft){0};
    gguf_draft_text(&draft, KEY("model"), "t5");
    refused(&draft, "tokenizer.ggml.model: expected \"gpt2\", \"llama\" or \"bert\", found \"t5\"");
    draft = gpt2("deepseek-llm");
    refused(&draft, "tokenizer.ggml.pre: expected one of default, gpt-2, phi-2, llama3, ");
    draft = gpt2("x\n\x01");
    refused(&draft, "found \"x\\x0a\\x01\"");
}

static void test_refuses_arrays(void **state)
{
    (void)state;
    static const int32_t types[] = {1, 1};
    static const char *const bad_merges[] = {"a b", "ab"}, *const unknown[] = {"a c"}, *const six[] = {"a", "b", "c",
                                                                                                       "d", "e", "f"};
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, KEY("model"), "gpt2");
    refused(&draft, "tokenizer.ggml.tokens");
    draft = (struct gguf_draft){0};
    gguf_draft_text(&draft, KEY("model"), "gpt2");
    gguf_draft_strings(&draft, KEY("tokens"), six, 6);
    refused(&draft, "tokenizer.ggml.tokens: expected 1 .. 5 tokens (the model's vocabulary), found 6");
    draft = (struct gguf_draft){0};
    gguf_draft_text(&draft, KEY("model"), "gpt2");
    gguf_draft_strings(&draft, KEY("tokens"), letters, 4);
    gguf_draft_int32s(&draft, KEY("token_type"), types, 2);
    refused(&draft, "tokenizer.ggml.token_type: expected 4 elements, one a token, found 2");
    draft = gpt2("gpt-2");
    refused(&draft, "tokenizer.ggml.merges");
    draft = gpt2("gpt-2");
    gguf_draft_strings(&draft, KEY("merges"), bad_merges, 2);
    refused(&draft, "tokenizer.ggml.merges[1]: expected two tokens and a space");
    draft = gpt2("gpt-2");
    gguf_draft_strings(&draft, KEY("merges"), unknown, 1);
    refused(&draft, "tokenizer.ggml.merges[0]: merge of \"a\" and \"c\"");
    draft = gpt2("gpt-2");
    gguf_draft_strings(&draft, KEY("merges"), merge, 1);
    gguf_draft_number(&draft, KEY("eos_token_id"), GGUF_UINT32, 5);
    refused(&draft, "tokenizer.ggml.eos_token_id: expected an integer from -1 to 4");
    draft = gpt2("gpt-2");
    gguf_draft_strings(&draft, KEY("merges"), merge, 1);
    gguf_draft_number(&draft, KEY("eos_token_id"), GGUF_UINT32, 4);
    refused(&draft, "special token 4, expected the id of a token"); /* its string is empty */
}

static void test_refuses_pieces(void **state)
{
    (void)state;
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, KEY("model"), "llama");
    gguf_draft_strings(&draft, KEY("tokens"), letters, 4);
    refused(&draft, "tokenizer.ggml.scores: expected an array");
    draft = (struct gguf_draft){0};
    gguf_draft_text(&draft, KEY("model"), "llama");
    gguf_draft_strings(&draft, KEY("tokens"), letters, 4);
    gguf_draft_strings(&draft, KEY("precompiled_charsmap"), letters, 1);
    refused(&draft, "precompiled_charsmap: expected none");
    draft = (struct gguf_draft){0};
    gguf_draft_text(&draft, KEY("model"), "bert");
    gguf_draft_strings(&draft, KEY("tokens"), letters, 4);
    refused(&draft, "WordPiece without an unk token");
}

static void test_has(void **state)
{
    (void)state;
    static const char *const models[] = {"gpt2", "none", "no_vocab", NULL};
    for (int i = 0; i < 4; i++) {
        struct gguf_draft draft = {0};
        struct gguf *gguf = NULL;
        if (models[i] != NULL) gguf_draft_text(&draft, KEY("model"), models[i]);
        struct bytes bytes = gguf_draft_finish(&draft);
        assert_int_equal(gguf_open("m", bytes.data, bytes.size, &gguf, NULL), LASSIM_OK);
        assert_int_equal(tokenizer_gguf_has(gguf), i == 0);
        gguf_close(gguf);
        bytes_clear(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_level),
        cmocka_unit_test(test_sentencepiece),
        cmocka_unit_test(test_wordpiece),
        cmocka_unit_test(test_refuses_names),
        cmocka_unit_test(test_refuses_arrays),
        cmocka_unit_test(test_refuses_pieces),
        cmocka_unit_test(test_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
