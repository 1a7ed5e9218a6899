#include "convert/tokenizer_draft.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/utf8.h"

#define FAIL(draft, ...) lassim_fail((draft)->error, LASSIM_ERR_FILE, file, place, __VA_ARGS__)
enum { SHOWN = 48 /* characters of a token in an error line */ };

static enum lassim_status fail_memory(const struct tokenizer_draft *draft)
{
    return lassim_fail(draft->error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the tokenizer");
}

enum lassim_status draft_begin(struct tokenizer_draft *draft, uint32_t vocabulary, struct lassim_error *error)
{
    *draft = (struct tokenizer_draft){.vocabulary = vocabulary, .error = error};
    draft->bos = draft->eos = draft->pad = draft->unk = TOKENIZER_NONE;
    if (vocabulary < 1 || vocabulary > TOKENIZER_VOCABULARY_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, NULL, "vocab_size", "expected 1 .. %d, found %u",
                           TOKENIZER_VOCABULARY_MAX, vocabulary);
    draft->token = calloc(vocabulary, sizeof *draft->token);
    draft->added = json_object();
    return draft->token != NULL && draft->added != NULL ? LASSIM_OK : fail_memory(draft);
}

void draft_clear(struct tokenizer_draft *draft)
{
    for (uint32_t id = 0; draft->token != NULL && id < draft->vocabulary; id++) free(draft->token[id].bytes);
    free(draft->token);
    free(draft->merge);
    free(draft->scratch);
    json_decref(draft->added);
    json_decref(draft->base);
}

void draft_announce_base(struct tokenizer_draft *draft, json_t *base)
{
    draft->base = json_incref(base);
}

/* GPT-2's printable alphabet: bytes 33-126, 161-172 and 174-255 stand for themselves, the others in order for
 * U+0100, U+0101, ...  Returns the byte of a code point, or -1. */
static int alphabet_byte(int32_t code)
{
    int32_t others = 0x100;
    for (int byte = 0; byte < 256; byte++) {
        int printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        if (code == (printable ? byte : others)) return byte;
        others += !printable;
    }
    return -1;
}

/* Decodes length bytes of text into bytes (room for length); returns how many, or SIZE_MAX if a character is
 * outside the alphabet. */
static size_t decode_alphabet(const int16_t table[0x200], const char *text, size_t length, uint8_t *bytes)
{
    size_t count = 0;
    for (size_t at = 0; at < length;) {
        int32_t code;
        at += utf8_next((const uint8_t *)text + at, length - at, &code);
        if (code < 0 || code >= 0x200 || table[code] < 0) return SIZE_MAX;
        bytes[count++] = (uint8_t)table[code];
    }
    return count;
}

static int valid_id(const struct tokenizer_draft *draft, int64_t id)
{
    return id >= 0 && id < (int64_t)draft->vocabulary;
}

/* Takes a copy of bytes[0 .. length) as the token of an id that is free so far. */
static enum lassim_status take_id(struct tokenizer_draft *draft, const char *file, const char *place, int64_t id,
                                  const uint8_t *bytes, size_t length, uint8_t flags)
{
    struct draft_token *token = &draft->token[id];
    if (token->flags != 0) return FAIL(draft, "id %lld is given to two tokens", (long long)id);
    if (length == 0) return FAIL(draft, "id %lld is given to an empty token", (long long)id);
    token->bytes = malloc(length);
    if (token->bytes == NULL) return fail_memory(draft);
    memcpy(token->bytes, bytes, length);
    token->length = (uint32_t)length; /* a JSON file is smaller */
    token->flags = flags;
    return LASSIM_OK;
}

static enum lassim_status take_base(struct tokenizer_draft *draft, const char *file, const char *place,
                                    const int16_t *table, const char *key, int64_t id)
{
    const json_t *added = json_object_get(draft->added, key);
    if (added != NULL) { /* draft_added saw the same id */
        draft->token[id].flags |= TOKEN_BASE;
        return LASSIM_OK;
    }
    size_t length = strlen(key);
    uint8_t *bytes = malloc(length + 1);
    if (bytes == NULL) return fail_memory(draft);
    size_t count = decode_alphabet(table, key, length, bytes);
    enum lassim_status status =
        count == SIZE_MAX ? FAIL(draft, "token \"%.*s\" (id %lld): expected only characters of GPT-2's byte alphabet",
                                 SHOWN, key, (long long)id)
                          : take_id(draft, file, place, id, bytes, count, TOKEN_BASE);
    free(bytes);
    return status;
}

enum lassim_status draft_base(struct tokenizer_draft *draft, const char *file, const char *place)
{
    int16_t table[0x200];
    for (int32_t code = 0; code < 0x200; code++) table[code] = (int16_t)alphabet_byte(code);
    const char *key;
    json_t *value;
    json_object_foreach(draft->base, key, value)
    {
        if (!json_is_integer(value) || !valid_id(draft, json_integer_value(value)))
            return FAIL(draft, "token \"%.*s\": expected an id in 0 .. %u (config.json's vocab_size - 1)", SHOWN, key,
                        draft->vocabulary - 1);
        enum lassim_status status = take_base(draft, file, place, table, key, json_integer_value(value));
        if (status != LASSIM_OK) return status;
    }
    return LASSIM_OK;
}

enum lassim_status draft_added(struct tokenizer_draft *draft, const char *file, const char *place, const char *content,
                               int64_t id, uint8_t flags)
{
    if (!valid_id(draft, id))
        return FAIL(draft, "added token \"%.*s\": expected an id in 0 .. %u (config.json's vocab_size - 1), found %lld",
                    SHOWN, content, draft->vocabulary - 1, (long long)id);
    uint32_t known = draft_find(draft, content);
    if (known != TOKENIZER_NONE && known != id)
        return FAIL(draft, "added token \"%.*s\" has the ids %u and %lld", SHOWN, content, known, (long long)id);
    struct draft_token *token = &draft->token[id];
    size_t length = strlen(content);
    if (length > TOKENIZER_ADDED_BYTES)
        return FAIL(draft, "added token of %zu bytes, expected at most %d", length, TOKENIZER_ADDED_BYTES);
    if (json_object_get(draft->added, content) != NULL) {
        token->flags |= flags | TOKEN_ADDED;
        return LASSIM_OK;
    }
    if (token->flags & TOKEN_BASE) { /* came with the vocabulary: its string becomes the content itself */
        free(token->bytes);
        *token = (struct draft_token){0};
        flags |= TOKEN_BASE;
    }
    if (json_object_set_new(draft->added, content, json_integer(id)) != 0) return fail_memory(draft);
    return take_id(draft, file, place, id, (const uint8_t *)content, length, flags | TOKEN_ADDED);
}

uint32_t draft_find(const struct tokenizer_draft *draft, const char *content)
{
    const json_t *value = json_object_get(draft->added, content);
    if (value == NULL) value = json_object_get(draft->base, content);
    return json_is_integer(value) && valid_id(draft, json_integer_value(value)) ? (uint32_t)json_integer_value(value)
                                                                                : TOKENIZER_NONE;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> 8 * i);
}

