#include "kernel/tokenizer_words.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* One token of the word being merged; position in the array = order in the word. */
struct word_symbol {
    uint32_t id;             /* TOKENIZER_NONE once merged into its left neighbour */
    uint32_t previous, next; /* TOKENIZER_NONE at the ends */
};

struct word_cache_slot {
    uint32_t start, length; /* in the text; length 0: empty */
    uint32_t first, count;  /* in ids */
};
enum { WORD_CACHE_SLOTS = 1 << 13 /* 128 KiB, touched as needed */ };

/* Makes room for `more` ids. */
static int reserve_ids(struct word_encoder *encoder, size_t more)
{
    if (encoder->capacity - encoder->n >= more) return 0;
    size_t capacity = 2 * encoder->capacity + more + 16;
    uint32_t *ids = reallocarray(encoder->ids, capacity, sizeof *ids);
    if (ids == NULL) return -1;
    encoder->ids = ids;
    encoder->capacity = capacity;
    return 0;
}

int word_encoder_push(struct word_encoder *encoder, uint32_t id)
{
    if (reserve_ids(encoder, 1) != 0) return -1;
    encoder->ids[encoder->n++] = id;
    return 0;
}

/* Makes room for a word of length bytes; what was there is lost. */
static int reserve_word(struct word_encoder *encoder, size_t length)
{
    if (encoder->word_capacity >= length) return 0;
    size_t capacity = length + length / 2 + 64;
    free(encoder->symbol);
    free(encoder->candidate);
    encoder->symbol = calloc(capacity, sizeof *encoder->symbol);
    encoder->candidate = calloc(capacity, 2 * sizeof *encoder->candidate);
    encoder->word_capacity = encoder->symbol != NULL && encoder->candidate != NULL ? capacity : 0;
    return encoder->word_capacity > 0 ? 0 : -1;
}

static void heap_push(struct word_encoder *encoder, uint64_t key)
{
    uint64_t *heap = encoder->candidate;
    size_t at = encoder->candidates++;
    for (; at > 0 && heap[(at - 1) / 2] > key; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
    heap[at] = key;
}

static uint64_t heap_pop(struct word_encoder *encoder)
{
    uint64_t *heap = encoder->candidate, top = heap[0], key = heap[--encoder->candidates];
    size_t at = 0, count = encoder->candidates;
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && heap[child + 1] < heap[child]) child++;
        if (heap[child] >= key) break;
        heap[at] = heap[child];
    }
    heap[at] = key;
    return top;
}

/* The merge of the symbol at position with its right neighbour, or NULL. */
static const struct merge *merge_at(const struct word_encoder *encoder, uint32_t position)
{
    const struct word_symbol *symbol = &encoder->symbol[position];
    if (symbol->id == TOKENIZER_NONE || symbol->next == TOKENIZER_NONE) return NULL;
    return tokenizer_find_merge(encoder->tokenizer, symbol->id, encoder->symbol[symbol->next].id);
}

static void offer_merge(struct word_encoder *encoder, uint32_t position)
{
    const struct merge *merge = merge_at(encoder, position);
    if (merge != NULL) heap_push(encoder, (uint64_t)merge->rank << 32 | position);
}

/* One symbol per byte that has a token (or unk); returns how many. */
static uint32_t split_bytes(struct word_encoder *encoder, const uint8_t *word, size_t length)
{
    uint32_t count = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t id = encoder->tokenizer->byte_id[word[i]];
        if (id == TOKENIZER_NONE) id = encoder->tokenizer->unk;
        if (id == TOKENIZER_NONE) continue;
        encoder->symbol[count] = (struct word_symbol){id, count - 1, count + 1}; /* 0 - 1 is TOKENIZER_NONE */
        count++;
    }
    if (count > 0) encoder->symbol[count - 1].next = TOKENIZER_NONE;
    return count;
}

/* Merges the symbol at position with its right neighbour. */
static void apply_merge(struct word_encoder *encoder, uint32_t position, uint32_t result)
{
    struct word_symbol *left = &encoder->symbol[position], *right = &encoder->symbol[left->next];
    left->id = result;
    left->next = right->next;
    right->id = TOKENIZER_NONE;
    if (left->next != TOKENIZER_NONE) encoder->symbol[left->next].previous = position;
    if (left->previous != TOKENIZER_NONE) offer_merge(encoder, left->previous);
    offer_merge(encoder, position);
}

/* Each merge takes one candidate and offers at most two, so that 2 * count bounds the heap. */
static int encode_new(struct word_encoder *encoder, const uint8_t *word, size_t length)
{
    if (reserve_word(encoder, length) != 0 || reserve_ids(encoder, length) != 0) return -1;
    uint32_t count = split_bytes(encoder, word, length);
    encoder->candidates = 0;
    for (uint32_t i = 0; i < count; i++) offer_merge(encoder, i);
    while (encoder->candidates > 0) {
        uint64_t key = heap_pop(encoder);
        uint32_t position = (uint32_t)key;
        const struct merge *merge = merge_at(encoder, position);
        if (merge != NULL && merge->rank == key >> 32) apply_merge(encoder, position, merge->result);
    }
    for (uint32_t i = 0; count > 0 && i != TOKENIZER_NONE; i = encoder->symbol[i].next)
        encoder->ids[encoder->n++] = encoder->symbol[i].id;
    return 0;
}

int word_encoder_word(struct word_encoder *encoder, size_t start, size_t length)
{
    const uint8_t *word = encoder->text + start;
    if (encoder->cache == NULL) encoder->cache = calloc(WORD_CACHE_SLOTS, sizeof *encoder->cache);
    if (encoder->cache == NULL) return -1;
    struct word_cache_slot *slot = &encoder->cache[XXH3_64bits(word, length) % WORD_CACHE_SLOTS];
    if (slot->length == length && memcmp(encoder->text + slot->start, word, length) == 0) {
        if (reserve_ids(encoder, slot->count) != 0) return -1;
        memcpy(encoder->ids + encoder->n, encoder->ids + slot->first, slot->count * sizeof *encoder->ids);
        encoder->n += slot->count;
        return 0;
    }
    size_t first = encoder->n;
    if (encode_new(encoder, word, length) != 0) return -1;
    *slot =
        (struct word_cache_slot){(uint32_t)start, (uint32_t)length, (uint32_t)first, (uint32_t)(encoder->n - first)};
    return 0;
}

void word_encoder_clear(struct word_encoder *encoder)
{
    free(encoder->symbol);
    free(encoder->candidate);
    free(encoder->cache);
}
