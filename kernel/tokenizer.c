#include "kernel/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer_blob.h"
#include "kernel/tokenizer_normalise.h"
#include "kernel/tokenizer_tables.h"
#include "kernel/utf8.h"

#define FAIL(reader, ...) lassim_fail((reader)->error, LASSIM_ERR_FILE, (reader)->file, "tokenizer", __VA_ARGS__)
#define FAIL_MEMORY(reader) \
    lassim_fail((reader)->error, LASSIM_ERR_RUN, (reader)->file, "tokenizer", "no memory for its tables")

const uint8_t *tokenizer_string(const struct tokenizer *tokenizer, uint32_t id, size_t *size)
{
    uint32_t start = blob_u32(tokenizer->offsets + 4 * (size_t)id);
    *size = blob_u32(tokenizer->offsets + 4 * (size_t)id + 4) - start;
    return tokenizer->strings + start;
}

unsigned tokenizer_token_flags(const struct tokenizer *tokenizer, uint32_t id)
{
    const uint8_t *at = tokenizer->flags + 2 * (size_t)id;
    return (unsigned)at[0] | (unsigned)at[1] << 8;
}

static struct token_entry tokenizer_entry(const struct tokenizer *tokenizer, uint32_t id)
{
    size_t length;
    const uint8_t *bytes = tokenizer_string(tokenizer, id, &length);
    return (struct token_entry){bytes, (uint32_t)length, id};
}

/* ---- tokens ------------------------------------------------------------------------------------- */

static enum lassim_status check_flags(const struct tokenizer *tokenizer, const struct blob_reader *reader, uint32_t id)
{
    size_t length;
    const uint8_t *bytes = tokenizer_string(tokenizer, id, &length);
    unsigned flags = tokenizer_token_flags(tokenizer, id);
    int alone = (flags & (TOKEN_BYTE | TOKEN_UNUSED)) != 0;
    if (flags >= TOKEN_FLAGS || (alone && flags != TOKEN_BYTE && flags != TOKEN_UNUSED) ||
        (!alone && flags > (TOKEN_BASE | TOKEN_ADDED) && !(flags & TOKEN_ADDED)))
        return FAIL(reader, "token %u has unknown flags %u", id, flags);
    if ((length == 0) != (flags == 0)) return FAIL(reader, "token %u has flags %u and %zu bytes", id, flags, length);
    if (flags == TOKEN_BYTE && (length != 1 || tokenizer->kind != TOKENIZER_SENTENCEPIECE))
        return FAIL(reader, "token %u has flags %u and %zu bytes", id, flags, length);
    if ((flags & TOKEN_ADDED) && length > TOKENIZER_ADDED_BYTES)
        return FAIL(reader, "added token %u has %zu bytes, expected at most %d", id, length, TOKENIZER_ADDED_BYTES);
    int text = (flags & TOKEN_ADDED) || (tokenizer->kind != TOKENIZER_BYTE_LEVEL && flags != TOKEN_BYTE);
    return !text || utf8_valid(bytes, length) ? LASSIM_OK : FAIL(reader, "token %u is not UTF-8", id);
}

/* Enters a token of one byte into byte_id. */
static enum lassim_status take_byte(struct tokenizer *tokenizer, const struct blob_reader *reader, uint32_t id)
{
    size_t length;
    const uint8_t *bytes = tokenizer_string(tokenizer, id, &length);
    unsigned wanted = tokenizer->kind == TOKENIZER_SENTENCEPIECE ? TOKEN_BYTE : TOKEN_BASE;
    if (tokenizer->kind == TOKENIZER_WORDPIECE || length != 1 || !(tokenizer_token_flags(tokenizer, id) & wanted))
        return LASSIM_OK;
    uint32_t *owner = &tokenizer->byte_id[*bytes];
    if (*owner != TOKENIZER_NONE) return FAIL(reader, "tokens %u and %u are the same byte", *owner, id);
    *owner = id;
    return LASSIM_OK;
}

/* Checks offsets and flags of every token; fills byte_id. */
static enum lassim_status check_tokens(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t last = 0;
    memset(tokenizer->byte_id, 0xff, sizeof tokenizer->byte_id);
    if (blob_u32(tokenizer->offsets) != 0) return FAIL(reader, "strings do not start at offset 0");
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        uint32_t end = blob_u32(tokenizer->offsets + 4 * (size_t)id + 4);
        if (end < last || end > reader->string_bytes)
            return FAIL(reader, "token %u ends at byte %u, expected %u .. %u", id, end, last, reader->string_bytes);
        enum lassim_status status = check_flags(tokenizer, reader, id);
        if (status == LASSIM_OK) status = take_byte(tokenizer, reader, id);
        if (status != LASSIM_OK) return status;
        last = end;
    }
    return last == reader->string_bytes ? LASSIM_OK
                                        : FAIL(reader, "%u string bytes, %u used", reader->string_bytes, last);
}

