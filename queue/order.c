#include "queue/order.h"

#include <stdlib.h>
#include <string.h>

enum {
    SMALL = 16,        /* records sorted by rank alone */
    DIGIT_BITS = 12,   /* of one counting pass */
    PART_MAX = 4096,   /* records that are sorted at once; bigger buckets are split first */
    PART_TARGET = 1024 /* mean records of a part */
};

/* Records to be sorted: an array, or a bucket's chunks. */
struct source {
    struct record *records;      /* the array or the first chunk's records */
    size_t n;                    /* in total */
    const struct bucket *bucket; /* NULL: an array */
};

/* A contiguous piece of a source. */
struct span {
    const struct record *records;
    size_t n;
    const struct chunk *chunk;
};

static struct span chunk_span(const struct bucket *bucket, const struct chunk *chunk)
{
    if (chunk == NULL) return (struct span){NULL, 0, NULL};
    if (chunk->next != NULL) chunk_prefetch(chunk->next);
    return (struct span){chunk->records, bucket_chunk_size(bucket, chunk), chunk};
}

static struct span span_first(const struct source *source)
{
    if (source->bucket == NULL) return (struct span){source->records, source->n, NULL};
    return chunk_span(source->bucket, source->bucket->first);
}

static struct span span_next(const struct source *source, const struct span *span)
{
    return chunk_span(source->bucket, span->chunk == NULL ? NULL : span->chunk->next);
}

/* The leading varying bits of up to three fields, put side by side: a monotone function of the key as long
 * as no bit of `fixed` varies. */
struct digit {
    struct {
        unsigned word, rotate;
        uint64_t mask;
    } piece[3];
    unsigned bits;
    struct varying fixed; /* bits above or between the pieces, taken to be the same in all records */
};

static const struct {
    unsigned word, shift, width;
} key_field[] = {{0, 48, 8}, {0, 32, 16}, {0, 0, 32}, {1, 32, 32}, {1, 0, 32}};
enum { KEY_FIELDS = sizeof key_field / sizeof key_field[0], PIECES = 3 };

static uint64_t low_bits(unsigned n)
{
    return n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
}

static struct digit digit_choose(const struct varying *varying, unsigned want)
{
    struct digit digit = {0};
    struct {
        unsigned shift, take;
    } chosen[PIECES];
    unsigned pieces = 0;
    for (int f = 0; f < KEY_FIELDS && pieces < PIECES && digit.bits < want; f++) {
        unsigned shift = key_field[f].shift, word = key_field[f].word;
        uint64_t all = low_bits(key_field[f].width), bits = varying->word[word] >> shift & all;
        unsigned width = bits == 0 ? 0 : 64 - (unsigned)__builtin_clzll(bits);
        digit.fixed.word[word] |= (all & ~low_bits(width)) << shift;
        if (width == 0) continue;
        chosen[pieces].take = width < want - digit.bits ? width : want - digit.bits;
        chosen[pieces].shift = shift + width - chosen[pieces].take;
        digit.piece[pieces].word = word;
        digit.bits += chosen[pieces++].take;
    }
    for (unsigned p = 0, out = digit.bits; p < pieces; p++) {
        out -= chosen[p].take;
        digit.piece[p].rotate = (chosen[p].shift - out) & 63;
        digit.piece[p].mask = low_bits(chosen[p].take) << out;
    }
    return digit;
}

static inline uint64_t rotate_right(uint64_t value, unsigned by)
{
    return value >> by | value << (-by & 63);
}

static inline uint64_t digit_piece(const struct digit *digit, const struct record *record, int p)
{
    return rotate_right(record->word[digit->piece[p].word], digit->piece[p].rotate) & digit->piece[p].mask;
}

static inline uint16_t digit_of(const struct digit *digit, const struct record *record)
{
    _Static_assert(PIECES == 3, "unrolled by hand");
    return (uint16_t)(digit_piece(digit, record, 0) | digit_piece(digit, record, 1) | digit_piece(digit, record, 2));
}

