/* make_docs man FILE       FILE with every line "@COMMAND id@" replaced by that command's options, as roff
 * make_docs markdown FILE  FILE with the text from "<!-- COMMAND id -->" to "<!-- END -->" made anew
 * make_docs bash           the bash completion
 * All of it from the tables of kernel/program, to stdout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/lassim.h"
#include "kernel/program/help.h"

static const char *const command_ids[COMMANDS] = {
#define COMMAND(id, function, name, operands, fewest, most, summary) #id,
#include "kernel/program/commands.def"
#undef COMMAND
};

/* Text for roff: a hyphen that is typed stays one. */
static void print_roff(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '-' || *text == '\\') putchar('\\');
        putchar(*text);
    }
}

static void man_command(enum command_id command)
{
    char title[64], text[400];
    printf(".SS \"%s", command_title(command, title, sizeof title));
    if (*command_table[command].operands != '\0') printf(" %s", command_table[command].operands);
    printf("\"\n");
    print_roff(command_table[command].summary);
    printf(".\n");
    for (int o = 0; o < OPTIONS; o++) {
        if (!option_belongs((enum option_id)o, command)) continue;
        printf(".TP\n.B ");
        print_roff(help_option((enum option_id)o, text, sizeof text));
        putchar('\n');
        print_roff(help_text((enum option_id)o, text, sizeof text));
        putchar('\n');
    }
}

/* A vertical bar would end the table's cell. */
static void print_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text);
    }
}

static void markdown_command(enum command_id command)
{
    char title[64], text[400];
    printf("### `%s", command_title(command, title, sizeof title));
    if (*command_table[command].operands != '\0') printf(" %s", command_table[command].operands);
    printf("`\n%c%s.\n\n| option | meaning |\n| --- | --- |\n", command_table[command].summary[0] - 'a' + 'A',
           command_table[command].summary + 1);
    for (int o = 0; o < OPTIONS; o++) {
        if (!option_belongs((enum option_id)o, command)) continue;
        printf("| `");
        print_cell(help_option((enum option_id)o, text, sizeof text));
        printf("` | ");
        print_cell(help_text((enum option_id)o, text, sizeof text));
        printf(" |\n");
    }
}

/* 1 if line is mark with %s = the id of a command; sets *command. */
static int is_mark(const char *line, const char *before, const char *after, enum command_id *command)
{
    for (int c = 0; c < COMMANDS; c++) {
        char mark[64];
        snprintf(mark, sizeof mark, "%s%s%s\n", before, command_ids[c], after);
        if (strcmp(line, mark) != 0) continue;
        *command = (enum command_id)c;
        return 1;
    }
    return 0;
}

static int complain_missing(const char *path, const int *seen)
{
    int missing = 0;
    for (int c = 0; c < COMMANDS; c++) {
        if (!seen[c]) fprintf(stderr, "%s: the place of command %s is missing\n", path, command_ids[c]);
        missing |= !seen[c];
    }
    return missing;
}

/* Copies file, "@COMMAND id@" lines and "@VERSION@" replaced. */
static int fill_man(FILE *file, const char *path)
{
    char line[1024];
    int seen[COMMANDS] = {0};
    enum command_id command;
    while (fgets(line, sizeof line, file) != NULL) {
        char *version = strstr(line, "@VERSION@");
        if (is_mark(line, "@COMMAND ", "@", &command)) {
            man_command(command);
            seen[command] = 1;
        } else if (version != NULL) {
            printf("%.*s%s%s", (int)(version - line), line, LASSIM_VERSION, version + strlen("@VERSION@"));
        } else {
            fputs(line, stdout);
        }
    }
    return complain_missing(path, seen);
}

