#include "queue/event_queue.h"

#include <stdlib.h>
#include <string.h>

#include "queue/chunk.h"
#include "queue/heap.h"
#include "queue/order.h"

enum { HORIZON_LEAST = 64, HORIZON_MOST = 4096, WORD_BITS = 64 };

struct event_queue {
    uint64_t base;       /* the ring holds timesteps [base, base + window) */
    uint64_t window;     /* horizon; 0 once there is no timestep after the current one */
    uint64_t now;        /* timestep of the current bucket, once started */
    int started;         /* an event was popped: `last` and `now` hold */
    struct record last;  /* last popped */
    size_t size;         /* pending, everywhere */
    struct heap late;    /* pushed into `now` while it is popped */
    struct heap far;     /* beyond the ring */
    size_t horizon;      /* buckets, a power of two */
    struct bucket *ring; /* [horizon], timestep t in ring[t % horizon] */
    uint64_t *occupied;  /* [horizon / 64]: bit b is set when ring[b] holds records */
    struct chunk_pool chunks;
    struct order order; /* what is left of the current bucket */
};

int event_key_compare(const struct event_key *a, const struct event_key *b)
{
    if (a->timestep != b->timestep) return a->timestep < b->timestep ? -1 : 1;
    struct record x = record_pack(&(struct event){*a, NULL}), y = record_pack(&(struct event){*b, NULL});
    return record_less(&y, &x) - record_less(&x, &y);
}

static size_t round_horizon(size_t horizon)
{
    size_t rounded = HORIZON_LEAST;
    while (rounded < horizon && rounded < HORIZON_MOST) rounded *= 2;
    return rounded;
}

struct event_queue *queue_new(size_t capacity, size_t horizon)
{
    struct event_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) return NULL;
    queue->horizon = round_horizon(horizon);
    queue->window = queue->horizon;
    queue->ring = calloc(queue->horizon, sizeof *queue->ring);
    queue->occupied = calloc(queue->horizon / WORD_BITS, sizeof *queue->occupied);
    if (queue->ring == NULL || queue->occupied == NULL ||
        chunk_pool_reserve(&queue->chunks, capacity / CHUNK_RECORDS + queue->horizon) != 0) {
        queue_free(queue);
        return NULL;
    }
    return queue;
}

void queue_free(struct event_queue *queue)
{
    if (queue == NULL) return;
    chunk_pool_free(&queue->chunks);
    order_free(&queue->order);
    heap_free(&queue->late);
    heap_free(&queue->far);
    free(queue->occupied);
    free(queue->ring);
    free(queue);
}

enum queue_status queue_reserve(struct event_queue *queue, size_t events)
{
    int failed = chunk_pool_reserve(&queue->chunks, events / CHUNK_RECORDS + queue->horizon) != 0 ||
                 order_reserve(&queue->order, events) != 0 || heap_reserve(&queue->late, events) != 0 ||
                 heap_reserve(&queue->far, events) != 0;
    return failed ? QUEUE_ERR_MEMORY : QUEUE_OK;
}

static inline void occupy(struct event_queue *queue, size_t slot)
{
    queue->occupied[slot / WORD_BITS] |= UINT64_C(1) << slot % WORD_BITS;
}

/* A push into the ring whose bucket needs another chunk. */
static __attribute__((noinline)) enum queue_status ring_push_extending(struct event_queue *queue,
                                                                       const struct event *event)
{
    size_t slot = event->key.timestep & (queue->horizon - 1);
    struct bucket *bucket = &queue->ring[slot];
    if (bucket_extend(bucket, &queue->chunks) != 0) return QUEUE_ERR_MEMORY;
    occupy(queue, slot);
    *bucket->next++ = record_pack(event);
    queue->size++;
    return QUEUE_OK;
}

/* A push beside the ring: far future, current timestep or past. */
static __attribute__((noinline)) enum queue_status heap_side_push(struct event_queue *queue, const struct event *event)
{
    struct heap_item item = {event->key.timestep, record_pack(event)};
    struct heap *heap = &queue->far;
    if (queue->started && item.timestep <= queue->now) {
        if (item.timestep < queue->now || !record_less(&queue->last, &item.record)) return QUEUE_ERR_PAST;
        heap = &queue->late;
    }
    if (heap_push(heap, &item) != 0) return QUEUE_ERR_MEMORY;
    queue->size++;
    return QUEUE_OK;
}

