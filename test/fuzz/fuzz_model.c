/* .snn files: the bytes as they are, then with every checksum made right, so that the checks behind them
 * are reached.  An accepted model's weights and tables are gone through as a run would. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/model_layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_model(const struct model *model)
{
    struct lassim_error error;
    model_check_weights(model, &error);
    for (uint32_t t = 0; t < model->tables; t++) {
        static const double inputs[] = {-1e300, -3.7, -1e-9, 0, 1e-300, 1e-5, 1, 12, 1e300};
        for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
            struct hg_code code;
            if (hg_encode(&model->table[t], model->timesteps, inputs[i], &code) == 0)
                hg_value(&model->table[t], model->timesteps, &code);
        }
    }
}

static void read_once(const uint8_t *bytes, size_t size)
{
    struct model *model;
    struct lassim_error error = {0};
    if (model_read("fuzz", bytes, size, &model, &error) == LASSIM_OK) {
        use_model(model);
        model_close(model);
        return;
    }
    if (strchr(error.text, '\n') != NULL || error.text[0] == '\0') abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = calloc(size > 0 ? size : 1, 1);
    if (bytes == NULL) return 0;
    if (size > 0) memcpy(bytes, data, size);
    read_once(bytes, size);
    struct snn_header header;
    if (size >= sizeof header) {
        memcpy(&header, bytes, sizeof header);
        memcpy(header.magic, SNN_MAGIC, sizeof header.magic);
        header.version = SNN_VERSION;
        header.file_size = size;
        memcpy(bytes, &header, sizeof header);
    }
    snn_seal(bytes, size);
    read_once(bytes, size);
    free(bytes);
    return 0;
}
