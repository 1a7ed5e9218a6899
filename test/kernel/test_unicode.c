#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utf8proc.h>

#include "kernel/unicode.h"

typedef int normal_form(const uint8_t *text, size_t size, struct text_buffer *out);

static void becomes(normal_form *form, const char *text, const char *expected)
{
    struct text_buffer out = {0};
    assert_int_equal(form((const uint8_t *)text, strlen(text), &out), 0);
    if (out.size != strlen(expected) || (out.size > 0 && memcmp(out.bytes, expected, out.size) != 0))
        fail_msg("\"%s\" became \"%.*s\", not \"%s\"", text, (int)out.size, (const char *)out.bytes, expected);
    free(out.bytes);
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        /* text, NFC, NFD */
        {"abc", "abc", "abc"},
        {"e\u0301", "\u00e9", "e\u0301"},
        {"\u00e9", "\u00e9", "e\u0301"},
        {"\u212b", "\u00c5", "A\u030a"},
        {"a\u0301\u0323", "\u1ea1\u0301", "a\u0323\u0301"}, /* classes 230 and 220 */
        {"a\u0301\u0300", "\u00e1\u0300", "a\u0301\u0300"}, /* of one class: order kept */
        {"\u1112\u1161\u11ab", "\ud55c", "\u1112\u1161\u11ab"},
        {"\uac00\u11a8", "\uac01", "\u1100\u1161\u11a8"},
        {"\u0958", "\u0915\u093c", "\u0915\u093c"}, /* excluded from composition */
        {"\u0344", "\u0308\u0301", "\u0308\u0301"},
        {"\u0301", "\u0301", "\u0301"},
        {"x\u0338\u0301 \u00e9", "x\u0338\u0301 \u00e9", "x\u0338\u0301 e\u0301"},
        {"a\u1abf\u0323", "a\u1abf\u0323", "a\u1abf\u0323"}, /* newer than the tables of tokenizers: inert */
        {"a\u1abd\u0334", "a\u0334\u1abd", "a\u0334\u1abd"}, /* older: moves */
        {"\U00011935\U00011930", "\U00011935\U00011930", "\U00011935\U00011930"},
        {"", "", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        becomes(unicode_nfc, rows[i][0], rows[i][1]);
        becomes(unicode_nfd, rows[i][0], rows[i][2]);
    }
}

/* Against utf8proc's own mapping, on characters that Unicode 8 had. */
static void test_random_marks(void **state)
{
    (void)state;
    static const int32_t ranges[][2] = {{'a', 'z'},       {0xc0, 0x17f},    {0x300, 0x34e}, {0x1e00, 0x1eff},
                                        {0x1100, 0x11ff}, {0xac00, 0xd7a3}, {0x591, 0x5c7}, {0x64b, 0x65f},
                                        {0x900, 0x94d},   {0xf71, 0xf84}};
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    for (int round = 0; round < 20000; round++) {
        struct text_buffer text = {0}, nfc = {0}, nfd = {0};
        for (int i = rand_r(&seed) % 12; i >= 0; i--) {
            const int32_t *range = ranges[(size_t)rand_r(&seed) % (sizeof ranges / sizeof *ranges)];
            assert_int_equal(text_buffer_code(&text, range[0] + rand_r(&seed) % (range[1] - range[0] + 1)), 0);
        }
        uint8_t *composed = NULL, *decomposed = NULL;
        utf8proc_ssize_t size = (utf8proc_ssize_t)text.size;
        utf8proc_ssize_t c = utf8proc_map(text.bytes, size, &composed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        utf8proc_ssize_t d = utf8proc_map(text.bytes, size, &decomposed, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
        assert_int_equal(unicode_nfc(text.bytes, text.size, &nfc) | unicode_nfd(text.bytes, text.size, &nfd), 0);
        assert_int_equal(nfc.size, c);
        assert_memory_equal(nfc.bytes, composed, nfc.size);
        assert_int_equal(nfd.size, d);
        assert_memory_equal(nfd.bytes, decomposed, nfd.size);
        free(text.bytes);
        free(nfc.bytes);
        free(nfd.bytes);
        free(composed);
        free(decomposed);
    }
}

/* One letter with a million marks in falling order of classes: quadratic sorting would take hours. */
static void test_many_marks(void **state)
{
    (void)state;
    struct text_buffer text = {0}, out = {0};
    assert_int_equal(text_buffer_code(&text, 'a'), 0);
    for (int i = 0; i < 1000000; i++) assert_int_equal(text_buffer_code(&text, i % 2 ? 0x323 : 0x301), 0);
    clock_t start = clock();
    assert_int_equal(unicode_nfd(text.bytes, text.size, &out), 0);
    assert_true(clock() - start < 60 * CLOCKS_PER_SEC);
    assert_int_equal(out.size, text.size);
    assert_memory_equal(out.bytes, "a\u0323\u0323\u0323", 7);
    out.size = 0;
    assert_int_equal(unicode_nfc(text.bytes, text.size, &out), 0);
    assert_memory_equal(out.bytes, "\u1ea1\u0323\u0323", 7);
    free(text.bytes);
    free(out.bytes);
}

static void test_lower(void **state)
{
    (void)state;
    static const struct {
        int32_t code;
        const char *lower;
    } rows[] = {{'A', "a"},        {'a', "a"},         {0x130, "i\u0307"},
                {0x3a3, "\u03c3"}, {0x1e9e, "\u00df"}, {0x10400, "\U00010428"},
                {'1', "1"},        {0x1c5, "\u01c6"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct text_buffer out = {0};
        assert_int_equal(unicode_lower(rows[i].code, &out), 0);
        assert_int_equal(out.size, strlen(rows[i].lower));
        assert_memory_equal(out.bytes, rows[i].lower, out.size);
        free(out.bytes);
    }
}

static void test_word(void **state)
{
    (void)state;
    static const int32_t word[] = {'a',   'Z',    '0',    '_',     0xe9,   0x4e2d, 0x301,
                                   0x93f, 0x2160, 0x24b6, 0x1f130, 0x200d, 0x661};
    static const int32_t other[] = {' ', '-', '.', '$', 0xbd, 0xb2, 0x2014, 0x1f600, 0xa0, 0x200b, 0x2581};
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) assert_true(unicode_is_word(word[i]));
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) assert_false(unicode_is_word(other[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms), cmocka_unit_test(test_random_marks), cmocka_unit_test(test_many_marks),
        cmocka_unit_test(test_lower), cmocka_unit_test(test_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
