/* Hostile blobs: every number of the layout in kernel/tokenizer.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer.h"
#include "test/helpers/checkpoint_fixture.h"

/* A blob of 4 tokens "a", "b", "ab", "<s>" (id 4 is free) and the merge of the first two, templates <s> A and
 * <s> A B, written by hand from the layout. */
enum {
    TINY_ITEMS = 80,
    TINY_OFFSETS = TINY_ITEMS + 40,
    TINY_FLAGS = TINY_OFFSETS + 24,
    TINY_MERGE = TINY_FLAGS + 10,
    TINY_STRINGS = TINY_MERGE + 16,
    TINY_SIZE = TINY_STRINGS + 7
};

static struct bytes tiny_blob(enum tokenizer_kind kind)
{
    const uint32_t none = TOKENIZER_NONE, merges = kind != TOKENIZER_WORDPIECE;
    const uint32_t pattern = kind == TOKENIZER_BYTE_LEVEL ? TOKENIZER_GPT2 : TOKENIZER_WHOLE;
    const uint32_t header[] = {
        2, kind, 5, merges, 7, 0, pattern, 0, merges ? 0 : 10, 3, 3, none, merges ? none : 3, none, none, none, 2, 3};
    static const uint32_t items[] = {3, 0, TOKENIZER_TEXT_A, 0, 3, 7, TOKENIZER_TEXT_A, 0, TOKENIZER_TEXT_B, 1};
    static const uint32_t offsets[] = {0, 1, 2, 4, 7, 7}, merge[] = {0, 1, 2, 9}, flags[] = {1, 1, 1, 6, 0};
    struct bytes blob = {0};
    bytes_text(&blob, "LASSIMtk");
    for (int i = 0; i < 18; i++) bytes_number(&blob, header[i], 4);
    for (int i = 0; i < 10; i++) bytes_number(&blob, items[i], 4);
    for (int i = 0; i < 6; i++) bytes_number(&blob, offsets[i], 4);
    for (int i = 0; i < 5; i++) bytes_number(&blob, flags[i], 2);
    for (int i = 0; i < 4 && merges; i++) bytes_number(&blob, merge[i], 4);
    bytes_text(&blob, "abab<s>");
    return blob;
}

/* The tiny blob with the 4 bytes at offset replaced must be refused with `expected`. */
static void refused_of(enum tokenizer_kind kind, size_t offset, uint32_t value, const char *expected)
{
    struct bytes blob = tiny_blob(kind);
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    for (int i = 0; i < 4; i++) blob.data[offset + (size_t)i] = (uint8_t)(value >> 8 * i);
    assert_int_equal(tokenizer_open("m.snn", blob.data, blob.size, &tokenizer, &error), LASSIM_ERR_FILE);
    assert_null(tokenizer);
    assert_ptr_equal(strstr(error.text, "m.snn: tokenizer: "), error.text);
    if (strstr(error.text, expected) == NULL) fail_msg("\"%s\" without \"%s\"", error.text, expected);
    bytes_clear(&blob);
}

static void refused(size_t offset, uint32_t value, const char *expected)
{
    refused_of(TOKENIZER_BYTE_LEVEL, offset, value, expected);
}

static void encodes(const struct tokenizer *tokenizer, const char *text, size_t n, const uint32_t *expected)
{
    struct lassim_error error = {0};
    uint32_t *ids = NULL;
    size_t count = 0;
    assert_int_equal(tokenizer_encode(tokenizer, text, strlen(text), 1, &ids, &count, &error), LASSIM_OK);
    assert_int_equal(count, n);
    assert_memory_equal(ids, expected, n * sizeof *ids);
    free(ids);
}

static void test_tiny_blobs(void **state)
{
    (void)state;
    static const uint32_t bpe[] = {3, 0, 2, 3, 1}, wordpiece[] = {3, 3, 3, 1};
    for (int kind = 0; kind < TOKENIZER_KINDS; kind++) {
        struct bytes blob = tiny_blob((enum tokenizer_kind)kind);
        struct lassim_error error = {0};
        struct tokenizer *tokenizer = NULL;
        if (tokenizer_open(NULL, blob.data, blob.size, &tokenizer, &error) != LASSIM_OK) fail_msg("%s", error.text);
        assert_true(tokenizer_adds_bos(tokenizer));
        assert_int_equal(tokenizer_mask(tokenizer), TOKENIZER_NONE);
        if (kind == TOKENIZER_WORDPIECE) /* "aab" cannot be covered: unk */
            encodes(tokenizer, "aab<s>b", 4, wordpiece);
        else
            encodes(tokenizer, "aab<s>b", 5, bpe);
        tokenizer_close(tokenizer);
        bytes_clear(&blob);
    }
}

