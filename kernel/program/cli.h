/* The command line of one command, parsed and range-checked by the table options.def.
 *
 * A command is `int cmd_x(const struct cli *cli)`; what it returns is the exit status (enum
 * lassim_status).  It is called inside main's run_loop, on the job's thread, with every needed option and
 * the right number of operands present:
 *
 *     const char *path = cli_text(cli, OPTION_OUTPUT);
 *     uint32_t steps = cli_given(cli, OPTION_TIMESTEPS) ? (uint32_t)cli_integer(cli, OPTION_TIMESTEPS) : 0;
 *     if (cli_flag(cli, OPTION_JSON)) ...
 *     if (lassim_model_open(cli->operand[0], &model, &error) != LASSIM_OK) return cli_error(&error);
 */
#ifndef LASSIM_PROGRAM_CLI_H
#define LASSIM_PROGRAM_CLI_H

#include <stdint.h>

#include "kernel/error.h"
#include "kernel/program/options.h"

enum { CLI_AGAIN_MAX = 64 };

struct cli_value {
    int given;        /* 1: on the command line; 0: the default, if there is one */
    const char *text; /* as typed, or the default; NULL if neither */
    int64_t integer;  /* INTEGER: value; CHOICE: index */
    double real;      /* REAL */
};

struct cli {
    enum command_id command;
    struct cli_value value[OPTIONS];
    int operands;
    char **operand; /* [operands], points into argv */
    int agains;     /* paths of the option of KIND_PATHS after its first one, as typed */
    const char *again[CLI_AGAIN_MAX];
};

enum cli_next {
    CLI_RUN,  /* go on with cli->command */
    CLI_DONE, /* --help or --version was answered on stdout */
    CLI_WRONG /* wrong usage: one line was printed to stderr; exit with 2 */
};

/* Parses argv (argv[0] is the program) into *cli.  Reorders argv, as getopt_long does. */
enum cli_next cli_parse(int argc, char **argv, struct cli *cli);

/* 1 if the option stood on the command line. */
int cli_given(const struct cli *cli, enum option_id option);
int cli_flag(const struct cli *cli, enum option_id option);
/* Text or path; NULL if neither given nor defaulted. */
const char *cli_text(const struct cli *cli, enum option_id option);
/* INTEGER's value or CHOICE's index; 0 if neither given nor defaulted. */
int64_t cli_integer(const struct cli *cli, enum option_id option);
double cli_real(const struct cli *cli, enum option_id option);

/* Prints "lassim: TEXT" to stderr as one line and returns error->status, the exit status. */
int cli_error(const struct lassim_error *error);
/* The same for a usage error found by a command itself: "lassim: --NAME: TEXT"; returns LASSIM_ERR_USAGE. */
int cli_usage(enum option_id option, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The commands. */
#define COMMAND(id, function, name, operands, fewest, most, summary) int function(const struct cli *cli);
#include "kernel/program/commands.def"
#undef COMMAND

#endif
