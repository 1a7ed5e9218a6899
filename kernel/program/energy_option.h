/* The options --energy-models and --energy. */
#ifndef LASSIM_PROGRAM_ENERGY_OPTION_H
#define LASSIM_PROGRAM_ENERGY_OPTION_H

#include "kernel/energy.h"
#include "kernel/program/cli.h"

/* Models of the file, if one is given: [*count], the caller's (free), NULL and 0 otherwise.  LASSIM_ERR_FILE for a bad
 * file; LASSIM_ERR_USAGE, with the names that there are, if --energy names none of them. */
enum lassim_status energy_option_open(const struct cli *cli, struct energy_model **models, uint32_t *count,
                                      struct lassim_error *error);

#endif
