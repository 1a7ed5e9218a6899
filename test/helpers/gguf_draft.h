/* GGUF files for tests, made in memory from parts, so that hostile ones are good ones with one thing wrong. */
#ifndef LASSIM_TEST_GGUF_DRAFT_H
#define LASSIM_TEST_GGUF_DRAFT_H

#include "convert/gguf.h"
#include "test/helpers/checkpoint_fixture.h"

/* Zero-initialise, add, then finish. */
struct gguf_draft {
    uint32_t version;   /* 0: 3 */
    uint32_t alignment; /* 0: 32; another one is not written as an entry by itself */
    uint64_t entries, tensors;
    struct bytes metadata, infos, data;
};

/* Entries; numbers and booleans: the low bytes of value. */
void gguf_draft_number(struct gguf_draft *draft, const char *key, enum gguf_type type, uint64_t value);
void gguf_draft_float(struct gguf_draft *draft, const char *key, float value);
void gguf_draft_text(struct gguf_draft *draft, const char *key, const char *text);
void gguf_draft_strings(struct gguf_draft *draft, const char *key, const char *const *string, size_t count);
void gguf_draft_floats(struct gguf_draft *draft, const char *key, const float *value, size_t count);
void gguf_draft_int32s(struct gguf_draft *draft, const char *key, const int32_t *value, size_t count);
/* Only the key and the type number, and whatever bytes the test adds to draft->metadata then. */
void gguf_draft_key(struct gguf_draft *draft, const char *key, uint32_t type);

/* Dimensions innermost first; `bytes` bytes of data at the next multiple of the alignment. */
void gguf_draft_tensor(struct gguf_draft *draft, const char *name, uint32_t rank, const uint64_t *dimension,
                       uint32_t type, const void *data, size_t bytes);
/* Only the info; at most 8 dimensions are written, whatever the rank. */
void gguf_draft_info(struct gguf_draft *draft, const char *name, uint32_t rank, const uint64_t *dimension,
                     uint32_t type, uint64_t offset);

/* The file; the draft is zero-initialised again.  The caller frees it: bytes_clear. */
struct bytes gguf_draft_finish(struct gguf_draft *draft);
/* The same into folder/name. */
void gguf_draft_write(struct gguf_draft *draft, const char *folder, const char *name);

#endif
