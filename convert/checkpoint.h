/* A checkpoint: its weight files, mapped, and the tensors in them.  Either a folder as downloaded from the Hugging Face
 * hub, or a GGUF.
 *
 * Looked for in a folder, in this order: model.safetensors; model.safetensors.index.json and its shards;
 * pytorch_model.bin; pytorch_model.bin.index.json and its shards; one file *.gguf.  A GGUF's tensors appear under the
 * names that Hugging Face has for its architecture (convert/gguf_names.h).  Files are mapped read only and never
 * copied: anonymous memory is the list of tensors.  All bytes are hostile until checked. */
#ifndef LASSIM_CONVERT_CHECKPOINT_H
#define LASSIM_CONVERT_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "convert/gguf.h"
#include "convert/tensor.h"
#include "kernel/error.h"

enum { CHECKPOINT_FILES_MAX = 4096 };

struct checkpoint;

/* Opens the folder, or the file whose name ends in .gguf, and reads every file's table of tensors (not the tensors).  LASSIM_ERR_FILE with file,
 * place and expectation for anything wrong, also for a tensor that two shards hold, a shard named with a
 * path, an index that disagrees with its shards, several GGUFs, and one part of a split one.  The caller owns *checkpoint: checkpoint_close.
 * O(tables log tensors). */
enum lassim_status checkpoint_open(const char *path, struct checkpoint **checkpoint, struct lassim_error *error);
/* Unmaps; every tensor pointer dies.  NULL is allowed. */
void checkpoint_close(struct checkpoint *checkpoint);

/* The GGUF that it is, whose metadata takes the place of config.json and tokenizer files, or NULL; valid until close. */
const struct gguf *checkpoint_gguf(const struct checkpoint *checkpoint);

/* The tensors, sorted by name; valid until close. */
size_t checkpoint_tensors(const struct checkpoint *checkpoint);
const struct checkpoint_tensor *checkpoint_tensor_at(const struct checkpoint *checkpoint, size_t index);
/* The tensor of exactly that name, or NULL.  O(log tensors). */
const struct checkpoint_tensor *checkpoint_find(const struct checkpoint *checkpoint, const char *name);
/* How a family names things: repositories put different prefixes before the same names.  Lists end with NULL. */
struct checkpoint_names {
    const char *const *prefixes; /* tried in this order */
    const char *embedding;       /* the token embedding, without prefix */
    const char *const *heads;    /* the head where it is not tied, whole names */
};
/* The tensor named prefix + suffix for the first prefix for which there is one, or NULL. */
const struct checkpoint_tensor *checkpoint_find_prefixed(const struct checkpoint *checkpoint,
                                                         const char *const *prefixes, const char *suffix);

/* checkpoint_find_prefixed plus checks: it exists, is readable, and has exactly shape[0 .. rank).
 * LASSIM_ERR_FILE otherwise; the line names the tensor (or the names tried), what was found and what was
 * expected.  Does not read the elements: see checkpoint_require_finite. */
enum lassim_status checkpoint_require(const struct checkpoint *checkpoint, const char *const *prefixes,
                                      const char *suffix, uint32_t rank, const uint64_t *shape,
                                      const struct checkpoint_tensor **tensor, struct lassim_error *error);
/* The token embedding [vocabulary, width]; where the head is tied to it and only the head was saved (safetensors
 * stores shared tensors once), that one. */
enum lassim_status checkpoint_require_embedding(const struct checkpoint *checkpoint,
                                                const struct checkpoint_names *names, int tied, uint64_t vocabulary,
                                                uint64_t width, const struct checkpoint_tensor **tensor,
                                                struct lassim_error *error);
/* The head [vocabulary, width]: tied: the token embedding, whatever else the file holds; untied: the first of
 * names->heads. */
enum lassim_status checkpoint_require_head(const struct checkpoint *checkpoint, const struct checkpoint_names *names,
                                           int tied, uint64_t vocabulary, uint64_t width,
                                           const struct checkpoint_tensor **tensor, struct lassim_error *error);
/* LASSIM_ERR_FILE naming tensor and index of the first NaN or infinity, else LASSIM_OK.  Reads it all. */
enum lassim_status checkpoint_require_finite(const struct checkpoint_tensor *tensor, struct lassim_error *error);

/* The path of the first weight file: what an error about a missing tensor names. */
const char *checkpoint_path(const struct checkpoint *checkpoint);
/* The weight files in name order: base name, size in bytes, XXH3-64 of the bytes.  The hash is computed at
 * each call: reads the whole file. */
size_t checkpoint_files(const struct checkpoint *checkpoint); /* >= 1 */
const char *checkpoint_file_name(const struct checkpoint *checkpoint, size_t index);
uint64_t checkpoint_file_size(const struct checkpoint *checkpoint, size_t index);
uint64_t checkpoint_file_hash(const struct checkpoint *checkpoint, size_t index);
/* XXH3-64 over the little-endian file hashes in that order: names the weights, wherever they lie. */
uint64_t checkpoint_hash(const struct checkpoint *checkpoint);

#endif