enum queue_status queue_push(struct event_queue *queue, const struct event *event)
{
    uint64_t timestep = event->key.timestep;
    if (timestep - queue->base >= queue->window) return heap_side_push(queue, event);
    size_t slot = timestep & (queue->horizon - 1);
    struct bucket *bucket = &queue->ring[slot];
    if (bucket->next == bucket->end) return ring_push_extending(queue, event);
    occupy(queue, slot);
    *bucket->next++ = record_pack(event);
    queue->size++;
    return QUEUE_OK;
}

/* Distance from base to the first non-empty bucket of the ring, or horizon if there is none. */
static size_t ring_distance(const struct event_queue *queue)
{
    size_t words = queue->horizon / WORD_BITS, start = queue->base & (queue->horizon - 1);
    size_t word = start / WORD_BITS;
    uint64_t bits = queue->occupied[word] & ~UINT64_C(0) << start % WORD_BITS;
    for (size_t i = 0; i <= words; i++) {
        if (bits != 0) {
            size_t slot = word * WORD_BITS + (size_t)__builtin_ctzll(bits);
            return (slot - start) & (queue->horizon - 1);
        }
        word = word + 1 == words ? 0 : word + 1;
        bits = queue->occupied[word];
    }
    return queue->horizon;
}

/* The earliest timestep of ring and far heap; 0 if both are empty. */
static int next_timestep(const struct event_queue *queue, uint64_t *timestep)
{
    size_t distance = ring_distance(queue);
    int in_ring = distance < queue->horizon;
    if (in_ring) *timestep = queue->base + distance;
    if (queue->far.size == 0 || (in_ring && *timestep <= queue->far.item[0].timestep)) return in_ring;
    *timestep = queue->far.item[0].timestep;
    return 1;
}

/* 1 if events of the current timestep are left; the run then has records if any are outside the late heap. */
static inline int current_left(struct event_queue *queue)
{
    struct order *order = &queue->order;
    return order->next != order->end || order_next_part(order) || queue->late.size != 0;
}

int queue_peek_time(const struct event_queue *queue, uint64_t *timestep)
{
    if (queue->size == 0) return 0;
    if (queue->late.size == 0 && order_size(&queue->order) == 0) return next_timestep(queue, timestep);
    *timestep = queue->now;
    return 1;
}

/* Moves far events within the horizon of timestep into the ring, whose base it becomes. */
static int ring_advance(struct event_queue *queue, uint64_t timestep)
{
    queue->base = timestep;
    while (queue->far.size != 0 && queue->far.item[0].timestep - timestep < queue->window) {
        struct event event;
        record_unpack(&queue->far.item[0].record, queue->far.item[0].timestep, &event);
        if (queue_push(queue, &event) != QUEUE_OK) return -1;
        heap_pop(&queue->far);
        queue->size--;
    }
    return 0;
}

/* With nothing left of the current timestep: the next one becomes current.  0 if there is none or no
 * memory to order it. */
static int open_next(struct event_queue *queue)
{
    uint64_t timestep;
    if (!next_timestep(queue, &timestep) || ring_advance(queue, timestep) != 0) return 0;
    size_t slot = timestep & (queue->horizon - 1);
    if (order_fill(&queue->order, &queue->ring[slot], &queue->chunks) != 0) return 0;
    queue->occupied[slot / WORD_BITS] &= ~(UINT64_C(1) << slot % WORD_BITS);
    queue->now = timestep;
    queue->base = timestep + 1;
    if (queue->base == 0) queue->window = 0;
    queue->started = 1;
    queue->last = (struct record){{0, 0}, NULL};
    return 1;
}

/* Makes the least pending event's place known: 1 run head, 2 late heap, 0 nothing pending (or no memory). */
static int find_least(struct event_queue *queue)
{
    struct order *order = &queue->order;
    if (order->next == order->end && !order_next_part(order)) {
        if (queue->late.size != 0) return 2;
        if (!open_next(queue)) return 0;
        if (order->next == order->end) order_next_part(order);
    }
    return queue->late.size != 0 && record_less(&queue->late.item[0].record, order->next) ? 2 : 1;
}

