/* The engine `fused`: the same graph, schedule and numbers as `event`, worked through in whole windows.
 *
 * Nobody observes single steps, so a population's window travels as one packet, and a batch of prompt tokens
 * goes through the levels together: a weight row that several of them need is read once.  The event queue
 * orders (level, population) of the batch; spikes, counters and trace are those of `event`, because every
 * sum is the same exact integer.  Records that a later batch's windows must precede wait in memory. */
#ifndef LASSIM_KERNEL_FUSED_ENGINE_H
#define LASSIM_KERNEL_FUSED_ENGINE_H

#include "kernel/engine_setup.h"

struct fused_engine;

/* As event_engine_*. */
uint64_t fused_engine_bytes(const struct engine_setup *setup);
enum lassim_status fused_engine_new(const struct engine_setup *setup, struct fused_engine **engine,
                                    struct lassim_error *error);
void fused_engine_free(struct fused_engine *engine);
enum lassim_status fused_engine_feed(struct fused_engine *engine, const struct engine_feed *feed,
                                     struct lassim_error *error);
/* Spike packets popped from the queue since the last reset. */
uint64_t fused_engine_popped(const struct fused_engine *engine);
void fused_engine_reset(struct fused_engine *engine);
void fused_engine_stop(struct fused_engine *engine);
void fused_engine_progress(struct fused_engine *engine, uint64_t *timesteps, uint64_t *tokens);

#endif
