/* tokenizer.model: SentencePiece's ModelProto (protocol buffers), as far as BPE needs it.
 *
 * Fields read: pieces = 1 {piece = 1, score = 2, type = 3}; trainer_spec = 2 {model_type = 3, byte_fallback = 35,
 * treat_whitespace_as_suffix = 24, unk_id = 40, bos_id = 41, eos_id = 42, pad_id = 43}; normalizer_spec = 3
 * {precompiled_charsmap = 2, add_dummy_prefix = 3, remove_extra_whitespaces = 4, escape_whitespaces = 5}.  Others are
 * skipped by their wire type. */
#ifndef LASSIM_CONVERT_SENTENCEPIECE_H
#define LASSIM_CONVERT_SENTENCEPIECE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/tokenizer_draft.h"
#include "convert/tokenizer_pieces.h"

enum sentencepiece_kind { SENTENCEPIECE_UNIGRAM = 1, SENTENCEPIECE_BPE, SENTENCEPIECE_WORD, SENTENCEPIECE_CHAR };

/* Values as in the file, or the defaults of sentencepiece_model.proto. */
struct sentencepiece_model {
    struct piece *piece; /* [pieces], strings in the file's bytes */
    size_t pieces, capacity;
    int64_t kind, byte_fallback, suffix;
    int64_t unk, bos, eos, pad; /* ids, -1: none */
    int64_t dummy_prefix, squeeze, escape;
    size_t charsmap_bytes;
};

/* Parses data[0 .. size), which must outlive *model.  LASSIM_ERR_FILE with file, "byte N" and expectation for
 * anything cut short, overlong, or with more than TOKENIZER_VOCABULARY_MAX pieces; LASSIM_ERR_RUN without memory.
 * sentencepiece_clear in either case.  O(size). */
enum lassim_status sentencepiece_read(const char *file, const void *data, size_t size,
                                      struct sentencepiece_model *model, struct lassim_error *error);
void sentencepiece_clear(struct sentencepiece_model *model);

/* Sets kind, prefix, options and special ids of the draft.  LASSIM_ERR_FILE by name for UNIGRAM, WORD and CHAR, a
 * charsmap (anything but the identity), white space as suffix or not escaped. */
enum lassim_status sentencepiece_settings(const struct sentencepiece_model *model, const char *file,
                                          struct tokenizer_draft *draft);

#endif