static void test_refuses_header(void **state)
{
    (void)state;
    refused(0, 0, "without the header");
    refused(8, 1, "version 1, expected 2");
    refused(12, TOKENIZER_KINDS, "kind 3");
    refused(12, UINT32_MAX, "kind");
    refused(16, 0, "out of range");
    refused(16, UINT32_MAX, "out of range");
    refused(16, 6, "bytes, expected");
    refused(20, UINT32_MAX, "out of range");
    refused(20, 2, "bytes, expected");
    refused(24, UINT32_MAX, "out of range");
    refused(24, 8, "bytes, expected");
    refused(28, TOKENIZER_FLAGS, "unknown flags");
    refused(28, TOKENIZER_LOWERCASE, "unknown flags"); /* WordPiece's */
    refused(32, TOKENIZER_METASPACE, "unknown pattern");
    refused(32, 64, "unknown pattern");
    refused(36, TOKENIZER_PREPEND, "unknown prefix");
    refused(36, UINT32_MAX, "unknown prefix");
    refused(40, 1, "words of 1 characters");
    refused_of(TOKENIZER_WORDPIECE, 20, 1, "1 merges, WordPiece has none");
    refused_of(TOKENIZER_WORDPIECE, 32, TOKENIZER_GPT2, "unknown pattern");
    refused_of(TOKENIZER_WORDPIECE, 40, 0, "words of 0 characters");
    refused_of(TOKENIZER_WORDPIECE, 40, TOKENIZER_WORD_MAX + 1, "words of 1001 characters");
    refused_of(TOKENIZER_WORDPIECE, 56, TOKENIZER_NONE, "without an unk token");
    refused_of(TOKENIZER_SENTENCEPIECE, 28, TOKENIZER_NFC, "unknown flags");
}

static void test_refuses_templates(void **state)
{
    (void)state;
    refused(44, 5, "special token 5");
    refused(48, 4, "special token 4"); /* an id without a token */
    refused(52, 0x80000000U, "special token");
    refused(68, 5, "special token 5");
    refused(72, 0, "templates of 0");
    refused(72, TOKENIZER_ITEMS_MAX + 1, "templates of 17");
    refused(76, UINT32_MAX, "templates of 2 and 4294967295 items");
    refused(76, 2, "bytes, expected");
    refused(TINY_ITEMS, 4, "token 4 in a template");
    refused(TINY_ITEMS, TOKENIZER_NONE, "in a template");
    refused(TINY_ITEMS, TOKENIZER_TEXT_A, "2 first and 0 second texts, expected 1 and 0");
    refused(TINY_ITEMS, TOKENIZER_TEXT_B, "1 first and 1 second texts, expected 1 and 0");
    refused(TINY_ITEMS + 4, 256, "token type 256");
    refused(TINY_ITEMS + 8, 3, "0 first and 0 second");
    refused(TINY_ITEMS + 32, TOKENIZER_TEXT_A, "2 first and 0 second texts, expected 1 and 1");
}

static void test_refuses_tokens(void **state)
{
    (void)state;
    refused(TINY_OFFSETS, 1, "do not start at offset 0");
    refused(TINY_OFFSETS + 4, UINT32_MAX, "token 0 ends at byte");
    refused(TINY_OFFSETS + 8, 0, "token 1 ends at byte 0");
    refused(TINY_OFFSETS + 20, 6, "token 4 ends at byte 6");
    refused(TINY_FLAGS, 1 << 16 | TOKEN_FLAGS, "unknown flags");
    refused(TINY_FLAGS, 1 << 16 | TOKEN_BASE | TOKEN_SPECIAL, "unknown flags"); /* special, but not added */
    refused(TINY_FLAGS, 1 << 16 | TOKEN_BASE | TOKEN_UNUSED, "unknown flags");
    refused(TINY_FLAGS, 1 << 16 | TOKEN_ADDED | TOKEN_BYTE, "unknown flags");
    refused(TINY_FLAGS, 1 << 16 | TOKEN_BYTE, "token 0 has flags 128"); /* SentencePiece's */
    refused_of(TOKENIZER_SENTENCEPIECE, TINY_FLAGS + 4, 6 << 16 | TOKEN_BYTE, "token 2 has flags 128 and 2 bytes");
    refused(TINY_FLAGS, 1 << 16, "token 0 has flags 0 and 1 bytes");
    refused(TINY_FLAGS + 6, 1 << 16 | 6, "token 4 has flags 1 and 0 bytes");
    refused(TINY_MERGE, 5, "merge 0 names 5");
    refused(TINY_MERGE, 3, "merge 0 names 3"); /* an added token is not in the vocabulary */
    refused(TINY_MERGE, 1, "merge 0: token 2 is not");
    refused(TINY_MERGE + 4, UINT32_MAX, "merge 0 names");
    refused(TINY_MERGE + 8, 4, "merge 0 names 4");
    refused(TINY_STRINGS, 0x62616161, "tokens 0 and 1 are the same byte");
    refused_of(TOKENIZER_WORDPIECE, TINY_MERGE, 0x62616161, "tokens 0 and 1 of the vocabulary are the same");
    refused(TINY_STRINGS + 3, 0xff733c62, "token 3 is not UTF-8");
    refused_of(TOKENIZER_SENTENCEPIECE, TINY_STRINGS, 0x626162ff, "token 0 is not UTF-8");
}

