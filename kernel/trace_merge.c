#include "kernel/trace_merge.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    SEGMENT_BYTES = 1 << 20, /* at least; pages are touched only as far as records fill them */
    CACHE_LINE = 64,
    WINDOWS_FIRST = 256 /* lists to begin with, a power of two */
};

/* Lies in front of its payload. */
struct record {
    struct record *next;
    struct segment *segment;
    struct trace_key key;
    uint32_t span;
    size_t bytes;
    struct trace_counts counts;
    uint8_t payload[];
};

struct segment {
    struct segment *next;
    size_t used;      /* bytes behind this */
    uint32_t records; /* that are not yet written */
    uint32_t open;    /* a lane is still filling it */
    uint8_t bytes[] __attribute__((aligned(CACHE_LINE)));
};

struct lane {
    _Alignas(CACHE_LINE) struct segment *segment; /* being filled, or NULL */
    struct record *first, *last;                  /* made since the last flush, in the order they were made */
    struct record *room;                          /* asked for, not yet added */
};

/* The records of one window that wait, ascending; recent: where the last one went in, start: where the last one of the
 * rounds before `round` did. */
struct waiting {
    struct record *first, *recent, *start;
    uint64_t round;
};

struct trace_merge {
    struct trace_writer *writer;
    unsigned lanes;
    size_t segment_bytes; /* of one segment, its head not counted */
    struct lane *lane;
    struct waiting *list; /* [lists], window w's at w % lists */
    size_t lists;         /* a power of two */
    uint64_t round;       /* how often the lanes were emptied */
    uint64_t from, to;    /* all that wait are of windows from .. to - 1, to - from <= lists */
    pthread_mutex_t lock; /* of the following */
    struct segment *spare;
    size_t segments;
};

/* ---- segments ---- */

static struct segment *take_segment(struct trace_merge *merge)
{
    pthread_mutex_lock(&merge->lock);
    struct segment *segment = merge->spare;
    if (segment != NULL)
        merge->spare = segment->next;
    else if ((segment = aligned_alloc(CACHE_LINE, sizeof *segment + merge->segment_bytes)) != NULL)
        merge->segments++;
    pthread_mutex_unlock(&merge->lock);
    if (segment != NULL) {
        segment->used = 0;
        segment->records = 0;
        segment->open = 1;
    }
    return segment;
}

static void put_back(struct trace_merge *merge, struct segment *segment)
{
    pthread_mutex_lock(&merge->lock);
    segment->next = merge->spare;
    merge->spare = segment;
    pthread_mutex_unlock(&merge->lock);
}

/* Every record has a segment and every lane at most one besides, so that all are found from there. */
static void release(struct trace_merge *merge, struct record *record)
{
    struct segment *segment = record->segment;
    if (--segment->records > 0) return;
    if (segment->open)
        segment->used = 0;
    else
        put_back(merge, segment);
}

static void release_all(struct trace_merge *merge, struct record *record)
{
    for (struct record *next; record != NULL; record = next) {
        next = record->next;
        release(merge, record);
    }
}

/* ---- construction ---- */