/* Copies file; what stands between "<!-- COMMAND id -->" and "<!-- END -->" is made anew. */
static int fill_markdown(FILE *file, const char *path)
{
    char line[4096];
    int seen[COMMANDS] = {0}, skipping = 0;
    enum command_id command;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strcmp(line, "<!-- END -->\n") == 0) skipping = 0;
        if (!skipping) fputs(line, stdout);
        if (!is_mark(line, "<!-- COMMAND ", " -->", &command)) continue;
        markdown_command(command);
        skipping = seen[command] = 1;
    }
    return complain_missing(path, seen) | skipping;
}

static void bash_command(enum command_id command)
{
    printf("    '%s')\n        case $previous in\n", command_table[command].name);
    for (int o = 0; o < OPTIONS; o++) {
        const struct option_row *row = &option_table[o];
        if (!option_belongs((enum option_id)o, command) || row->kind == KIND_FLAG) continue;
        printf("        --%s", row->name);
        if (row->letter != 0) printf(" | -%c", row->letter);
        if (row->kind == KIND_PATH || row->kind == KIND_PATHS) {
            printf(") compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
        } else if (row->kind == KIND_CHOICE) {
            printf(") COMPREPLY=($(compgen -W '");
            for (const char *c = row->choices; *c != '\0'; c++) putchar(*c == '|' ? ' ' : *c);
            printf("' -- \"$word\")); return ;;\n");
        } else {
            printf(") return ;;\n");
        }
    }
    printf("        esac\n        options='");
    for (int o = 0; o < OPTIONS; o++) {
        if (!option_belongs((enum option_id)o, command)) continue;
        printf("--%s ", option_table[o].name);
        if (option_table[o].letter != 0) printf("-%c ", option_table[o].letter);
    }
    printf("' ;;\n");
}

/* First words of the commands, each once; with after != NULL, the second words of those that begin with it. */
static void bash_words(const char *after)
{
    const char *last = "";
    for (int c = 0; c < COMMANDS; c++) {
        const char *name = command_table[c].name;
        size_t first = strcspn(name, " ");
        if (after == NULL) {
            if (first > 0 && strncmp(last, name, first) != 0) printf("%.*s ", (int)first, name);
            if (first > 0) last = name;
        } else if (strncmp(name, after, strlen(after)) == 0 && name[first] != '\0') {
            printf("%s ", name + first + 1);
        }
    }
}

static void bash(void)
{
    puts("# bash completion for lassim, made from its option table\n"
         "_lassim()\n{\n"
         "    local word=$2 previous=$3 command= options=\n"
         "    COMPREPLY=()\n"
         "    [[ ${COMP_WORDS[1]} != -* && $COMP_CWORD -gt 1 ]] && command=${COMP_WORDS[1]}\n"
         "    [[ $command == trace && $COMP_CWORD -gt 2 ]] && command=\"trace ${COMP_WORDS[2]}\"\n"
         "    case $command in\n"
         "    trace)");
    printf("        COMPREPLY=($(compgen -W '");
    bash_words("trace ");
    puts("' -- \"$word\")); return ;;");
    for (int c = 0; c < COMMANDS; c++) bash_command((enum command_id)c);
    puts("    esac\n"
         "    if [[ $word == -* ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n"
         "    elif [[ $COMP_CWORD -eq 1 ]]; then");
    printf("        COMPREPLY=($(compgen -W '");
    bash_words(NULL);
    puts("' -- \"$word\"))\n"
         "    else\n"
         "        compopt -o filenames\n"
         "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
         "    fi\n"
         "}\n"
         "complete -F _lassim lassim");
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "bash") == 0) {
        bash();
        return 0;
    }
    FILE *file = argc == 3 ? fopen(argv[2], "r") : NULL;
    if (file == NULL || (strcmp(argv[1], "man") != 0 && strcmp(argv[1], "markdown") != 0)) {
        fputs("usage: make_docs man FILE | markdown FILE | bash\n", stderr);
        return 2;
    }
    int status = strcmp(argv[1], "man") == 0 ? fill_man(file, argv[2]) : fill_markdown(file, argv[2]);
    fclose(file);
    return status;
}
