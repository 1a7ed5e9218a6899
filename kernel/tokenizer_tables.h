/* Inside of a struct tokenizer, shared by kernel/tokenizer.c (opens) and kernel/tokenizer_encode.c (encodes). */
#ifndef LASSIM_KERNEL_TOKENIZER_TABLES_H
#define LASSIM_KERNEL_TOKENIZER_TABLES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/tokenizer.h"

struct merge {
    uint32_t left, right, rank, result;
};

/* Added tokens of one kind, ids sorted by their bytes. */
struct added_set {
    uint32_t *id;
    uint32_t count;
    uint8_t starts[256]; /* 1: a token starts with this byte */
};

struct tokenizer {
    const uint8_t *offsets, *flags, *strings; /* in the blob */
    uint32_t vocabulary, options, bos, eos, pad, unk;
    uint32_t byte_id[256];     /* token of one byte, or TOKENIZER_NONE */
    struct merge *merge;       /* sorted by left, right, rank */
    uint32_t *first_merge;     /* [vocabulary + 1]: merges of a left id start here */
    struct added_set added[2]; /* [1]: TOKEN_NORMALIZED */
    pcre2_code *pattern;
    pcre2_match_context *limits;
};

/* The one merge of left and right (the last, if given twice), or NULL.  O(log merges of left). */
const struct merge *tokenizer_find_merge(const struct tokenizer *tokenizer, uint32_t left, uint32_t right);
/* The longest added token of set at the start of text[0 .. size); TOKENIZER_NONE if there is none. */
uint32_t tokenizer_find_added(const struct tokenizer *tokenizer, const struct added_set *set, const uint8_t *text,
                              size_t size);

#endif
