/* Question: what does one hold (pop the least event, push one with a later timestep) cost in the event
 * queue, beside a binary heap, as the number of pending events grows?
 *
 * Hold model: increments uniform 1 .. 64 timesteps, random content key, 10^2 .. 10^7 pending.  Both sides
 * get the same events in the same process, in alternating segments; after every segment the checksums of
 * their pop orders must agree.  One JSON object on stdout; figures are medians over the repeats.
 *
 * Options: --seed N (default 1), --quick (up to 10^5 pending, shorter segments). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "queue/event_queue.h"

enum { INCREMENT_MAX = 64, REPEATS = 5, SIDES = 2 };

/* The plain binary heap, array of events, sift-up and hole-sinking sift-down. */
struct binary_heap {
    struct event *item;
    size_t size;
};

static inline int event_less(const struct event *a, const struct event *b)
{
    const struct event_key *x = &a->key, *y = &b->key;
    if (x->timestep != y->timestep) return x->timestep < y->timestep;
    if (x->phase != y->phase) return x->phase < y->phase;
    if (x->level != y->level) return x->level < y->level;
    if (x->population != y->population) return x->population < y->population;
    if (x->token != y->token) return x->token < y->token;
    return x->block < y->block;
}

static __attribute__((noinline)) void heap_push(struct binary_heap *heap, const struct event *event)
{
    size_t hole = heap->size++;
    for (; hole > 0 && event_less(event, &heap->item[(hole - 1) / 2]); hole = (hole - 1) / 2)
        heap->item[hole] = heap->item[(hole - 1) / 2];
    heap->item[hole] = *event;
}

static __attribute__((noinline)) void heap_pop(struct binary_heap *heap, struct event *event)
{
    struct event moved = heap->item[--heap->size];
    size_t hole = 0, child;
    *event = heap->item[0];
    while ((child = 2 * hole + 1) < heap->size) {
        child += child + 1 < heap->size && event_less(&heap->item[child + 1], &heap->item[child]);
        if (!event_less(&heap->item[child], &moved)) break;
        heap->item[hole] = heap->item[child];
        hole = child;
    }
    heap->item[hole] = moved;
}

/* One side of the comparison with its own copy of the random stream. */
struct side {
    struct event_queue *queue; /* NULL: the heap */
    struct binary_heap heap;
    uint64_t random, checksum;
};

