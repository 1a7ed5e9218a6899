/* The machine as the kernel sees it: NUMA nodes, cores, processing units (PUs), through hwloc.
 *
 * Nodes, cores and PUs are numbered 0, 1, ... in hwloc's logical order; only nodes that have cores of
 * their own count.  What is done to threads and memory goes through a back end, so that a test can assert
 * the policy on a synthetic machine. */
#ifndef LASSIM_KERNEL_TOPOLOGY_H
#define LASSIM_KERNEL_TOPOLOGY_H

#include <stddef.h>

#include "kernel/error.h"

/* A node or PU that stands for "any": no binding. */
#define TOPOLOGY_ANY (~0u)

struct topology;

/* Each returns 0, or -1 if the system refuses (which changes no result, only speed). */
struct topology_backend {
    void *context;
    /* Binds the calling thread to one PU, or to the whole machine for TOPOLOGY_ANY. */
    int (*bind_thread)(void *context, unsigned pu);
    /* Asks that the pages of [address, address + bytes), page aligned and untouched, lie on `node`. */
    int (*bind_memory)(void *context, void *address, size_t bytes, unsigned node);
};

/* PUs that this process may run on: its CPU affinity when the first of these functions was called (a team
 * binds its caller's thread, which must not shrink the machine for the next), >= 1. */
unsigned topology_process_pus(void);

struct topology_place {
    unsigned node, core, pu;
};

/* synthetic: an hwloc description such as "node:2 core:4 pu:1", or NULL for this machine (the
 * PUs that this process may run on).  backend: copied; NULL for hwloc (which does nothing on a synthetic machine).
 * On failure *topology is NULL and *error says why.  The caller owns it: topology_free. */
enum lassim_status topology_new(const char *synthetic, const struct topology_backend *backend,
                                struct topology **topology, struct lassim_error *error);
void topology_free(struct topology *topology); /* NULL allowed */

unsigned topology_nodes(const struct topology *topology); /* >= 1 */
unsigned topology_cores(const struct topology *topology); /* >= 1; the default number of threads */
unsigned topology_pus(const struct topology *topology);   /* >= 1 */

/* Where worker w of n runs (w < n): workers spread over the cores, and so over the nodes, evenly and in
 * order (core = w cores / n); workers that share a core take its PUs in turn. */
struct topology_place topology_place(const struct topology *topology, unsigned worker, unsigned workers);

/* Binds the calling thread to a PU (TOPOLOGY_ANY: to the whole machine).  0, or -1 if refused. */
int topology_bind_thread(struct topology *topology, unsigned pu);
/* Binds page-aligned, untouched memory to a node; TOPOLOGY_ANY does nothing.  0, or -1 if refused. */
int topology_bind_memory(struct topology *topology, void *address, size_t bytes, unsigned node);

#endif
