#include "convert/checkpoint_model.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "convert/gguf_config.h"
#include "convert/json.h"

static enum lassim_status read_gguf(const struct gguf *gguf, struct checkpoint_config *config,
                                    struct lassim_error *error)
{
    json_t *json = NULL;
    enum lassim_status status = gguf_config(gguf, &json, error);
    if (status != LASSIM_OK) return status;
    char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(json);
    if (text == NULL) return lassim_fail(error, LASSIM_ERR_RUN, gguf->file, NULL, "no memory for its configuration");
    status = checkpoint_config_parse(gguf->file, text, strlen(text), config, error);
    free(text);
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