/* Room for one more merge, and for strings of `length` bytes in scratch. */
static int reserve_merge(struct tokenizer_draft *draft, size_t length)
{
    if (draft->merges == draft->merge_capacity) {
        size_t capacity = 2 * draft->merge_capacity + 1024;
        uint8_t *merge = reallocarray(draft->merge, capacity, 12);
        if (merge == NULL) return -1;
        draft->merge = merge;
        draft->merge_capacity = capacity;
    }
    if (length > draft->scratch_capacity) {
        char *scratch = realloc(draft->scratch, 2 * length);
        if (scratch == NULL) return -1;
        draft->scratch = scratch;
        draft->scratch_capacity = 2 * length;
    }
    return 0;
}

enum lassim_status draft_merge(struct tokenizer_draft *draft, const char *file, const char *place, const char *left,
                               size_t left_length, const char *right, size_t right_length)
{
    size_t rank = draft->merges, both = left_length + right_length;
    if (rank >= TOKENIZER_MERGES_MAX) return FAIL(draft, "expected at most %d merges", TOKENIZER_MERGES_MAX);
    if (reserve_merge(draft, 2 * both + 3) != 0) return fail_memory(draft);
    char *pair = draft->scratch, *first = pair + both + 1, *second = first + left_length + 1;
    memcpy(pair, left, left_length);
    memcpy(pair + left_length, right, right_length);
    memcpy(first, left, left_length);
    memcpy(second, right, right_length);
    pair[both] = first[left_length] = second[right_length] = '\0';
    const char *names[3] = {first, second, pair};
    for (int i = 0; i < 3; i++) {
        const json_t *id = json_object_get(draft->base, names[i]);
        if (!json_is_integer(id))
            return FAIL(draft, "merge of \"%.*s\" and \"%.*s\": \"%.*s\" is not in the vocabulary", SHOWN, first, SHOWN,
                        second, SHOWN, names[i]);
        put_u32(draft->merge + 12 * rank + 4 * i, (uint32_t)json_integer_value(id));
    }
    draft->merges++;
    return LASSIM_OK;
}

