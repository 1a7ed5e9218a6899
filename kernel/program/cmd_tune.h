/* What the parts of `lassim tune` share: cmd_tune.c searches and writes, cmd_tune_print.c tells. */
#ifndef LASSIM_PROGRAM_CMD_TUNE_H
#define LASSIM_PROGRAM_CMD_TUNE_H

#include "kernel/program/cli.h"
#include "kernel/program/tune_measure.h"

struct tune {
    const struct cli *cli;
    lassim_model *model;
    struct eval_text text;
    struct eval_dense dense;
    struct eval_watch watch;
    struct tune_groups groups;
    struct energy_list energy; /* with those of --energy-models */
    struct tune_bench bench;
    char journal[4096];
    double budget; /* as the search takes it */
    struct tune_setting *best;
    struct tune_result found;
    struct eval_result before, after; /* the model as it was, and tuned */
};

/* "max_kl" or "max_dppl"; the budget as the user gave it. */
const char *tune_limit_name(const struct tune *tune);
double tune_budget_as_given(const struct tune *tune);
enum head_kind tune_head(const struct tune *tune);
/* The result to stdout. */
void tune_print_prose(const struct tune *tune);
void tune_print_json(const struct tune *tune);

#endif
