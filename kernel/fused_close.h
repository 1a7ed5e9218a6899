/* Closing windows for the fused engine: the populations of one level, for a batch of tokens on all workers at
 * once, or for one token with its neurons split over the workers. */
#ifndef LASSIM_KERNEL_FUSED_CLOSE_H
#define LASSIM_KERNEL_FUSED_CLOSE_H

#include "kernel/engine_setup.h"
#include "layers/network.h"
#include "layers/tally.h"
#include "queue/event_queue.h"

/* Consecutive tokens of one feed that go through the levels together. */
struct token_batch {
    uint32_t first, count;     /* tokens */
    uint32_t asked, asked_end; /* tokens first + asked .. first + asked_end - 1 have their heads read */
    int together;              /* encoder: all start in one window and see each other */
    uint64_t start;            /* timestep of the first one's first window */
};

/* Token t (0 .. count - 1) of the batch. */
struct token_window batch_window(const struct token_batch *batch, uint32_t t);

/* What one token's closing of one population did. */
struct closed {
    struct close_result result;
    struct tally tally;
};

struct fused_close;

/* Bytes that fused_close_new takes from setup's pool; NULL without memory.  setup and network outlive it. */
uint64_t fused_close_bytes(const struct engine_setup *setup);
struct fused_close *fused_close_new(const struct engine_setup *setup, struct network *network);

/* Closes the populations of phase [count], all of one level, for every token of the batch. */
void fused_close_run(struct fused_close *close, const struct event *phase, size_t count,
                     const struct token_batch *batch);
/* Of the last run: population i of the phase, token t of the batch. */
const struct closed *fused_close_result(const struct fused_close *close, size_t i, uint32_t t);

#endif
