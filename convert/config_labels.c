/* The names of a classifying head's labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/config_keys.h"

/* All names fit the .snn's texts (SNN_TEXT_MAX) even if every byte is escaped. */
enum { LABELS_DEFAULT = 2, LABELS_MAX = 1 << 14, LABEL_BYTES_MAX = 255, BYTES_MAX = 150000 };

/* Copies label number `index` to the end of config->labels, which has room. */
static enum lassim_status add_label(const struct config_reader *reader, const json_t *names, uint32_t index,
                                    struct checkpoint_config *config)
{
    char key[16], made[24];
    const char *name = made;
    snprintf(key, sizeof key, "%u", (unsigned)index);
    snprintf(made, sizeof made, "LABEL_%u", (unsigned)index);
    if (names != NULL) {
        enum lassim_status status = json_get_string(reader->file, names, key, JSON_REQUIRED, &name, reader->error);
        if (status != LASSIM_OK) return status;
    }
    size_t length = strlen(name);
    if (length == 0 || length > LABEL_BYTES_MAX)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "id2label",
                           "the name of label %u has %zu bytes, expected 1 .. %d", (unsigned)index, length,
                           LABEL_BYTES_MAX);
    memcpy(config->labels + config->labels_size, name, length + 1);
    config->labels_size += length + 1;
    return LASSIM_OK;
}

enum lassim_status config_read_labels(const struct config_reader *reader, struct checkpoint_config *config)
{
    const json_t *names = NULL;
    int64_t count = LABELS_DEFAULT;
    enum lassim_status status =
        json_get_object(reader->file, reader->object, "id2label", JSON_OPTIONAL, &names, reader->error);
    if (status == LASSIM_OK)
        status = json_get_integer(reader->file, reader->object, "num_labels", JSON_OPTIONAL, 1, LABELS_MAX, &count,
                                  reader->error);
    if (status != LASSIM_OK) return status;
    if (names != NULL) count = (int64_t)json_object_size(names);
    if (count < 1 || count > LABELS_MAX)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "id2label", "%lld labels, expected 1 .. %d",
                           (long long)count, LABELS_MAX);
    config->labels = malloc((size_t)count * (LABEL_BYTES_MAX + 1));
    if (config->labels == NULL)
        return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, "id2label", "no memory for the labels");
    config->model.labels = (uint32_t)count;
    for (uint32_t i = 0; i < config->model.labels && status == LASSIM_OK; i++)
        status = add_label(reader, names, i, config);
    if (status != LASSIM_OK || config->labels_size <= BYTES_MAX) return status;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "id2label",
                       "%zu bytes of names, expected at most %d", config->labels_size, BYTES_MAX);
}
