/* Files for tests of the checkpoint readers, made in memory from parts, so that hostile ones are good ones
 * with one thing wrong.  Running out of memory or disk fails the test. */
#ifndef LASSIM_TEST_CHECKPOINT_FIXTURE_H
#define LASSIM_TEST_CHECKPOINT_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

/* Growing bytes; zero-initialise, free with bytes_clear. */
struct bytes {
    uint8_t *data;
    size_t size, capacity;
};
void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_text(struct bytes *bytes, const char *text);
/* width bytes, little-endian. */
void bytes_number(struct bytes *bytes, uint64_t number, unsigned width);
void bytes_clear(struct bytes *bytes);
/* The whole file. */
struct bytes bytes_of_file(const char *path);

/* u64 length, json, data_size zero bytes. */
struct bytes fixture_safetensors(const char *json, size_t data_size);

/* One stored entry of a zip archive. */
struct fixture_entry {
    const char *name;
    const void *data;
    size_t size;
};
/* How the archive is written; all 0: local headers with sizes, no zip64, no descriptors. */
struct fixture_zip_options {
    int descriptors; /* sizes 0 in local headers and a descriptor behind the data, as torch writes */
    int zip64;       /* sizes and offsets through zip64 fields and records */
};
struct bytes fixture_zip(const struct fixture_entry *entry, size_t entries, const struct fixture_zip_options *options);
/* Offset of the n-th (from 0) record with that 4-byte signature. */
size_t fixture_find(const struct bytes *bytes, uint32_t signature, unsigned n);

/* A tensor of a pickle: storage key, offset and elements; contiguous. */
struct fixture_tensor {
    const char *name, *storage, *key; /* "w", "HalfStorage", "0" */
    uint64_t numel, offset;           /* of the storage; of the tensor in it */
    uint32_t rank;
    uint64_t shape[4];
};
/* The pickle (protocol 2) of a dict of them, as torch.save writes it but without memo. */
struct bytes fixture_pickle(const struct fixture_tensor *tensor, size_t tensors);
/* A .bin archive "archive/..." with that pickle and, for each tensor whose key is new, an entry of numel
 * elements of `width` bytes with bytes 0, 1, 2, .. (so that values differ). */
struct bytes fixture_bin(const struct bytes *pickle, const struct fixture_tensor *tensor, size_t tensors,
                         unsigned width);

/* A new empty folder; removed with everything in it by folder_remove. */
char *folder_new(void);
void folder_write(const char *folder, const char *name, const void *data, size_t size);
void folder_copy(const char *folder, const char *from_directory, const char *name);
void folder_remove(char *folder);

/* Fails the test unless status is LASSIM_ERR_FILE and the error is one printable line that holds `part`. */
void assert_refused(enum lassim_status status, const struct lassim_error *error, const char *part);

#endif
