/* GGUF, versions 2 and 3, little-endian (ggml, docs/gguf.md): metadata and the table of tensors of a mapped file.
 *
 * Layout: "GGUF", u32 version, u64 tensors, u64 entries; entries (key, u32 type, value); tensor infos (name, u32
 * rank, u64 dimensions innermost first, u32 type, u64 offset); padding; data.  A string is a u64 length and bytes.
 * Nothing is copied: keys, values, names and data point into the file, whose bytes are hostile until checked.
 * Refused: version 1 and big-endian files, keys and names that occur twice, arrays nested deeper than
 * GGUF_DEPTH_MAX, booleans other than 0 and 1, offsets that are not aligned, tensors outside the file or over each
 * other, rows that are no whole number of blocks. */
#ifndef LASSIM_CONVERT_GGUF_H
#define LASSIM_CONVERT_GGUF_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

enum {
    GGUF_RANK_MAX = 4,
    GGUF_DEPTH_MAX = 8,
    GGUF_KEY_MAX = 65535,
    GGUF_NAME_MAX = 64,
    GGUF_ENTRIES_MAX = 1 << 16,
    GGUF_TENSORS_MAX = 1 << 20
};

enum gguf_type {
    GGUF_UINT8 = 0,
    GGUF_INT8,
    GGUF_UINT16,
    GGUF_INT16,
    GGUF_UINT32,
    GGUF_INT32,
    GGUF_FLOAT32,
    GGUF_BOOL,
    GGUF_STRING,
    GGUF_ARRAY,
    GGUF_UINT64,
    GGUF_INT64,
    GGUF_FLOAT64,
    GGUF_TYPES
};

/* Bytes in the file: UTF-8 by the specification, not checked, not terminated; may hold NUL. */
struct gguf_text {
    const char *data;
    uint64_t size;
};

/* A value, checked: everything in it lies in the file.  convert/gguf_metadata.h reads it. */
struct gguf_value {
    enum gguf_type type;
    enum gguf_type element; /* of an array; else type */
    uint64_t count;         /* elements of an array; else 1 */
    const uint8_t *data;    /* a string's length, an array's first element, a number's bytes; unaligned */
    uint64_t size;          /* bytes from data to the value's end */
};

struct gguf_entry {
    struct gguf_text key;
    struct gguf_value value;
};

struct gguf_tensor {
    struct gguf_text name;             /* 1 .. GGUF_NAME_MAX bytes without NUL */
    uint32_t rank;                     /* 0 .. GGUF_RANK_MAX */
    uint64_t dimension[GGUF_RANK_MAX]; /* innermost first */
    uint64_t elements;                 /* their product */
    uint32_t type;                     /* ggml's number of it */
    const uint8_t *data;               /* aligned in the file to general.alignment; unaligned in memory */
    uint64_t bytes;                    /* 0 for a type whose size is not known here: data must not be read */
};

struct gguf {
    const char *file;         /* path for error lines; not owned */
    const uint8_t *data;      /* the file; not owned */
    struct gguf_entry *entry; /* [entries], sorted by key (bytes) */
    size_t entries;
    struct gguf_tensor *tensor; /* [tensors], sorted by name (bytes) */
    size_t tensors;
    uint64_t metadata_bytes; /* from the file's start to the end of the last entry */
};

/* Reads the tables of data[0 .. size), which must outlive *gguf, as must `file`.  LASSIM_ERR_FILE with file, place
 * and expectation for anything wrong, LASSIM_ERR_RUN without memory.  The caller owns *gguf: gguf_close.
 * O(entries and tensors log of them + bytes of metadata). */
enum lassim_status gguf_open(const char *file, const uint8_t *data, uint64_t size, struct gguf **gguf,
                             struct lassim_error *error);
void gguf_close(struct gguf *gguf); /* NULL is allowed */

/* The entry of that key, the tensor of that name; NULL if there is none.  O(log n). */
const struct gguf_entry *gguf_find_entry(const struct gguf *gguf, const char *key);
const struct gguf_tensor *gguf_find_tensor(const struct gguf *gguf, const char *name);

/* "uint32", "string": what error lines call a type of values. */
const char *gguf_type_name(enum gguf_type type);
/* Bytes of a number or boolean, 0 for strings and arrays. */
uint32_t gguf_type_size(enum gguf_type type);
/* Compares like strcmp. */
int gguf_text_compare(struct gguf_text a, struct gguf_text b);
int gguf_text_equal(struct gguf_text text, const char *string);

#endif