struct trace_merge *trace_merge_new(struct trace_writer *writer, unsigned lanes, size_t largest)
{
    struct trace_merge *merge = calloc(1, sizeof *merge);
    if (merge == NULL) return NULL;
    size_t need = sizeof(struct record) + largest;
    pthread_mutex_init(&merge->lock, NULL);
    merge->writer = writer;
    merge->segment_bytes = need < SEGMENT_BYTES ? SEGMENT_BYTES : (need + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
    merge->lists = WINDOWS_FIRST;
    merge->list = calloc(merge->lists, sizeof *merge->list);
    merge->lane = aligned_alloc(CACHE_LINE, lanes * sizeof *merge->lane);
    for (; merge->lane != NULL && merge->lanes < lanes; merge->lanes++)
        merge->lane[merge->lanes] = (struct lane){.segment = take_segment(merge)};
    int ready = merge->list != NULL && merge->lane != NULL;
    for (unsigned l = 0; l < merge->lanes; l++) ready &= merge->lane[l].segment != NULL;
    if (ready) return merge;
    trace_merge_free(merge);
    return NULL;
}

void trace_merge_free(struct trace_merge *merge)
{
    if (merge == NULL) return;
    for (size_t i = 0; merge->list != NULL && i < merge->lists; i++) release_all(merge, merge->list[i].first);
    for (unsigned l = 0; l < merge->lanes; l++) {
        release_all(merge, merge->lane[l].first);
        if (merge->lane[l].segment != NULL) put_back(merge, merge->lane[l].segment);
    }
    for (struct segment *next; merge->spare != NULL; merge->spare = next) {
        next = merge->spare->next;
        free(merge->spare);
    }
    free(merge->list);
    free(merge->lane);
    pthread_mutex_destroy(&merge->lock);
    free(merge);
}

/* ---- lanes ---- */

uint8_t *trace_merge_room(struct trace_merge *merge, unsigned lane, size_t bytes)
{
    struct lane *own = &merge->lane[lane];
    size_t need = sizeof(struct record) + bytes;
    LASSIM_INVARIANT(lane < merge->lanes && need <= merge->segment_bytes, "lane %u: %zu bytes", lane, bytes);
    own->room = NULL;
    if (own->segment != NULL && merge->segment_bytes - own->segment->used < need) {
        own->segment->open = 0; /* has records, or it would be empty: the last one of them gives it back */
        own->segment = NULL;
    }
    if (own->segment == NULL) own->segment = take_segment(merge);
    if (own->segment == NULL) return NULL;
    own->room = (struct record *)(void *)(own->segment->bytes + own->segment->used);
    return own->room->payload;
}

void trace_merge_add(struct trace_merge *merge, unsigned lane, const struct trace_key *key, uint32_t span, size_t bytes,
                     const struct trace_counts *counts)
{
    struct lane *own = &merge->lane[lane];
    struct record *record = own->room;
    size_t used = (sizeof *record + bytes + _Alignof(struct record) - 1) / _Alignof(struct record);
    LASSIM_INVARIANT(record != NULL, "lane %u: a record without room", lane);
    record->next = NULL;
    record->segment = own->segment;
    record->key = *key;
    record->span = span;
    record->bytes = bytes;
    record->counts = *counts;
    own->segment->used += used * _Alignof(struct record);
    own->segment->records++;
    own->room = NULL;
    if (own->last != NULL)
        own->last->next = record;
    else
        own->first = record;
    own->last = record;
}

/* ---- order ---- */

/* Of one window: (level, population, token); populations stand in level order. */
static int before(const struct trace_key *a, const struct trace_key *b)
{
    return a->population != b->population ? a->population < b->population : a->token < b->token;
}

static struct waiting *list_of(const struct trace_merge *merge, uint64_t window)
{
    return &merge->list[window & (merge->lists - 1)];
}

/* Lists for windows from .. to - 1, those that wait among them. */
static int make_lists(struct trace_merge *merge, uint64_t from, uint64_t to)
{
    size_t lists = merge->lists;
    while (lists < to - from) lists *= 2;
    if (lists > merge->lists) {
        struct waiting *larger = calloc(lists, sizeof *larger);
        if (larger == NULL) return -1;
        for (uint64_t w = merge->from; w < merge->to; w++) larger[w & (lists - 1)] = *list_of(merge, w);
        free(merge->list);
        merge->list = larger;
        merge->lists = lists;
    }
    merge->from = from;
    merge->to = to;
    return 0;
}

static int cover(struct trace_merge *merge, uint64_t window)
{
    if (merge->from == merge->to) return make_lists(merge, window, window + 1);
    if (window >= merge->from && window < merge->to) return 0;
    return make_lists(merge, window < merge->from ? window : merge->from, window >= merge->to ? window + 1 : merge->to);
}

static int is_before(const struct record *a, const struct record *b)
{
    return a != NULL && before(&a->key, &b->key);
}

/* From where the last record went in, since those of one lane come in order; else from where this round's first one did,
 * since those of a round mostly lie behind those of earlier ones. */
static void insert(struct waiting *waiting, uint64_t round, struct record *record)
{
    struct record *after = NULL;
    if (waiting->round != round) {
        waiting->round = round;
        waiting->start = waiting->recent;
    }
    if (is_before(waiting->recent, record))
        after = waiting->recent;
    else if (is_before(waiting->start, record))
        after = waiting->start;
    struct record **link = after != NULL ? &after->next : &waiting->first;
    while (*link != NULL && before(&(*link)->key, &record->key)) link = &(*link)->next;
    record->next = *link;
    *link = record;
    waiting->recent = record;
}

/* Moves the lanes' records to the lists of their windows. */
static int collect(struct trace_merge *merge)
{
    merge->round++;
    for (unsigned l = 0; l < merge->lanes; l++) {
        struct lane *lane = &merge->lane[l];
        while (lane->first != NULL) {
            struct record *record = lane->first;
            if (cover(merge, record->key.window) != 0) return -1;
            lane->first = record->next;
            insert(list_of(merge, record->key.window), merge->round, record);
        }
        lane->last = NULL;
    }
    return 0;
}

static enum lassim_status write_list(struct trace_merge *merge, struct waiting *waiting)
{
    enum lassim_status status = LASSIM_OK;
    for (const struct record *r = waiting->first; r != NULL && status == LASSIM_OK; r = r->next)
        status = trace_writer_append(merge->writer, r->key.window, r->key.population, r->key.token, r->span, r->payload,
                                     r->bytes, &r->counts);
    release_all(merge, waiting->first);
    *waiting = (struct waiting){0};
    return status;
}

enum lassim_status trace_merge_flush(struct trace_merge *merge, uint64_t window)
{
    enum lassim_status status = collect(merge) == 0 ? LASSIM_OK : LASSIM_ERR_RUN;
    for (; merge->from < merge->to && merge->from < window && status == LASSIM_OK; merge->from++)
        status = write_list(merge, list_of(merge, merge->from));
    return status;
}

size_t trace_merge_bytes(const struct trace_merge *merge)
{
    return merge->segments * (sizeof(struct segment) + merge->segment_bytes);
}
