/* What the files of the integrate-and-fire engine share. */
#ifndef LASSIM_KERNEL_IF_ENGINE_STATE_H
#define LASSIM_KERNEL_IF_ENGINE_STATE_H

#include <stdatomic.h>

#include "kernel/if_engine.h"
#include "queue/event_queue.h"

enum {
    IF_WINDOW = 16,               /* timesteps of a trace window, and of an engine's at most */
    IF_UNIT = LIF_SPAN,           /* neurons of a unit: one tile of dense rows */
    IF_UNIT_WORDS = IF_UNIT / 64, /* of one timestep's spikes, bit i % 64 of word i / 64 */
    IF_BLOCK_WORDS = IF_BLOCK / 64
};
_Static_assert((int)IF_UNIT == (int)ROW_TILE && IF_BLOCK % IF_UNIT == 0, "units are tiles and make up blocks");

/* Running state of one population. */
struct if_state {
    const struct if_population *population;
    double *v;         /* [size] */
    uint64_t *ready;   /* [size] or NULL (neurons/lif.h) */
    uint64_t *count;   /* [size] spikes so far */
    uint32_t *codes;   /* [size] trace: the window's spikes as OAT codes; NULL without a trace */
    uint64_t *history; /* [horizon][blocks][IF_BLOCK_WORDS]: spikes of timestep t at slot t % horizon */
    uint32_t horizon;  /* 0: nothing listens; else the longest delay out of it + IF_WINDOW */
    uint32_t blocks, units;
    uint32_t first_in, ins;   /* its incoming routes in engine->in */
    uint32_t first_out, outs; /* its outgoing ones in engine->out */
    struct lassim_network_counts counts;
};

/* Arrivals at one route in a window: source neurons. */
struct if_arrivals {
    uint32_t *rows;            /* [IF_WINDOW][size of source]; ascending within a timestep */
    uint32_t count[IF_WINDOW]; /* of each timestep of the window */
};

/* 256 neurons of a population. */
struct if_unit {
    uint32_t population, tile;
    int restless;                    /* some neuron stands at or above its threshold */
    uint32_t visits;                 /* timesteps of the window in which it was visited */
    uint32_t fired;                  /* bit k: spikes in the window's timestep k */
    uint64_t (*bits)[IF_UNIT_WORDS]; /* [IF_WINDOW] */
};

struct if_engine {
    struct if_setup setup;
    const struct if_network *network;
    struct event_queue *queue;
    struct if_state *state;       /* [populations] */
    struct if_arrivals *arrivals; /* [routes] */
    struct if_unit *unit;         /* [units] */
    uint32_t *in, *out;           /* [routes] routes by target, by source, in network order */
    uint32_t units, lookahead;
    uint64_t now;   /* first timestep of the window */
    uint32_t steps; /* of the window */
    uint64_t work;  /* synaptic operations that arrive in it */
    struct if_spike *inbox;
    uint64_t inbox_count, inbox_capacity, inbox_next;
    int inbox_unsorted;
    atomic_uint next_unit;
    atomic_int stopped;
    atomic_ullong progress;
};

/* Goes through the window's timesteps with one unit (kernel/if_unit.c).  Units may run at the same time. */
void if_unit_run(struct if_engine *engine, struct if_unit *unit);

/* Bits of timestep t, block b in a population's history. */
static inline uint64_t *if_history(const struct if_state *state, uint64_t t, uint32_t block)
{
    return state->history + (t % state->horizon * state->blocks + block) * IF_BLOCK_WORDS;
}

/* The code bit of a timestep in its trace window: the radix code's spike of step t weighs 2^(T-1-t). */
static inline uint32_t if_code_bit(uint64_t t)
{
    return UINT32_C(1) << (IF_WINDOW - 1 - t % IF_WINDOW);
}

#endif
