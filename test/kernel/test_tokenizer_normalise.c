#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer_normalise.h"
#include "kernel/tokenizer_tables.h"

#define S TOKENIZER_SPACE

static void becomes(const struct tokenizer *tokenizer, const char *text, const char *expected)
{
    struct text_buffer out = {0};
    assert_int_equal(text_buffer_add(&out, S, 3), 0); /* what is there stays */
    assert_int_equal(tokenizer_normalise(tokenizer, (const uint8_t *)text, strlen(text), &out), 0);
    if (out.size != 3 + strlen(expected) || memcmp(out.bytes, S, 3) != 0 ||
        memcmp(out.bytes + 3, expected, out.size - 3) != 0)
        fail_msg("\"%s\" became \"%.*s\", not \"%s\"", text, (int)out.size - 3, (const char *)out.bytes + 3, expected);
    free(out.bytes);
}

static void test_byte_level(void **state)
{
    (void)state;
    struct tokenizer plain = {.kind = TOKENIZER_BYTE_LEVEL}, nfc = {.options = TOKENIZER_NFC};
    becomes(&plain, " e\u0301 ", " e\u0301 ");
    becomes(&nfc, " e\u0301 ", " \u00e9 ");
}

static void test_sentencepiece(void **state)
{
    (void)state;
    struct tokenizer prepend = {.kind = TOKENIZER_SENTENCEPIECE, .prefix = TOKENIZER_PREPEND};
    becomes(&prepend, "a  b ", S "a" S S "b" S);
    becomes(&prepend, " a", S S "a");
    becomes(&prepend, S "a", S S "a");
    becomes(&prepend, "", "");
    prepend.prefix = TOKENIZER_NO_PREFIX;
    becomes(&prepend, "a b", "a" S "b");
    prepend.prefix = TOKENIZER_METASPACE_ALWAYS; /* the pre-tokenizer's work */
    becomes(&prepend, "a b", "a b");
}

/* As sentencepiece 0.2.3 normalises with remove_extra_whitespaces. */
static void test_squeeze(void **state)
{
    (void)state;
    struct tokenizer squeeze = {
        .kind = TOKENIZER_SENTENCEPIECE, .prefix = TOKENIZER_PREPEND, .options = TOKENIZER_SQUEEZE};
    becomes(&squeeze, "  a   b  ", S "a" S "b");
    becomes(&squeeze, "a \t b", S "a" S "\t" S "b");
    becomes(&squeeze, "   ", "");
    becomes(&squeeze, "a" S S, S "a");
    becomes(&squeeze, "a" S "  b", S "a" S S "b");
    squeeze.prefix = TOKENIZER_NO_PREFIX;
    becomes(&squeeze, "  a   b  ", "a" S "b");
}

static void test_bert(void **state)
{
    (void)state;
    struct tokenizer bert = {.kind = TOKENIZER_WORDPIECE};
    becomes(&bert, "\u00c9\t\u4e2d\u200b", "\u00c9\t\u4e2d\u200b");
    bert.options = TOKENIZER_CLEAN_TEXT;
    becomes(&bert, "a\tb\u00a0c\u200b\ufffd\x01", "a b c");
    bert.options = TOKENIZER_CHINESE;
    becomes(&bert, "a\u4e2d\u6587b", "a \u4e2d  \u6587 b");
    bert.options = TOKENIZER_LOWERCASE;
    becomes(&bert, "\u00c9\u0130A\u03a3", "\u00e9i\u0307a\u03c3");
    bert.options = TOKENIZER_STRIP_ACCENTS;
    becomes(&bert, "\u00c9\u1ea1\ud55c", "Ea\u1112\u1161\u11ab");
    bert.options = TOKENIZER_STRIP_ACCENTS | TOKENIZER_LOWERCASE;
    becomes(&bert, "\u0130\u00c9", "ie");
}

static void test_escape(void **state)
{
    (void)state;
    struct text_buffer out = {0};
    assert_int_equal(tokenizer_escape_spaces((const uint8_t *)"  a b ", 6, &out), 0);
    assert_int_equal(out.size, 14);
    assert_memory_equal(out.bytes, S S "a" S "b" S, 14);
    free(out.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_byte_level), cmocka_unit_test(test_sentencepiece), cmocka_unit_test(test_squeeze),
        cmocka_unit_test(test_bert),       cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
