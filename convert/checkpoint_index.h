/* The index of a sharded checkpoint (model.safetensors.index.json, pytorch_model.bin.index.json): which shard
 * holds which tensor. */
#ifndef LASSIM_CONVERT_CHECKPOINT_INDEX_H
#define LASSIM_CONVERT_CHECKPOINT_INDEX_H

#include <jansson.h>
#include <stddef.h>

#include "convert/tensor.h"
#include "kernel/error.h"

struct checkpoint_index {
    const char *file; /* path of the index, not owned */
    json_t *document;
    const json_t *map;  /* its weight_map */
    const char **shard; /* [shards] base names, sorted, unique; they live in the document */
    size_t shards;
};

/* Reads the index.  LASSIM_ERR_FILE unless weight_map is a non-empty object from names to plain file names
 * (no directory part) of at most `shards_max` shards.  The caller frees it with checkpoint_index_close. */
enum lassim_status checkpoint_index_open(const char *path, size_t shards_max, struct checkpoint_index *index,
                                         struct lassim_error *error);
/* Every tensor that the index names is in the shard that it says.  tensors: sorted, from all shards. */
enum lassim_status checkpoint_index_check(const struct checkpoint_index *index, const struct tensor_list *tensors,
                                          struct lassim_error *error);
void checkpoint_index_close(struct checkpoint_index *index);

#endif
