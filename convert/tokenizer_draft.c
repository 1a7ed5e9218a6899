#include "convert/tokenizer_draft.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/utf8.h"

#define FAIL(draft, ...) lassim_fail((draft)->error, LASSIM_ERR_FILE, file, place, __VA_ARGS__)
enum { SHOWN = 48 /* characters of a token in an error line */ };

enum lassim_status draft_no_memory(const struct tokenizer_draft *draft)
{
    return lassim_fail(draft->error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the tokenizer");
}

enum lassim_status draft_begin(struct tokenizer_draft *draft, uint32_t vocabulary, struct lassim_error *error)
{
    *draft = (struct tokenizer_draft){.vocabulary = vocabulary, .error = error};
    draft->bos = draft->eos = draft->pad = draft->unk = draft->cls = draft->sep = draft->mask = TOKENIZER_NONE;
    draft->decided = (struct draft_option){-1, -1, -1};
    if (vocabulary < 1 || vocabulary > TOKENIZER_VOCABULARY_MAX)
        return lassim_fail(error, LASSIM_ERR_FILE, NULL, "vocab_size", "expected 1 .. %d, found %u",
                           TOKENIZER_VOCABULARY_MAX, vocabulary);
    draft->token = calloc(vocabulary, sizeof *draft->token);
    draft->added = json_object();
    return draft->token != NULL && draft->added != NULL ? LASSIM_OK : draft_no_memory(draft);
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

enum lassim_status draft_announce_base(struct tokenizer_draft *draft, json_t *base)
{
    draft->base = json_incref(base);
    return base != NULL ? LASSIM_OK : draft_no_memory(draft);
}

/* ---- strings ------------------------------------------------------------------------------------ */

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

/* "<0x0A>" -> 10, anything else -> -1.  Upper case only, as the reference writes it. */
static int fallback_byte(const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    if (strlen(text) != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    const char *high = strchr(digits, text[3]), *low = strchr(digits, text[4]);
    return high == NULL || low == NULL ? -1 : (int)((high - digits) * 16 + (low - digits));
}

static int valid_id(const struct tokenizer_draft *draft, int64_t id)
{
    return id >= 0 && id < (int64_t)draft->vocabulary;
}

/* ---- tokens ------------------------------------------------------------------------------------- */

/* Takes a copy of bytes[0 .. length) as the token of an id that is free so far. */
static enum lassim_status take_id(struct tokenizer_draft *draft, const char *file, const char *place, int64_t id,
                                  const uint8_t *bytes, size_t length, unsigned flags)
{
    struct draft_token *token = &draft->token[id];
    if (token->flags != 0) return FAIL(draft, "id %lld is given to two tokens", (long long)id);
    if (length == 0) return FAIL(draft, "id %lld is given to an empty token", (long long)id);
    token->bytes = malloc(length);
    if (token->bytes == NULL) return draft_no_memory(draft);
    memcpy(token->bytes, bytes, length);
    token->length = (uint32_t)length; /* files are smaller */
    token->flags = (uint16_t)flags;
    return LASSIM_OK;
}

static enum lassim_status take_alphabet(struct tokenizer_draft *draft, const char *file, const char *place,
                                        const int16_t *table, const char *key, int64_t id)
{
    size_t length = strlen(key);
    uint8_t *bytes = malloc(length + 1);
    if (bytes == NULL) return draft_no_memory(draft);
    size_t count = decode_alphabet(table, key, length, bytes);
    enum lassim_status status =
        count == SIZE_MAX ? FAIL(draft, "token \"%.*s\" (id %lld): expected only characters of GPT-2's byte alphabet",
                                 SHOWN, key, (long long)id)
                          : take_id(draft, file, place, id, bytes, count, TOKEN_BASE);
    free(bytes);
    return status;
}

static enum lassim_status take_base(struct tokenizer_draft *draft, const char *file, const char *place,
                                    const int16_t *table, const char *key, int64_t id)
{
    if (json_object_get(draft->added, key) != NULL) { /* draft_added saw the same id */
        draft->token[id].flags |= TOKEN_BASE;
        return LASSIM_OK;
    }
    if (draft->kind == TOKENIZER_BYTE_LEVEL) return take_alphabet(draft, file, place, table, key, id);
    int byte = draft->options & TOKENIZER_BYTE_FALLBACK ? fallback_byte(key) : -1;
    if (byte >= 0) return take_id(draft, file, place, id, &(uint8_t){(uint8_t)byte}, 1, TOKEN_BYTE);
    return take_id(draft, file, place, id, (const uint8_t *)key, strlen(key), TOKEN_BASE);
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

/* Room for `length` characters in scratch. */
static int reserve_scratch(struct tokenizer_draft *draft, size_t length)
{
    if (length <= draft->scratch_capacity) return 0;
    char *scratch = realloc(draft->scratch, 2 * length);
    if (scratch == NULL) return -1;
    draft->scratch = scratch;
    draft->scratch_capacity = 2 * length;
    return 0;
}

enum lassim_status draft_unused(struct tokenizer_draft *draft, const char *file, const char *place, const char *bytes,
                                size_t length, uint32_t id)
{
    if (!valid_id(draft, id))
        return FAIL(draft, "id %u, expected 0 .. %u (the model's vocabulary)", id, draft->vocabulary - 1);
    return take_id(draft, file, place, id, (const uint8_t *)bytes, length, TOKEN_UNUSED);
}

enum lassim_status draft_list_token(struct tokenizer_draft *draft, const char *file, const char *place,
                                    const char *bytes, size_t length, uint32_t id)
{
    if (!valid_id(draft, id))
        return FAIL(draft, "token %u, expected at most %u (the model's vocabulary)", id, draft->vocabulary);
    if (length == 0 || memchr(bytes, '\0', length) != NULL || !utf8_valid((const uint8_t *)bytes, length))
        return FAIL(draft, "token %u: expected UTF-8 without NUL, not empty", id);
    if (draft->base == NULL) draft->base = json_object();
    if (draft->base == NULL || reserve_scratch(draft, length + 1) != 0) return draft_no_memory(draft);
    memcpy(draft->scratch, bytes, length);
    draft->scratch[length] = '\0';
    const json_t *earlier = json_object_get(draft->base, draft->scratch);
    if (earlier != NULL) {
        uint32_t loser = (uint32_t)json_integer_value(earlier);
        enum lassim_status status = draft_unused(draft, file, place, bytes, length, loser);
        if (status != LASSIM_OK) return status;
    }
    return json_object_set_new(draft->base, draft->scratch, json_integer(id)) == 0 ? LASSIM_OK : draft_no_memory(draft);
}

enum lassim_status draft_added(struct tokenizer_draft *draft, const char *file, const char *place, const char *content,
                               int64_t id, uint16_t flags)
{
    if (!valid_id(draft, id))
        return FAIL(draft, "added token \"%.*s\": expected an id in 0 .. %u (config.json's vocab_size - 1), found %lld",
                    SHOWN, content, draft->vocabulary - 1, (long long)id);
    uint32_t known = draft_find(draft, content);
    if (known != TOKENIZER_NONE && known != id)
        return FAIL(draft, "added token \"%.*s\" has the ids %u and %lld", SHOWN, content, known, (long long)id);
    struct draft_token *token = &draft->token[id];
    size_t length = strlen(content);
    unsigned all = flags | (unsigned)TOKEN_ADDED;
    if (length > TOKENIZER_ADDED_BYTES)
        return FAIL(draft, "added token of %zu bytes, expected at most %d", length, TOKENIZER_ADDED_BYTES);
    if (json_object_get(draft->added, content) != NULL) {
        token->flags |= (uint16_t)all;
        return LASSIM_OK;
    }
    if (token->flags != 0 && known == TOKENIZER_NONE)
        return FAIL(draft, "id %lld is given to two tokens", (long long)id);
    if (token->flags & (TOKEN_BASE | TOKEN_BYTE)) { /* the vocabulary's: its string becomes the content itself */
        all |= token->flags & TOKEN_BASE;
        free(token->bytes);
        *token = (struct draft_token){0};
    }
    if (json_object_set_new(draft->added, content, json_integer(id)) != 0) return draft_no_memory(draft);
    return take_id(draft, file, place, id, (const uint8_t *)content, length, all);
}

uint32_t draft_find(const struct tokenizer_draft *draft, const char *content)
{
    const json_t *value = json_object_get(draft->added, content);
    if (value == NULL) value = json_object_get(draft->base, content);
    return json_is_integer(value) && valid_id(draft, json_integer_value(value)) ? (uint32_t)json_integer_value(value)
                                                                                : TOKENIZER_NONE;
}

void draft_decide(int *decided, int on)
{
    if (*decided < 0) *decided = on;
}

/* ---- merges ------------------------------------------------------------------------------------- */

enum lassim_status draft_merge_ids(struct tokenizer_draft *draft, const char *file, const char *place,
                                   const struct merge *merge)
{
    if (draft->merges >= TOKENIZER_MERGES_MAX) return FAIL(draft, "expected at most %d merges", TOKENIZER_MERGES_MAX);
    if (draft->merges == draft->merge_capacity) {
        size_t capacity = 2 * draft->merge_capacity + 1024;
        struct merge *larger = reallocarray(draft->merge, capacity, sizeof *larger);
        if (larger == NULL) return draft_no_memory(draft);
        draft->merge = larger;
        draft->merge_capacity = capacity;
    }
    draft->merge[draft->merges++] = *merge;
    return LASSIM_OK;
}

enum lassim_status draft_merge(struct tokenizer_draft *draft, const char *file, const char *place, const char *left,
                               size_t left_length, const char *right, size_t right_length)
{
    size_t both = left_length + right_length;
    if (reserve_scratch(draft, 2 * both + 3) != 0) return draft_no_memory(draft);
    char *pair = draft->scratch, *first = pair + both + 1, *second = first + left_length + 1;
    memcpy(pair, left, left_length);
    memcpy(pair + left_length, right, right_length);
    memcpy(first, left, left_length);
    memcpy(second, right, right_length);
    pair[both] = first[left_length] = second[right_length] = '\0';
    const char *names[3] = {first, second, pair};
    uint32_t ids[3];
    for (int i = 0; i < 3; i++) {
        const json_t *id = json_object_get(draft->base, names[i]);
        if (!json_is_integer(id))
            return FAIL(draft, "merge of \"%.*s\" and \"%.*s\": \"%.*s\" is not in the vocabulary", SHOWN, first, SHOWN,
                        second, SHOWN, names[i]);
        ids[i] = (uint32_t)json_integer_value(id);
    }
    struct merge merge = {ids[0], ids[1], (uint32_t)draft->merges, ids[2]};
    return draft_merge_ids(draft, file, place, &merge);
}
