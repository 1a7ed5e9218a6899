/* The tables of commands and options hold together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "kernel/program/options.h"

/* Every option is needed only where it belongs, has a help text, and an argument exactly when it takes one. */
static void rows_are_sound(void **state)
{
    (void)state;
    for (int o = 0; o < OPTIONS; o++) {
        const struct option_row *row = &option_table[o];
        assert_int_equal(row->needed & ~row->commands, 0);
        assert_int_not_equal(row->commands, 0);
        assert_true(strlen(row->help) > 0 && strlen(row->group) > 0);
        assert_int_equal(row->argument != NULL, row->kind != KIND_FLAG && row->kind != KIND_CHOICE);
        assert_int_equal(row->choices != NULL, row->kind == KIND_CHOICE);
        if (row->kind == KIND_INTEGER || row->kind == KIND_REAL) assert_true(row->low < row->high);
        if (row->choices != NULL && row->standard != NULL) assert_true(choice_index(row->choices, row->standard) >= 0);
    }
}

/* No command has two options of one long name or one letter. */
static void names_are_unique(void **state)
{
    (void)state;
    for (int a = 0; a < OPTIONS; a++) {
        for (int b = 0; b < a; b++) {
            if ((option_table[a].commands & option_table[b].commands) == 0) continue;
            assert_string_not_equal(option_table[a].name, option_table[b].name);
            if (option_table[a].letter != 0) assert_int_not_equal(option_table[a].letter, option_table[b].letter);
        }
    }
}

static void every_command_has_help_and_version(void **state)
{
    (void)state;
    for (int c = 0; c < COMMANDS; c++) {
        assert_true(option_belongs(OPTION_HELP, (enum command_id)c));
        assert_true(option_belongs(OPTION_VERSION, (enum command_id)c));
    }
    assert_false(option_belongs(OPTION_MODEL, COMMAND_CONVERT));
}

static void choices_are_found_whole(void **state)
{
    (void)state;
    assert_int_equal(choice_index("radix|ternary", "radix"), 0);
    assert_int_equal(choice_index("radix|ternary", "ternary"), 1);
    assert_int_equal(choice_index("radix|ternary", "tern"), -1);
    assert_int_equal(choice_index("radix|ternary", "radixx"), -1);
    assert_int_equal(choice_index("radix|ternary", "radix|ternary"), -1);
    assert_int_equal(choice_index("radix|ternary", ""), -1);
}

static void titles(void **state)
{
    (void)state;
    char text[64];
    assert_string_equal(command_title(COMMAND_RUN, text, sizeof text), "lassim");
    assert_string_equal(command_title(COMMAND_TRACE_INFO, text, sizeof text), "lassim trace info");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_command_has_help_and_version),
        cmocka_unit_test(choices_are_found_whole),
        cmocka_unit_test(titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
