#include "kernel/program/energy_option.h"

#include <stdio.h>

enum lassim_status energy_option_unknown(const struct energy_list *list, const char *option, const char *besides,
                                         const char *found, struct lassim_error *error)
{
    char names[400] = "";
    size_t used = 0;
    if (besides != NULL) used = (size_t)snprintf(names, sizeof names, "%s", besides);
    for (unsigned i = 0; i < energy_list_models(list) && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                                 energy_list_model(list, i)->name);
    return lassim_fail(error, LASSIM_ERR_USAGE, option, NULL, "expected one of: %s; found '%.60s'", names, found);
}

enum lassim_status energy_option_open(const struct cli *cli, struct energy_list *list, struct lassim_error *error)
{
    const char *file = cli_text(cli, OPTION_ENERGY_MODELS), *name = cli_text(cli, OPTION_ENERGY);
    enum lassim_status status = LASSIM_OK;
    *list = (struct energy_list){.more = NULL};
    if (file != NULL) status = energy_file_read(file, &list->more, &list->mores, error);
    if (status != LASSIM_OK || name == NULL || energy_list_find(list, name) != NULL) return status;
    return energy_option_unknown(list, "--energy", NULL, name, error);
}
