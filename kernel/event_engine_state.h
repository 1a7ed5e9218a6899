/* Inside of struct event_engine: the run loop (event_engine.c) and its construction (event_engine_new.c). */
#ifndef LASSIM_KERNEL_EVENT_ENGINE_STATE_H
#define LASSIM_KERNEL_EVENT_ENGINE_STATE_H

#include <stdatomic.h>

#include "kernel/event_engine.h"
#include "queue/event_queue.h"

/* A token whose input spikes are queued. */
struct input_slot {
    uint32_t spike[GRAPH_INPUTS_MAX];
    struct packet packet[GRAPH_INPUTS_MAX];
    int asked;
};

/* Closings of one token, all of one level: one worker's piece of a phase 0.  Events first, first + stride, ... */
struct close_unit {
    uint32_t first, count, stride;
};

struct event_engine {
    struct engine_setup setup;
    const struct graph *graph;
    struct network *network;
    struct event_queue *queue;
    struct event *batch;
    size_t batch_capacity;
    struct close_unit *unit;
    struct close_result *result; /* of each event of a phase 0 */
    uint32_t units;
    _Atomic uint32_t next_unit;
    size_t batch_count;
    struct event *pending; /* phase 0 whose records wait for the inputs of the same timestep */
    size_t pending_count;
    uint32_t *level_first;      /* [levels + 1] first population of each level */
    struct token_window *token; /* [slots] tokens in flight, by token % slots; encoders: all */
    uint32_t slots;
    struct input_slot *input; /* [prompt_chunk] by token % prompt_chunk */
    float *logits;            /* [head_width] */
    uint64_t popped;          /* spike packets */
    uint64_t clock;           /* timestep at which the last window closed */
    uint32_t tokens;          /* started so far */
    uint32_t opened;          /* of the running feed */
    const struct engine_feed *feed;
    _Atomic int stop;
    _Atomic uint64_t progress_timesteps, progress_tokens;
};

#endif
