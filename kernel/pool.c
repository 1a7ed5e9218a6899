#include "kernel/pool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef LASSIM_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

struct pool {
#ifndef LASSIM_NO_JEMALLOC
    extent_hooks_t hooks; /* first: a hook finds its pool by the address of its table */
    unsigned arena;
#else
    struct region *regions; /* newest first; its rest is handed out next */
#endif
    struct topology *topology;
    unsigned node;
    size_t limit, bytes, needed, mapped, unbound;
};

/* Maps `size` bytes (a multiple of the page size) at a multiple of alignment (a power of two), zeroed and
 * bound to the pool's node.  NULL if the system refuses the memory. */
static void *region_map(struct pool *pool, size_t size, size_t alignment)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), slack = alignment > page ? alignment - page : 0, whole;
    if (__builtin_add_overflow(size, slack, &whole)) return NULL;
    /* cppcheck-suppress invalidFunctionArg ; -1 is what an anonymous mapping takes */
    uint8_t *start = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    size_t front = alignment > page ? -(uintptr_t)start & (alignment - 1) : 0;
    if (front > 0) munmap(start, front);
    if (slack > front) munmap(start + front + size, slack - front);
    pool->mapped += size;
    if (pool->node != TOPOLOGY_ANY && topology_bind_memory(pool->topology, start + front, size, pool->node) != 0)
        pool->unbound += size;
    /* cppcheck-suppress deallocret ; only the ends were unmapped */
    return start + front;
}

static void region_unmap(struct pool *pool, void *address, size_t size)
{
    munmap(address, size);
    pool->mapped -= size;
}

#ifndef LASSIM_NO_JEMALLOC

/* Held while any pool's arena changes: jemalloc 5.3 looks at the records of neighbouring extents of other arenas, and
 * destroying an arena unmaps its records under the eyes of a thread that allocates from another (sessions that open and
 * close side by side).  Nothing is allocated while a session runs, so nobody waits there. */
static pthread_mutex_t arenas_lock = PTHREAD_MUTEX_INITIALIZER;

static void *hook_alloc(extent_hooks_t *hooks, void *address, size_t size, size_t alignment, bool *zero, bool *commit,
                        unsigned arena)
{
    (void)arena;
    if (address != NULL) return NULL;
    void *start = region_map((struct pool *)hooks, size, alignment);
    if (start != NULL) *zero = *commit = true;
    return start;
}

static bool hook_dalloc(extent_hooks_t *hooks, void *address, size_t size, bool committed, unsigned arena)
{
    (void)committed, (void)arena;
    region_unmap((struct pool *)hooks, address, size);
    return false;
}

static void hook_destroy(extent_hooks_t *hooks, void *address, size_t size, bool committed, unsigned arena)
{
    (void)committed, (void)arena;
    region_unmap((struct pool *)hooks, address, size);
}

/* Mappings may be cut and joined anywhere. */
static bool hook_split(extent_hooks_t *hooks, void *address, size_t size, size_t a, size_t b, bool committed,
                       unsigned arena)
{
    (void)hooks, (void)address, (void)size, (void)a, (void)b, (void)committed, (void)arena;
    return false;
}

static bool hook_merge(extent_hooks_t *hooks, void *a, size_t size_a, void *b, size_t size_b, bool committed,
                       unsigned arena)
{
    (void)hooks, (void)a, (void)size_a, (void)b, (void)size_b, (void)committed, (void)arena;
    return false;
}

static int heap_open(struct pool *pool)
{
    pool->hooks = (extent_hooks_t){
        .alloc = hook_alloc, .dalloc = hook_dalloc, .destroy = hook_destroy, .split = hook_split, .merge = hook_merge};
    extent_hooks_t *hooks = &pool->hooks;
    size_t size = sizeof pool->arena;
    pthread_mutex_lock(&arenas_lock);
    int failed = mallctl("arenas.create", &pool->arena, &size, &hooks, sizeof(extent_hooks_t *));
    pthread_mutex_unlock(&arenas_lock);
    return failed;
}

static void heap_control(struct pool *pool, const char *operation)
{
    char name[64];
    snprintf(name, sizeof name, "arena.%u.%s", pool->arena, operation);
    pthread_mutex_lock(&arenas_lock);
    int failed = mallctl(name, NULL, NULL, NULL, 0);
    pthread_mutex_unlock(&arenas_lock);
    LASSIM_INVARIANT(failed == 0, "jemalloc %s: error %d", name, failed);
}

static void *heap_alloc(struct pool *pool, size_t size)
{
    pthread_mutex_lock(&arenas_lock);
    void *memory = mallocx(size, MALLOCX_ARENA(pool->arena) | MALLOCX_TCACHE_NONE | MALLOCX_ZERO |
                                     MALLOCX_ALIGN((size_t)POOL_ALIGNMENT));
    pthread_mutex_unlock(&arenas_lock);
    return memory;
}

static void heap_reset(struct pool *pool)
{
    heap_control(pool, "reset");
}

static void heap_close(struct pool *pool)
{
    heap_control(pool, "destroy");
}

#else

enum { REGION_LEAST = 2 << 20 };

struct region {
    struct region *next;
    size_t size, used;
};

static int heap_open(struct pool *pool)
{
    pool->regions = NULL;
    return 0;
}

static int region_add(struct pool *pool, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole;
    if (__builtin_add_overflow(size, POOL_ALIGNMENT + page - 1, &whole)) return -1;
    whole = whole / page * page;
    if (whole < REGION_LEAST) whole = REGION_LEAST;
    struct region *region = region_map(pool, whole, page);
    if (region == NULL) return -1;
    *region = (struct region){pool->regions, whole, POOL_ALIGNMENT};
    pool->regions = region;
    return 0;
}

static void *heap_alloc(struct pool *pool, size_t size)
{
    struct region *region = pool->regions;
    if (region == NULL || region->size - region->used < size) {
        if (region_add(pool, size) != 0) return NULL;
        region = pool->regions;
    }
    region->used += size;
    return (uint8_t *)region + region->used - size;
}

static void heap_reset(struct pool *pool)
{
    while (pool->regions != NULL) {
        struct region *region = pool->regions;
        pool->regions = region->next;
        region_unmap(pool, region, region->size);
    }
}

static void heap_close(struct pool *pool)
{
    heap_reset(pool);
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

void pool_free_all(struct pool *pool)
{
    heap_reset(pool);
    pool->bytes = pool->needed = 0;
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
