#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/text_buffer.h"
#include "kernel/utf8.h"

static void test_grows(void **state)
{
    (void)state;
    struct text_buffer buffer = {0};
    for (unsigned i = 0; i < 10000; i++) assert_int_equal(text_buffer_add(&buffer, &(uint8_t){(uint8_t)i}, 1), 0);
    assert_int_equal(buffer.size, 10000);
    for (unsigned i = 0; i < 10000; i++) assert_int_equal(buffer.bytes[i], i & 0xff);
    assert_int_equal(text_buffer_add(&buffer, NULL, 0), 0);
    assert_int_equal(buffer.size, 10000);
    free(buffer.bytes);
}

static void test_too_much(void **state)
{
    (void)state;
    struct text_buffer buffer = {0};
    assert_int_equal(text_buffer_add(&buffer, "abc", 3), 0);
    assert_int_equal(text_buffer_reserve(&buffer, SIZE_MAX), -1);
    assert_int_equal(text_buffer_reserve(&buffer, PTRDIFF_MAX), -1);
    assert_int_equal(buffer.size, 3);
    assert_memory_equal(buffer.bytes, "abc", 3);
    free(buffer.bytes);
}

/* Every code point comes back from kernel/utf8.h. */
static void test_codes(void **state)
{
    (void)state;
    struct text_buffer buffer = {0};
    for (int32_t code = 0; code < 0x110000; code++) {
        if (code >= 0xd800 && code < 0xe000) continue;
        int32_t found;
        buffer.size = 0;
        assert_int_equal(text_buffer_code(&buffer, code), 0);
        assert_int_equal(utf8_next(buffer.bytes, buffer.size, &found), buffer.size);
        assert_int_equal(found, code);
    }
    free(buffer.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