/* ---- merges ------------------------------------------------------------------------------------- */

static enum lassim_status check_merge(const struct tokenizer *tokenizer, const struct blob_reader *reader, size_t at,
                                      const struct merge *merge)
{
    const uint32_t ids[3] = {merge->left, merge->right, merge->result};
    const uint8_t *bytes[3];
    size_t length[3];
    for (int i = 0; i < 3; i++) {
        if (ids[i] >= tokenizer->vocabulary || !(tokenizer_token_flags(tokenizer, ids[i]) & TOKEN_BASE))
            return FAIL(reader, "merge %zu names %u, which is no token of the vocabulary", at, ids[i]);
        bytes[i] = tokenizer_string(tokenizer, ids[i], &length[i]);
    }
    if (length[0] + length[1] != length[2] || memcmp(bytes[2], bytes[0], length[0]) != 0 ||
        memcmp(bytes[2] + length[0], bytes[1], length[1]) != 0)
        return FAIL(reader, "merge %zu: token %u is not %u followed by %u", at, ids[2], ids[0], ids[1]);
    return LASSIM_OK;
}

static enum lassim_status read_merges(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    size_t n = reader->merges;
    struct merge *merge = calloc(n + 1, sizeof *merge);
    enum lassim_status status = merge == NULL ? FAIL_MEMORY(reader) : LASSIM_OK;
    for (size_t i = 0; status == LASSIM_OK && i < n; i++) {
        const uint8_t *record = reader->merge_records + TOKENIZER_MERGE_BYTES * i;
        merge[i] = (struct merge){blob_u32(record), blob_u32(record + 4), blob_u32(record + 12), blob_u32(record + 8)};
        status = check_merge(tokenizer, reader, i, &merge[i]);
        if (status == LASSIM_OK && i > 0 && merge[i].rank < merge[i - 1].rank)
            status = FAIL(reader, "merge %zu has rank %u after %u", i, merge[i].rank, merge[i - 1].rank);
    }
    if (status == LASSIM_OK && merge_table_build(&tokenizer->merges, merge, n, tokenizer->vocabulary) != 0)
        status = FAIL_MEMORY(reader);
    free(merge);
    return status;
}

/* ---- sets and the index ------------------------------------------------------------------------- */

static enum lassim_status sort_set(const struct blob_reader *reader, struct token_set *set)
{
    uint32_t a, b;
    return token_set_sort(set, &a, &b) ? FAIL(reader, "added tokens %u and %u are the same", a, b) : LASSIM_OK;
}

/* Where the string of a normalised added token starts in tokenizer->patterns. */
static int add_pattern(struct tokenizer *tokenizer, const uint8_t *bytes, size_t length)
{
    return tokenizer->options & TOKENIZER_STORED_PATTERNS
               ? text_buffer_add(&tokenizer->patterns, bytes, length)
               : tokenizer_normalise(tokenizer, bytes, length, &tokenizer->patterns);
}

/* Sorts the added tokens into their two sets: first all by their strings, to find equal ones. */
static enum lassim_status read_added(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    struct token_set *plain = &tokenizer->added[0], *normalised = &tokenizer->added[1];
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++)
        if (tokenizer_token_flags(tokenizer, id) & TOKEN_ADDED)
            plain->entry[plain->count++] = tokenizer_entry(tokenizer, id);
    enum lassim_status status = sort_set(reader, plain);
    if (status != LASSIM_OK) return status;
    uint32_t count = plain->count;
    plain->count = 0;
    memset(plain->starts, 0, sizeof plain->starts);
    for (uint32_t i = 0; i < count; i++) {
        struct token_entry entry = plain->entry[i];
        if (!(tokenizer_token_flags(tokenizer, entry.id) & TOKEN_NORMALIZED)) {
            plain->entry[plain->count++] = entry;
            continue;
        }
        size_t start = tokenizer->patterns.size;
        if (add_pattern(tokenizer, entry.bytes, entry.length) != 0) return FAIL_MEMORY(reader);
        entry.length = (uint32_t)(tokenizer->patterns.size - start);
        if (entry.length == 0) return FAIL(reader, "added token %u is empty once normalised", entry.id);
        normalised->entry[normalised->count++] = entry;
    }
    for (uint32_t i = 0, at = 0; i < normalised->count; at += normalised->entry[i++].length)
        normalised->entry[i].bytes = tokenizer->patterns.bytes + at;
    status = sort_set(reader, plain);
    return status == LASSIM_OK ? sort_set(reader, normalised) : status;
}

