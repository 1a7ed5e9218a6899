#include "kernel/program/cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/program/help.h"

enum { LONG_BASE = 256 }; /* getopt value of option 0: above every character */

int cli_error(const struct lassim_error *error)
{
    fprintf(stderr, "lassim: %s\n", error->text);
    return (int)error->status;
}

int cli_usage(enum option_id option, const char *format, ...)
{
    char name[64], text[400];
    snprintf(name, sizeof name, "--%s", option_table[option].name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct lassim_error error;
    lassim_fail(&error, LASSIM_ERR_USAGE, name, NULL, "%s", text);
    return cli_error(&error);
}

/* "lassim: TEXT (lassim convert --help lists the options)". */
static enum cli_next wrong(enum command_id command, const char *what, const char *typed)
{
    char title[64];
    struct lassim_error error;
    lassim_fail(&error, LASSIM_ERR_USAGE, NULL, NULL, "%s %.200s (%s --help shows the usage)", what, typed,
                command_title(command, title, sizeof title));
    cli_error(&error);
    return CLI_WRONG;
}

/* No command of that name; asking for help on "trace" alone is answered with its commands. */
static enum cli_next unknown_command(int argc, char **argv)
{
    const char *typed = argv[1];
    if (argc > 2 && (strcmp(argv[2], "--help") == 0 || strcmp(argv[2], "-h") == 0) && help_group(typed, stdout) > 0) {
        return CLI_DONE;
    }
    char names[256] = "";
    size_t used = 0;
    for (int c = 0; c < COMMANDS; c++) {
        const char *name = command_table[c].name;
        if (*name == '\0') continue;
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "", name);
    }
    struct lassim_error error;
    lassim_fail(&error, LASSIM_ERR_USAGE, NULL, NULL, "unknown command %.100s, expected one of: %s (or options only)",
                typed, names);
    cli_error(&error);
    return CLI_WRONG;
}

/* Finds the command in argv[1] (and argv[2] for two words) and sets *words to the words it took.  Returns
 * COMMANDS if there is none of that name. */
static enum command_id find_command(int argc, char **argv, int *words)
{
    *words = 0;
    if (argc < 2 || argv[1][0] == '-') return COMMAND_RUN;
    for (int c = 0; c < COMMANDS; c++) {
        const char *name = command_table[c].name;
        size_t first = strcspn(name, " ");
        if (first == 0 || strlen(argv[1]) != first || memcmp(argv[1], name, first) != 0) continue;
        if (name[first] != '\0' && (argc < 3 || strcmp(argv[2], name + first + 1) != 0)) continue;
        *words = name[first] != '\0' ? 2 : 1;
        return (enum command_id)c;
    }
    return COMMANDS;
}

/* Fills getopt's tables with the command's options. */
static void fill_getopt(enum command_id command, struct option *longs, char *letters)
{
    *letters++ = ':'; /* a missing argument is ':', and nothing is printed */
    for (int o = 0; o < OPTIONS; o++) {
        if (!option_belongs((enum option_id)o, command)) continue;
        const struct option_row *row = &option_table[o];
        int has_argument = row->kind == KIND_FLAG ? no_argument : required_argument;
        *longs++ = (struct option){row->name, has_argument, NULL, LONG_BASE + o};
        if (row->letter == 0) continue;
        *letters++ = row->letter;
        if (has_argument != no_argument) *letters++ = ':';
    }
    *longs = (struct option){NULL, 0, NULL, 0};
    *letters = '\0';
}

static int option_of(enum command_id command, int code)
{
    if (code >= LONG_BASE) return code - LONG_BASE;
    for (int o = 0; o < OPTIONS; o++) {
        if (option_table[o].letter == code && option_belongs((enum option_id)o, command)) return o;
    }
    return -1;
}

static int parse_integer(const struct option_row *row, const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return errno == 0 && end != text && *end == '\0' && (double)number >= row->low && (double)number <= row->high;
}

static int parse_real(const struct option_row *row, const char *text, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && isfinite(*value) && *value >= row->low && *value <= row->high;
}

static void describe_choices(const char *choices, char *out, size_t size)
{
    size_t used = 0;
    for (; *choices != '\0' && used + 3 < size; choices++) {
        if (*choices != '|') {
            out[used++] = *choices;
            continue;
        }
        out[used++] = ',';
        out[used++] = ' ';
    }
    out[used] = '\0';
}

