#include "kernel/tokenizer.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/tokenizer_tables.h"
#include "kernel/utf8.h"

/* GPT-2's pre-tokenizer.  \s is spelled out because PCRE2's own also takes U+180E. */
#define SPACES "\\x09-\\x0d\\x20\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
static const char word_pattern[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" SPACES "\\p{L}\\p{N}]+"
                                   "|[" SPACES "]+(?![^" SPACES "])|[" SPACES "]+";
enum { PATTERN_MATCH_LIMIT = 10000, PATTERN_DEPTH_LIMIT = 1000, PATTERN_HEAP_KIB = 1024 };

/* What tokenizer_open hands down while it checks a blob. */
struct blob_reader {
    const char *file;
    const uint8_t *data;
    size_t size;
    uint32_t merges, string_bytes;
    const uint8_t *merge_records;
    struct lassim_error *error;
};

#define FAIL(reader, ...) lassim_fail((reader)->error, LASSIM_ERR_FILE, (reader)->file, "tokenizer", __VA_ARGS__)
#define FAIL_MEMORY(reader) \
    lassim_fail((reader)->error, LASSIM_ERR_RUN, (reader)->file, "tokenizer", "no memory for its tables")

static uint32_t read_u32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

const uint8_t *tokenizer_token_bytes(const struct tokenizer *tokenizer, uint32_t id, size_t *size)
{
    *size = 0;
    if (id >= tokenizer->vocabulary) return tokenizer->strings;
    uint32_t start = read_u32(tokenizer->offsets + 4 * (size_t)id);
    *size = read_u32(tokenizer->offsets + 4 * (size_t)id + 4) - start;
    return tokenizer->strings + start;
}

static enum lassim_status read_header(struct tokenizer *tokenizer, struct blob_reader *reader)
{
    const uint8_t *data = reader->data;
    if (reader->size < TOKENIZER_HEADER_BYTES || memcmp(data, TOKENIZER_MAGIC, 8) != 0)
        return FAIL(reader, "%zu bytes without the header of a tokenizer", reader->size);
    if (read_u32(data + 8) != TOKENIZER_VERSION)
        return FAIL(reader, "version %u, expected %d", read_u32(data + 8), TOKENIZER_VERSION);
    tokenizer->vocabulary = read_u32(data + 12);
    reader->merges = read_u32(data + 16);
    reader->string_bytes = read_u32(data + 20);
    tokenizer->options = read_u32(data + 24);
    tokenizer->bos = read_u32(data + 28);
    tokenizer->eos = read_u32(data + 32);
    tokenizer->pad = read_u32(data + 36);
    tokenizer->unk = read_u32(data + 40);
    uint64_t vocabulary = tokenizer->vocabulary;
    if (vocabulary < 1 || vocabulary > TOKENIZER_VOCABULARY_MAX || reader->merges > TOKENIZER_MERGES_MAX ||
        reader->string_bytes > TOKENIZER_STRING_BYTES_MAX)
        return FAIL(reader, "%u tokens, %u merges or %u string bytes out of range", tokenizer->vocabulary,
                    reader->merges, reader->string_bytes);
    uint64_t expected = TOKENIZER_HEADER_BYTES + 4 * (vocabulary + 1) + vocabulary + 12 * (uint64_t)reader->merges +
                        reader->string_bytes;
    if (reader->size != expected)
        return FAIL(reader, "%zu bytes, expected %llu", reader->size, (unsigned long long)expected);
    tokenizer->offsets = data + TOKENIZER_HEADER_BYTES;
    tokenizer->flags = tokenizer->offsets + 4 * (vocabulary + 1);
    reader->merge_records = tokenizer->flags + vocabulary;
    tokenizer->strings = reader->merge_records + 12 * (size_t)reader->merges;
    return LASSIM_OK;
}

