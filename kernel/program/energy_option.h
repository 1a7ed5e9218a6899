/* The options --energy-models and --energy, and others that name an energy model. */
#ifndef LASSIM_PROGRAM_ENERGY_OPTION_H
#define LASSIM_PROGRAM_ENERGY_OPTION_H

#include "kernel/energy.h"
#include "kernel/program/cli.h"

/* Fills *list with the models of the file as well, if one is given; the caller frees list->more, also after a failure.
 * LASSIM_ERR_FILE for a bad file; LASSIM_ERR_USAGE, with the names that there are, if --energy names none of them. */
enum lassim_status energy_option_open(const struct cli *cli, struct energy_list *list, struct lassim_error *error);
/* LASSIM_ERR_USAGE: `option` ("--energy") should have been one of the list's names, or `besides` (NULL: nothing). */
enum lassim_status energy_option_unknown(const struct energy_list *list, const char *option, const char *besides,
                                         const char *found, struct lassim_error *error);

#endif
