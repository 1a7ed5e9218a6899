#include "queue/order.h"

#include <stdlib.h>
#include <string.h>

enum {
    SMALL = 16,       /* records sorted by insertion alone */
    DIGIT_BITS = 12,  /* of one counting pass */
    PART_MAX = 4096,  /* records that are sorted at once; bigger buckets are split first */
    PART_TARGET = 512 /* mean records of a part */
};

/* Bits of the two key words that differ somewhere in a set of records. */
struct varying {
    uint64_t word[2];
};

/* The leading varying bits of up to three fields, put side by side: a monotone function of the key. */
struct digit {
    struct {
        unsigned word, shift, out;
        uint64_t mask;
    } piece[3];
    unsigned bits;
};

static const struct {
    unsigned word, shift;
    uint64_t mask;
} key_field[] = {{0, 48, 0xff}, {0, 32, 0xffff}, {0, 0, 0xffffffff}, {1, 32, 0xffffffff}, {1, 0, 0xffffffff}};

static struct digit digit_choose(const struct varying *varying, unsigned want)
{
    struct digit digit = {0};
    unsigned pieces = 0;
    for (size_t f = 0; f < sizeof key_field / sizeof key_field[0]; f++) {
        uint64_t bits = varying->word[key_field[f].word] >> key_field[f].shift & key_field[f].mask;
        if (bits == 0 || pieces == 3 || digit.bits == want) continue;
        unsigned width = 64 - (unsigned)__builtin_clzll(bits);
        unsigned take = width < want - digit.bits ? width : want - digit.bits;
        for (unsigned p = 0; p < pieces; p++) digit.piece[p].out += take;
        digit.piece[pieces].word = key_field[f].word;
        digit.piece[pieces].shift = key_field[f].shift + width - take;
        digit.piece[pieces].mask = (UINT64_C(1) << take) - 1;
        digit.bits += take;
        pieces++;
    }
    return digit;
}

static inline uint32_t digit_of(const struct digit *digit, const struct record *record)
{
    uint64_t value = 0;
    for (int p = 0; p < 3; p++) {
        uint64_t field = record->word[digit->piece[p].word] >> digit->piece[p].shift & digit->piece[p].mask;
        value |= field << digit->piece[p].out;
    }
    return (uint32_t)value;
}

/* Smallest b with 2^b >= n. */
static unsigned log2_ceil(size_t n)
{
    return n <= 1 ? 0 : 64 - (unsigned)__builtin_clzll((unsigned long long)n - 1);
}

static void vary(struct varying *varying, const struct record *reference, const struct record *from, size_t n)
{
    uint64_t w0 = 0, w1 = 0;
    for (size_t i = 0; i < n; i++) {
        w0 |= from[i].word[0] ^ reference->word[0];
        w1 |= from[i].word[1] ^ reference->word[1];
    }
    varying->word[0] |= w0;
    varying->word[1] |= w1;
}

static void count(const struct digit *digit, const struct record *from, size_t n, uint32_t *counts)
{
    const struct digit d = *digit;
    for (size_t i = 0; i < n; i++) counts[digit_of(&d, &from[i])]++;
}

/* Counts become starts; returns the largest count. */
static uint32_t counts_to_starts(uint32_t *counts, size_t cells)
{
    uint32_t total = 0, largest = 0;
    for (size_t c = 0; c < cells; c++) {
        uint32_t here = counts[c];
        counts[c] = total;
        total += here;
        largest = here > largest ? here : largest;
    }
    return largest;
}

/* Starts become ends. */
static void scatter(const struct digit *digit, const struct record *from, size_t n, uint32_t *starts, struct record *to)
{
    const struct digit d = *digit;
    for (size_t i = 0; i < n; i++) to[starts[digit_of(&d, &from[i])]++] = from[i];
}

/* Inserts from[0..n) into to[0..n), which may be the same memory. */
static void insertion_sort(const struct record *from, size_t n, struct record *to)
{
    for (size_t i = 0; i < n; i++) {
        struct record record = from[i];
        size_t hole = i;
        for (; hole > 0 && record_less(&record, &to[hole - 1]); hole--) to[hole] = to[hole - 1];
        to[hole] = record;
    }
}

static void sort(struct record *from, size_t n, struct record *to);

/* After a scatter: sorts the cells that are too full for the insertion pass, then everything. */
static void finish(struct record *to, size_t n, struct record *scratch, const uint32_t *ends, size_t cells,
                   uint32_t largest)
{
    uint32_t start = 0;
    for (size_t c = 0; largest > SMALL && cells > 1 && c < cells; start = ends[c++]) {
        size_t here = ends[c] - start;
        if (here <= SMALL) continue;
        sort(to + start, here, scratch + start);
        memcpy(to + start, scratch + start, here * sizeof *to);
    }
    if (cells > 1) insertion_sort(to, n, to);
}

/* Sorts from[0..n) into to[0..n), which does not overlap; from is scratch afterwards. */
static void sort(struct record *from, size_t n, struct record *to)
{
    if (n <= SMALL) {
        insertion_sort(from, n, to);
        return;
    }
    uint32_t counts[1 << DIGIT_BITS];
    struct varying varying = {{0, 0}};
    vary(&varying, from, from, n);
    unsigned want = log2_ceil(n);
    struct digit digit = digit_choose(&varying, want < DIGIT_BITS ? want : DIGIT_BITS);
    size_t cells = (size_t)1 << digit.bits;
    memset(counts, 0, cells * sizeof counts[0]);
    count(&digit, from, n, counts);
    uint32_t largest = counts_to_starts(counts, cells);
    scatter(&digit, from, n, counts, to);
    finish(to, n, from, counts, cells, largest);
}

