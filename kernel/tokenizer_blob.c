#include "kernel/tokenizer_blob.h"

#include <string.h>

#define FAIL(reader, ...) lassim_fail((reader)->error, LASSIM_ERR_FILE, (reader)->file, "tokenizer", __VA_ARGS__)
#define BIT(value) (1U << (value))

/* What each kind may say: flags, and bits of pattern and prefix. */
static const struct {
    uint32_t flags, patterns, prefixes;
} known[TOKENIZER_KINDS] = {
    [TOKENIZER_BYTE_LEVEL] = {TOKENIZER_NFC | TOKENIZER_IGNORE_MERGES | TOKENIZER_FUSE_UNK,
                              BIT(TOKENIZER_WHOLE) | BIT(TOKENIZER_GPT2) | BIT(TOKENIZER_LLAMA3) |
                                  BIT(TOKENIZER_QWEN2) | BIT(TOKENIZER_DIGITS) | BIT(TOKENIZER_GGML),
                              BIT(TOKENIZER_NO_PREFIX) | BIT(TOKENIZER_SPACE_UNLESS)},
    [TOKENIZER_SENTENCEPIECE] = {TOKENIZER_FUSE_UNK | TOKENIZER_BYTE_FALLBACK | TOKENIZER_SQUEEZE |
                                     TOKENIZER_STRIP_DECODED | TOKENIZER_STRIP_TOKEN | TOKENIZER_STORED_PATTERNS,
                                 BIT(TOKENIZER_WHOLE) | BIT(TOKENIZER_METASPACE),
                                 BIT(TOKENIZER_NO_PREFIX) | BIT(TOKENIZER_PREPEND) | BIT(TOKENIZER_METASPACE_ALWAYS) |
                                     BIT(TOKENIZER_METASPACE_FIRST) | BIT(TOKENIZER_METASPACE_NEVER)},
    [TOKENIZER_WORDPIECE] = {TOKENIZER_CLEAN_TEXT | TOKENIZER_CHINESE | TOKENIZER_STRIP_ACCENTS | TOKENIZER_LOWERCASE |
                                 TOKENIZER_CLEANUP_DECODED,
                             BIT(TOKENIZER_WHOLE), BIT(TOKENIZER_NO_PREFIX)},
};

static enum lassim_status check_settings(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t kind = blob_u32(reader->data + 12), pattern = blob_u32(reader->data + 32);
    uint32_t prefix = blob_u32(reader->data + 36), most = kind == TOKENIZER_WORDPIECE ? TOKENIZER_WORD_MAX : 0;
    if (kind >= TOKENIZER_KINDS) return FAIL(reader, "kind %u, expected 0 .. %d", kind, TOKENIZER_KINDS - 1);
    if (tokenizer->options & ~known[kind].flags) return FAIL(reader, "unknown flags %u", tokenizer->options);
    if (pattern >= TOKENIZER_PATTERNS || !(known[kind].patterns & BIT(pattern)))
        return FAIL(reader, "unknown pattern %u", pattern);
    if (prefix >= TOKENIZER_PREFIXES || !(known[kind].prefixes & BIT(prefix)))
        return FAIL(reader, "unknown prefix %u", prefix);
    if (tokenizer->word_max > most || (most > 0 && tokenizer->word_max == 0))
        return FAIL(reader, "words of %u characters, expected at most %u", tokenizer->word_max, most);
    if (kind == TOKENIZER_WORDPIECE && reader->merges > 0)
        return FAIL(reader, "%u merges, WordPiece has none", reader->merges);
    tokenizer->kind = (enum tokenizer_kind)kind;
    tokenizer->pattern_kind = (enum tokenizer_pattern)pattern;
    tokenizer->prefix = (enum tokenizer_prefix)prefix;
    return LASSIM_OK;
}

static enum lassim_status check_counts(const struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    uint32_t vocabulary = tokenizer->vocabulary;
    if (vocabulary < 1 || vocabulary > TOKENIZER_VOCABULARY_MAX || reader->merges > TOKENIZER_MERGES_MAX ||
        reader->string_bytes > TOKENIZER_STRING_BYTES_MAX)
        return FAIL(reader, "%u tokens, %u merges or %u string bytes out of range", vocabulary, reader->merges,
                    reader->string_bytes);
    if (reader->items[0] < 1 || reader->items[0] > TOKENIZER_ITEMS_MAX || reader->items[1] > TOKENIZER_ITEMS_MAX)
        return FAIL(reader, "templates of %u and %u items, expected 1 .. %d and 0 .. %d", reader->items[0],
                    reader->items[1], TOKENIZER_ITEMS_MAX, TOKENIZER_ITEMS_MAX);
    return LASSIM_OK;
}

