/* --help names every option of its command and no other, in lines a terminal can hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/program/help.h"

static char *help_of(enum command_id command)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    help_print(command, out);
    fclose(out);
    return text;
}

static void lists_exactly_its_options(void **state)
{
    (void)state;
    for (int c = 0; c < COMMANDS; c++) {
        char *text = help_of((enum command_id)c);
        for (int o = 0; o < OPTIONS; o++) {
            char line[128], name[96];
            const char *pad = option_table[o].letter == 0 ? "    " : "";
            snprintf(line, sizeof line, "\n  %s%s", pad, help_option((enum option_id)o, name, sizeof name));
            if (option_belongs((enum option_id)o, (enum command_id)c)) assert_non_null(strstr(text, line));
        }
        int lines = 0, expected = 0;
        for (const char *at = text; (at = strstr(at, "\n  ")) != NULL; at++) {
            size_t indent = strspn(at + 1, " ");
            lines += indent <= 6 && at[1 + indent] == '-';
        }
        for (int o = 0; o < OPTIONS; o++) expected += option_belongs((enum option_id)o, (enum command_id)c);
        assert_int_equal(lines, expected);
        free(text);
    }
}

static void lines_fit(void **state)
{
    (void)state;
    for (int c = 0; c < COMMANDS; c++) {
        char *text = help_of((enum command_id)c);
        for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1) {
            assert_true(strcspn(at, "\n") <= 100);
            if (strchr(at, '\n') == NULL) break;
        }
        free(text);
    }
}

static void defaults_are_shown(void **state)
{
    (void)state;
    char text[400];
    assert_non_null(strstr(help_text(OPTION_PREDICT, text, sizeof text), "(default: 32)"));
    assert_string_equal(help_argument(OPTION_CODE), "radix|ternary");
    assert_string_equal(help_option(OPTION_OUTPUT, text, sizeof text), "-o, --output FILE");
    assert_string_equal(help_option(OPTION_QUIET, text, sizeof text), "--quiet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_exactly_its_options),
        cmocka_unit_test(lines_fit),
        cmocka_unit_test(defaults_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
