/* Unsorted buckets as lists of fixed-size chunks, drawn from one pool: a chunk emptied by the current
 * timestep is filled again, still in cache, by a future one. */
#ifndef LASSIM_QUEUE_CHUNK_H
#define LASSIM_QUEUE_CHUNK_H

#include "queue/record.h"

/* 17 cache lines, an odd number, so that the chunks being appended to fall into different cache sets. */
enum { CHUNK_RECORDS = 45, CHUNK_BYTES = 1088, CHUNK_LINE = 64 };

struct chunk {
    struct chunk *next;
    struct record records[CHUNK_RECORDS];
};
_Static_assert(sizeof(struct chunk) == CHUNK_BYTES, "a chunk is a whole number of cache lines");

struct chunk_slab;

/* Zero-initialised: empty. */
struct chunk_pool {
    struct chunk *free;
    struct chunk_slab *slabs;
    size_t chunks; /* free and in use */
};

/* Zero-initialised: empty.  Records fill every chunk but the last wholly. */
struct bucket {
    struct record *next, *end; /* where the next record goes, the last chunk's end; equal: a chunk is due */
    struct chunk *first, *last;
    size_t chunks;
};

/* Makes the pool hold at least `chunks` chunks.  0, or -1 if there is no memory. */
int chunk_pool_reserve(struct chunk_pool *pool, size_t chunks);
void chunk_pool_free(struct chunk_pool *pool);

/* Starts loading a whole chunk: lists of chunks run across memory, out of sight of hardware prefetchers. */
static inline void chunk_prefetch(const struct chunk *chunk)
{
    for (size_t byte = 0; byte < CHUNK_BYTES; byte += CHUNK_LINE) __builtin_prefetch((const char *)chunk + byte);
}

/* Appends an empty chunk (the pool grows by half when it has none left).  0, or -1 if there is no memory. */
int bucket_extend(struct bucket *bucket, struct chunk_pool *pool);
/* Returns all chunks, forgets the records.  O(1). */
void bucket_clear(struct bucket *bucket, struct chunk_pool *pool);

/* Records in one chunk of a bucket. */
static inline size_t bucket_chunk_size(const struct bucket *bucket, const struct chunk *chunk)
{
    return chunk == bucket->last ? (size_t)(bucket->next - chunk->records) : CHUNK_RECORDS;
}

/* Records in all. */
static inline size_t bucket_size(const struct bucket *bucket)
{
    if (bucket->chunks == 0) return 0;
    return (bucket->chunks - 1) * CHUNK_RECORDS + (size_t)(bucket->next - bucket->last->records);
}

#endif
