/* Options of `lassim --model` that exclude each other. */
#ifndef LASSIM_PROGRAM_RUN_OPTIONS_H
#define LASSIM_PROGRAM_RUN_OPTIONS_H

#include "kernel/program/cli.h"

/* 0, or LASSIM_ERR_USAGE after one line that says which. */
int run_options_check(const struct cli *cli);
/* How many of trace, metrics and logits were asked for on standard output. */
int run_options_results_on_standard_output(const struct cli *cli);

#endif
