/* The engine `event`: the reference discrete-event simulator.
 *
 * Strict timestamp order through the event queue, one spike step at a time.  A step takes the earliest
 * (timestep, phase): phase 0 closes windows (each makes a train, whose packets are pushed), phase 1
 * delivers spike packets.  Closings of different tokens, and shares of the targets of the packets of one
 * timestep, go to the team's workers; all sums are integers, so nothing depends on their number.
 * Nothing is allocated after event_engine_new. */
#ifndef LASSIM_KERNEL_EVENT_ENGINE_H
#define LASSIM_KERNEL_EVENT_ENGINE_H

#include "kernel/engine_setup.h"

struct event_engine;

/* Bytes that event_engine_new takes from the pool. */
uint64_t event_engine_bytes(const struct engine_setup *setup);
/* setup's objects outlive the engine.  LASSIM_ERR_RUN without memory.  event_engine_free. */
enum lassim_status event_engine_new(const struct engine_setup *setup, struct event_engine **engine,
                                    struct lassim_error *error);
void event_engine_free(struct event_engine *engine);

/* Runs the feed's tokens to the close of their last window.  ids < vocabulary, types < token_types, the context fits, an
 * encoder is as new or reset (caller checks).  LASSIM_ERR_RUN when stopped or when the trace cannot be written; the
 * engine is then good only to be freed. */
enum lassim_status event_engine_feed(struct event_engine *engine, const struct engine_feed *feed,
                                     struct lassim_error *error);
/* Spike packets popped from the queue since the last reset. */
uint64_t event_engine_popped(const struct event_engine *engine);
void event_engine_reset(struct event_engine *engine);
/* From any thread: a running feed returns at the next timestep. */
void event_engine_stop(struct event_engine *engine);
/* Timestep reached, tokens whose windows have all closed; from any thread. */
void event_engine_progress(struct event_engine *engine, uint64_t *timesteps, uint64_t *tokens);

#endif