static void test_refuses_equal_added(void **state)
{
    (void)state;
    refused(TINY_FLAGS, (TOKEN_ADDED | TOKEN_NORMALIZED) << 16 | TOKEN_ADDED, "merge 0 names 0");
    struct bytes blob = tiny_blob(TOKENIZER_WORDPIECE);
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    memcpy(blob.data + TINY_FLAGS, "\x02\x00\x22\x00", 4);
    memcpy(blob.data + TINY_MERGE, "Aaaa", 4);
    assert_int_equal(tokenizer_open("f", blob.data, blob.size, &tokenizer, &error), LASSIM_OK);
    tokenizer_close(tokenizer);
    blob.data[TINY_FLAGS] = 0x22; /* both normalised, and lower case makes them one */
    blob.data[28] = (uint8_t)TOKENIZER_LOWERCASE;
    blob.data[29] = TOKENIZER_LOWERCASE >> 8;
    assert_int_equal(tokenizer_open("f", blob.data, blob.size, &tokenizer, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "added tokens 0 and 1 are the same"));
    memcpy(blob.data + TINY_MERGE, "a\x01", 2); /* which clean_text drops */
    blob.data[29] = TOKENIZER_CLEAN_TEXT >> 8;
    assert_int_equal(tokenizer_open("f", blob.data, blob.size, &tokenizer, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "added token 1 is empty once normalised"));
    bytes_clear(&blob);
}

static void test_refuses_descending_ranks(void **state)
{
    (void)state;
    struct bytes blob = tiny_blob(TOKENIZER_BYTE_LEVEL), longer = {0};
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    bytes_add(&longer, blob.data, TINY_STRINGS);
    bytes_add(&longer, blob.data + TINY_MERGE, 16);
    bytes_add(&longer, blob.data + TINY_STRINGS, 7);
    longer.data[20] = 2;
    assert_int_equal(tokenizer_open("f", longer.data, longer.size, &tokenizer, &error), LASSIM_OK);
    tokenizer_close(tokenizer);
    longer.data[TINY_STRINGS + 12] = 8;
    assert_int_equal(tokenizer_open("f", longer.data, longer.size, &tokenizer, &error), LASSIM_ERR_FILE);
    assert_non_null(strstr(error.text, "merge 1 has rank 8 after 9"));
    bytes_clear(&longer);
    bytes_clear(&blob);
}

/* Opens a damaged copy; if that works, encodes and decodes with it. */
static void exercise(const uint8_t *data, size_t size)
{
    struct lassim_error error = {0};
    struct tokenizer *tokenizer = NULL;
    struct tokenizer_text text = {"ab <s>ba ab", 11};
    struct tokenizer_encoding encoding = {0};
    uint8_t *exact = malloc(size + 1), *bytes = NULL;
    assert_non_null(exact);
    memcpy(exact, data, size);
    enum lassim_status status = tokenizer_open("f", exact, size, &tokenizer, &error);
    assert_true(status == LASSIM_OK || status == LASSIM_ERR_FILE);
    if (status == LASSIM_OK) {
        size_t length;
        assert_int_equal(tokenizer_encode_pair(tokenizer, &text, &text, SIZE_MAX, TOKENIZER_REFUSE, &encoding, &error),
                         LASSIM_OK);
        assert_int_equal(tokenizer_decode(tokenizer, encoding.ids, encoding.n, 0, &bytes, &length, &error), LASSIM_OK);
        for (size_t i = 0; i < encoding.n; i++) assert_true(encoding.ids[i] < tokenizer_vocabulary(tokenizer));
        tokenizer_encoding_clear(&encoding);
        free(bytes);
        tokenizer_close(tokenizer);
    }
    free(exact);
}

static void test_damage(void **state)
{
    (void)state;
    for (int kind = 0; kind < TOKENIZER_KINDS; kind++) {
        struct bytes blob = tiny_blob((enum tokenizer_kind)kind);
        struct lassim_error error = {0};
        struct tokenizer *tokenizer = NULL;
        for (size_t cut = 0; cut < blob.size; cut++)
            assert_int_equal(tokenizer_open("f", blob.data, cut, &tokenizer, &error), LASSIM_ERR_FILE);
        for (size_t at = 0; at < blob.size; at++)
            for (unsigned value = 0; value < 256; value++) {
                uint8_t kept = blob.data[at];
                blob.data[at] = (uint8_t)value;
                exercise(blob.data, blob.size);
                blob.data[at] = kept;
            }
        bytes_clear(&blob);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_blobs),
        cmocka_unit_test(test_refuses_header),
        cmocka_unit_test(test_refuses_templates),
        cmocka_unit_test(test_refuses_tokens),
        cmocka_unit_test(test_refuses_equal_added),
        cmocka_unit_test(test_refuses_descending_ranks),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
