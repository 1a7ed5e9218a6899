#include "kernel/trace_merge.h"

#include <stdlib.h>
#include <string.h>

struct record {
    uint64_t window;
    uint32_t population, token, span;
    size_t offset, bytes;
    struct trace_counts counts;
};

struct trace_merge {
    struct trace_writer *writer;
    struct record *record;
    size_t records, record_capacity;
    uint8_t *payload;
    size_t used, capacity;
};

struct trace_merge *trace_merge_new(struct trace_writer *writer)
{
    struct trace_merge *merge = calloc(1, sizeof *merge);
    if (merge != NULL) merge->writer = writer;
    return merge;
}

void trace_merge_free(struct trace_merge *merge)
{
    if (merge == NULL) return;
    free(merge->record);
    free(merge->payload);
    free(merge);
}

uint8_t *trace_merge_room(struct trace_merge *merge, size_t bytes)
{
    if (merge->used + bytes > merge->capacity) {
        size_t capacity = 2 * (merge->used + bytes);
        uint8_t *larger = realloc(merge->payload, capacity);
        if (larger == NULL) return NULL;
        merge->payload = larger;
        merge->capacity = capacity;
    }
    return merge->payload + merge->used;
}

int trace_merge_add(struct trace_merge *merge, uint64_t window, uint32_t population, uint32_t token, uint32_t span,
                    size_t bytes, const struct trace_counts *counts)
{
    if (merge->records == merge->record_capacity) {
        size_t capacity = merge->record_capacity ? 2 * merge->record_capacity : 1024;
        struct record *larger = realloc(merge->record, capacity * sizeof *larger);
        if (larger == NULL) return -1;
        merge->record = larger;
        merge->record_capacity = capacity;
    }
    merge->record[merge->records++] = (struct record){window, population, token, span, merge->used, bytes, *counts};
    merge->used += bytes;
    return 0;
}

/* (window, level, population, token): populations stand in level order. */
static int compare(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->window != y->window) return x->window < y->window ? -1 : 1;
    if (x->population != y->population) return x->population < y->population ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

/* Moves the records from `first` on, and their payloads, to the front. */
static int keep_from(struct trace_merge *merge, size_t first)
{
    size_t kept = merge->records - first, bytes = 0, used = 0;
    for (size_t i = first; i < merge->records; i++) bytes += merge->record[i].bytes;
    uint8_t *payload = malloc(bytes ? bytes : 1);
    if (payload == NULL) return -1;
    for (size_t i = 0; i < kept; i++) {
        struct record *record = &merge->record[first + i];
        memcpy(payload + used, merge->payload + record->offset, record->bytes);
        record->offset = used;
        used += record->bytes;
    }
    memmove(merge->record, merge->record + first, kept * sizeof *merge->record);
    free(merge->payload);
    merge->payload = payload;
    merge->records = kept;
    merge->used = used;
    merge->capacity = bytes;
    return 0;
}

enum lassim_status trace_merge_flush(struct trace_merge *merge, uint64_t window)
{
    size_t i = 0;
    enum lassim_status status = LASSIM_OK;
    if (merge->records == 0) return LASSIM_OK;
    qsort(merge->record, merge->records, sizeof *merge->record, compare);
    for (; i < merge->records && merge->record[i].window < window && status == LASSIM_OK; i++) {
        const struct record *r = &merge->record[i];
        status = trace_writer_append(merge->writer, r->window, r->population, r->token, r->span,
                                     merge->payload + r->offset, r->bytes, &r->counts);
    }
    if (i == merge->records) {
        trace_merge_clear(merge);
        return status;
    }
    return keep_from(merge, i) == 0 ? status : LASSIM_ERR_RUN;
}

void trace_merge_clear(struct trace_merge *merge)
{
    merge->records = 0;
    merge->used = 0;
}
