/* The event queue that every engine runs on: events leave in a strict total order by content,
 *   (timestep, phase, level, population, token, block)   (docs/design.md, Schedule)
 * whatever order they came in.
 *
 * A calendar of one bucket per timestep in a ring over the horizon; a bucket is appended to unsorted and
 * ordered when it becomes current; events beyond the horizon wait in an overflow heap.  Push and pop cost
 * O(1) amortised within the horizon for keys that spread, O(log n) for pushes into the timestep being
 * popped and for the far future.  Memory: 24 bytes an event plus at most one chunk (1 KiB) per non-empty
 * timestep.  Nothing is allocated while the number of pending events stays at or below the largest seen
 * (or queue_reserve'd) and its spread over timesteps does not widen.
 *
 * Not thread safe: one thread owns a queue. */
#ifndef LASSIM_QUEUE_EVENT_QUEUE_H
#define LASSIM_QUEUE_EVENT_QUEUE_H

#include <stddef.h>
#include <stdint.h>

/* phase 0: a window closes, keyed by the population that closes; phase 1: spikes of this timestep.
 * Every field may hold any value of its type. */
struct event_key {
    uint64_t timestep;
    uint32_t population;
    uint32_t token;
    uint32_t block;
    uint16_t level;
    uint8_t phase;
};

struct event {
    struct event_key key;
    void *payload; /* never read by the queue */
};

enum queue_status {
    QUEUE_OK = 0,
    QUEUE_ERR_PAST,  /* the key is not greater than the last popped one */
    QUEUE_ERR_MEMORY /* no memory; the queue is unchanged */
};

struct event_queue;

/* < 0, 0, > 0 as a comes before, equals, comes after b in the total order.  Pure. */
int event_key_compare(const struct event_key *a, const struct event_key *b);

/* capacity: events expected pending at once (a hint, 0 allowed).  horizon: timesteps ahead of the current
 * one within which most events are pushed; rounded up to a power of two in 64 .. 4096.
 * NULL if there is no memory.  The caller owns the queue: queue_free. */
struct event_queue *queue_new(size_t capacity, size_t horizon);
/* Payloads still pending are the caller's, the queue only forgets them.  queue may be NULL. */
void queue_free(struct event_queue *queue);

/* Makes room so that pushes while at most `events` are pending, in any spread over timesteps and however
 * many of them in the current one, allocate nothing.  QUEUE_OK or QUEUE_ERR_MEMORY. */
enum queue_status queue_reserve(struct event_queue *queue, size_t events);

/* Adds a copy of *event.  Allowed: any key greater than the last popped one, its timestep's later ones
 * included; before the first pop (or after queue_clear) any key.  Two events with equal keys are both
 * kept and leave one after the other, in unspecified order (the engine never makes them). */
enum queue_status queue_push(struct event_queue *queue, const struct event *event);

/* 1 and the earliest event's timestep in *timestep, or 0 if the queue is empty.  Changes nothing. */
int queue_peek_time(const struct event_queue *queue, uint64_t *timestep);

/* 1 and the least event in *event, or 0 if the queue is empty or the order could not be made for lack of
 * memory (queue_size tells; then only queue_clear and queue_free are of use; not after queue_reserve). */
int queue_pop(struct event_queue *queue, struct event *event);

/* Pops the events of the earliest (timestep, phase) in order into out[0..capacity); returns how many.
 * If there are more than capacity, the next call goes on with the rest.  0 as for queue_pop.
 * Afterwards events of the same timestep with greater keys may still be pushed. */
size_t queue_pop_phase(struct event_queue *queue, struct event *out, size_t capacity);

/* Events pending. */
size_t queue_size(const struct event_queue *queue);

/* Forgets every event and the last popped key (timestep 0 again), keeps the memory. */
void queue_clear(struct event_queue *queue);

/* Checks the whole structure: NULL, or which invariant is broken (a static string).  O(pending). */
const char *queue_validate(const struct event_queue *queue);

#endif