/* Smallest b with 2^b >= n. */
static unsigned log2_ceil(size_t n)
{
    return n <= 1 ? 0 : 64 - (unsigned)__builtin_clzll((unsigned long long)n - 1);
}

/* Notes and counts the digits of a span; adds to *varying what differs from the reference. */
static void count_span(const struct digit *digit, const struct span *span, const struct record *reference,
                       uint32_t *counts, uint16_t *digits, struct varying *varying)
{
    const struct digit d = *digit;
    const uint64_t reference0 = reference->word[0], reference1 = reference->word[1];
    uint64_t varying0 = 0, varying1 = 0;
    for (size_t i = 0; i < span->n; i++) {
        const struct record *record = &span->records[i];
        varying0 |= record->word[0] ^ reference0;
        varying1 |= record->word[1] ^ reference1;
        digits[i] = digit_of(&d, record);
        counts[digits[i]]++;
    }
    varying->word[0] |= varying0;
    varying->word[1] |= varying1;
}

/* Chooses a digit of at most `want` bits from what the guess says varies, and counts; if the guess proves
 * too narrow, once more with what did vary.  The guess becomes what varied.  Returns the digit's bits. */
static unsigned count(const struct source *source, unsigned want, struct varying *guess, uint32_t *counts,
                      uint16_t *digits)
{
    for (;;) {
        struct digit digit = digit_choose(guess, want);
        struct varying varying = {{0, 0}};
        size_t done = 0;
        memset(counts, 0, sizeof *counts << digit.bits);
        for (struct span s = span_first(source); s.n != 0; done += s.n, s = span_next(source, &s))
            count_span(&digit, &s, source->records, counts, digits + done, &varying);
        *guess = varying;
        if (((varying.word[0] & digit.fixed.word[0]) | (varying.word[1] & digit.fixed.word[1])) == 0) return digit.bits;
    }
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
static void scatter(const struct source *source, const uint16_t *digits, uint32_t *starts, struct record *to)
{
    for (struct span s = span_first(source); s.n != 0; digits += s.n, s = span_next(source, &s))
        for (size_t i = 0; i < s.n; i++) to[starts[digits[i]]++] = s.records[i];
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

/* A few records of from into to, by counting how many come before each: no branch depends on a key. */
static void rank_sort(const struct record *from, size_t n, struct record *to)
{
    uint8_t rank[SMALL] = {0};
    for (size_t i = 1; i < n; i++) {
        unsigned before = 0;
        for (size_t j = 0; j < i; j++) {
            unsigned less = (unsigned)record_less(&from[i], &from[j]);
            rank[j] = (uint8_t)(rank[j] + less);
            before += 1 - less;
        }
        rank[i] = (uint8_t)before;
    }
    for (size_t i = 0; i < n; i++) to[rank[i]] = from[i];
}

/* Sorts the source, an array or bucket, into to[0..n); records of an array and scratch[0..n), which may be the
 * same, are overwritten. */
static void sort(struct order *order, const struct source *source, struct varying *guess, struct record *scratch,
                 struct record *to)
{
    size_t n = source->n;
    if (n <= SMALL) {
        rank_sort(source->records, n, to);
        return;
    }
    uint32_t ends[1 << DIGIT_BITS];
    unsigned want = log2_ceil(n);
    size_t cells = (size_t)1 << count(source, want < DIGIT_BITS ? want : DIGIT_BITS, guess, ends, order->digits);
    uint32_t largest = counts_to_starts(ends, cells), start = 0;
    scatter(source, order->digits, ends, to);
    if (cells == 1) return; /* all keys are equal */
    for (size_t c = 0; largest > SMALL && c < cells; start = ends[c++]) {
        size_t here = ends[c] - start;
        if (here <= SMALL) continue;
        struct varying cell_guess = {{0, 0}};
        struct source cell = {to + start, here, NULL};
        sort(order, &cell, &cell_guess, to + start, scratch + start);
        memcpy(to + start, scratch + start, here * sizeof *to);
    }
    insertion_sort(to, n, to);
}

/* Grows *memory to n elements of the given size.  0, or -1 if there is no memory. */
static int grow(void *memory, size_t *capacity, size_t n, size_t size)
{
    if (n <= *capacity) return 0;
    size_t bytes, wanted = n > *capacity + *capacity / 2 ? n : *capacity + *capacity / 2;
    void *old, *grown = NULL;
    memcpy(&old, memory, sizeof old);
    if (!__builtin_mul_overflow(wanted, size, &bytes)) grown = realloc(old, bytes);
    if (grown == NULL) return -1;
    memcpy(memory, &grown, sizeof grown);
    *capacity = wanted;
    return 0;
}

int order_reserve(struct order *order, size_t n)
{
    if (n <= order->run_capacity && n <= order->split_capacity && n <= order->digits_capacity) return 0;
    size_t rest = (size_t)(order->end - order->next);
    size_t popped = order->next == NULL ? 0 : (size_t)(order->next - order->run);
    int failed = n > UINT32_MAX || grow(&order->run, &order->run_capacity, n, sizeof *order->run) != 0 ||
                 grow(&order->split, &order->split_capacity, n, sizeof *order->split) != 0 ||
                 grow(&order->digits, &order->digits_capacity, n, sizeof *order->digits) != 0;
    if (order->run != NULL) {
        order->next = order->run + popped;
        order->end = order->next + rest;
    }
    return failed ? -1 : 0;
}

void order_free(struct order *order)
{
    free(order->run);
    free(order->split);
    free(order->digits);
    memset(order, 0, sizeof *order);
}

void order_clear(struct order *order)
{
    order->next = order->end = order->run;
    order->part = order->parts = 0;
    order->part_end[0] = 0;
}

static void split_into_parts(struct order *order, const struct source *source)
{
    unsigned want = log2_ceil(source->n / PART_TARGET);
    uint32_t *ends = order->part_end + 1;
    if (want > ORDER_PARTS_BITS) want = ORDER_PARTS_BITS;
    order->parts = UINT32_C(1) << count(source, want, &order->guess[0], ends, order->digits);
    counts_to_starts(ends, order->parts);
    scatter(source, order->digits, ends, order->split);
}

/* The usual case of few events a timestep: one chunk, put in order at once and left to the bucket. */
static void fill_small(struct order *order, struct bucket *bucket)
{
    size_t n = (size_t)(bucket->next - bucket->first->records);
    rank_sort(bucket->first->records, n, order->run);
    bucket->next = bucket->first->records;
    order->next = order->run;
    order->end = order->run + n;
    order->part = order->parts = 0;
    order->part_end[0] = 0;
}

int order_fill(struct order *order, struct bucket *bucket, struct chunk_pool *pool)
{
    if (bucket->next <= bucket->first->records + SMALL && bucket->first == bucket->last &&
        order->run_capacity >= SMALL) {
        fill_small(order, bucket);
        return 0;
    }
    struct source source = {bucket->first->records, bucket_size(bucket), bucket};
    if (order_reserve(order, source.n) != 0) return -1;
    order_clear(order);
    if (source.n <= PART_MAX) {
        sort(order, &source, &order->guess[0], order->split, order->run);
        order->end = order->run + source.n;
    } else {
        split_into_parts(order, &source);
    }
    bucket_clear(bucket, pool);
    return 0;
}

int order_next_part(struct order *order)
{
    while (order->next == order->end && order->part < order->parts) {
        uint32_t start = order->part_end[order->part++], n = order->part_end[order->part] - start;
        struct source source = {order->split + start, n, NULL};
        sort(order, &source, &order->guess[1], source.records, order->run);
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
