/* Binary heaps of the queue: events of the far future by timestep, and late ones, pushed into the timestep
 * that is being popped, by key. */
#ifndef LASSIM_QUEUE_HEAP_H
#define LASSIM_QUEUE_HEAP_H

#include "queue/record.h"

struct heap_item {
    uint64_t timestep;
    struct record record;
};

/* Zero-initialised: empty.  item[0] is least in (timestep, record). */
struct heap {
    struct heap_item *item;
    size_t size, capacity;
};

/* Makes room for n items.  0, or -1 if there is no memory. */
int heap_reserve(struct heap *heap, size_t n);
void heap_free(struct heap *heap);
/* 0, or -1 if there is no memory (nothing changed).  O(log n). */
int heap_push(struct heap *heap, const struct heap_item *item);
/* Removes the least item; the heap must not be empty.  O(log n). */
struct heap_item heap_pop(struct heap *heap);
/* 1 if every item is at least its parent. */
int heap_valid(const struct heap *heap);

#endif
