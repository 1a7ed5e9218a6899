#include "kernel/tokenizer_words.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "kernel/utf8.h"

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
    return merge_table_find(&encoder->tokenizer->merges, symbol->id, encoder->symbol[symbol->next].id);
}

static void offer_merge(struct word_encoder *encoder, uint32_t position)
{
    const struct merge *merge = merge_at(encoder, position);
    if (merge != NULL) heap_push(encoder, (uint64_t)merge->rank << 32 | position);
}

/* ---- the symbols a word starts as --------------------------------------------------------------- */

static void add_symbol(struct word_encoder *encoder, uint32_t *count, uint32_t id)
{
    encoder->symbol[*count] = (struct word_symbol){id, *count - 1, *count + 1}; /* 0 - 1 is TOKENIZER_NONE */
    ++*count;
}

/* Fills in the unk that stands for what came before, if any. */
static void flush_unk(struct word_encoder *encoder, uint32_t *count, int *pending)
{
    if (*pending) add_symbol(encoder, count, encoder->tokenizer->unk);
    *pending = 0;
}

/* What has no token: unk, the earlier one where they are fused; *pending: an unk waits to be put behind it. */
static void add_unknown(struct word_encoder *encoder, uint32_t *count, int *pending)
{
    const struct tokenizer *tokenizer = encoder->tokenizer;
    if (tokenizer->unk == TOKENIZER_NONE) return;
    if (!(tokenizer->options & TOKENIZER_FUSE_UNK)) flush_unk(encoder, count, pending);
    *pending = 1;
}

/* One symbol a byte. */
static void split_bytes(struct word_encoder *encoder, const uint8_t *word, size_t length, uint32_t *count, int *pending)
{
    for (size_t i = 0; i < length; i++) {
        uint32_t id = encoder->tokenizer->byte_id[word[i]];
        if (id == TOKENIZER_NONE) {
            add_unknown(encoder, count, pending);
        } else {
            flush_unk(encoder, count, pending);
            add_symbol(encoder, count, id);
        }
    }
}

/* One symbol a byte of a character without token, if each has one.  As in the reference an unk that waits comes
 * behind them. */
static int fall_back(struct word_encoder *encoder, const uint8_t *bytes, size_t length, uint32_t *count)
{
    const struct tokenizer *tokenizer = encoder->tokenizer;
    if (!(tokenizer->options & TOKENIZER_BYTE_FALLBACK)) return 0;
    for (size_t i = 0; i < length; i++)
        if (tokenizer->byte_id[bytes[i]] == TOKENIZER_NONE) return 0;
    for (size_t i = 0; i < length; i++) add_symbol(encoder, count, tokenizer->byte_id[bytes[i]]);
    return 1;
}

/* One symbol a character. */
static void split_characters(struct word_encoder *encoder, const uint8_t *word, size_t length, uint32_t *count,
                             int *pending)
{
    for (size_t at = 0, step; at < length; at += step) {
        int32_t code;
        step = utf8_next(word + at, length - at, &code);
        uint32_t id = token_index_find(encoder->tokenizer, word + at, step);
        if (id != TOKENIZER_NONE) {
            flush_unk(encoder, count, pending);
            add_symbol(encoder, count, id);
        } else if (!fall_back(encoder, word + at, step, count)) {
            add_unknown(encoder, count, pending);
        }
    }
}

/* ---- merging ------------------------------------------------------------------------------------ */

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
static int merge_word(struct word_encoder *encoder, const uint8_t *word, size_t length)
{
    uint32_t count = 0;
    int pending = 0;
    if (reserve_word(encoder, length) != 0 || reserve_ids(encoder, length) != 0) return -1;
    if (encoder->tokenizer->kind == TOKENIZER_SENTENCEPIECE)
        split_characters(encoder, word, length, &count, &pending);
    else
        split_bytes(encoder, word, length, &count, &pending);
    flush_unk(encoder, &count, &pending);
    if (count == 0) return 0;
    encoder->symbol[count - 1].next = TOKENIZER_NONE;
    encoder->candidates = 0;
    for (uint32_t i = 0; i < count; i++) offer_merge(encoder, i);
    while (encoder->candidates > 0) {
        uint64_t key = heap_pop(encoder);
        uint32_t position = (uint32_t)key;
        const struct merge *merge = merge_at(encoder, position);
        if (merge != NULL && merge->rank == key >> 32) apply_merge(encoder, position, merge->result);
    }
    for (uint32_t i = 0; i != TOKENIZER_NONE; i = encoder->symbol[i].next)
        encoder->ids[encoder->n++] = encoder->symbol[i].id;
    return 0;
}

/* ---- WordPiece ---------------------------------------------------------------------------------- */

/* Characters of text[0 .. length), counted up to limit + 1. */
static size_t count_characters(const uint8_t *text, size_t length, size_t limit)
{
    size_t count = 0;
    for (size_t at = 0; at < length && count <= limit; at++) count += (text[at] & 0xc0) != 0x80;
    return count;
}

static int cover_word(struct word_encoder *encoder, const uint8_t *word, size_t length)
{
    const struct tokenizer *tokenizer = encoder->tokenizer;
    size_t first = encoder->n, piece = 0;
    int covered = count_characters(word, length, tokenizer->word_max) <= tokenizer->word_max;
    for (size_t at = 0; covered && at < length; at += piece) {
        uint32_t id =
            token_set_longest(at == 0 ? &tokenizer->whole : &tokenizer->behind, word + at, length - at, &piece);
        covered = id != TOKENIZER_NONE;
        if (covered && word_encoder_push(encoder, id) != 0) return -1;
    }
    if (covered) return 0;
    encoder->n = first;
    return word_encoder_push(encoder, tokenizer->unk);
}

/* ---- words -------------------------------------------------------------------------------------- */

static int encode_new(struct word_encoder *encoder, const uint8_t *word, size_t length)
{
    const struct tokenizer *tokenizer = encoder->tokenizer;
    if (tokenizer->kind == TOKENIZER_WORDPIECE) return cover_word(encoder, word, length);
    uint32_t id =
        tokenizer->options & TOKENIZER_IGNORE_MERGES ? token_index_find(tokenizer, word, length) : TOKENIZER_NONE;
    return id != TOKENIZER_NONE ? word_encoder_push(encoder, id) : merge_word(encoder, word, length);
}

int word_encoder_word(struct word_encoder *encoder, size_t start, size_t length)
{
    const uint8_t *text = encoder->text->bytes, *word = text + start;
    if (encoder->cache == NULL) encoder->cache = calloc(WORD_CACHE_SLOTS, sizeof *encoder->cache);
    if (encoder->cache == NULL) return -1;
    struct word_cache_slot *slot = &encoder->cache[XXH3_64bits(word, length) % WORD_CACHE_SLOTS];
    if (slot->length == length && memcmp(text + slot->start, word, length) == 0) {
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
