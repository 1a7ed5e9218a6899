#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/tokenizer_pattern.h"

/* The words of text, each in brackets. */
static void words(enum tokenizer_pattern kind, const char *text, const char *expected)
{
    struct word_pattern pattern = {0};
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    char found[256] = "";
    size_t size = strlen(text), length;
    assert_int_equal(word_pattern_compile(kind, &pattern), 0);
    for (size_t at = 0; at < size; at += length) {
        assert_int_equal(word_pattern_next(&pattern, match, (const uint8_t *)text, size, at, &length), 1);
        strcat(found, "[");
        strncat(found, text + at, length);
        strcat(found, "]");
    }
    assert_string_equal(found, expected);
    word_pattern_clear(&pattern);
    pcre2_match_data_free(match);
}

static void test_words(void **state)
{
    (void)state;
    words(TOKENIZER_GPT2, "It's  12345 \u00e9t\u00e9!\n\n x", "[It]['s][ ][ 12345][ \u00e9t\u00e9][!][\n\n][ x]");
    words(TOKENIZER_GPT2, "WE'LL", "[WE]['][LL]");
    words(TOKENIZER_LLAMA3, "WE'LL 12345 a.b\n\n  x \n", "[WE]['LL][ ][123][45][ a][.b][\n\n][ ][ x][ \n]");
    words(TOKENIZER_LLAMA3, "!!\n\r\nx\t\n y", "[!!\n\r\n][x][\t\n][ y]");
    words(TOKENIZER_LLAMA3, "'\u017f \u00a0a", "['\u017f][ ][\u00a0a]"); /* the long s is an s in any case */
    words(TOKENIZER_QWEN2, "a1234 \u0661\u0662", "[a][1][2][3][4][ ][\u0661][\u0662]");
    words(TOKENIZER_DIGITS, "a12  3b  c", "[a][1][2][  ][3][b][ ][ c]");
    words(TOKENIZER_DIGITS, "it's \u00bd x", "[it]['s][ ][\u00bd][ x]");
    words(TOKENIZER_GGML, "don't  (x) 12345\u0661 1", "[don]['][t][  ][(][x][)][ ][123][45\u0661][ ][1]");
    words(TOKENIZER_GGML, "a  b `c` $5", "[a][ ][ b][ `][c][`][ ][$][5]");
}

/* Long runs neither run into the limits nor take quadratic time. */
static void test_long_runs(void **state)
{
    (void)state;
    static const char *const units[] = {" ",  "\n",     " \n",    "\t ", "a",      "1",      ".",      "'",
                                        " '", "\u0301", "\u3000", "12a", "\r\n x", "\u0661", "\u06611"};
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    assert_non_null(text);
    for (int kind = TOKENIZER_GPT2; kind <= TOKENIZER_GGML; kind++) {
        struct word_pattern pattern = {0};
        assert_int_equal(word_pattern_compile((enum tokenizer_pattern)kind, &pattern), 0);
        for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
            size_t unit = strlen(units[u]), size = SIZE / unit * unit, length;
            for (size_t i = 0; i < size; i++) text[i] = units[u][i % unit];
            clock_t start = clock();
            for (size_t at = 0; at < size; at += length) {
                int found = word_pattern_next(&pattern, match, (const uint8_t *)text, size, at, &length);
                if (found != 1 || length == 0) fail_msg("pattern %d, \"%s\": %d at %zu", kind, units[u], found, at);
            }
            assert_true(clock() - start < 60 * CLOCKS_PER_SEC);
        }
        word_pattern_clear(&pattern);
    }
    pcre2_match_data_free(match);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_long_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
