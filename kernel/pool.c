#include "kernel/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef LASSIM_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

/* A mapping of the pool: this page, then what the heap uses. */
struct region {
    struct region *next;
    size_t size; /* this page included */
};

struct pool {
#ifndef LASSIM_NO_JEMALLOC
    extent_hooks_t hooks; /* first: a hook finds its pool by the address of its table */
    unsigned arena;
#else
    size_t left; /* of the newest region: its end is handed out next */
#endif
    struct region *regions; /* newest first */
    struct topology *topology;
    unsigned node;
    size_t limit, bytes, needed, mapped, unbound;
};

/* Maps `size` bytes (a multiple of the page size) at a multiple of alignment (a power of two), zeroed, bound to the
 * pool's node and the pool's until pool_free.  NULL if the system refuses the memory. */
static void *region_map(struct pool *pool, size_t size, size_t alignment)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), slack = alignment > page ? alignment - page : 0, whole;
    if (__builtin_add_overflow(size, page, &size) || __builtin_add_overflow(size, slack, &whole)) return NULL;
    /* cppcheck-suppress invalidFunctionArg ; -1 is what an anonymous mapping takes */
    uint8_t *start = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    size_t front = alignment > page ? -((uintptr_t)start + page) & (alignment - 1) : 0;
    if (front > 0) munmap(start, front);
    if (slack > front) munmap(start + front + size, slack - front);
    start += front;
    if (pool->node != TOPOLOGY_ANY && topology_bind_memory(pool->topology, start, size, pool->node) != 0)
        pool->unbound += size;
    struct region *region = (struct region *)start;
    *region = (struct region){pool->regions, size};
    pool->regions = region;
    pool->mapped += size;
    return start + page;
}

static void regions_unmap(struct pool *pool)
{
    while (pool->regions != NULL) {
        struct region *region = pool->regions;
        pool->regions = region->next;
        munmap(region, region->size);
    }
}

#ifndef LASSIM_NO_JEMALLOC

static void *hook_alloc(extent_hooks_t *hooks, void *address, size_t size, size_t alignment, bool *zero, bool *commit,
                        unsigned arena)
{
    (void)arena;
    if (address != NULL) return NULL;
    void *start = region_map((struct pool *)hooks, size, alignment);
    if (start != NULL) *zero = *commit = true;
    return start;
}

static bool hook_split(extent_hooks_t *hooks, void *address, size_t size, size_t a, size_t b, bool committed,
                       unsigned arena)
{
    (void)hooks, (void)address, (void)size, (void)a, (void)b, (void)committed, (void)arena;
    return false;
}

/* No dalloc and no destroy hook: a mapping stays whole until its arena is gone.  jemalloc 5.3 marks the first extent of
 * a mapping and joins any other with the extent below it, without a look at that one's arena.  With the first extent
 * unmapped, the system would give its addresses to another arena, and jemalloc would join extents of two arenas. */
static int heap_open(struct pool *pool)
{
    pool->hooks = (extent_hooks_t){.alloc = hook_alloc, .split = hook_split};
    extent_hooks_t *hooks = &pool->hooks;
    size_t size = sizeof pool->arena;
    return mallctl("arenas.create", &pool->arena, &size, &hooks, sizeof(extent_hooks_t *));
}

static void *heap_alloc(struct pool *pool, size_t size)
{
    return mallocx(size, MALLOCX_ARENA(pool->arena) | MALLOCX_TCACHE_NONE | MALLOCX_ZERO |
                             MALLOCX_ALIGN((size_t)POOL_ALIGNMENT));
}

static void heap_close(struct pool *pool)
{
    char name[64];
    snprintf(name, sizeof name, "arena.%u.destroy", pool->arena);
    int failed = mallctl(name, NULL, NULL, NULL, 0);
    LASSIM_INVARIANT(failed == 0, "jemalloc %s: error %d", name, failed);
}

#else

enum { REGION_LEAST = 2 << 20 };

static int heap_open(struct pool *pool)
{
    pool->left = 0;
    return 0;
}

static int region_add(struct pool *pool, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole;
    if (__builtin_add_overflow(size, page - 1, &whole)) return -1;
    whole = whole / page * page;
    if (whole < REGION_LEAST) whole = REGION_LEAST;
    if (region_map(pool, whole, page) == NULL) return -1;
    pool->left = whole;
    return 0;
}

static void *heap_alloc(struct pool *pool, size_t size)
{
    if (pool->left < size && region_add(pool, size) != 0) return NULL;
    pool->left -= size;
    return (uint8_t *)pool->regions + pool->regions->size - pool->left - size;
}

static void heap_close(struct pool *pool)
{
    (void)pool;
}

#endif

enum lassim_status pool_new(struct topology *topology, unsigned node, size_t limit, struct pool **pool,
                            struct lassim_error *error)
{
    *pool = NULL;
    LASSIM_INVARIANT(node == TOPOLOGY_ANY || (topology != NULL && node < topology_nodes(topology)), "pool on node %u",
                     node);
    struct pool *made = calloc(1, sizeof *made);
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "memory pool", "no memory");
    made->topology = topology;
    made->node = node;
    made->limit = limit;
    int failed = heap_open(made);
    if (failed != 0) {
        regions_unmap(made);
        free(made);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, "memory pool", "no arena: %s", strerror(failed));
    }
    *pool = made;
    return LASSIM_OK;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL) return;
    heap_close(pool);
    regions_unmap(pool);
    free(pool);
}

void *pool_alloc(struct pool *pool, size_t size)
{
    size_t units = size / POOL_ALIGNMENT + (size % POOL_ALIGNMENT != 0 || size == 0), whole;
    if (__builtin_mul_overflow(units, (size_t)POOL_ALIGNMENT, &whole)) whole = SIZE_MAX;
    if (__builtin_add_overflow(pool->needed, whole, &pool->needed)) pool->needed = SIZE_MAX;
    if (whole > pool->limit - pool->bytes || whole == SIZE_MAX) return NULL;
    void *memory = heap_alloc(pool, whole);
    if (memory != NULL) pool->bytes += whole;
    return memory;
}

unsigned pool_node(const struct pool *pool)
{
    return pool->node;
}

size_t pool_bytes(const struct pool *pool)
{
    return pool->bytes;
}

size_t pool_needed(const struct pool *pool)
{
    return pool->needed;
}

size_t pool_mapped(const struct pool *pool)
{
    return pool->mapped;
}

size_t pool_unbound(const struct pool *pool)
{
    return pool->unbound;
}
