/* Any bytes as a file of energy models; what parses is evaluated. */
#include <stdlib.h>
#include <string.h>

#include "kernel/energy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct energy_work work = {.adds = 10,
                                            .events = 5,
                                            .macs = 3,
                                            .spiking_count = 1,
                                            .dense_count = 1,
                                            .spiking = {{7, 5000}},
                                            .dense = {{7, 1 << 30}}};
    struct energy_model *models;
    struct lassim_error error;
    uint32_t count;
    char *text = malloc(size + 1);
    if (text == NULL) return 0;
    memcpy(text, data, size);
    enum lassim_status status = energy_file_parse("fuzz", text, size, &models, &count, &error);
    free(text);
    if (status != LASSIM_OK && (status != LASSIM_ERR_FILE || strchr(error.text, '\n') != NULL || count != 0)) abort();
    for (uint32_t i = 0; i < count; i++) {
        double spiking = energy_spiking(&models[i], &work, 1);
        double dense = energy_dense(&models[i], &work, 1, models[i].width);
        if (!(spiking >= 0 && spiking < 1e6 && dense >= 0 && dense < 1e6)) abort();
    }
    free(models);
    return 0;
}
