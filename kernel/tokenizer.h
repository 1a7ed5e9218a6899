/* Text <-> token ids: byte-level BPE (GPT-2, Llama 3, Qwen2, SmolLM), SentencePiece BPE (Llama 2, Mistral) and
 * WordPiece (BERT), from the blob stored in a .snn.  Encoding, as Hugging Face's tokenizers does it:
 *  1. Invalid UTF-8 becomes U+FFFD, one per maximal ill-formed subpart (Unicode 3.9, what Python's
 *     decode(errors="replace") gives).  Bytes 00 are text like any other.
 *  2. Added tokens found in the text are kept whole, leftmost, then longest: first those that are not
 *     TOKEN_NORMALIZED.  Each gap between them is normalised, then searched for those that are (their strings
 *     normalised too, unless TOKENIZER_STORED_PATTERNS).  lstrip and rstrip eat white space around them;
 *     single_word ones count only where no word character touches them.
 *  3. Normalisers: NFC (byte-level); white space squeezed, then a space in front, then each space as U+2581
 *     (SentencePiece); BERT's control characters, Chinese characters, accents and case (WordPiece).
 *  4. Each gap is cut into words by enum tokenizer_pattern.  PCRE2's categories are those of the installed version
 *     (10.42: Unicode 14; only characters assigned since then can be cut otherwise than by tokenizers 0.23).
 *  5. BPE: a word starts as one token a byte (byte-level) or a character (SentencePiece; one that is no token
 *     becomes its bytes' tokens with TOKENIZER_BYTE_FALLBACK); the neighbours that merge with the lowest rank (the
 *     leftmost on a tie) are merged until none are left.  What has no token becomes unk, or nothing where there is
 *     no unk.  WordPiece: the longest token that starts the word, then the longest of those with "##" that goes on;
 *     a word that cannot be covered or has more than word_max characters is unk.
 *  6. The template puts special tokens and token types around one text or a pair.
 *
 * Blob, little-endian, no alignment needed, no padding, all of it checked by tokenizer_open:
 *     offset  size
 *       0      8   magic "LASSIMtk"
 *       8      4   version, 2
 *      12      4   kind: enum tokenizer_kind
 *      16      4   vocabulary V: ids are 0 .. V-1; 1 .. TOKENIZER_VOCABULARY_MAX
 *      20      4   merges M, 0 .. TOKENIZER_MERGES_MAX; 0 for WordPiece
 *      24      4   bytes B of all token strings, 0 .. 2^30
 *      28      4   flags: enum tokenizer_flag, only those of the kind
 *      32      4   pattern: enum tokenizer_pattern, only those of the kind
 *      36      4   prefix: enum tokenizer_prefix, only those of the kind
 *      40      4   word_max: WordPiece 1 .. TOKENIZER_WORD_MAX, else 0
 *      44     28   bos, eos, pad, unk, cls, sep, mask: id of a token or TOKENIZER_NONE (WordPiece needs unk)
 *      72      4   items S of the template of one text, 1 .. TOKENIZER_ITEMS_MAX
 *      76      4   items P of the template of a pair, 2 .. TOKENIZER_ITEMS_MAX, or 0: pairs are not known
 *      80   8(S+P) items: id of a token, TOKENIZER_TEXT_A or TOKENIZER_TEXT_B, then its token type 0 .. 255;
 *                  A once in each, B once in the pair's
 *           4(V+1) string offsets: the string of id i is bytes [o[i], o[i+1]) of the strings;
 *                  o[0] = 0, ascending, o[V] = B
 *             2V   token flags, enum token_flag.  Empty string <=> flags 0: no such token.
 *            16M   merges: left, right, result, each an id with TOKEN_BASE, and rank, ascending or equal; result's
 *                  string is left's followed by right's; a pair given twice has its last record
 *             B    strings: byte-level: raw bytes (not GPT-2's printable alphabet); others: UTF-8 as in the
 *                  vocabulary, with U+2581 and "##", but one raw byte with TOKEN_BYTE.  TOKEN_ADDED ones are UTF-8,
 *                  at most TOKENIZER_ADDED_BYTES long, pairwise different; so are all TOKEN_BASE ones, and all
 *                  TOKEN_BYTE ones
 * and nothing after it: size = 80 + 8(S+P) + 4(V+1) + 2V + 16M + B. */
#ifndef LASSIM_KERNEL_TOKENIZER_H
#define LASSIM_KERNEL_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