void draft_option(struct tokenizer_draft *draft, enum tokenizer_flag option, int on)
{
    if (draft->options_known & option) return;
    draft->options_known |= (int)option;
    if (on) draft->options |= option;
}

static void put_header(const struct tokenizer_draft *draft, uint32_t string_bytes, uint8_t *data)
{
    const uint32_t fields[10] = {TOKENIZER_VERSION,
                                 draft->vocabulary,
                                 (uint32_t)draft->merges,
                                 string_bytes,
                                 draft->options,
                                 draft->bos,
                                 draft->eos,
                                 draft->pad,
                                 draft->unk,
                                 0};
    static const char magic[8] = TOKENIZER_MAGIC; /* without its terminator */
    memcpy(data, magic, sizeof magic);
    for (int i = 0; i < 10; i++) put_u32(data + 8 + 4 * i, fields[i]);
}

static void put_sections(const struct tokenizer_draft *draft, uint8_t *data)
{
    size_t vocabulary = draft->vocabulary;
    uint8_t *offsets = data + TOKENIZER_HEADER_BYTES, *flags = offsets + 4 * (vocabulary + 1);
    uint8_t *merges = flags + vocabulary, *strings = merges + 12 * draft->merges;
    uint32_t at = 0;
    put_u32(offsets, 0);
    for (size_t id = 0; id < vocabulary; id++) {
        const struct draft_token *token = &draft->token[id];
        if (token->length > 0) memcpy(strings + at, token->bytes, token->length);
        at += token->length;
        put_u32(offsets + 4 * id + 4, at);
        flags[id] = token->flags;
    }
    if (draft->merges > 0) memcpy(merges, draft->merge, 12 * draft->merges);
}

enum lassim_status draft_finish(const struct tokenizer_draft *draft, const char *name, struct tokenizer_blob_out *blob)
{
    size_t string_bytes = 0; /* files are far below 2^30 bytes, and so are their strings */
    for (uint32_t id = 0; id < draft->vocabulary; id++) string_bytes += draft->token[id].length;
    size_t size = TOKENIZER_HEADER_BYTES + 5 * (size_t)draft->vocabulary + 4 + 12 * draft->merges + string_bytes;
    uint8_t *data = malloc(size);
    if (data == NULL) return fail_memory(draft);
    put_header(draft, (uint32_t)string_bytes, data);
    put_sections(draft, data);
    struct tokenizer *opened = NULL;
    enum lassim_status status = tokenizer_open(name, data, size, &opened, draft->error);
    tokenizer_close(opened);
    if (status != LASSIM_OK) {
        free(data);
        return status;
    }
    *blob = (struct tokenizer_blob_out){data, size};
    return LASSIM_OK;
}
