/* The tables of commands and options (commands.def, options.def) as data. */
#ifndef LASSIM_PROGRAM_OPTIONS_H
#define LASSIM_PROGRAM_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

enum command_id {
#define COMMAND(id, function, name, operands, fewest, most, summary) COMMAND_##id,
#include "kernel/program/commands.def"
#undef COMMAND
    COMMANDS
};

enum option_id {
#define OPTION(id, commands, needed, name, letter, kind, argument, low, high, standard, choices, group, help) \
    OPTION_##id,
#include "kernel/program/options.def"
#undef OPTION
    OPTIONS
};

enum option_kind {
    KIND_FLAG,    /* no argument */
    KIND_TEXT,    /* any text */
    KIND_PATH,    /* a file or folder, not empty */
    KIND_PATHS,   /* the same, and may be given again; one option a command at most */
    KIND_INTEGER, /* decimal, low..high */
    KIND_REAL,    /* decimal, finite, low..high */
    KIND_CHOICE   /* one of choices; its value is the index there */
};

struct command_row {
    const char *name;     /* "trace info"; "" for run */
    const char *operands; /* for the synopsis */
    int fewest, most;     /* operands */
    const char *summary;
};

struct option_row {
    uint32_t commands, needed; /* bit 1 << COMMAND_x */
    const char *name;
    char letter; /* 0: none */
    enum option_kind kind;
    const char *argument; /* NULL for flags and choices */
    double low, high;
    const char *standard; /* the default as a user would type it, NULL for none */
    const char *choices;  /* "a|b" or NULL */
    const char *group, *help;
};

extern const struct command_row command_table[COMMANDS];
extern const struct option_row option_table[OPTIONS];

/* 1 if the command takes the option. */
int option_belongs(enum option_id option, enum command_id command);
/* Index of text among "a|b|c", or -1.  O(length). */
int choice_index(const char *choices, const char *text);
/* The command line up to its options: "lassim", "lassim trace info".  Writes at most size bytes, returns out. */
const char *command_title(enum command_id command, char *out, size_t size);

#endif
