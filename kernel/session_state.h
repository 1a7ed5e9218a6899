/* Inside of a session, shared by its construction (session_open.c) and its use (session.c) only. */
#ifndef LASSIM_KERNEL_SESSION_STATE_H
#define LASSIM_KERNEL_SESSION_STATE_H

#include "kernel/dense_engine.h"
#include "kernel/event_engine.h"
#include "kernel/fused_engine.h"
#include "kernel/session.h"
#include "kernel/stuck_neurons.h"

struct lassim_session {
    const struct model *model;
    struct lassim_options options;
    uint32_t steps, tokens, threads;
    uint32_t context;                         /* tokens that there is room for */
    struct topology *topology, *own_topology; /* own: this machine's, unless the caller brought one */
    struct team *team;
    struct network_team workers; /* and the memory nodes that they run on, */
    unsigned node[TEAM_THREADS_MAX];
    struct pool *pool[TEAM_THREADS_MAX]; /* [workers.nodes] one on each */
    struct memory_plan plan;
    struct stuck_neurons stuck;
    struct trace_perturbation perturbation;
    struct accounting *accounting;
    struct trace_writer *trace;
    struct event_engine *event;
    struct fused_engine *fused;
    struct dense_engine *dense;
    int failed; /* a feed ended early: the state is of no more use */
};

#endif