/* WordPiece: every token, and those that go on behind another one. */
static void read_pieces(struct tokenizer *tokenizer)
{
    uint32_t a, b; /* the index found no two the same */
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        if (!(tokenizer_token_flags(tokenizer, id) & TOKEN_BASE)) continue;
        struct token_entry entry = tokenizer_entry(tokenizer, id);
        tokenizer->whole.entry[tokenizer->whole.count++] = entry;
        if (entry.length <= 2 || entry.bytes[0] != '#' || entry.bytes[1] != '#') continue;
        tokenizer->behind.entry[tokenizer->behind.count++] =
            (struct token_entry){entry.bytes + 2, entry.length - 2, id};
    }
    token_set_sort(&tokenizer->whole, &a, &b);
    token_set_sort(&tokenizer->behind, &a, &b);
}

static enum lassim_status reserve_sets(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t added = 0, base = 0;
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        unsigned flags = tokenizer_token_flags(tokenizer, id);
        added += (flags & TOKEN_ADDED) != 0;
        base += tokenizer->kind == TOKENIZER_WORDPIECE && (flags & TOKEN_BASE);
    }
    struct token_set *sets[4] = {&tokenizer->added[0], &tokenizer->added[1], &tokenizer->whole, &tokenizer->behind};
    for (int i = 0; i < 4; i++) {
        sets[i]->entry = calloc((size_t)(i < 2 ? added : base) + 1, sizeof *sets[i]->entry);
        if (sets[i]->entry == NULL) return FAIL_MEMORY(reader);
    }
    return LASSIM_OK;
}

static enum lassim_status read_sets(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t a, b;
    int built = token_index_build(tokenizer, &a, &b);
    if (built < 0) return FAIL_MEMORY(reader);
    if (built > 0) return FAIL(reader, "tokens %u and %u of the vocabulary are the same", a, b);
    enum lassim_status status = reserve_sets(tokenizer, reader);
    if (status == LASSIM_OK) status = read_added(tokenizer, reader);
    if (status == LASSIM_OK && tokenizer->kind == TOKENIZER_WORDPIECE) read_pieces(tokenizer);
    if (status == LASSIM_OK && tokenizer_read_shown(tokenizer) != 0) status = FAIL_MEMORY(reader);
    return status;
}

static enum lassim_status compile_pattern(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    int none = tokenizer->kind != TOKENIZER_BYTE_LEVEL || tokenizer->pattern_kind == TOKENIZER_WHOLE;
    if (none || word_pattern_compile(tokenizer->pattern_kind, &tokenizer->pattern) == 0) return LASSIM_OK;
    return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, "tokenizer",
                       "PCRE2 cannot compile the pre-tokenizer's pattern (a PCRE2 without Unicode?)");
}

enum lassim_status tokenizer_open(const char *file, const uint8_t *blob, size_t size, struct tokenizer **tokenizer,
                                  struct lassim_error *error)
{
    struct blob_reader reader = {.file = file, .data = blob, .size = size, .error = error};
    struct tokenizer *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return FAIL_MEMORY(&reader);
    enum lassim_status status = tokenizer_read_header(opened, &reader);
    if (status == LASSIM_OK) status = check_tokens(opened, &reader);
    if (status == LASSIM_OK) status = tokenizer_read_template(opened, &reader);
    if (status == LASSIM_OK) status = read_merges(opened, &reader);
    if (status == LASSIM_OK) status = read_sets(opened, &reader);
    if (status == LASSIM_OK) status = compile_pattern(opened, &reader);
    if (status != LASSIM_OK)
        tokenizer_close(opened);
    else
        *tokenizer = opened;
    return status;
}

void tokenizer_close(struct tokenizer *tokenizer)
{
    if (tokenizer == NULL) return;
    word_pattern_clear(&tokenizer->pattern);
    merge_table_clear(&tokenizer->merges);
    for (int i = 0; i < 2; i++) free(tokenizer->added[i].entry);
    free(tokenizer->whole.entry);
    free(tokenizer->behind.entry);
    free(tokenizer->index.slot);
    free(tokenizer->patterns.bytes);
    free(tokenizer->shown);
    free(tokenizer->shown_at);
    free(tokenizer);
}
