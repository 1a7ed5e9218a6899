/* A token stream cut anywhere gives the same valid UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/program/output.h"

/* Streams text in pieces of `step` bytes; the caller frees. */
static char *stream(const char *text, size_t size, size_t step)
{
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    struct text_stream text_out = {.out = file};
    for (size_t at = 0; at < size; at += step) {
        text_stream_add(&text_out, (const uint8_t *)text + at, size - at < step ? size - at : step);
    }
    text_stream_end(&text_out);
    fclose(file);
    return out;
}

static void pieces_do_not_matter(void **state)
{
    (void)state;
    char text[2000] = "";
    while (strlen(text) < 1900) strcat(text, "na\xc3\xafve \xe2\x80\x9cquoted\xe2\x80\x9d \xf0\x9f\x98\x80 ");
    for (size_t step = 1; step < 1999; step += step < 20 ? 1 : 97) {
        char *out = stream(text, strlen(text), step);
        assert_string_equal(out, text);
        free(out);
    }
}

static void ill_formed_is_replaced(void **state)
{
    (void)state;
    const char broken[] = "a\xff"
                          "b\xe2\x80"
                          "c\xf0\x9f";
    for (size_t step = 1; step < sizeof broken; step++) {
        char *out = stream(broken, sizeof broken - 1, step);
        assert_string_equal(out, "a\xef\xbf\xbd"
                                 "b\xef\xbf\xbd"
                                 "c\xef\xbf\xbd");
        free(out);
    }
}

/* A complete character is out before the next piece comes. */
static void nothing_complete_is_held(void **state)
{
    (void)state;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    struct text_stream text_out = {.out = file};
    text_stream_add(&text_out, (const uint8_t *)"x\xc3", 2);
    assert_int_equal(length, 1);
    text_stream_add(&text_out, (const uint8_t *)"\xa9", 1);
    assert_int_equal(length, 3);
    fclose(file);
    free(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(ill_formed_is_replaced),
        cmocka_unit_test(nothing_complete_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
