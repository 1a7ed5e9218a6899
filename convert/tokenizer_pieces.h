/* SentencePiece's pieces with scores -> tokens and merges of a draft; from a tokenizer.model or a GGUF. */
#ifndef LASSIM_CONVERT_TOKENIZER_PIECES_H
#define LASSIM_CONVERT_TOKENIZER_PIECES_H

#include <stddef.h>
#include <stdint.h>

#include "convert/tokenizer_draft.h"

enum piece_type { PIECE_NORMAL = 1, PIECE_UNKNOWN, PIECE_CONTROL, PIECE_USER, PIECE_UNUSED, PIECE_BYTE };
enum { PIECE_BYTES_MAX = 1024 };

struct piece {
    const char *bytes; /* not terminated, not owned */
    size_t length;
    float score;
    int64_t type; /* enum piece_type once checked */
};

/* Where they come from decides two things.  User-defined pieces: sentencepiece looks for them in the normalised text
 * and never merges them; llama.cpp and tokenizers look for them in the text itself, and merges may lead to them.
 * Unused ones: llama.cpp merges to them; sentencepiece takes such merges back, which is refused here. */
enum piece_origin { PIECES_OF_SENTENCEPIECE, PIECES_OF_GGUF };

/* Enters piece[0 .. n) as ids 0 .. n-1 (empty ones: no token) and one merge for each way to put a normal piece
 * together from two normal ones; its rank is that of the result's score, the highest first, equal ones equal.  A
 * piece with a character that is no piece itself is reached only by merges that do not need that character.
 * LASSIM_ERR_FILE for an unknown type, a score that is not finite, a byte that is not "<0x00>" .. "<0xFF>", a piece
 * above PIECE_BYTES_MAX.  O(bytes of pieces * the longest + merges log merges). */
enum lassim_status pieces_read(struct tokenizer_draft *draft, const char *file, const char *place,
                               const struct piece *piece, size_t n, enum piece_origin origin);

#endif
