/* What --help prints, from the option table. */
#ifndef LASSIM_PROGRAM_HELP_H
#define LASSIM_PROGRAM_HELP_H

#include <stdio.h>

#include "kernel/program/options.h"

/* Usage line, summary, options by group (for run also the list of commands), to out. */
void help_print(enum command_id command, FILE *out);
/* The commands whose first word is word ("trace"), one line each; returns how many. */
int help_group(const char *word, FILE *out);
/* "lassim convert CKPT -o FILE [options]" and a newline. */
void help_usage(enum command_id command, FILE *out);
/* The option as typed: "-o, --output FILE".  Writes at most size bytes, returns out. */
const char *help_option(enum option_id option, char *out, size_t size);
/* What follows the option: "FILE", "radix|ternary", "" for flags. */
const char *help_argument(enum option_id option);
/* Help text with the default: "... (default: 32)".  Writes at most size bytes, returns out. */
const char *help_text(enum option_id option, char *out, size_t size);

#endif
