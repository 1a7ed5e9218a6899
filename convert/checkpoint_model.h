/* The hyperparameters of an opened checkpoint, from wherever it keeps them: config.json, or a GGUF's metadata. */
#ifndef LASSIM_CONVERT_CHECKPOINT_MODEL_H
#define LASSIM_CONVERT_CHECKPOINT_MODEL_H

#include <stdint.h>

#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"

/* path: what the checkpoint was opened from.  LASSIM_ERR_FILE as checkpoint_config_read, or gguf_config where the
 * weights are a GGUF: then no config.json is looked at. */
enum lassim_status checkpoint_model_read(const struct checkpoint *checkpoint, const char *path,
                                         struct checkpoint_config *config, struct lassim_error *error);
/* XXH3-64 of the bytes it was read from: config.json, or a GGUF up to the end of its metadata. */
enum lassim_status checkpoint_model_hash(const struct checkpoint *checkpoint, const char *path, uint64_t *hash,
                                         struct lassim_error *error);

#endif