static enum lassim_status check_options(const struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    if (read_u32(reader->data + 44) != 0 || tokenizer->options > (TOKENIZER_ADD_BOS | TOKENIZER_ADD_PREFIX_SPACE))
        return FAIL(reader, "unknown flags %u", tokenizer->options);
    const uint32_t special[] = {tokenizer->bos, tokenizer->eos, tokenizer->pad, tokenizer->unk};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        if (special[i] == TOKENIZER_NONE) continue;
        if (special[i] >= tokenizer->vocabulary || tokenizer->flags[special[i]] == 0)
            return FAIL(reader, "special token %u, expected the id of a token", special[i]);
    }
    if ((tokenizer->options & TOKENIZER_ADD_BOS) && tokenizer->bos == TOKENIZER_NONE)
        return FAIL(reader, "adds a bos token, but has none");
    return LASSIM_OK;
}

static enum lassim_status check_flags(const struct tokenizer *tokenizer, const struct blob_reader *reader, uint32_t id)
{
    const uint32_t known = 2 * TOKEN_NORMALIZED - 1;
    size_t length;
    const uint8_t *bytes = tokenizer_token_bytes(tokenizer, id, &length);
    uint8_t flags = tokenizer->flags[id];
    if (flags > known || (flags > (TOKEN_BASE | TOKEN_ADDED) && !(flags & TOKEN_ADDED)))
        return FAIL(reader, "token %u has unknown flags %u", id, flags);
    if ((length == 0) != (flags == 0)) return FAIL(reader, "token %u has flags %u and %zu bytes", id, flags, length);
    if (!(flags & TOKEN_ADDED)) return LASSIM_OK;
    if (length > TOKENIZER_ADDED_BYTES)
        return FAIL(reader, "added token %u has %zu bytes, expected at most %d", id, length, TOKENIZER_ADDED_BYTES);
    return utf8_valid(bytes, length) ? LASSIM_OK : FAIL(reader, "added token %u is not UTF-8", id);
}

/* Checks offsets and flags of every token; fills byte_id. */
static enum lassim_status check_tokens(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t last = 0;
    memset(tokenizer->byte_id, 0xff, sizeof tokenizer->byte_id);
    if (read_u32(tokenizer->offsets) != 0) return FAIL(reader, "strings do not start at offset 0");
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) {
        uint32_t end = read_u32(tokenizer->offsets + 4 * (size_t)id + 4);
        if (end < last || end > reader->string_bytes)
            return FAIL(reader, "token %u ends at byte %u, expected %u .. %u", id, end, last, reader->string_bytes);
        enum lassim_status status = check_flags(tokenizer, reader, id);
        if (status != LASSIM_OK) return status;
        if (end - last == 1 && (tokenizer->flags[id] & TOKEN_BASE)) {
            uint32_t *owner = &tokenizer->byte_id[tokenizer->strings[last]];
            if (*owner != TOKENIZER_NONE) return FAIL(reader, "tokens %u and %u are the same byte", *owner, id);
            *owner = id;
        }
        last = end;
    }
    return last == reader->string_bytes ? LASSIM_OK
                                        : FAIL(reader, "%u string bytes, %u used", reader->string_bytes, last);
}

static enum lassim_status check_merge(const struct tokenizer *tokenizer, const struct blob_reader *reader,
                                      const struct merge *merge)
{
    const uint32_t ids[3] = {merge->left, merge->right, merge->result};
    const uint8_t *bytes[3];
    size_t length[3];
    for (int i = 0; i < 3; i++) {
        if (ids[i] >= tokenizer->vocabulary || !(tokenizer->flags[ids[i]] & TOKEN_BASE))
            return FAIL(reader, "merge %u names %u, which is no token of the vocabulary", merge->rank, ids[i]);
        bytes[i] = tokenizer_token_bytes(tokenizer, ids[i], &length[i]);
    }
    if (length[0] + length[1] != length[2] || memcmp(bytes[2], bytes[0], length[0]) != 0 ||
        memcmp(bytes[2] + length[0], bytes[1], length[1]) != 0)
        return FAIL(reader, "merge %u: token %u is not %u followed by %u", merge->rank, ids[2], ids[0], ids[1]);
    return LASSIM_OK;
}