static int grow(struct record **records, size_t *capacity, size_t n)
{
    if (n <= *capacity) return 0;
    size_t bytes, wanted = n > *capacity + *capacity / 2 ? n : *capacity + *capacity / 2;
    if (__builtin_mul_overflow(wanted, sizeof **records, &bytes)) return -1;
    struct record *memory = realloc(*records, bytes);
    if (memory == NULL) return -1;
    *records = memory;
    *capacity = wanted;
    return 0;
}

int order_reserve(struct order *order, size_t n)
{
    size_t rest = (size_t)(order->end - order->next);
    size_t popped = order->next == NULL ? 0 : (size_t)(order->next - order->run);
    int status = n > UINT32_MAX || grow(&order->run, &order->run_capacity, n) != 0 ||
                         grow(&order->split, &order->split_capacity, n) != 0
                     ? -1
                     : 0;
    if (order->run != NULL) {
        order->next = order->run + popped;
        order->end = order->next + rest;
    }
    return status;
}

void order_free(struct order *order)
{
    free(order->run);
    free(order->split);
    memset(order, 0, sizeof *order);
}

void order_clear(struct order *order)
{
    order->next = order->end = order->run;
    order->part = order->parts = 0;
    order->part_end[0] = 0;
}

static size_t bucket_size(const struct bucket *bucket)
{
    size_t n = 0;
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next)
        n += bucket_chunk_size(bucket, chunk);
    return n;
}

/* Distributes a bucket's records by digit; ends[] as after scatter.  Returns the largest count. */
static uint32_t distribute(const struct bucket *bucket, const struct digit *digit, uint32_t *ends, struct record *to)
{
    size_t cells = (size_t)1 << digit->bits;
    memset(ends, 0, cells * sizeof *ends);
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next)
        count(digit, chunk->records, bucket_chunk_size(bucket, chunk), ends);
    uint32_t largest = counts_to_starts(ends, cells);
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next)
        scatter(digit, chunk->records, bucket_chunk_size(bucket, chunk), ends, to);
    return largest;
}

static struct varying bucket_varying(const struct bucket *bucket)
{
    struct varying varying = {{0, 0}};
    for (const struct chunk *chunk = bucket->first; chunk != NULL; chunk = chunk->next)
        vary(&varying, bucket->first->records, chunk->records, bucket_chunk_size(bucket, chunk));
    return varying;
}

/* n <= PART_MAX: straight into the run. */
static void fill_run(struct order *order, const struct bucket *bucket, size_t n)
{
    if (n <= SMALL) {
        insertion_sort(bucket->first->records, n, order->run);
    } else {
        uint32_t ends[1 << DIGIT_BITS];
        struct varying varying = bucket_varying(bucket);
        struct digit digit = digit_choose(&varying, log2_ceil(n));
        uint32_t largest = distribute(bucket, &digit, ends, order->run);
        finish(order->run, n, order->split, ends, (size_t)1 << digit.bits, largest);
    }
    order->end = order->run + n;
}

static void fill_parts(struct order *order, const struct bucket *bucket, size_t n)
{
    unsigned want = log2_ceil(n / PART_TARGET);
    struct varying varying = bucket_varying(bucket);
    struct digit digit = digit_choose(&varying, want < ORDER_PARTS_BITS ? want : ORDER_PARTS_BITS);
    distribute(bucket, &digit, order->part_end + 1, order->split);
    order->parts = UINT32_C(1) << digit.bits;
}

int order_fill(struct order *order, struct bucket *bucket, struct chunk_pool *pool)
{
    size_t n = bucket_size(bucket);
    if (order_reserve(order, n) != 0) return -1;
    order_clear(order);
    if (n <= PART_MAX)
        fill_run(order, bucket, n);
    else
        fill_parts(order, bucket, n);
    bucket_clear(bucket, pool);
    return 0;
}

int order_next_part(struct order *order)
{
    while (order->next == order->end && order->part < order->parts) {
        uint32_t start = order->part_end[order->part++], n = order->part_end[order->part] - start;
        sort(order->split + start, n, order->run);
        order->next = order->run;
        order->end = order->run + n;
    }
    return order->next != order->end;
}

size_t order_size(const struct order *order)
{
    return (size_t)(order->end - order->next) + (order->part_end[order->parts] - order->part_end[order->part]);
}

const char *order_validate(const struct order *order)
{
    const struct record *run = order->next;
    if (run > order->end || (size_t)(order->end - order->run) > order->run_capacity) return "run outside its memory";
    for (size_t i = 1; i < (size_t)(order->end - run); i++)
        if (record_less(&run[i], &run[i - 1])) return "run out of order";
    if (order->part > order->parts || order->parts > ORDER_PARTS) return "part count out of range";
    if (order->part_end[order->parts] > order->split_capacity) return "parts outside their memory";
    const struct record *highest = run != order->end ? order->end - 1 : NULL;
    for (uint32_t p = order->part; p < order->parts; p++) {
        const struct record *above = highest;
        if (order->part_end[p] > order->part_end[p + 1]) return "part ends before it starts";
        for (uint32_t i = order->part_end[p]; i < order->part_end[p + 1]; i++) {
            if (highest != NULL && record_less(&order->split[i], highest)) return "part not above the one before";
            if (above == NULL || record_less(above, &order->split[i])) above = &order->split[i];
        }
        highest = above;
    }
    return NULL;
}
