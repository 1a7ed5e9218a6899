/* Text <-> token ids: GPT-2's byte-level BPE, from the blob stored in a .snn.
 *
 * Encoding, as Hugging Face's tokenizers does it:
 *  1. Invalid UTF-8 becomes U+FFFD, one per maximal ill-formed subpart (Unicode 3.9, what Python's
 *     decode(errors="replace") gives).  Bytes 00 are text like any other.
 *  2. Added tokens found in the text are kept whole: leftmost, then longest; first those that are not
 *     "normalized", then, in the gaps, those that are.  lstrip and rstrip eat white space around them.
 *  3. With add_prefix_space each gap gets a space in front unless it starts with one.
 *  4. Each gap is cut by GPT-2's pattern
 *         's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 *     with Unicode's White_Space for \s and the categories of the installed PCRE2 (10.42: Unicode 14; only
 *     characters assigned since then can be cut otherwise than by tokenizers 0.23, which has Unicode 16).
 *  5. Each word starts as one token a byte; the pair of neighbours that merges with the lowest rank (the
 *     leftmost on a tie) is merged until none is left.  A byte without a token becomes unk, or nothing where
 *     there is no unk.
 *
 * Blob, little-endian, no alignment needed, no padding, all of it checked by tokenizer_open:
 *     offset  size
 *       0      8   magic "LASSIMtk"
 *       8      4   version, 1
 *      12      4   vocabulary V: ids are 0 .. V-1; 1 .. TOKENIZER_VOCABULARY_MAX
 *      16      4   merges M, 0 .. TOKENIZER_MERGES_MAX
 *      20      4   bytes B of all token strings, 0 .. 2^30
 *      24      4   flags: enum tokenizer_flag, other bits 0
 *      28      4   bos      id of a token or TOKENIZER_NONE (add_bos needs one)
 *      32      4   eos      alike
 *      36      4   pad      alike
 *      40      4   unk      alike
 *      44      4   0
 *      48   4(V+1) string offsets: the string of id i is bytes [o[i], o[i+1]) of the strings;
 *                  o[0] = 0, ascending, o[V] = B
 *             V    token flags, one byte an id: enum token_flag.  Empty string <=> flags 0: no such token.
 *            12M   merges by rank: left, right, result, each an id with TOKEN_BASE; result's string is
 *                  left's followed by right's; a pair given twice has its last rank
 *             B    strings: raw bytes (not GPT-2's printable alphabet).  TOKEN_ADDED ones are UTF-8, at
 *                  most TOKENIZER_ADDED_BYTES long, pairwise different; so are the TOKEN_BASE ones of one byte
 * and nothing after it: size = 48 + 4(V+1) + V + 12M + B. */
#ifndef LASSIM_KERNEL_TOKENIZER_H
#define LASSIM_KERNEL_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

#define TOKENIZER_NONE UINT32_MAX
#define TOKENIZER_MAGIC "LASSIMtk"
enum {
    TOKENIZER_VERSION = 1,
    TOKENIZER_HEADER_BYTES = 48,
    TOKENIZER_VOCABULARY_MAX = (1 << 20) - 1,
    TOKENIZER_MERGES_MAX = 1 << 22,
    TOKENIZER_STRING_BYTES_MAX = 1 << 30,
    TOKENIZER_ADDED_BYTES = 512, /* longest added token */
    TOKENIZER_TEXT_MAX = 1 << 28 /* longest text to encode, bytes */
};
enum tokenizer_flag { TOKENIZER_ADD_BOS = 1, TOKENIZER_ADD_PREFIX_SPACE = 2 };
enum token_flag {
    TOKEN_BASE = 1,    /* in the BPE vocabulary */
    TOKEN_ADDED = 2,   /* kept whole when found in a text */
    TOKEN_SPECIAL = 4, /* left out of decoded text on request; needs ADDED, as the next three do */
    TOKEN_LSTRIP = 8,
    TOKEN_RSTRIP = 16,
    TOKEN_NORMALIZED = 32 /* looked for only between the others */
};

/* Immutable once open: any number of threads may use one. */
struct tokenizer;

/* Opens a blob, which is hostile until checked and must outlive *tokenizer (strings are not copied).
 * LASSIM_ERR_FILE, place "tokenizer", for any value outside the layout above; LASSIM_ERR_RUN without memory.
 * file (may be NULL) names it in errors.  The caller owns *tokenizer: tokenizer_close.
 * O(V + M + B); 50,000 tokens take a few milliseconds. */
enum lassim_status tokenizer_open(const char *file, const uint8_t *blob, size_t size, struct tokenizer **tokenizer,
                                  struct lassim_error *error);
/* NULL is allowed. */
void tokenizer_close(struct tokenizer *tokenizer);

/* Vocabulary, and the ids of special tokens or TOKENIZER_NONE. */
uint32_t tokenizer_vocabulary(const struct tokenizer *tokenizer);
uint32_t tokenizer_bos(const struct tokenizer *tokenizer);
uint32_t tokenizer_eos(const struct tokenizer *tokenizer);
uint32_t tokenizer_pad(const struct tokenizer *tokenizer);
/* 1 if this tokenizer puts bos in front of a text by default (OPT's does). */
int tokenizer_adds_bos(const struct tokenizer *tokenizer);
/* 1 if id is a special token. */
int tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t id);

/* Encodes text[0 .. size), any bytes; add_bos: 1 puts bos in front (nothing where the tokenizer has none): pass
 * tokenizer_adds_bos(...) for the default.  *ids[0 .. *n) is owned by the caller (free), NULL allowed only for
 * failure.  LASSIM_ERR_USAGE for a text above TOKENIZER_TEXT_MAX, LASSIM_ERR_RUN without memory.
 * O(size log size) whatever the text; memory 3 bytes a byte of text, 42 a byte of its longest word, 4 an id. */
enum lassim_status tokenizer_encode(const struct tokenizer *tokenizer, const void *text, size_t size, int add_bos,
                                    uint32_t **ids, size_t *n, struct lassim_error *error);

/* The bytes of one token, *size of them: borrowed from the blob, not terminated, perhaps half a character.
 * size 0 for an id without a token or >= vocabulary. */
const uint8_t *tokenizer_token_bytes(const struct tokenizer *tokenizer, uint32_t id, size_t *size);
/* The bytes of ids[0 .. n) in a row; ids without a token give nothing, special ones only if skip_special is 0.
 * *bytes is owned by the caller (free), *size excludes the 0 that follows.  LASSIM_ERR_RUN without memory. */
enum lassim_status tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n, int skip_special,
                                    uint8_t **bytes, size_t *size, struct lassim_error *error);

#endif
