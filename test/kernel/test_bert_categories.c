#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "kernel/bert_categories.h"

static void test_control(void **state)
{
    (void)state;
    static const int32_t yes[] = {1, 8, 0x1b, 0x7f, 0x9f, 0xad, 0x200b, 0x200d, 0xfeff, 0xe000, 0x10fffd, 0xe0001};
    static const int32_t no[] = {'\t',  '\n', '\r', ' ', 'a', 0xa0, 0x378 /* unassigned */, 0x8e2 /* assigned since */,
                                 0xfffd};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(bert_is_control(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(bert_is_control(no[i]));
}

static void test_accent(void **state)
{
    (void)state;
    static const int32_t yes[] = {0x300, 0x36f, 0x591, 0x64b, 0x93c, 0xfe0f, 0x302a, 0x1d167};
    static const int32_t no[] = {'a', 0xe9, 0x903 /* spacing */, 0x488 /* enclosing */, 0x1abf /* assigned since */};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(bert_is_accent(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(bert_is_accent(no[i]));
}

static void test_punctuation(void **state)
{
    (void)state;
    for (int32_t code = 33; code < 127; code++) {
        int alphanumeric = (code >= '0' && code <= '9') || ((code | 32) >= 'a' && (code | 32) <= 'z');
        assert_int_equal(bert_is_punctuation(code), !alphanumeric);
    }
    static const int32_t yes[] = {0xa1, 0xbf, 0x2014, 0x3002, 0xff0c, 0x203f};
    static const int32_t no[] = {' ', 0x20ac, 0xd7, 0x2e43 /* assigned since */};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(bert_is_punctuation(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(bert_is_punctuation(no[i]));
}

/* Whatever is in a class is in it for utf8proc too, but for what was taken out since. */
static void test_agrees_with_utf8proc(void **state)
{
    (void)state;
    unsigned others = 0;
    for (int32_t code = 0x80; code < 0x110000; code++) {
        utf8proc_category_t category = utf8proc_category(code);
        others += bert_is_accent(code) && category != UTF8PROC_CATEGORY_MN;
        others += bert_is_punctuation(code) && (category < UTF8PROC_CATEGORY_PC || category > UTF8PROC_CATEGORY_PO);
        others += bert_is_control(code) && (category < UTF8PROC_CATEGORY_CC || category > UTF8PROC_CATEGORY_CO);
    }
    assert_true(others < 10);
}

static void test_chinese(void **state)
{
    (void)state;
    static const int32_t yes[] = {0x3400, 0x4e2d, 0x9fff, 0xf900, 0x20000, 0x2a6df, 0x2b740, 0x2ceaf, 0x2fa1f};
    static const int32_t no[] = {'a', 0x3042, 0xac00, 0x2b820, 0x30000};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) assert_true(bert_is_chinese(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) assert_false(bert_is_chinese(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control),     cmocka_unit_test(test_accent),
        cmocka_unit_test(test_punctuation), cmocka_unit_test(test_agrees_with_utf8proc),
        cmocka_unit_test(test_chinese),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
