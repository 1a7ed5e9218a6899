#include "queue/chunk.h"

#include <stdlib.h>
#include <sys/mman.h>

enum { SLAB_CHUNKS_LEAST = 64, HUGE_PAGE = 2 << 20 };

struct chunk_slab {
    struct chunk_slab *next;
    struct chunk *chunks;
};

/* Big slabs on huge pages, where the system has them: a ring of buckets is appended to all over. */
static struct chunk *slab_memory(size_t chunks)
{
    size_t bytes;
    if (__builtin_mul_overflow(chunks, sizeof(struct chunk), &bytes)) return NULL;
    size_t alignment = bytes >= HUGE_PAGE ? HUGE_PAGE : CHUNK_LINE;
    if (__builtin_add_overflow(bytes, alignment - 1, &bytes)) return NULL;
    bytes = bytes / alignment * alignment;
    struct chunk *memory = aligned_alloc(alignment, bytes);
    if (memory != NULL && alignment == HUGE_PAGE) madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
}

static int pool_add_slab(struct chunk_pool *pool, size_t chunks)
{
    struct chunk_slab *slab = malloc(sizeof *slab);
    struct chunk *memory = slab == NULL ? NULL : slab_memory(chunks);
    if (memory == NULL) {
        free(slab);
        return -1;
    }
    *slab = (struct chunk_slab){pool->slabs, memory};
    pool->slabs = slab;
    pool->chunks += chunks;
    for (size_t i = chunks; i-- > 0;) {
        memory[i].next = pool->free;
        pool->free = &memory[i];
    }
    return 0;
}

int chunk_pool_reserve(struct chunk_pool *pool, size_t chunks)
{
    return pool->chunks >= chunks ? 0 : pool_add_slab(pool, chunks - pool->chunks);
}

void chunk_pool_free(struct chunk_pool *pool)
{
    while (pool->slabs != NULL) {
        struct chunk_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab->chunks);
        free(slab);
    }
    *pool = (struct chunk_pool){0};
}

int bucket_extend(struct bucket *bucket, struct chunk_pool *pool)
{
    if (pool->free == NULL) {
        size_t more = pool->chunks / 2;
        if (pool_add_slab(pool, more < SLAB_CHUNKS_LEAST ? SLAB_CHUNKS_LEAST : more) != 0) return -1;
    }
    struct chunk *chunk = pool->free;
    pool->free = chunk->next;
    chunk_prefetch(chunk); /* filled slowly, among many others */
    __builtin_prefetch(pool->free);
    chunk->next = NULL;
    if (bucket->last != NULL)
        bucket->last->next = chunk;
    else
        bucket->first = chunk;
    bucket->last = chunk;
    bucket->chunks++;
    bucket->next = chunk->records;
    bucket->end = chunk->records + CHUNK_RECORDS;
    return 0;
}

void bucket_clear(struct bucket *bucket, struct chunk_pool *pool)
{
    if (bucket->last == NULL) return;
    bucket->last->next = pool->free;
    pool->free = bucket->first;
    *bucket = (struct bucket){0};
}
