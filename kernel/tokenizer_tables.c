#include "kernel/tokenizer_tables.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* ---- merges ------------------------------------------------------------------------------------- */

/* Stable counting sort of from[0 .. n) by left (or right) into to; first[id] is left as the start of id's run. */
static void sort_merges(const struct merge *from, struct merge *to, size_t n, int by_left, uint32_t *first,
                        uint32_t vocabulary)
{
    memset(first, 0, ((size_t)vocabulary + 1) * sizeof *first);
    for (size_t i = 0; i < n; i++) first[(by_left ? from[i].left : from[i].right) + 1]++;
    for (size_t id = 0; id < vocabulary; id++) first[id + 1] += first[id];
    for (size_t i = 0; i < n; i++) to[first[by_left ? from[i].left : from[i].right]++] = from[i];
    memmove(first + 1, first, vocabulary * sizeof *first);
    first[0] = 0;
}

int merge_table_build(struct merge_table *table, const struct merge *merge, size_t n, uint32_t vocabulary)
{
    struct merge *by_right = calloc(n + 1, sizeof *by_right);
    table->merge = calloc(n + 1, sizeof *table->merge);
    table->first_merge = calloc((size_t)vocabulary + 1, sizeof *table->first_merge);
    int ready = by_right != NULL && table->merge != NULL && table->first_merge != NULL;
    if (ready) {
        sort_merges(merge, by_right, n, 0, table->first_merge, vocabulary);
        sort_merges(by_right, table->merge, n, 1, table->first_merge, vocabulary);
    }
    free(by_right);
    return ready ? 0 : -1;
}

const struct merge *merge_table_find(const struct merge_table *table, uint32_t left, uint32_t right)
{
    uint32_t start = table->first_merge[left], low = start, high = table->first_merge[left + 1];
    while (low < high) { /* the first one with a larger right; the one before it is the last of right */
        uint32_t middle = low + (high - low) / 2;
        if (table->merge[middle].right <= right)
            low = middle + 1;
        else
            high = middle;
    }
    return low > start && table->merge[low - 1].right == right ? &table->merge[low - 1] : NULL;
}

void merge_table_clear(struct merge_table *table)
{
    free(table->merge);
    free(table->first_merge);
}

/* ---- sets --------------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    const struct token_entry *first = a, *second = b;
    uint32_t common = first->length < second->length ? first->length : second->length;
    int order = memcmp(first->bytes, second->bytes, common);
    if (order != 0) return order;
    return (first->length > second->length) - (first->length < second->length);
}

int token_set_sort(struct token_set *set, uint32_t *a, uint32_t *b)
{
    if (set->count > 1) qsort(set->entry, set->count, sizeof *set->entry, compare_entries);
    for (uint32_t i = 0; i < set->count; i++) {
        set->starts[set->entry[i].bytes[0]] = 1;
        if (i == 0 || compare_entries(&set->entry[i - 1], &set->entry[i]) != 0) continue;
        *a = set->entry[i - 1].id;
        *b = set->entry[i].id;
        return 1;
    }
    return 0;
}

/* First entry of [low .. high) whose byte at depth is >= byte; all are longer than depth. */
static uint32_t lower_bound(const struct token_set *set, uint32_t low, uint32_t high, size_t depth, unsigned byte)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (set->entry[middle].bytes[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t token_set_longest(const struct token_set *set, const uint8_t *text, size_t size, size_t *length)
{
    if (size == 0 || !set->starts[text[0]]) return TOKENIZER_NONE;
    uint32_t low = 0, high = set->count, found = TOKENIZER_NONE;
    for (size_t depth = 0; depth < size; depth++) {
        low = lower_bound(set, low, high, depth, text[depth]);
        high = lower_bound(set, low, high, depth, text[depth] + 1U);
        if (low == high) break;
        if (set->entry[low].length != depth + 1) continue;
        found = set->entry[low++].id;
        *length = depth + 1;
    }
    return found;
}

/* ---- index -------------------------------------------------------------------------------------- */

static uint32_t *find_slot(const struct tokenizer *tokenizer, const uint8_t *bytes, size_t size)
{
    const struct token_index *index = &tokenizer->index;
    for (size_t at = XXH3_64bits(bytes, size) & (index->slots - 1);; at = (at + 1) & (index->slots - 1)) {
        if (index->slot[at] == TOKENIZER_NONE) return &index->slot[at];
        size_t length;
        const uint8_t *string = tokenizer_string(tokenizer, index->slot[at], &length);
        if (length == size && memcmp(string, bytes, size) == 0) return &index->slot[at];
    }
}

int token_index_build(struct tokenizer *tokenizer, uint32_t *a, uint32_t *b)
{
    struct token_index *index = &tokenizer->index;
    for (index->slots = 2; index->slots < 2 * (size_t)tokenizer->vocabulary;) index->slots *= 2;
    index->slot = malloc(index->slots * sizeof *index->slot);
    if (index->slot == NULL) return -1;
    memset(index->slot, 0xff, index->slots * sizeof *index->slot);
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        if (!(tokenizer_token_flags(tokenizer, id) & TOKEN_BASE)) continue;
        size_t length;
        const uint8_t *string = tokenizer_string(tokenizer, id, &length);
        uint32_t *slot = find_slot(tokenizer, string, length);
        if (*slot != TOKENIZER_NONE) {
            *a = *slot;
            *b = id;
            return 1;
        }
        *slot = id;
    }
    return 0;
}

uint32_t token_index_find(const struct tokenizer *tokenizer, const uint8_t *bytes, size_t size)
{
    return *find_slot(tokenizer, bytes, size);
}