/* Checks the size and finds the parts. */
static enum lassim_status find_parts(struct tokenizer *tokenizer, struct blob_reader *reader)
{
    uint64_t vocabulary = tokenizer->vocabulary, items = (uint64_t)reader->items[0] + reader->items[1];
    uint64_t expected = TOKENIZER_HEADER_BYTES + TOKENIZER_ITEM_BYTES * items + 4 * (vocabulary + 1) + 2 * vocabulary +
                        TOKENIZER_MERGE_BYTES * (uint64_t)reader->merges + reader->string_bytes;
    if (reader->size != expected)
        return FAIL(reader, "%zu bytes, expected %llu", reader->size, (unsigned long long)expected);
    reader->item_records = reader->data + TOKENIZER_HEADER_BYTES;
    tokenizer->offsets = reader->item_records + TOKENIZER_ITEM_BYTES * items;
    tokenizer->flags = tokenizer->offsets + 4 * (vocabulary + 1);
    reader->merge_records = tokenizer->flags + 2 * vocabulary;
    tokenizer->strings = reader->merge_records + TOKENIZER_MERGE_BYTES * (size_t)reader->merges;
    return LASSIM_OK;
}

enum lassim_status tokenizer_read_header(struct tokenizer *tokenizer, struct blob_reader *reader)
{
    const uint8_t *data = reader->data;
    if (reader->size < TOKENIZER_HEADER_BYTES || memcmp(data, TOKENIZER_MAGIC, 8) != 0)
        return FAIL(reader, "%zu bytes without the header of a tokenizer", reader->size);
    if (blob_u32(data + 8) != TOKENIZER_VERSION)
        return FAIL(reader, "version %u, expected %d: please convert again", blob_u32(data + 8), TOKENIZER_VERSION);
    tokenizer->vocabulary = blob_u32(data + 16);
    reader->merges = blob_u32(data + 20);
    reader->string_bytes = blob_u32(data + 24);
    tokenizer->options = blob_u32(data + 28);
    tokenizer->word_max = blob_u32(data + 40);
    uint32_t *special[] = {&tokenizer->bos, &tokenizer->eos, &tokenizer->pad, &tokenizer->unk,
                           &tokenizer->cls, &tokenizer->sep, &tokenizer->mask};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) *special[i] = blob_u32(data + 44 + 4 * i);
    for (size_t i = 0; i < 2; i++) reader->items[i] = blob_u32(data + 72 + 4 * i);
    enum lassim_status status = check_counts(tokenizer, reader);
    if (status == LASSIM_OK) status = check_settings(tokenizer, reader);
    return status == LASSIM_OK ? find_parts(tokenizer, reader) : status;
}

static int is_token(const struct tokenizer *tokenizer, uint32_t id)
{
    return id < tokenizer->vocabulary && tokenizer_token_flags(tokenizer, id) != 0;
}

/* Reads `count` items from record; texts is how many texts the template holds. */
static enum lassim_status read_items(const struct tokenizer *tokenizer, const struct blob_reader *reader,
                                     const uint8_t *record, uint32_t count, uint32_t texts, struct template *template)
{
    uint32_t seen[2] = {0};
    template->count = count;
    for (uint32_t i = 0; i < count; i++, record += TOKENIZER_ITEM_BYTES) {
        uint32_t id = blob_u32(record), type = blob_u32(record + 4);
        if (type > 255) return FAIL(reader, "token type %u in a template, expected 0 .. 255", type);
        if (id == TOKENIZER_TEXT_A || id == TOKENIZER_TEXT_B)
            seen[id == TOKENIZER_TEXT_B]++;
        else if (!is_token(tokenizer, id))
            return FAIL(reader, "token %u in a template, expected the id of a token", id);
        template->item[i] = (struct template_item){id, (uint8_t)type};
    }
    if (count > 0 && (seen[0] != 1 || seen[1] != texts - 1))
        return FAIL(reader, "a template with %u first and %u second texts, expected 1 and %u", seen[0], seen[1],
                    texts - 1);
    return LASSIM_OK;
}

enum lassim_status tokenizer_read_template(struct tokenizer *tokenizer, const struct blob_reader *reader)
{
    const uint32_t special[] = {tokenizer->bos, tokenizer->eos, tokenizer->pad, tokenizer->unk,
                                tokenizer->cls, tokenizer->sep, tokenizer->mask};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i] != TOKENIZER_NONE && !is_token(tokenizer, special[i]))
            return FAIL(reader, "special token %u, expected the id of a token", special[i]);
    if (tokenizer->kind == TOKENIZER_WORDPIECE && tokenizer->unk == TOKENIZER_NONE)
        return FAIL(reader, "WordPiece without an unk token");
    const uint8_t *pair = reader->item_records + TOKENIZER_ITEM_BYTES * (size_t)reader->items[0];
    enum lassim_status status =
        read_items(tokenizer, reader, reader->item_records, reader->items[0], 1, &tokenizer->single);
    return status == LASSIM_OK ? read_items(tokenizer, reader, pair, reader->items[1], 2, &tokenizer->pair) : status;
}
