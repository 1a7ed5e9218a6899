/* Values of the restricted pickle reader: what the pickle of a torch state_dict is made of, and nothing
 * that runs code.
 *
 * Values never nest by recursion: tuples, dicts and storages are reached by pointer into an arena with a
 * fixed limit, so that memo references cannot multiply memory and deep nesting cannot exhaust the stack. */
#ifndef LASSIM_CONVERT_PICKLE_VALUE_H
#define LASSIM_CONVERT_PICKLE_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/tensor.h"

enum pickle_kind {
    PICKLE_NONE = 0, /* also floats and whatever else carries no tensor */
    PICKLE_MARK,
    PICKLE_BOOL,
    PICKLE_INTEGER,
    PICKLE_STRING, /* UTF-8 in the pickle's bytes, not terminated */
    PICKLE_TUPLE,
    PICKLE_LIST, /* elements are not kept */
    PICKLE_DICT, /* dict and OrderedDict */
    PICKLE_GLOBAL,
    PICKLE_STORAGE,
    PICKLE_TENSOR
};

struct pickle_value {
    enum pickle_kind kind;
    uint32_t count; /* bytes of a string, items of a tuple */
    union {
        int64_t integer;
        const char *string;
        const struct pickle_value *item; /* [count] */
        struct pickle_dict *dict;
        const struct torch_global *global;
        const struct torch_storage *storage;
        const struct checkpoint_tensor *tensor;
    } as;
};

struct pickle_pair {
    struct pickle_value key, value;
};

struct pickle_dict {
    struct pickle_pair *pair; /* [pairs], in order of insertion, keys not unique yet */
    size_t pairs, capacity;
};

/* Memory of one pickle's values, freed as a whole. */
struct pickle_arena {
    struct pickle_chunk *chunk;
    size_t total; /* bytes handed out */
};

enum { PICKLE_ARENA_MAX = 64 << 20 };

/* size bytes, zeroed, aligned for any type; NULL when the arena's limit or memory is reached. */
void *pickle_arena_take(struct pickle_arena *arena, size_t size);
void pickle_arena_clear(struct pickle_arena *arena);
/* Appends a pair; 0 when the arena is exhausted, else 1.  Amortised O(1). */
int pickle_dict_add(struct pickle_arena *arena, struct pickle_dict *dict, const struct pickle_value *key,
                    const struct pickle_value *value);

#endif
