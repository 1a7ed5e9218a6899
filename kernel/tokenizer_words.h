/* Words into a growing list of ids, by byte-pair merges or WordPiece: the part of tokenizer_encode below the
 * pre-tokenizer. */
#ifndef LASSIM_KERNEL_TOKENIZER_WORDS_H
#define LASSIM_KERNEL_TOKENIZER_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/tokenizer_tables.h"

struct word_cache_slot; /* a word seen in this text and where its ids are */

/* Zero-initialise, set tokenizer and text; word_encoder_clear frees all but ids. */
struct word_encoder {
    const struct tokenizer *tokenizer;
    const struct text_buffer *text; /* every word lies in it; at most UINT32_MAX bytes; words must not change */
    uint32_t *ids;                  /* [capacity], n of them filled */
    size_t n, capacity;
    struct word_symbol *symbol; /* [word_capacity]: linked list of the word's tokens */
    uint64_t *candidate;        /* [2 * word_capacity]: binary heap of merges, rank << 32 | position */
    size_t word_capacity, candidates;
    struct word_cache_slot *cache;
};

/* Appends one id.  0, or -1 without memory. */
int word_encoder_push(struct word_encoder *encoder, uint32_t id);
/* Appends the ids of the word text[start .. start + length), length >= 1.  0, or -1 without memory.
 * O(length log length), or O(length) if the word was seen a short while ago. */
int word_encoder_word(struct word_encoder *encoder, size_t start, size_t length);
/* Frees everything except ids. */
void word_encoder_clear(struct word_encoder *encoder);

#endif
