#include "convert/checkpoint_model.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "convert/gguf_config.h"
#include "convert/json.h"

static enum lassim_status read_gguf(const struct gguf *gguf, struct checkpoint_config *config,
                                    struct lassim_error *error)
{
    json_t *json = NULL;
    *config = (struct checkpoint_config){.labels = NULL};
    enum lassim_status status = gguf_config(gguf, &json, error);
    if (status != LASSIM_OK) return status;
    status = checkpoint_config_from(gguf->file, json, config, error);
    json_decref(json);
    return status;
}

enum lassim_status checkpoint_model_read(const struct checkpoint *checkpoint, const char *path,
                                         struct checkpoint_config *config, struct lassim_error *error)
{
    const struct gguf *gguf = checkpoint_gguf(checkpoint);
    return gguf != NULL ? read_gguf(gguf, config, error) : checkpoint_config_read(path, config, error);
}

enum lassim_status checkpoint_model_hash(const struct checkpoint *checkpoint, const char *path, uint64_t *hash,
                                         struct lassim_error *error)
{
    const struct gguf *gguf = checkpoint_gguf(checkpoint);
    char *file, *text;
    size_t size;
    if (gguf != NULL) {
        *hash = XXH3_64bits(gguf->data, gguf->metadata_bytes);
        return LASSIM_OK;
    }
    if (asprintf(&file, "%s/config.json", path) < 0) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory");
    enum lassim_status status = json_read_text(file, &text, &size, error);
    free(file);
    if (status != LASSIM_OK) return status;
    *hash = XXH3_64bits(text, size);
    free(text);
    return LASSIM_OK;
}
