#include "kernel/program/options.h"

#include <stdio.h>
#include <string.h>

#define FOR(command) (UINT32_C(1) << COMMAND_##command)
#define FOR_EVERY ((UINT32_C(1) << COMMANDS) - 1)

const struct command_row command_table[COMMANDS] = {
#define COMMAND(id, function, name, operands, fewest, most, summary) {name, operands, fewest, most, summary},
#include "kernel/program/commands.def"
#undef COMMAND
};

const struct option_row option_table[OPTIONS] = {
#define OPTION(id, commands, needed, name, letter, kind, argument, low, high, standard, choices, group, help) \
    {commands,      needed,         name,     letter,  KIND_##kind, argument,                                 \
     (double)(low), (double)(high), standard, choices, group,       help},
#include "kernel/program/options.def"
#undef OPTION
};

int option_belongs(enum option_id option, enum command_id command)
{
    return (option_table[option].commands >> command & 1) != 0;
}

int choice_index(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (int index = 0;; index++) {
        size_t span = strcspn(choices, "|");
        if (span == length && memcmp(choices, text, length) == 0) return index;
        if (choices[span] == '\0') return -1;
        choices += span + 1;
    }
}

const char *command_title(enum command_id command, char *out, size_t size)
{
    const char *name = command_table[command].name;
    snprintf(out, size, "lassim%s%s", *name != '\0' ? " " : "", name);
    return out;
}