static inline uint64_t next_random(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Random content: 2 phases, 1024 levels, 4096 populations, 2^20 tokens, 2^15 blocks. */
static inline struct event random_event(uint64_t timestep, uint64_t bits)
{
    return (struct event){
        {timestep, bits >> 1 & 0xfff, bits >> 13 & 0xfffff, bits >> 33 & 0x7fff, bits >> 48 & 0x3ff, bits & 1}, NULL};
}

static inline void side_push(struct side *side, const struct event *event)
{
    if (side->queue == NULL)
        heap_push(&side->heap, event);
    else if (queue_push(side->queue, event) != QUEUE_OK)
        exit(1);
}

static void fill(struct side *side, size_t pending)
{
    for (size_t i = 0; i < pending; i++) {
        /* steady state: an increment's residual life, i.e. uniform in 1 .. a length-biased increment */
        uint64_t a = next_random(&side->random), b = next_random(&side->random);
        uint64_t low = a % INCREMENT_MAX, high = a / INCREMENT_MAX % (INCREMENT_MAX + 1);
        struct event event = random_event(low < high ? INCREMENT_MAX - high + 1 : INCREMENT_MAX - low, b);
        side_push(side, &event);
    }
}

static inline void hold_next(struct side *side, const struct event *popped, struct event *pushed)
{
    uint64_t content = (uint64_t)popped->key.token << 32 ^ (uint64_t)popped->key.population << 16 ^ popped->key.level ^
                       (uint64_t)popped->key.block << 40 ^ popped->key.phase;
    side->checksum = (side->checksum ^ popped->key.timestep ^ content) * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = next_random(&side->random);
    *pushed = random_event(popped->key.timestep + 1 + (bits >> 58), bits);
}

static void hold(struct side *side, size_t holds)
{
    struct event popped, pushed;
    if (side->queue == NULL) {
        for (size_t i = 0; i < holds; i++) {
            heap_pop(&side->heap, &popped);
            hold_next(side, &popped, &pushed);
            heap_push(&side->heap, &pushed);
        }
        return;
    }
    for (size_t i = 0; i < holds; i++) {
        if (!queue_pop(side->queue, &popped)) exit(1);
        hold_next(side, &popped, &pushed);
        if (queue_push(side->queue, &pushed) != QUEUE_OK) exit(1);
    }
}

/* CPU time of this thread: other people's work on the machine does not count. */
static double nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_side(const char *name, double *ns)
{
    qsort(ns, REPEATS, sizeof *ns, compare_double);
    printf("\"%s\": {\"median\": %.1f, \"min\": %.1f, \"max\": %.1f}, ", name, ns[REPEATS / 2], ns[0], ns[REPEATS - 1]);
}

/* One row of the table; returns 0, or -1 if the pop orders differ or there is no memory. */
static int measure(size_t pending, size_t holds, uint64_t seed, int last)
{
    struct side side[SIDES] = {{queue_new(pending, INCREMENT_MAX), {NULL, 0}, seed, 0},
                               {NULL, {malloc(pending * sizeof(struct event)), 0}, seed, 0}};
    double ns[SIDES][REPEATS];
    int status = side[0].queue == NULL || side[1].heap.item == NULL ? -1 : 0;
    for (int s = 0; s < SIDES && status == 0; s++) {
        fill(&side[s], pending);
        hold(&side[s], pending > holds ? holds : 2 * pending);
    }
    for (int r = 0; r < REPEATS && status == 0; r++) {
        for (int s = 0; s < SIDES; s++) {
            double start = nanoseconds();
            hold(&side[s], holds);
            ns[s][r] = (nanoseconds() - start) / (double)holds;
        }
        if (side[0].checksum != side[1].checksum) status = -1;
    }
    queue_free(side[0].queue);
    free(side[1].heap.item);
    if (status != 0) return status;
    printf("    {\"pending\": %zu, \"holds\": %zu, ", pending, holds);
    print_side("queue_ns", ns[0]);
    print_side("heap_ns", ns[1]);
    printf("\"ratio\": %.2f, \"checksum\": \"%016llx\"}%s\n", ns[1][REPEATS / 2] / ns[0][REPEATS / 2],
           (unsigned long long)side[0].checksum, last ? "" : ",");
    return fflush(stdout);
}

static void print_cpu(void)
{
    char line[256], model[256] = "unknown";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "model name : %255[^\n\"\\]", model) == 1) break;
    if (file != NULL) fclose(file);
    printf("  \"cpu\": \"%s\",\n", model);
}

int main(int argc, char **argv)
{
    uint64_t seed = 1;
    int quick = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            quick = 1;
        else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 0);
        else
            return fprintf(stderr, "usage: %s [--quick] [--seed N]\n", argv[0]), 2;
    }
    size_t most = quick ? 100000 : 10000000, holds = quick ? 300000 : 2000000;
    printf("{\n  \"schema\": \"lassim-bench-queue-1\",\n  \"seed\": %llu,\n  \"repeats\": %d,\n",
           (unsigned long long)seed, REPEATS);
    printf("  \"compiler\": \"%s\",\n", __VERSION__);
    print_cpu();
    printf("  \"increments\": [1, %d],\n  \"clock\": \"thread CPU time\",\n  \"rows\": [\n", INCREMENT_MAX);
    for (size_t pending = 100; pending <= most; pending *= 10) {
        if (measure(pending, holds, seed, pending == most) != 0) {
            fprintf(stderr, "%s: %zu pending: pop orders differ or no memory\n", argv[0], pending);
            return 1;
        }
    }
    printf("  ]\n}\n");
    return 0;
}
