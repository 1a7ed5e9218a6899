/* Bytes in order, never past the end. */
#include "convert/gguf_cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "test/helpers/checkpoint_fixture.h"

static void test_numbers(void **state)
{
    (void)state;
    static const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    struct lassim_error error;
    struct gguf_cursor cursor = {"f", data, sizeof data, 0, &error};
    uint64_t number;
    assert_int_equal(gguf_take(&cursor, "x", 1, &number), LASSIM_OK);
    assert_int_equal(number, 1);
    assert_int_equal(gguf_take(&cursor, "x", 2, &number), LASSIM_OK);
    assert_int_equal(number, 0x0302);
    assert_int_equal(gguf_take(&cursor, "x", 8, &number), LASSIM_OK);
    assert_true(number == 0x0b0a090807060504);
    assert_int_equal(gguf_left(&cursor), 4);
    assert_refused(gguf_take(&cursor, "x", 8, &number), &error, "f: x: ends at byte 15");
    assert_int_equal(gguf_left(&cursor), 4);
    assert_int_equal(gguf_take(&cursor, "x", 4, &number), LASSIM_OK);
    assert_int_equal(gguf_left(&cursor), 0);
    assert_refused(gguf_take(&cursor, "x", 1, &number), &error, "cut short");
}

static void test_texts(void **state)
{
    (void)state;
    uint8_t data[12] = {4, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c', 'd'};
    struct lassim_error error;
    struct gguf_text text;
    struct gguf_cursor cursor = {"f", data, sizeof data, 0, &error};
    assert_int_equal(gguf_take_text(&cursor, "x", &text), LASSIM_OK);
    assert_true(gguf_text_equal(text, "abcd"));
    assert_int_equal(cursor.at, 12);
    data[0] = 5;
    cursor.at = 0;
    assert_refused(gguf_take_text(&cursor, "x", &text), &error, "a string of 5 bytes, expected at most the 4");
    memset(data, 255, 8);
    cursor.at = 0;
    assert_refused(gguf_take_text(&cursor, "x", &text), &error, "18446744073709551615 bytes");
}

static void test_show(void **state)
{
    (void)state;
    char shown[GGUF_SHOWN], longer[300];
    memset(longer, 'x', sizeof longer);
    assert_string_equal(gguf_show((struct gguf_text){"abc", 2}, shown), "ab");
    assert_int_equal(strlen(gguf_show((struct gguf_text){longer, sizeof longer}, shown)), GGUF_SHOWN - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
