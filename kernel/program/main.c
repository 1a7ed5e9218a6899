/* lassim, the program: parses the command line and runs the command inside the outer loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "kernel/program/cli.h"
#include "kernel/program/run_loop.h"

static int (*const functions[COMMANDS])(const struct cli *cli) = {
#define COMMAND(id, function, name, operands, fewest, most, summary) function,
#include "kernel/program/commands.def"
#undef COMMAND
};

static int run_command(const void *context)
{
    const struct cli *cli = context;
    return functions[cli->command](cli);
}

/* What could not be written to stdout is a failure, even if it was only noticed at the end. */
static int close_output(int status)
{
    int failed = ferror(stdout);
    errno = 0;
    if (fflush(stdout) != 0) failed = 1;
    if (!failed || status != LASSIM_OK) return status;
    struct lassim_error error;
    lassim_fail(&error, LASSIM_ERR_RUN, "standard output", NULL, "%s", errno != 0 ? strerror(errno) : "write failed");
    return cli_error(&error);
}

int main(int argc, char **argv)
{
    struct cli cli;
    switch (cli_parse(argc, argv, &cli)) {
    case CLI_DONE: return close_output(LASSIM_OK);
    case CLI_WRONG: return LASSIM_ERR_USAGE;
    case CLI_RUN: break;
    }
    return close_output(run_loop(run_command, &cli, 0));
}