/* Sets *value from text by the row's kind; 0, or LASSIM_ERR_USAGE after one line on stderr. */
static int set_value(enum option_id option, const char *text, struct cli_value *value)
{
    const struct option_row *row = &option_table[option];
    char choices[128];
    value->text = text;
    switch (row->kind) {
    case KIND_FLAG:
    case KIND_TEXT: break;
    case KIND_PATH:
    case KIND_PATHS:
        if (*text == '\0') return cli_usage(option, "expected a file name, found an empty word");
        break;
    case KIND_INTEGER:
        if (parse_integer(row, text, &value->integer)) break;
        return cli_usage(option, "expected an integer from %.0f to %.0f, found '%.100s'", row->low, row->high, text);
    case KIND_REAL:
        if (parse_real(row, text, &value->real)) break;
        return cli_usage(option, "expected a number from %g to %g, found '%.100s'", row->low, row->high, text);
    case KIND_CHOICE:
        value->integer = choice_index(row->choices, text);
        if (value->integer >= 0) break;
        describe_choices(row->choices, choices, sizeof choices);
        return cli_usage(option, "expected one of: %s; found '%.100s'", choices, text);
    }
    return 0;
}

static void set_defaults(struct cli *cli)
{
    memset(cli, 0, sizeof *cli);
    for (int o = 0; o < OPTIONS; o++) {
        if (option_table[o].standard != NULL) set_value((enum option_id)o, option_table[o].standard, &cli->value[o]);
    }
}

/* One more path of an option of KIND_PATHS. */
static enum cli_next take_again(struct cli *cli, enum option_id option, const char *text)
{
    struct cli_value value;
    if (set_value(option, text, &value) != 0) return CLI_WRONG;
    if (cli->agains == CLI_AGAIN_MAX) {
        cli_usage(option, "expected at most %d of them", 1 + CLI_AGAIN_MAX);
        return CLI_WRONG;
    }
    cli->again[cli->agains++] = text;
    return CLI_RUN;
}

/* One option as getopt_long returned it. */
static enum cli_next take_option(struct cli *cli, int code, char **argv)
{
    char letter[] = {'-', (char)optopt, '\0'};
    const char *typed = optopt > 0 && optopt < LONG_BASE ? letter : argv[optind - 1];
    if (code == '?' && optopt >= LONG_BASE) return wrong(cli->command, "no argument belongs to", typed);
    if (code == '?') return wrong(cli->command, "unknown or ambiguous option", typed);
    if (code == ':') return wrong(cli->command, "an argument is missing after", typed);
    int option = option_of(cli->command, code);
    LASSIM_INVARIANT(option >= 0, "getopt_long returned %d", code);
    const char *text = option_table[option].kind == KIND_FLAG ? "" : optarg;
    if (option_table[option].kind == KIND_PATHS && cli->value[option].given)
        return take_again(cli, (enum option_id)option, text);
    cli->value[option].given = 1;
    return set_value((enum option_id)option, text, &cli->value[option]) == 0 ? CLI_RUN : CLI_WRONG;
}

static enum cli_next check_complete(const struct cli *cli)
{
    const struct command_row *command = &command_table[cli->command];
    char name[96];
    if (cli->operands < command->fewest) return wrong(cli->command, "missing", command->operands);
    if (cli->operands > command->most) return wrong(cli->command, "unexpected", cli->operand[command->most]);
    for (int o = 0; o < OPTIONS; o++) {
        if ((option_table[o].needed >> cli->command & 1) == 0 || cli->value[o].given) continue;
        return wrong(cli->command, "missing", help_option((enum option_id)o, name, sizeof name));
    }
    return CLI_RUN;
}

enum cli_next cli_parse(int argc, char **argv, struct cli *cli)
{
    int words;
    set_defaults(cli);
    cli->command = find_command(argc, argv, &words);
    if (cli->command == COMMANDS) return unknown_command(argc, argv);
    if (argc < 2) {
        help_usage(COMMAND_RUN, stderr);
        return CLI_WRONG;
    }
    struct option longs[OPTIONS + 1];
    char letters[2 * OPTIONS + 2];
    fill_getopt(cli->command, longs, letters);
    argc -= words;
    argv += words;
    optind = 0; /* glibc: start over */
    int code;
    while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
        if (take_option(cli, code, argv) == CLI_WRONG) return CLI_WRONG;
        if (cli_flag(cli, OPTION_HELP)) {
            help_print(cli->command, stdout);
            return CLI_DONE;
        }
        if (cli_flag(cli, OPTION_VERSION)) {
            printf("lassim %s\n", LASSIM_VERSION);
            return CLI_DONE;
        }
    }
    cli->operands = argc - optind;
    cli->operand = argv + optind;
    return check_complete(cli);
}

int cli_given(const struct cli *cli, enum option_id option)
{
    return cli->value[option].given;
}

int cli_flag(const struct cli *cli, enum option_id option)
{
    return cli->value[option].given;
}

const char *cli_text(const struct cli *cli, enum option_id option)
{
    return cli->value[option].text;
}

int64_t cli_integer(const struct cli *cli, enum option_id option)
{
    return cli->value[option].integer;
}

double cli_real(const struct cli *cli, enum option_id option)
{
    return cli->value[option].real;
}
