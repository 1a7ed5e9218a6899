#include "convert/pickle_value.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 64 << 10 };

struct pickle_chunk {
    struct pickle_chunk *next;
    size_t used, size;
    alignas(max_align_t) uint8_t bytes[];
};

static struct pickle_chunk *add_chunk(struct pickle_arena *arena, size_t size)
{
    size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
    struct pickle_chunk *chunk = calloc(1, sizeof *chunk + room);
    if (chunk == NULL) return NULL;
    chunk->size = room;
    chunk->next = arena->chunk;
    arena->chunk = chunk;
    return chunk;
}

void *pickle_arena_take(struct pickle_arena *arena, size_t size)
{
    if (size > PICKLE_ARENA_MAX) return NULL;
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (size > PICKLE_ARENA_MAX - arena->total) return NULL;
    struct pickle_chunk *chunk = arena->chunk;
    if (chunk == NULL || chunk->size - chunk->used < size) chunk = add_chunk(arena, size);
    if (chunk == NULL) return NULL;
    void *taken = chunk->bytes + chunk->used;
    chunk->used += size;
    arena->total += size;
    return taken;
}

void pickle_arena_clear(struct pickle_arena *arena)
{
    while (arena->chunk != NULL) {
        struct pickle_chunk *next = arena->chunk->next;
        free(arena->chunk);
        arena->chunk = next;
    }
    arena->total = 0;
}

int pickle_dict_add(struct pickle_arena *arena, struct pickle_dict *dict, const struct pickle_value *key,
                    const struct pickle_value *value)
{
    if (dict->pairs == dict->capacity) {
        size_t capacity = dict->capacity == 0 ? 4 : dict->capacity * 2;
        struct pickle_pair *grown = pickle_arena_take(arena, capacity * sizeof *grown);
        if (grown == NULL) return 0;
        if (dict->pairs != 0) memcpy(grown, dict->pair, dict->pairs * sizeof *grown);
        dict->pair = grown;
        dict->capacity = capacity;
    }
    dict->pair[dict->pairs++] = (struct pickle_pair){*key, *value};
    return 1;
}
