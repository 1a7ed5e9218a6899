/* What a torch state_dict's pickle may call: rebuilding tensors from storages, and OrderedDict.
 *
 * Every other global is refused by name before anything is done with it (PyTorch, torch/_utils.py
 * _rebuild_tensor_v2 and _rebuild_parameter; torch/serialization.py persistent_load). */
#ifndef LASSIM_CONVERT_TORCH_OBJECTS_H
#define LASSIM_CONVERT_TORCH_OBJECTS_H

#include <stddef.h>
#include <stdint.h>

#include "convert/pickle_value.h"
#include "convert/zip_archive.h"
#include "kernel/error.h"

struct torch_global;

/* A storage: the elements of one entry PREFIX/data/KEY of the archive. */
struct torch_storage {
    const struct torch_global *type;
    const uint8_t *data;
    uint64_t elements;
};

/* What the calls need to know about the file they stand in. */
struct torch_context {
    const char *file;
    const struct zip_archive *archive;
    const char *prefix; /* of the archive's entries, "pytorch_model" */
    struct pickle_arena *arena;
    struct lassim_error *error;
};

/* MODULE.NAME -> *value.  LASSIM_ERR_FILE naming it unless it is one of the known ones. */
enum lassim_status torch_global_find(const struct torch_context *context, const struct pickle_value *module,
                                     const struct pickle_value *name, struct pickle_value *value);
/* Persistent id ('storage', type, key, location, elements) -> a storage in *value; its entry must exist and
 * have exactly that size. */
enum lassim_status torch_storage_load(const struct torch_context *context, const struct pickle_value *id,
                                      struct pickle_value *value);
/* callable(*arguments) -> *value: a tensor (inside its storage if it is contiguous, else
 * marked unreadable) or an empty dict. */
enum lassim_status torch_call(const struct torch_context *context, const struct pickle_value *callable,
                              const struct pickle_value *arguments, struct pickle_value *value);

#endif
