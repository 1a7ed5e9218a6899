#include "queue/heap.h"

#include <stdlib.h>

enum { HEAP_CAPACITY_LEAST = 64 };

static int item_less(const struct heap_item *a, const struct heap_item *b)
{
    return a->timestep < b->timestep || (a->timestep == b->timestep && record_less(&a->record, &b->record));
}

int heap_reserve(struct heap *heap, size_t n)
{
    if (n <= heap->capacity) return 0;
    size_t bytes, wanted = heap->capacity + heap->capacity / 2;
    if (wanted < HEAP_CAPACITY_LEAST) wanted = HEAP_CAPACITY_LEAST;
    if (wanted < n) wanted = n;
    if (__builtin_mul_overflow(wanted, sizeof *heap->item, &bytes)) return -1;
    struct heap_item *memory = realloc(heap->item, bytes);
    if (memory == NULL) return -1;
    heap->item = memory;
    heap->capacity = wanted;
    return 0;
}

void heap_free(struct heap *heap)
{
    free(heap->item);
    *heap = (struct heap){0};
}

int heap_push(struct heap *heap, const struct heap_item *item)
{
    if (heap->size == heap->capacity && heap_reserve(heap, heap->size + 1) != 0) return -1;
    struct heap_item added = *item;
    size_t hole = heap->size++;
    while (hole > 0 && item_less(&added, &heap->item[(hole - 1) / 2])) {
        heap->item[hole] = heap->item[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap->item[hole] = added;
    return 0;
}

struct heap_item heap_pop(struct heap *heap)
{
    struct heap_item least = heap->item[0], moved = heap->item[--heap->size];
    size_t hole = 0, child;
    while ((child = 2 * hole + 1) < heap->size) {
        if (child + 1 < heap->size && item_less(&heap->item[child + 1], &heap->item[child])) child++;
        if (!item_less(&heap->item[child], &moved)) break;
        heap->item[hole] = heap->item[child];
        hole = child;
    }
    heap->item[hole] = moved;
    return least;
}

int heap_valid(const struct heap *heap)
{
    for (size_t i = 1; i < heap->size; i++)
        if (item_less(&heap->item[i], &heap->item[(i - 1) / 2])) return 0;
    return heap->size <= heap->capacity;
}
