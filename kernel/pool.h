/* Memory pools, one per NUMA node, sized from the graph before the run.
 *
 * A pool is a jemalloc arena whose extents are mapped by the pool and bound to its node through the
 * topology's back end.  Built with -DLASSIM_NO_JEMALLOC (sanitizers, which bring their own malloc) it hands
 * out the same mapped and bound memory itself, with the same accounting.
 *
 * One pool is not thread safe: it is filled before workers start and freed after they end.  Different pools
 * are: sessions open and close side by side. */
#ifndef LASSIM_KERNEL_POOL_H
#define LASSIM_KERNEL_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/topology.h"

enum { POOL_ALIGNMENT = 64 };

struct pool;

/* topology: outlives the pool; may be NULL if node is TOPOLOGY_ANY.  node: where the memory lies, or
 * TOPOLOGY_ANY for no binding (--numa off).  limit: bytes that pool_alloc hands out at most (SIZE_MAX: no
 * limit).  The caller owns *pool: pool_free. */
enum lassim_status pool_new(struct topology *topology, unsigned node, size_t limit, struct pool **pool,
                            struct lassim_error *error);
/* Gives everything back, the pool included.  NULL allowed. */
void pool_free(struct pool *pool);

/* `size` bytes, aligned to POOL_ALIGNMENT, zeroed; lives until pool_free.  size 0 gives a
 * unique pointer.  NULL when the limit or the machine's memory is exhausted; pool_needed then says how many
 * bytes would have been enough so far (the caller may go on asking to learn the whole need).
 * Accounted as size rounded up to POOL_ALIGNMENT (at least one unit). */
void *pool_alloc(struct pool *pool, size_t size);

unsigned pool_node(const struct pool *pool);
/* Bytes handed out, as accounted; <= limit. */
size_t pool_bytes(const struct pool *pool);
/* Bytes asked for since pool_new, refused requests included; saturates at SIZE_MAX. */
size_t pool_needed(const struct pool *pool);
/* Bytes mapped for the pool (>= what it handed out); of these, those that the system refused to bind (a matter
 * of speed only). */
size_t pool_mapped(const struct pool *pool);
size_t pool_unbound(const struct pool *pool);

#endif
