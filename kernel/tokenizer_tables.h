/* Inside of a struct tokenizer: kernel/tokenizer.c opens it, kernel/tokenizer_*.c encode and decode with it. */
#ifndef LASSIM_KERNEL_TOKENIZER_TABLES_H
#define LASSIM_KERNEL_TOKENIZER_TABLES_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/text_buffer.h"
#include "kernel/tokenizer.h"
#include "kernel/tokenizer_pattern.h"

struct merge {
    uint32_t left, right, rank, result;
};
/* Merges by left id, then right id, then order given. */
struct merge_table {
    struct merge *merge;   /* [count] */
    uint32_t *first_merge; /* [vocabulary + 1]: merges of a left id start here */
};

/* Strings in ascending order, for the longest one that starts a text. */
struct token_entry {
    const uint8_t *bytes;
    uint32_t length, id;
};
struct token_set {
    struct token_entry *entry; /* [count] */
    uint32_t count;
    uint8_t starts[256]; /* 1: an entry starts with this byte */
};

/* The id of a whole string: open addressing, at least half of the slots free. */
struct token_index {
    uint32_t *slot; /* [slots], TOKENIZER_NONE: free */
    size_t slots;   /* a power of two */
};

struct template_item {
    uint32_t id; /* or TOKENIZER_TEXT_A, TOKENIZER_TEXT_B */
    uint8_t type;
};
struct template
{
    struct template_item item[TOKENIZER_ITEMS_MAX];
    uint32_t count;
};

struct tokenizer {
    const uint8_t *offsets, *flags, *strings; /* in the blob */
    enum tokenizer_kind kind;
    enum tokenizer_pattern pattern_kind;
    enum tokenizer_prefix prefix;
    uint32_t vocabulary, options, word_max;
    uint32_t bos, eos, pad, unk, cls, sep, mask;
    struct template single, pair;
    uint32_t byte_id[256];          /* token of one byte: byte-level's BASE, SentencePiece's TOKEN_BYTE */
    struct merge_table merges;      /* BPE */
    struct token_index index;       /* BASE */
    struct token_set added[2];      /* [1]: TOKEN_NORMALIZED */
    struct token_set whole, behind; /* WordPiece: BASE tokens, and those with "##" without it */
    struct text_buffer patterns;    /* normalised strings of added[1] */
    uint8_t *shown;                 /* strings as they are decoded; NULL: as they are in the blob */
    uint32_t *shown_at;             /* [vocabulary + 1]: where each starts */
    int words_at_spaces;            /* no merge reaches from another character over U+2581 */
    struct word_pattern pattern;
};

/* The string of a token as the blob has it; size 0 for an id without a token.  id < vocabulary. */
const uint8_t *tokenizer_string(const struct tokenizer *tokenizer, uint32_t id, size_t *size);
/* enum token_flag of a token.  id < vocabulary. */
unsigned tokenizer_token_flags(const struct tokenizer *tokenizer, uint32_t id);

/* After the sets: fills shown and shown_at where a decoded string differs (spaces for U+2581; normalised added tokens
 * decode to what they are looked for as), and words_at_spaces.  0, or -1 without memory.  O(bytes). */
int tokenizer_read_shown(struct tokenizer *tokenizer);

/* Takes merge[0 .. n), in ascending rank, whose ids are below vocabulary.  0, or -1 without memory.  O(n + V). */
int merge_table_build(struct merge_table *table, const struct merge *merge, size_t n, uint32_t vocabulary);
/* The one merge of left and right (the last, if given twice), or NULL.  O(log merges of left). */
const struct merge *merge_table_find(const struct merge_table *table, uint32_t left, uint32_t right);
void merge_table_clear(struct merge_table *table);

/* Sorts entry[0 .. count), all of them longer than 0.  Returns 1 and sets *a and *b to their ids if two entries are
 * the same, else 0. */
int token_set_sort(struct token_set *set, uint32_t *a, uint32_t *b);
/* The id of the longest entry that starts text[0 .. size), or TOKENIZER_NONE; *length is its length.
 * O(length log count). */
uint32_t token_set_longest(const struct token_set *set, const uint8_t *text, size_t size, size_t *length);

/* Fills the index with all BASE tokens.  0; 1 if *a and *b have the same string; -1 without memory. */
int token_index_build(struct tokenizer *tokenizer, uint32_t *a, uint32_t *b);
/* The BASE token whose string is bytes[0 .. size), or TOKENIZER_NONE. */
uint32_t token_index_find(const struct tokenizer *tokenizer, const uint8_t *bytes, size_t size);

#endif
