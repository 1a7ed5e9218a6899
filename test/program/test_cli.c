/* Parsing of the command line: values, defaults, ranges, and the one line that a wrong usage gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "kernel/program/cli.h"

enum { WORDS = 16, TEXT = 8192 };

/* Runs cli_parse on the words of line (split at single spaces) with descriptor `captured` going to text. */
static enum cli_next parse(const char *line, struct cli *cli, int captured, char *text)
{
    static char copy[1024];
    static char *argv[WORDS + 1];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word != NULL && argc < WORDS; word = strtok(NULL, " ")) argv[argc++] = word;
    argv[argc] = NULL;
    FILE *file = tmpfile();
    fflush(NULL);
    int saved = dup(captured);
    dup2(fileno(file), captured);
    enum cli_next next = cli_parse(argc, argv, cli);
    fflush(NULL);
    dup2(saved, captured);
    close(saved);
    rewind(file);
    text[fread(text, 1, TEXT - 1, file)] = '\0';
    fclose(file);
    return next;
}

static void expect_wrong(const char *line, const char *message)
{
    struct cli cli;
    char text[TEXT];
    assert_int_equal(parse(line, &cli, STDERR_FILENO, text), CLI_WRONG);
    assert_string_equal(text, message);
}

static void values_and_defaults(void **state)
{
    (void)state;
    struct cli cli;
    char text[TEXT];
    assert_int_equal(parse("lassim -m a.snn -n 5 --temp=0.5 --engine dense --quiet", &cli, STDERR_FILENO, text),
                     CLI_RUN);
    assert_int_equal(cli.command, COMMAND_RUN);
    assert_string_equal(cli_text(&cli, OPTION_MODEL), "a.snn");
    assert_int_equal(cli_integer(&cli, OPTION_PREDICT), 5);
    assert_true(cli_real(&cli, OPTION_TEMP) == 0.5 && cli_real(&cli, OPTION_TOP_P) == 1.0);
    assert_int_equal(cli_integer(&cli, OPTION_ENGINE), 2);
    assert_int_equal(cli_integer(&cli, OPTION_NUMA), 0);
    assert_true(cli_flag(&cli, OPTION_QUIET) && !cli_flag(&cli, OPTION_JSON));
    assert_false(cli_given(&cli, OPTION_TIMESTEPS));
    assert_null(cli_text(&cli, OPTION_TRACE));
    assert_int_equal(parse("lassim -m a.snn", &cli, STDERR_FILENO, text), CLI_RUN);
    assert_int_equal(cli_integer(&cli, OPTION_PREDICT), 32);
    assert_false(cli_given(&cli, OPTION_PREDICT));
}

static void commands_and_operands(void **state)
{
    (void)state;
    struct cli cli;
    char text[TEXT];
    assert_int_equal(parse("lassim convert -o x dir --timesteps 8", &cli, STDERR_FILENO, text), CLI_RUN);
    assert_int_equal(cli.command, COMMAND_CONVERT);
    assert_int_equal(cli.operands, 1);
    assert_string_equal(cli.operand[0], "dir");
    assert_int_equal(cli_integer(&cli, OPTION_CONVERT_TIMESTEPS), 8);
    assert_int_equal(parse("lassim trace info -- -file", &cli, STDERR_FILENO, text), CLI_RUN);
    assert_int_equal(cli.command, COMMAND_TRACE_INFO);
    assert_string_equal(cli.operand[0], "-file");
    assert_int_equal(parse("lassim trace info -", &cli, STDERR_FILENO, text), CLI_RUN);
    assert_string_equal(cli.operand[0], "-");
}

/* Where a path may be given again each counts, in order; elsewhere the last one does, as everywhere. */
static void paths_given_again(void **state)
{
    (void)state;
    struct cli cli;
    char text[TEXT];
    assert_int_equal(parse("lassim sweep --text t -m a d --model=b -o x -m c e", &cli, STDERR_FILENO, text), CLI_RUN);
    assert_string_equal(cli_text(&cli, OPTION_SWEEP_MODEL), "a");
    assert_int_equal(cli.agains, 2);
    assert_string_equal(cli.again[0], "b");
    assert_string_equal(cli.again[1], "c");
    assert_int_equal(cli.operands, 2);
    assert_string_equal(cli.operand[1], "e");
    expect_wrong("lassim sweep --text t -m a -m= -o x --model=",
                 "lassim: --model: expected a file name, found an empty word\n");
    assert_int_equal(parse("lassim -m a -m b", &cli, STDERR_FILENO, text), CLI_RUN);
    assert_string_equal(cli_text(&cli, OPTION_MODEL), "b");
    assert_int_equal(cli.agains, 0);
}