#define TOKENIZER_NONE UINT32_MAX
#define TOKENIZER_TEXT_A UINT32_C(0xfffffffe)
#define TOKENIZER_TEXT_B UINT32_C(0xfffffffd)
#define TOKENIZER_MAGIC "LASSIMtk"
enum {
    TOKENIZER_VERSION = 2,
    TOKENIZER_HEADER_BYTES = 80,
    TOKENIZER_ITEM_BYTES = 8,
    TOKENIZER_MERGE_BYTES = 16,
    TOKENIZER_VOCABULARY_MAX = (1 << 20) - 1,
    TOKENIZER_MERGES_MAX = 1 << 22,
    TOKENIZER_STRING_BYTES_MAX = 1 << 30,
    TOKENIZER_ADDED_BYTES = 512, /* longest added token */
    TOKENIZER_WORD_MAX = 1000,   /* highest word_max */
    TOKENIZER_ITEMS_MAX = 16,    /* of a template */
    TOKENIZER_TEXT_MAX = 1 << 28 /* longest text to encode, bytes */
};
enum tokenizer_kind { TOKENIZER_BYTE_LEVEL, TOKENIZER_SENTENCEPIECE, TOKENIZER_WORDPIECE, TOKENIZER_KINDS };
enum tokenizer_pattern {
    TOKENIZER_WHOLE,     /* each gap is one word; WordPiece: BERT's white space and punctuation */
    TOKENIZER_GPT2,      /* byte-level: the patterns of kernel/tokenizer_pattern.h */
    TOKENIZER_LLAMA3,    /* alike */
    TOKENIZER_QWEN2,     /* alike */
    TOKENIZER_DIGITS,    /* alike: GPT-2's between single digits */
    TOKENIZER_GGML,      /* alike: llama.cpp's for files that name none */
    TOKENIZER_METASPACE, /* SentencePiece: a word starts at each U+2581 */
    TOKENIZER_PATTERNS
};
enum tokenizer_prefix {
    TOKENIZER_NO_PREFIX,        /* nothing in front; SentencePiece: spaces become U+2581 */
    TOKENIZER_SPACE_UNLESS,     /* byte-level: each gap gets a space in front unless it starts with one */
    TOKENIZER_PREPEND,          /* SentencePiece's normaliser: U+2581 in front of each gap */
    TOKENIZER_METASPACE_ALWAYS, /* SentencePiece's pre-tokenizer: spaces become U+2581 after the search for
                                 * normalised tokens; each gap then gets one in front unless it starts with one */
    TOKENIZER_METASPACE_FIRST,  /* alike, but only the gap at the start of the text gets one in front */
    TOKENIZER_METASPACE_NEVER,  /* alike, none in front */
    TOKENIZER_PREFIXES
};
enum tokenizer_flag {
    TOKENIZER_NFC = 1,                /* byte-level */
    TOKENIZER_IGNORE_MERGES = 2,      /* byte-level: a word that is a token needs no merges */
    TOKENIZER_FUSE_UNK = 4,           /* BPE: one unk for neighbours without a token */
    TOKENIZER_BYTE_FALLBACK = 8,      /* SentencePiece */
    TOKENIZER_SQUEEZE = 16,           /* SentencePiece: runs of spaces count once, none at the ends */
    TOKENIZER_STRIP_DECODED = 32,     /* SentencePiece: decoded text loses one space in front */
    TOKENIZER_STRIP_TOKEN = 64,       /* SentencePiece: the first decoded token loses every U+2581 */
    TOKENIZER_STORED_PATTERNS = 128,  /* strings of TOKEN_NORMALIZED tokens are looked for as they are */
    TOKENIZER_CLEAN_TEXT = 256,       /* WordPiece: control characters dropped, white space becomes a space */
    TOKENIZER_CHINESE = 512,          /* WordPiece: spaces around Chinese characters */
    TOKENIZER_STRIP_ACCENTS = 1024,   /* WordPiece: NFD, then non-spacing marks dropped */
    TOKENIZER_LOWERCASE = 2048,       /* WordPiece */
    TOKENIZER_CLEANUP_DECODED = 4096, /* WordPiece: no space before . ? ! , and English contractions */
    TOKENIZER_FLAGS = 8192
};
enum token_flag {
    TOKEN_BASE = 1,    /* in the model's vocabulary */
    TOKEN_ADDED = 2,   /* kept whole when found in a text */
    TOKEN_SPECIAL = 4, /* left out of decoded text on request; needs ADDED, as the next four do */
    TOKEN_LSTRIP = 8,
    TOKEN_RSTRIP = 16,
    TOKEN_NORMALIZED = 32, /* looked for only between the others */
    TOKEN_SINGLE_WORD = 64,
    TOKEN_BYTE = 128,   /* SentencePiece: the byte that stands for itself; not BASE, not ADDED */
    TOKEN_UNUSED = 256, /* decodes, but is never the result of encoding; alone */
    TOKEN_FLAGS = 512
};

