#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "kernel/utf8.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static size_t encode(int32_t code, uint8_t out[4])
{
    if (code < 0x80) return out[0] = (uint8_t)code, 1;
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; code >>= 6) out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)(0xf00 >> length | code);
    return length;
}

static void test_every_code_point(void **state)
{
    (void)state;
    for (int32_t code = 0; code < 0x110000; code++) {
        uint8_t bytes[4];
        int32_t found;
        size_t length = encode(code, bytes);
        int surrogate = code >= 0xd800 && code < 0xe000;
        size_t step = utf8_next(bytes, length, &found);
        assert_int_equal(found, surrogate ? -1 : code);
        assert_int_equal(step, surrogate ? 1 : length);
        assert_int_equal(utf8_valid(bytes, length), !surrogate);
        for (size_t cut = 1; cut < length && !surrogate; cut++) {
            assert_int_equal(utf8_next(bytes, cut, &found), cut); /* a cut-off character is one ill-formed subpart */
            assert_int_equal(found, -1);
            assert_int_equal(utf8_complete(bytes, cut), 0);
        }
        assert_int_equal(utf8_complete(bytes, length), length);
    }
}

static void replaces(const uint8_t *text, size_t size, const char *expected)
{
    uint8_t out[64];
    size_t length = utf8_replace_invalid(text, size, out);
    assert_int_equal(length, strlen(expected));
    assert_memory_equal(out, expected, length);
}

/* The expectations are what Python's bytes.decode(errors="replace") gives. */
static void test_replacement(void **state)
{
    (void)state;
    const char *r = "\xef\xbf\xbd";
    char expected[64];
    replaces(BYTES("a\xc3\xa9z"), "a\xc3\xa9z");
    snprintf(expected, sizeof expected, "a%sz", r);
    replaces(BYTES("a\xff"
                   "z"),
             expected);
    replaces(BYTES("a\xe2\x82z"), expected);     /* two bytes of three: one */
    replaces(BYTES("a\xf0\x9f\x98z"), expected); /* three of four: one */
    snprintf(expected, sizeof expected, "%s%s", r, r);
    replaces(BYTES("\xc0\x80"), expected);         /* overlong: one each */
    replaces(BYTES("\x80\xbf"), expected);         /* stray continuations */
    replaces(BYTES("\xf0\x9f\xe2\x82"), expected); /* two cut off */
    snprintf(expected, sizeof expected, "%s%s%s", r, r, r);
    replaces(BYTES("\xed\xa0\x80"), expected); /* a surrogate: one a byte */
    snprintf(expected, sizeof expected, "%s%s%s%s", r, r, r, r);
    replaces(BYTES("\xf4\x90\x80\x80"), expected); /* above U+10FFFF */
    assert_int_equal(utf8_replace_invalid(NULL, 0, NULL), 0);
}

static void test_complete(void **state)
{
    (void)state;
    assert_int_equal(utf8_complete(NULL, 0), 0);
    assert_int_equal(utf8_complete(BYTES("ab\xe2\x82")), 2);
    assert_int_equal(utf8_complete(BYTES("ab\xe2\x82\xac")), 5);
    assert_int_equal(utf8_complete(BYTES("ab\xf0\x9f\x98")), 2);
    assert_int_equal(utf8_complete(BYTES("ab\xff")), 3); /* never becomes a character */
    assert_int_equal(utf8_complete(BYTES("ab\xe2")), 2);
    assert_int_equal(utf8_complete(BYTES("\x80\x80\x80\x80")), 4);
    assert_int_equal(utf8_complete(BYTES("a\xed\xa0")), 3); /* a surrogate neither */
    assert_int_equal(utf8_complete(BYTES("\xc3\xa9\x82")), 3);
}

static void test_space(void **state)
{
    (void)state;
    int count = 0;
    for (int32_t code = -1; code < 0x110000; code++) count += utf8_is_space(code);
    assert_int_equal(count, 25); /* White_Space in PropList.txt */
    assert_true(utf8_is_space(0x85) && utf8_is_space(0x3000) && utf8_is_space('\v'));
    assert_false(utf8_is_space(0x180e) || utf8_is_space(0x200b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_replacement),
        cmocka_unit_test(test_complete),
        cmocka_unit_test(test_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
