/* Runs a network of integrate-and-fire populations (kernel/if_network.h) on the event queue.
 *
 * An event is the arrival of a spike packet (population, timestep, block of 1,024 neurons) at the target of a
 * route, `delay` timesteps after its spikes, keyed (timestep, route, block): a total order by content.  Time
 * advances in windows of at most 16 timesteps, none longer than the least delay between neuron populations, so
 * nothing that fires in a window can arrive in it.  In a window the arrivals are taken from the queue, then every
 * unit (256 neurons of a population, its sums owned by one worker) goes through the window's timesteps: sums of what
 * arrived, exact, route by route; potentials; spikes (neurons/lif.h).  Then spikes become packets and the packets'
 * arrivals events.  A unit in which nothing arrives is not visited, unless its neurons leak or stand above their
 * threshold.  Nothing is allocated while running but by the queue when more packets are under way than ever before.
 *
 * Exactness: a target's input is the sum, in the order of routes, of (double)(integer sum) 2^grid, started at 0. */
#ifndef LASSIM_KERNEL_IF_ENGINE_H
#define LASSIM_KERNEL_IF_ENGINE_H

#include <stdint.h>

#include "kernel/error.h"
#include "kernel/if_network.h"
#include "kernel/pool.h"
#include "kernel/team.h"
#include "kernel/trace_writer.h"

struct if_engine;

/* One input spike. */
struct if_spike {
    uint64_t time;
    uint32_t population, neuron;
};

/* < 0, 0, > 0 by time, population, neuron. */
static inline int if_spike_compare(const struct if_spike *x, const struct if_spike *y)
{
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    if (x->population != y->population) return x->population < y->population ? -1 : 1;
    return x->neuron < y->neuron ? -1 : x->neuron > y->neuron;
}

struct if_setup {
    const struct if_network *network;
    struct team *team;
    struct pool *pool;
    struct trace_writer *trace; /* may be NULL; finishing it is the caller's */
    enum row_cpu cpu;           /* instructions of the dense kernel; changes no result */
};

/* Everything in *setup outlives the engine; memory comes from the pool.  ERR_RUN with the bytes needed if it does
 * not suffice.  The caller owns *engine: if_engine_free. */
enum lassim_status if_engine_new(const struct if_setup *setup, struct if_engine **engine, struct lassim_error *error);
void if_engine_free(struct if_engine *engine);

/* Input spikes to come, of input populations and neurons that exist, time >= if_engine_time (else a bug: aborts); any
 * order.  O(count), sorted at the next run.  ERR_RUN without memory. */
enum lassim_status if_engine_feed(struct if_engine *engine, const struct if_spike *spikes, uint64_t count,
                                  struct lassim_error *error);
/* Simulates `timesteps` more.  ERR_USAGE if an input spike was fed twice; ERR_RUN after if_engine_stop or when the
 * trace cannot be written. */
enum lassim_status if_engine_run(struct if_engine *engine, uint64_t timesteps, struct lassim_error *error);
/* Writes the records of a last window that is shorter than 16 timesteps.  Nothing may run afterwards. */
enum lassim_status if_engine_end(struct if_engine *engine, struct lassim_error *error);

/* The next timestep. */
uint64_t if_engine_time(const struct if_engine *engine);
void if_engine_counts(const struct if_engine *engine, uint32_t population, struct lassim_network_counts *counts);
/* Spikes of every neuron so far, [size]. */
const uint64_t *if_engine_spikes(const struct if_engine *engine, uint32_t population);
/* From any thread. */
void if_engine_stop(struct if_engine *engine);
uint64_t if_engine_progress(const struct if_engine *engine);

#endif