/* Immutable once open: any number of threads may use one. */
struct tokenizer;

/* Opens a blob, which is hostile until checked and must outlive *tokenizer (strings are not copied).
 * LASSIM_ERR_FILE, place "tokenizer", for any value outside the layout above; LASSIM_ERR_RUN without memory.
 * file (may be NULL) names it in errors.  The caller owns *tokenizer: tokenizer_close.
 * O((V + M + B) log V); 50,000 tokens take a few milliseconds. */
enum lassim_status tokenizer_open(const char *file, const uint8_t *blob, size_t size, struct tokenizer **tokenizer,
                                  struct lassim_error *error);
/* NULL is allowed. */
void tokenizer_close(struct tokenizer *tokenizer);

/* Vocabulary, and the ids of special tokens or TOKENIZER_NONE. */
uint32_t tokenizer_vocabulary(const struct tokenizer *tokenizer);
uint32_t tokenizer_bos(const struct tokenizer *tokenizer);
uint32_t tokenizer_eos(const struct tokenizer *tokenizer);
uint32_t tokenizer_pad(const struct tokenizer *tokenizer);
uint32_t tokenizer_cls(const struct tokenizer *tokenizer);
uint32_t tokenizer_sep(const struct tokenizer *tokenizer);
uint32_t tokenizer_mask(const struct tokenizer *tokenizer);
/* 1 if the template of one text starts with bos (OPT's and Llama's do). */
int tokenizer_adds_bos(const struct tokenizer *tokenizer);
/* 1 if id is a special token. */
int tokenizer_is_special(const struct tokenizer *tokenizer, uint32_t id);

/* Encodes text[0 .. size), any bytes; add_special: 1 puts the template's special tokens around it.
 * *ids[0 .. *n) is owned by the caller (free), NULL allowed only for failure.  LASSIM_ERR_USAGE for a text above
 * TOKENIZER_TEXT_MAX, LASSIM_ERR_RUN without memory.  O(size log size) whatever the text; memory at most 20 bytes a
 * byte of text, 42 a byte of its longest word, 8 an id. */
enum lassim_status tokenizer_encode(const struct tokenizer *tokenizer, const void *text, size_t size, int add_special,
                                    uint32_t **ids, size_t *n, struct lassim_error *error);

struct tokenizer_text {
    const void *bytes;
    size_t size;
};
enum tokenizer_overflow {
    TOKENIZER_REFUSE,  /* too many tokens are LASSIM_ERR_USAGE */
    TOKENIZER_TRUNCATE /* the end of the longer text goes first, as tokenizers' "longest_first" does it */
};
struct tokenizer_encoding {
    uint32_t *ids;  /* [n] */
    uint8_t *types; /* [n] token types: 0 for the first text and 1 for the second in BERT */
    size_t n;
};
/* Encodes one text (b NULL) or a pair with the template's special tokens and token types, at most max_length ids in
 * all (SIZE_MAX: any number).  LASSIM_ERR_USAGE as above, for a pair where the tokenizer knows none, and for a
 * max_length below the number of special tokens.  The caller owns *encoding: tokenizer_encoding_clear. */
enum lassim_status tokenizer_encode_pair(const struct tokenizer *tokenizer, const struct tokenizer_text *a,
                                         const struct tokenizer_text *b, size_t max_length,
                                         enum tokenizer_overflow overflow, struct tokenizer_encoding *encoding,
                                         struct lassim_error *error);
void tokenizer_encoding_clear(struct tokenizer_encoding *encoding);

/* The bytes that one token stands for inside a text, *size of them, as tokenizer_decode would give them: not
 * terminated, perhaps half a character; for WordPiece its string with "##".  They live as long as the tokenizer.
 * size 0 for an id without a token or >= vocabulary. */
const uint8_t *tokenizer_token_bytes(const struct tokenizer *tokenizer, uint32_t id, size_t *size);
/* The text of ids[0 .. n); ids without a token give nothing, special ones only if skip_special is 0.  BPE: their
 * bytes in a row, U+2581 being a space (where tokenizers puts U+FFFD for bytes that are no UTF-8, these come as they
 * are).  WordPiece: spaces between them, none before "##".
 * *bytes is owned by the caller (free), *size excludes the 0 that follows.  LASSIM_ERR_RUN without memory. */
enum lassim_status tokenizer_decode(const struct tokenizer *tokenizer, const uint32_t *ids, size_t n, int skip_special,
                                    uint8_t **bytes, size_t *size, struct lassim_error *error);

#endif
