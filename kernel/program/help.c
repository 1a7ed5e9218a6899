#include "kernel/program/help.h"

#include <string.h>

enum { OPTION_COLUMN = 30, LINE_WIDTH = 100 };

const char *help_argument(enum option_id option)
{
    const struct option_row *row = &option_table[option];
    if (row->kind == KIND_CHOICE) return row->choices;
    return row->argument != NULL ? row->argument : "";
}

const char *help_option(enum option_id option, char *out, size_t size)
{
    const struct option_row *row = &option_table[option];
    char letter[8] = "";
    if (row->letter != 0) snprintf(letter, sizeof letter, "-%c, ", row->letter);
    const char *argument = help_argument(option);
    snprintf(out, size, "%s--%s%s%s", letter, row->name, *argument != '\0' ? " " : "", argument);
    return out;
}

const char *help_text(enum option_id option, char *out, size_t size)
{
    const struct option_row *row = &option_table[option];
    if (row->standard == NULL) {
        snprintf(out, size, "%s", row->help);
    } else {
        snprintf(out, size, "%s (default: %s)", row->help, row->standard);
    }
    return out;
}

void help_usage(enum command_id command, FILE *out)
{
    const struct command_row *row = &command_table[command];
    char title[64], argument[96];
    fprintf(out, "usage: %s", command_title(command, title, sizeof title));
    if (*row->operands != '\0') fprintf(out, " %s", row->operands);
    for (int o = 0; o < OPTIONS; o++) {
        if ((option_table[o].needed >> command & 1) == 0) continue;
        snprintf(argument, sizeof argument, " --%s %s", option_table[o].name, help_argument((enum option_id)o));
        fputs(argument, out);
    }
    fputs(" [options]\n", out);
    if (command == COMMAND_RUN) fputs("       lassim COMMAND ... [options]\n       lassim --help\n", out);
}

/* Prints text from the option column on, broken at spaces. */
static void print_wrapped(const char *text, int column, FILE *out)
{
    if (column >= OPTION_COLUMN) {
        fputc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", OPTION_COLUMN - column, "");
    size_t left = LINE_WIDTH - OPTION_COLUMN;
    while (strlen(text) > left) {
        size_t cut = left;
        while (cut > 0 && text[cut] != ' ') cut--;
        if (cut == 0) break;
        fprintf(out, "%.*s\n%*s", (int)cut, text, OPTION_COLUMN, "");
        text += cut + 1;
    }
    fprintf(out, "%s\n", text);
}

static void print_option(enum option_id option, FILE *out)
{
    char name[96], text[400];
    help_option(option, name, sizeof name);
    int column = fprintf(out, "  %s%s", option_table[option].letter == 0 ? "    " : "", name);
    print_wrapped(help_text(option, text, sizeof text), column, out);
}

/* 1 if an earlier option of the command stands in the same group. */
static int group_seen(enum option_id option, enum command_id command)
{
    for (int o = 0; o < (int)option; o++) {
        if (option_belongs((enum option_id)o, command) && !strcmp(option_table[o].group, option_table[option].group)) {
            return 1;
        }
    }
    return 0;
}

static void print_command(const struct command_row *row, FILE *out)
{
    int column = fprintf(out, "  %s %s", row->name, row->operands);
    print_wrapped(row->summary, column, out);
}

int help_group(const char *word, FILE *out)
{
    int found = 0;
    size_t length = strlen(word);
    for (int c = 0; c < COMMANDS; c++) {
        const char *name = command_table[c].name;
        if (strcspn(name, " ") != length || memcmp(name, word, length) != 0 || name[length] == '\0') continue;
        if (found++ == 0) fprintf(out, "usage: lassim %s ... [options]\n\nCommands:\n", word);
        print_command(&command_table[c], out);
    }
    return found;
}

static void print_commands(FILE *out)
{
    fputs("\nCommands:\n", out);
    for (int c = 0; c < COMMANDS; c++) {
        if (command_table[c].name[0] != '\0') print_command(&command_table[c], out);
    }
    fputs("lassim COMMAND --help shows a command's options; man lassim, all of them.\n", out);
}

void help_print(enum command_id command, FILE *out)
{
    char title[64];
    help_usage(command, out);
    fprintf(out, "\n%s %s.\n", command_title(command, title, sizeof title), command_table[command].summary);
    for (int o = 0; o < OPTIONS; o++) {
        if (!option_belongs((enum option_id)o, command) || group_seen((enum option_id)o, command)) continue;
        fprintf(out, "\n%s:\n", option_table[o].group);
        for (int same = o; same < OPTIONS; same++) {
            if (option_belongs((enum option_id)same, command) &&
                strcmp(option_table[same].group, option_table[o].group) == 0) {
                print_option((enum option_id)same, out);
            }
        }
    }
    if (command == COMMAND_RUN) print_commands(out);
    fputs("\nExit status: 0 done, 1 failed while running, 2 wrong usage, 3 bad input file, 4 check not passed.\n", out);
}
