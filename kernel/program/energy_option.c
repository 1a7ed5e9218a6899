#include "kernel/program/energy_option.h"

#include <stdio.h>

#include "kernel/program/metrics_energy.h"

enum lassim_status energy_option_open(const struct cli *cli, struct energy_model **models, uint32_t *count,
                                      struct lassim_error *error)
{
    const char *file = cli_text(cli, OPTION_ENERGY_MODELS), *name = cli_text(cli, OPTION_ENERGY);
    enum lassim_status status = LASSIM_OK;
    char names[400] = "";
    size_t used = 0;
    *models = NULL;
    *count = 0;
    if (file != NULL) status = energy_file_read(file, models, count, error);
    if (status != LASSIM_OK || name == NULL) return status;
    const struct metrics metrics = {.more_model = *models, .more_models = *count};
    if (energy_view_find(&metrics, name) != NULL) return LASSIM_OK;
    for (unsigned i = 0; i < energy_view_models(&metrics) && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                                 energy_view_model(&metrics, i)->name);
    return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "--energy", "expected one of: %s; found '%.60s'", names, name);
}
