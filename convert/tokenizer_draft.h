/* A tokenizer on its way from a checkpoint's files to a blob: tokens, merges and special ids, checked as they
 * come in.  Used by convert/tokenizer_files.c and convert/tokenizer_json.c only. */
#ifndef LASSIM_CONVERT_TOKENIZER_DRAFT_H
#define LASSIM_CONVERT_TOKENIZER_DRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "convert/json.h"
#include "convert/tokenizer_files.h"
#include "kernel/error.h"
#include "kernel/tokenizer.h"

/* For functions that end with the status of the first step that fails. */
#define TOKENIZER_TRY(step)                                     \
    do {                                                        \
        enum lassim_status status_of_step = (step);             \
        if (status_of_step != LASSIM_OK) return status_of_step; \
    } while (0)

struct draft_token {
    uint8_t *bytes; /* owned */
    uint32_t length;
    uint8_t flags; /* enum token_flag; 0: no token has this id */
};

struct tokenizer_draft {
    uint32_t vocabulary;       /* ids are below it */
    struct draft_token *token; /* [vocabulary] */
    json_t *base, *added;      /* objects: string of the file -> id */
    uint8_t *merge;            /* 12 bytes each, as in the blob */
    size_t merges, merge_capacity;
    char *scratch; /* a pair's strings, terminated */
    size_t scratch_capacity;
    uint32_t bos, eos, pad, unk; /* TOKENIZER_NONE at first */
    uint32_t options;            /* enum tokenizer_flag */
    int options_known;           /* those that a file has decided */
    struct lassim_error *error;
};

/* Every function returns LASSIM_OK, LASSIM_ERR_FILE (file, place and expectation in *draft->error) or
 * LASSIM_ERR_RUN (no memory).  file names the text for errors, place what in it (may be NULL). */
enum lassim_status draft_begin(struct tokenizer_draft *draft, uint32_t vocabulary, struct lassim_error *error);
void draft_clear(struct tokenizer_draft *draft);

/* Announces the vocabulary object (borrowed until draft_clear, string -> id), then, after every added token of the
 * same file, takes it in: each key in GPT-2's printable alphabet unless it is an added token. */
void draft_announce_base(struct tokenizer_draft *draft, json_t *base);
enum lassim_status draft_base(struct tokenizer_draft *draft, const char *file, const char *place);
/* An added token, kept whole in texts; flags are added to those it has. */
enum lassim_status draft_added(struct tokenizer_draft *draft, const char *file, const char *place, const char *content,
                               int64_t id, uint8_t flags);
/* The next merge: of the strings left[0 .. left_length) and right[0 .. right_length). */
enum lassim_status draft_merge(struct tokenizer_draft *draft, const char *file, const char *place, const char *left,
                               size_t left_length, const char *right, size_t right_length);
/* The id of a token given by its string in the files, or TOKENIZER_NONE. */
uint32_t draft_find(const struct tokenizer_draft *draft, const char *content);
/* Sets an option unless a file before has. */
void draft_option(struct tokenizer_draft *draft, enum tokenizer_flag option, int on);
/* Makes the blob and opens it once, which checks it.  name stands for the file in errors. */
enum lassim_status draft_finish(const struct tokenizer_draft *draft, const char *name, struct tokenizer_blob_out *blob);

#endif