/* Stable counting sort of from[0 .. n) by left (or right) into to; first[id] is left as the start of id's run. */
static void sort_merges(const struct merge *from, struct merge *to, size_t n, int by_left, uint32_t *first,
                        uint32_t vocabulary)
{
    memset(first, 0, ((size_t)vocabulary + 1) * sizeof *first);
    for (size_t i = 0; i < n; i++) first[(by_left ? from[i].left : from[i].right) + 1]++;
    for (size_t id = 0; id < vocabulary; id++) first[id + 1] += first[id];
    for (size_t i = 0; i < n; i++) to[first[by_left ? from[i].left : from[i].right]++] = from[i];
    memmove(first + 1, first, vocabulary * sizeof *first);
    first[0] = 0;
}

static enum lassim_status read_merges(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    size_t n = reader->merges;
    struct merge *scratch = calloc(n + 1, sizeof *scratch);
    tokenizer->merge = calloc(n + 1, sizeof *tokenizer->merge);
    tokenizer->first_merge = calloc((size_t)tokenizer->vocabulary + 1, sizeof *tokenizer->first_merge);
    enum lassim_status status = LASSIM_OK;
    if (scratch == NULL || tokenizer->merge == NULL || tokenizer->first_merge == NULL) status = FAIL_MEMORY(reader);
    for (size_t i = 0; status == LASSIM_OK && i < n; i++) {
        const uint8_t *record = reader->merge_records + 12 * i;
        tokenizer->merge[i] = (struct merge){read_u32(record), read_u32(record + 4), (uint32_t)i, read_u32(record + 8)};
        status = check_merge(tokenizer, reader, &tokenizer->merge[i]);
    }
    if (status == LASSIM_OK) {
        sort_merges(tokenizer->merge, scratch, n, 0, tokenizer->first_merge, tokenizer->vocabulary);
        sort_merges(scratch, tokenizer->merge, n, 1, tokenizer->first_merge, tokenizer->vocabulary);
    }
    free(scratch);
    return status;
}

const struct merge *tokenizer_find_merge(const struct tokenizer *tokenizer, uint32_t left, uint32_t right)
{
    uint32_t start = tokenizer->first_merge[left], low = start, high = tokenizer->first_merge[left + 1];
    while (low < high) { /* the first one with a larger right; the one before it is the last of right */
        uint32_t middle = low + (high - low) / 2;
        if (tokenizer->merge[middle].right <= right)
            low = middle + 1;
        else
            high = middle;
    }
    return low > start && tokenizer->merge[low - 1].right == right ? &tokenizer->merge[low - 1] : NULL;
}

static int compare_tokens(const void *a, const void *b, void *tokenizer)
{
    size_t length_a, length_b;
    const uint8_t *bytes_a = tokenizer_token_bytes(tokenizer, *(const uint32_t *)a, &length_a);
    const uint8_t *bytes_b = tokenizer_token_bytes(tokenizer, *(const uint32_t *)b, &length_b);
    int order = memcmp(bytes_a, bytes_b, length_a < length_b ? length_a : length_b);
    return order != 0 ? order : (length_a > length_b) - (length_a < length_b);
}

/* Sorts the added tokens into their two sets. */
static enum lassim_status read_added(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t count = 0;
    for (uint32_t id = 0; id < tokenizer->vocabulary; id++) count += (tokenizer->flags[id] & TOKEN_ADDED) != 0;
    uint32_t *sorted = calloc(count + 1, sizeof *sorted);
    for (int i = 0; i < 2; i++) tokenizer->added[i].id = calloc(count + 1, sizeof *sorted);
    enum lassim_status status = LASSIM_OK;
    if (sorted == NULL || tokenizer->added[0].id == NULL || tokenizer->added[1].id == NULL) {
        status = FAIL_MEMORY(reader);
        count = 0;
    }
    for (uint32_t id = 0, i = 0; i < count; id++)
        if (tokenizer->flags[id] & TOKEN_ADDED) sorted[i++] = id;
    if (count > 0) qsort_r(sorted, count, sizeof *sorted, compare_tokens, tokenizer);
    for (uint32_t i = 0; status == LASSIM_OK && i < count; i++) {
        struct added_set *set = &tokenizer->added[(tokenizer->flags[sorted[i]] & TOKEN_NORMALIZED) != 0];
        size_t length;
        set->id[set->count++] = sorted[i];
        set->starts[*tokenizer_token_bytes(tokenizer, sorted[i], &length)] = 1;
        if (i > 0 && compare_tokens(&sorted[i - 1], &sorted[i], tokenizer) == 0)
            status = FAIL(reader, "added tokens %u and %u are the same", sorted[i - 1], sorted[i]);
    }
    free(sorted);
    return status;
}

