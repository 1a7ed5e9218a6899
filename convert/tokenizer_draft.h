/* A tokenizer on its way from a checkpoint's files to a blob: kind and settings, tokens, merges, templates and
 * special ids, checked as they come in.  Used by convert/tokenizer_*.c only. */
#ifndef LASSIM_CONVERT_TOKENIZER_DRAFT_H
#define LASSIM_CONVERT_TOKENIZER_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "convert/json.h"
#include "convert/tokenizer_files.h"
#include "kernel/error.h"
#include "kernel/tokenizer.h"
#include "kernel/tokenizer_tables.h"

/* For functions that end with the status of the first step that fails. */
#define TOKENIZER_TRY(step)                                     \
    do {                                                        \
        enum lassim_status status_of_step = (step);             \
        if (status_of_step != LASSIM_OK) return status_of_step; \
    } while (0)

struct draft_token {
    uint8_t *bytes; /* owned */
    uint32_t length;
    uint16_t flags; /* enum token_flag; 0: no token has this id */
};

/* What a file may leave to another one: -1 undecided, else 0 or 1. */
struct draft_option {
    int add_bos, add_eos, add_prefix_space;
};

struct tokenizer_draft {
    enum tokenizer_kind kind; /* set before tokens come in */
    enum tokenizer_pattern pattern;
    enum tokenizer_prefix prefix;
    uint32_t options, word_max; /* options: enum tokenizer_flag */
    struct draft_option decided;
    struct template single, pair; /* single.count 0: made by draft_finish from the options */
    uint32_t vocabulary;          /* ids are below it */
    struct draft_token *token;    /* [vocabulary] */
    json_t *base, *added;         /* objects: string of the file -> id */
    struct merge *merge;          /* [merges] */
    size_t merges, merge_capacity;
    char *scratch; /* a pair's strings, terminated */
    size_t scratch_capacity;
    uint32_t bos, eos, pad, unk, cls, sep, mask; /* TOKENIZER_NONE at first */
    struct lassim_error *error;
};

/* Every function returns LASSIM_OK, LASSIM_ERR_FILE (file, place and expectation in *draft->error) or
 * LASSIM_ERR_RUN (no memory).  file names the text for errors, place what in it (may be NULL). */
enum lassim_status draft_begin(struct tokenizer_draft *draft, uint32_t vocabulary, struct lassim_error *error);
void draft_clear(struct tokenizer_draft *draft);
enum lassim_status draft_no_memory(const struct tokenizer_draft *draft);

/* Announces the vocabulary object (borrowed until draft_clear, string -> id), then, after every added token of the
 * same file, takes it in: byte-level keys are in GPT-2's printable alphabet unless they are added tokens;
 * SentencePiece's "<0x0A>" are bytes where the bytes fall back. */
enum lassim_status draft_announce_base(struct tokenizer_draft *draft, json_t *base);
enum lassim_status draft_base(struct tokenizer_draft *draft, const char *file, const char *place);
/* For vocabularies that are lists: enters string -> id into an own vocabulary object before draft_base; a string that
 * comes twice belongs to its last id, the earlier one becomes TOKEN_UNUSED.  Bytes without NUL. */
enum lassim_status draft_list_token(struct tokenizer_draft *draft, const char *file, const char *place,
                                    const char *bytes, size_t length, uint32_t id);
/* An id that decodes to bytes[0 .. length), but is no result of encoding. */
enum lassim_status draft_unused(struct tokenizer_draft *draft, const char *file, const char *place, const char *bytes,
                                size_t length, uint32_t id);
/* An added token, kept whole in texts; flags are added to those it has. */
enum lassim_status draft_added(struct tokenizer_draft *draft, const char *file, const char *place, const char *content,
                               int64_t id, uint16_t flags);
/* The next merge: of the strings left[0 .. left_length) and right[0 .. right_length). */
enum lassim_status draft_merge(struct tokenizer_draft *draft, const char *file, const char *place, const char *left,
                               size_t left_length, const char *right, size_t right_length);
/* A merge by ids and rank (ascending or equal from call to call). */
enum lassim_status draft_merge_ids(struct tokenizer_draft *draft, const char *file, const char *place,
                                   const struct merge *merge);
/* The id of a token given by its string in the files, or TOKENIZER_NONE. */
uint32_t draft_find(const struct tokenizer_draft *draft, const char *content);
/* Sets a switch of draft->decided unless a file before has. */
void draft_decide(int *decided, int on);
/* Makes the blob and opens it once, which checks it.  name stands for the file in errors. */
enum lassim_status draft_finish(struct tokenizer_draft *draft, const char *name, struct tokenizer_blob_out *blob);

#endif
