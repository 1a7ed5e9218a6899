/* What the engines event and fused are made from, and how both size and index their state. */
#ifndef LASSIM_KERNEL_ENGINE_SETUP_H
#define LASSIM_KERNEL_ENGINE_SETUP_H

#include "kernel/accounting.h"
#include "kernel/error.h"
#include "kernel/model.h"
#include "kernel/pool.h"
#include "kernel/team.h"
#include "kernel/trace_writer.h"

struct engine_setup {
    const struct model *model;
    unsigned steps;        /* T of this run's windows, 1..16; a population's own: engine_steps */
    uint32_t prompt_chunk; /* event: tokens whose input spikes are queued ahead; fused: the most tokens of
                                 * a batch; >= 1; encoders: context, since a sequence goes all at once */
    uint32_t context;      /* tokens of the longest sequence, 1 .. positions */
    struct team *team;
    const struct network_team *workers; /* the team's workers and their nodes */
    struct pool *const *pools;          /* [nodes]; all state comes from here, what is no worker's from the first */
    struct trace_writer *trace;         /* or NULL */
    struct accounting *accounting;
    const struct perturbation *perturbation; /* or NULL */
};

/* The layers' view of the model at this T. */
struct network_model engine_network_model(const struct engine_setup *setup);
/* T of population p in this run. */
unsigned engine_steps(const struct engine_setup *setup, uint32_t p);
/* A network_allocate; context is the pools, [nodes]. */
void *engine_allocate(void *context, unsigned node, size_t bytes);
/* What `bytes` take in a pool. */
uint64_t engine_rounded(uint64_t bytes);
/* level_first[k] = first population of level k, for k = 0 .. levels.  Populations stand in level order (an
 * invariant): level k holds [level_first[k], level_first[k + 1]). */
void engine_index_levels(const struct graph *graph, uint32_t *level_first);

/* One feed: n tokens' ids, their types (NULL: 0), and for which the head is read. */
struct engine_feed {
    const uint32_t *ids, *types;
    uint32_t n;
    enum lassim_read read;
    lassim_logits_callback *callback;
    void *context;
};
/* The tokens [*from, *to) of the feed whose head is read.  Decoders: as read says; encoders, unless NONE: the first one
 * (HEAD_CLASSIFY) or all. */
void engine_asked(const struct graph *graph, const struct engine_feed *feed, uint32_t *from, uint32_t *to);

#endif