/* First index in set->id[low .. high) whose token's byte at depth is >= byte; all are longer than depth. */
static uint32_t lower_bound(const struct tokenizer *tokenizer, const struct added_set *set, uint32_t low, uint32_t high,
                            size_t depth, unsigned byte)
{
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        size_t length;
        if (tokenizer_token_bytes(tokenizer, set->id[middle], &length)[depth] < byte)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t tokenizer_find_added(const struct tokenizer *tokenizer, const struct added_set *set, const uint8_t *text,
                              size_t size)
{
    if (size == 0 || !set->starts[text[0]]) return TOKENIZER_NONE;
    uint32_t low = 0, high = set->count, found = TOKENIZER_NONE;
    for (size_t depth = 0; depth < size; depth++) {
        low = lower_bound(tokenizer, set, low, high, depth, text[depth]);
        high = lower_bound(tokenizer, set, low, high, depth, text[depth] + 1U);
        if (low == high) break;
        size_t length;
        tokenizer_token_bytes(tokenizer, set->id[low], &length);
        if (length == depth + 1) found = set->id[low++];
    }
    return found;
}

static enum lassim_status compile_pattern(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    int code;
    PCRE2_SIZE offset;
    tokenizer->pattern = pcre2_compile((PCRE2_SPTR)word_pattern, PCRE2_ZERO_TERMINATED,
                                       PCRE2_ANCHORED | PCRE2_UTF | PCRE2_UCP, &code, &offset, NULL);
    tokenizer->limits = pcre2_match_context_create(NULL);
    if (tokenizer->pattern == NULL || tokenizer->limits == NULL)
        return lassim_fail(reader->error, LASSIM_ERR_RUN, reader->file, "tokenizer",
                           "PCRE2 cannot compile the pre-tokenizer's pattern (a PCRE2 without Unicode?)");
    pcre2_set_match_limit(tokenizer->limits, PATTERN_MATCH_LIMIT);
    pcre2_set_depth_limit(tokenizer->limits, PATTERN_DEPTH_LIMIT);
    pcre2_set_heap_limit(tokenizer->limits, PATTERN_HEAP_KIB);
    (void)pcre2_jit_compile(tokenizer->pattern, PCRE2_JIT_COMPLETE); /* without JIT it is interpreted */
    return LASSIM_OK;
}

enum lassim_status tokenizer_open(const char *file, const uint8_t *blob, size_t size, struct tokenizer **tokenizer,
                                  struct lassim_error *error)
{
    struct blob_reader reader = {.file = file, .data = blob, .size = size, .error = error};
    struct tokenizer *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return FAIL_MEMORY(&reader);
    enum lassim_status status = read_header(opened, &reader);
    if (status == LASSIM_OK) status = check_options(opened, &reader);
    if (status == LASSIM_OK) status = check_tokens(opened, &reader);
    if (status == LASSIM_OK) status = read_merges(opened, &reader);
    if (status == LASSIM_OK) status = read_added(opened, &reader);
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
    pcre2_code_free(tokenizer->pattern);
    pcre2_match_context_free(tokenizer->limits);
    for (int i = 0; i < 2; i++) free(tokenizer->added[i].id);
    free(tokenizer->first_merge);
    free(tokenizer->merge);
    free(tokenizer);
}
