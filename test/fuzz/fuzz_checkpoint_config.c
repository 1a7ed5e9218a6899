/* config.json on any bytes: one line, or a configuration that a graph can be built from. */
#include <stdlib.h>
#include <string.h>

#include "convert/checkpoint_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct checkpoint_config config;
    struct lassim_error error = {0};
    enum lassim_status status = checkpoint_config_parse("config.json", data, size, &config, &error);
    if (status == LASSIM_OK && graph_config_check(&config.model) != NULL) abort();
    checkpoint_config_clear(&config);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || error.text[0] == '\0' || strchr(error.text, '\n') != NULL))
        abort();
    return 0;
}