/* As many as fit, and one more. */
static void too_many_paths_are_refused(void **state)
{
    (void)state;
    static char word[] = "-ma", program[] = "lassim", command[] = "sweep", option[] = "-ot", last[] = "--text=t";
    static char *argv[CLI_AGAIN_MAX + 7];
    struct cli cli;
    int argc = 0;
    argv[argc++] = program;
    argv[argc++] = command;
    argv[argc++] = option;
    argv[argc++] = last;
    while (argc < CLI_AGAIN_MAX + 5) argv[argc++] = word;
    assert_int_equal(cli_parse(argc, argv, &cli), CLI_RUN);
    assert_int_equal(cli.agains, CLI_AGAIN_MAX);
    argv[argc++] = word;
    assert_int_equal(cli_parse(argc, argv, &cli), CLI_WRONG);
}

static void help_and_version_answer(void **state)
{
    (void)state;
    struct cli cli;
    char text[TEXT];
    assert_int_equal(parse("lassim --version", &cli, STDOUT_FILENO, text), CLI_DONE);
    assert_string_equal(text, "lassim " LASSIM_VERSION "\n");
    assert_int_equal(parse("lassim convert -h", &cli, STDOUT_FILENO, text), CLI_DONE);
    assert_memory_equal(text, "usage: lassim convert CKPT --output FILE [options]\n", 51);
    assert_int_equal(parse("lassim trace --help", &cli, STDOUT_FILENO, text), CLI_DONE);
    assert_non_null(strstr(text, "trace export FILE"));
}

static void wrong_usage_is_one_line(void **state)
{
    (void)state;
    expect_wrong("lassim -m x -n q", "lassim: --predict: expected an integer from 0 to 1073741824, found 'q'\n");
    expect_wrong("lassim -m x -n -1", "lassim: --predict: expected an integer from 0 to 1073741824, found '-1'\n");
    expect_wrong("lassim -m x -n 99999999999999999999",
                 "lassim: --predict: expected an integer from 0 to 1073741824, found '99999999999999999999'\n");
    expect_wrong("lassim -m x --timesteps 17", "lassim: --timesteps: expected an integer from 1 to 16, found '17'\n");
    expect_wrong("lassim -m x --top-p 1.5", "lassim: --top-p: expected a number from 0 to 1, found '1.5'\n");
    expect_wrong("lassim -m x --temp nan", "lassim: --temp: expected a number from 0 to 1e+06, found 'nan'\n");
    expect_wrong("lassim -m x --engine turbo",
                 "lassim: --engine: expected one of: fused, event, dense; found 'turbo'\n");
    expect_wrong("lassim --model=", "lassim: --model: expected a file name, found an empty word\n");
    expect_wrong("lassim -m x --nonsense",
                 "lassim: unknown or ambiguous option --nonsense (lassim --help shows the usage)\n");
    expect_wrong("lassim -m x -z", "lassim: unknown or ambiguous option -z (lassim --help shows the usage)\n");
    expect_wrong("lassim -m x --quiet=1", "lassim: no argument belongs to --quiet=1 (lassim --help shows the usage)\n");
    expect_wrong("lassim -m", "lassim: an argument is missing after -m (lassim --help shows the usage)\n");
    expect_wrong("lassim -n 3", "lassim: missing -m, --model FILE (lassim --help shows the usage)\n");
    expect_wrong("lassim -m x extra", "lassim: unexpected extra (lassim --help shows the usage)\n");
    expect_wrong("lassim convert", "lassim: missing CKPT (lassim convert --help shows the usage)\n");
    char expected[1024] = "lassim: unknown command frobnicate, expected one of: convert";
    size_t used = strlen(expected);
    for (int c = COMMAND_CONVERT + 1; c < COMMANDS; c++)
        used += (size_t)snprintf(expected + used, sizeof expected - used, ", %s", command_table[c].name);
    snprintf(expected + used, sizeof expected - used, " (or options only)\n");
    expect_wrong("lassim frobnicate", expected);
    expect_wrong("lassim -m x --tem\np", "lassim: unknown or ambiguous option --tem\\x0ap (lassim --help shows the "
                                         "usage)\n");
}

static void no_argument_is_the_usage(void **state)
{
    (void)state;
    struct cli cli;
    char text[TEXT];
    assert_int_equal(parse("lassim", &cli, STDERR_FILENO, text), CLI_WRONG);
    assert_memory_equal(text, "usage: lassim --model FILE", 26);
}

static void a_commands_own_error_names_the_option(void **state)
{
    (void)state;
    char text[TEXT];
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    int status = cli_usage(OPTION_TRACE, "not with %s", "--engine dense");
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    text[fread(text, 1, TEXT - 1, file)] = '\0';
    fclose(file);
    assert_int_equal(status, LASSIM_ERR_USAGE);
    assert_string_equal(text, "lassim: --trace: not with --engine dense\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults),      cmocka_unit_test(commands_and_operands),
        cmocka_unit_test(paths_given_again),        cmocka_unit_test(too_many_paths_are_refused),
        cmocka_unit_test(help_and_version_answer),  cmocka_unit_test(wrong_usage_is_one_line),
        cmocka_unit_test(no_argument_is_the_usage), cmocka_unit_test(a_commands_own_error_names_the_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
