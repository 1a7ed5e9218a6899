/* The current timestep's bucket, put in order piece by piece as it is popped.
 *
 * A big bucket is first split by the leading bits of its keys into parts of some hundred records; a part
 * is sorted, by one counting pass on further bits and an insertion pass, when it is reached.  Bits that
 * all records of a set share are skipped (each field of the key by itself), and crowded digits are sorted
 * by recursion, so that any distribution of keys costs O(n) passes over few bits: at most 120 bits in all. */
#ifndef LASSIM_QUEUE_ORDER_H
#define LASSIM_QUEUE_ORDER_H

#include "queue/chunk.h"

enum { ORDER_PARTS_BITS = 11, ORDER_PARTS = 1 << ORDER_PARTS_BITS };

/* Bits of the two key words that differ somewhere in a set of records. */
struct varying {
    uint64_t word[2];
};

/* Zero-initialised: empty. */
struct order {
    struct record *next, *end; /* the sorted run, rest */
    struct record *run;        /* its memory */
    struct record *split;      /* parts not reached yet; scratch otherwise */
    uint16_t *digits;          /* scratch: the digit of each record of a counting pass */
    size_t run_capacity, split_capacity, digits_capacity;
    struct varying guess[2];            /* what varied in the last bucket, in the last part */
    uint32_t part, parts;               /* next part, how many */
    uint32_t part_end[ORDER_PARTS + 1]; /* part p is split[part_end[p] .. part_end[p + 1]) */
};

/* Makes room for buckets of up to n records.  0, or -1 if there is no memory. */
int order_reserve(struct order *order, size_t n);
void order_free(struct order *order);
/* Takes all records of *bucket, which is emptied, its chunks but perhaps one returned to the pool.  The order must be
 * empty.  0, or -1 if there is no memory (nothing changed). */
int order_fill(struct order *order, struct bucket *bucket, struct chunk_pool *pool);
/* With an empty run: sorts the next part that has records into it.  1 if the run now has records. */
int order_next_part(struct order *order);
/* Forgets all records. */
void order_clear(struct order *order);
/* Records not popped yet. */
size_t order_size(const struct order *order);
/* NULL, or which invariant is broken.  O(n). */
const char *order_validate(const struct order *order);

#endif