static inline void take(struct event_queue *queue, const struct record *record, struct event *event)
{
    queue->last = *record;
    queue->size--;
    record_unpack(record, queue->now, event);
}

int queue_pop(struct event_queue *queue, struct event *event)
{
    struct order *order = &queue->order;
    int place = order->next != order->end && queue->late.size == 0 ? 1 : find_least(queue);
    if (place == 0) return 0;
    if (place == 1) {
        take(queue, order->next++, event);
    } else {
        struct heap_item item = heap_pop(&queue->late);
        take(queue, &item.record, event);
    }
    return 1;
}

size_t queue_pop_phase(struct event_queue *queue, struct event *out, size_t capacity)
{
    if (capacity == 0 || !queue_pop(queue, &out[0])) return 0;
    size_t n = 1;
    for (; n < capacity && current_left(queue); n++) {
        const struct record *least = find_least(queue) == 1 ? queue->order.next : &queue->late.item[0].record;
        if (least->word[0] >> RECORD_PHASE_SHIFT != out[0].key.phase) break;
        queue_pop(queue, &out[n]);
    }
    return n;
}

size_t queue_size(const struct event_queue *queue)
{
    return queue->size;
}

void queue_clear(struct event_queue *queue)
{
    for (size_t slot = 0; slot < queue->horizon; slot++) bucket_clear(&queue->ring[slot], &queue->chunks);
    memset(queue->occupied, 0, queue->horizon / 8);
    order_clear(&queue->order);
    queue->late.size = queue->far.size = queue->size = 0;
    queue->base = queue->now = 0;
    queue->window = queue->horizon;
    queue->started = 0;
}

/* Bucket `slot` against its bit; adds its records and chunks. */
static const char *validate_bucket(const struct event_queue *queue, size_t slot, size_t *records, size_t *chunks)
{
    const struct bucket *bucket = &queue->ring[slot];
    int occupied = queue->occupied[slot / WORD_BITS] >> slot % WORD_BITS & 1;
    int empty = bucket->first == NULL || bucket->next == bucket->first->records;
    if (occupied == empty) return "occupied bit does not match its bucket";
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next) {
        size_t n = bucket_chunk_size(bucket, chunk);
        if ((n == 0 && !empty) || n > CHUNK_RECORDS) return "chunk with a bad number of records";
        if ((chunk->next == NULL) != (chunk == bucket->last)) return "chunk list does not end at its last chunk";
        *records += n;
        ++*chunks;
    }
    if (bucket->last != NULL && bucket->end != bucket->last->records + CHUNK_RECORDS) return "bucket end misplaced";
    return NULL;
}

static const char *validate_heaps(const struct event_queue *queue)
{
    if (!heap_valid(&queue->late) || !heap_valid(&queue->far)) return "heap out of order";
    for (size_t i = 0; i < queue->late.size; i++) {
        if (!queue->started || queue->late.item[i].timestep != queue->now) return "late event of another timestep";
        if (record_less(&queue->late.item[i].record, &queue->last)) return "late event before the last popped";
    }
    if (queue->far.size != 0 && queue->started && queue->far.item[0].timestep <= queue->now)
        return "far event in the past";
    return NULL;
}

const char *queue_validate(const struct event_queue *queue)
{
    size_t records = queue->late.size + queue->far.size + order_size(&queue->order), chunks = 0;
    if (queue->started && queue->base != queue->now + 1) return "ring does not start after the current timestep";
    for (size_t slot = 0; slot < queue->horizon; slot++) {
        const char *broken = validate_bucket(queue, slot, &records, &chunks);
        if (broken != NULL) return broken;
    }
    if (records != queue->size) return "size does not match the pending records";
    for (const struct chunk *chunk = queue->chunks.free; chunk != NULL; chunk = chunk->next) chunks++;
    if (chunks != queue->chunks.chunks) return "chunks lost";
    const char *broken = validate_heaps(queue);
    if (broken != NULL) return broken;
    if (queue->order.next != queue->order.end && record_less(queue->order.next, &queue->last))
        return "run starts before the last popped event";
    return order_validate(&queue->order);
}
