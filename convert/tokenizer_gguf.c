#include "convert/tokenizer_gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/gguf_metadata.h"
#include "convert/tokenizer_pieces.h"
#include "convert/tokenizer_stages.h"
#include "kernel/tokenizer_normalise.h"

#define KEY(name) "tokenizer.ggml." name
enum { TEXT_MAX = 1 << 16 /* bytes of one token or merge */ };

/* The metadata while it is read. */
struct source {
    const struct gguf *gguf;
    struct tokenizer_draft draft;
    struct piece *piece; /* [n]: the tokens, with their types and scores */
    size_t n;
    char *text; /* [TEXT_MAX + 4]: one string, terminated */
    struct lassim_error *error;
};

static enum lassim_status fail(const struct source *source, const char *key, uint64_t index, const char *expected)
{
    char place[64];
    snprintf(place, sizeof place, "%s[%llu]", key, (unsigned long long)index);
    return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, place, "expected %s", expected);
}

/* ---- tokens ------------------------------------------------------------------------------------- */

/* An array with one element a token; *array stays NULL where it is not there. */
static enum lassim_status get_parallel(const struct source *source, const char *key, enum gguf_elements elements,
                                       const struct gguf_value **array)
{
    TOKENIZER_TRY(gguf_get_array(source->gguf, key, GGUF_OPTIONAL, elements, array, source->error));
    if (*array == NULL || (*array)->count == source->n) return LASSIM_OK;
    return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, key,
                       "expected %zu elements, one a token, found %llu", source->n,
                       (unsigned long long)(*array)->count);
}

static enum lassim_status read_pieces(struct source *source)
{
    const struct gguf_value *tokens = NULL, *scores = NULL, *types = NULL;
    TOKENIZER_TRY(gguf_get_array(source->gguf, KEY("tokens"), GGUF_REQUIRED, GGUF_STRINGS, &tokens, source->error));
    if (tokens->count < 1 || tokens->count > source->draft.vocabulary)
        return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, KEY("tokens"),
                           "expected 1 .. %u tokens (the model's vocabulary), found %llu", source->draft.vocabulary,
                           (unsigned long long)tokens->count);
    source->n = (size_t)tokens->count;
    TOKENIZER_TRY(get_parallel(source, KEY("scores"), GGUF_FLOATS, &scores));
    TOKENIZER_TRY(get_parallel(source, KEY("token_type"), GGUF_INTEGERS, &types));
    source->piece = calloc(source->n, sizeof *source->piece);
    if (source->piece == NULL) return draft_no_memory(&source->draft);
    struct gguf_strings strings = gguf_strings_start(tokens);
    struct gguf_text text;
    for (size_t i = 0; i < source->n && gguf_strings_next(&strings, &text); i++) {
        if (text.size > TEXT_MAX) return fail(source, KEY("tokens"), i, "at most 65536 bytes");
        source->piece[i] = (struct piece){.bytes = text.data,
                                          .length = (size_t)text.size,
                                          .score = scores == NULL ? 0 : gguf_float_at(scores, i),
                                          .type = types == NULL ? PIECE_NORMAL : gguf_integer_at(types, i)};
    }
    return LASSIM_OK;
}

/* Enters piece i under the string content[0 .. length): special or kept whole by its type. */
static enum lassim_status add_token(struct source *source, size_t i, const char *content, size_t length)
{
    char place[64];
    int64_t type = source->piece[i].type;
    uint32_t id = (uint32_t)i;
    memmove(source->text, content, length);
    source->text[length] = '\0';
    content = source->text;
    snprintf(place, sizeof place, "%s[%zu]", KEY("tokens"), i);
    TOKENIZER_TRY(draft_list_token(&source->draft, source->gguf->file, place, content, length, id));
    if (type != PIECE_CONTROL && type != PIECE_UNKNOWN && type != PIECE_USER) return LASSIM_OK;
    return draft_added(&source->draft, source->gguf->file, place, content, id, type == PIECE_USER ? 0 : TOKEN_SPECIAL);
}

/* ---- byte-level BPE ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    enum tokenizer_pattern pattern;
    uint32_t options;
    int add_bos;
} pre_tokenizers[] = {
    {"default", TOKENIZER_GGML, 0, 0},
    {"gpt-2", TOKENIZER_GPT2, 0, 0},
    {"phi-2", TOKENIZER_GPT2, 0, 0},
    {"llama3", TOKENIZER_LLAMA3, TOKENIZER_IGNORE_MERGES, 1},
    {"llama-v3", TOKENIZER_LLAMA3, TOKENIZER_IGNORE_MERGES, 1},
    {"llama-bpe", TOKENIZER_LLAMA3, TOKENIZER_IGNORE_MERGES, 1},
    {"qwen2", TOKENIZER_QWEN2, TOKENIZER_NFC, 0},
    {"deepseek-r1-qwen", TOKENIZER_QWEN2, TOKENIZER_NFC, 0},
    {"smollm", TOKENIZER_DIGITS, 0, 0},
    {"starcoder", TOKENIZER_DIGITS, 0, 0},
    {"refact", TOKENIZER_DIGITS, 0, 0},
    {"codeshell", TOKENIZER_DIGITS, 0, 0},
};

static enum lassim_status choose_pattern(struct source *source, int *add_bos)
{
    struct gguf_text name = {"default", 7};
    char known[256] = "";
    TOKENIZER_TRY(gguf_get_text(source->gguf, KEY("pre"), GGUF_OPTIONAL, &name, source->error));
    for (size_t i = 0; i < sizeof pre_tokenizers / sizeof *pre_tokenizers; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", pre_tokenizers[i].name);
        if (!gguf_text_equal(name, pre_tokenizers[i].name)) continue;
        source->draft.pattern = pre_tokenizers[i].pattern;
        source->draft.options = pre_tokenizers[i].options;
        *add_bos = pre_tokenizers[i].add_bos;
        return LASSIM_OK;
    }
    return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, KEY("pre"),
                       "expected one of %s, found \"%.*s\"", known, (int)(name.size < 48 ? name.size : 48), name.data);
}

static enum lassim_status read_merges(struct source *source)
{
    const struct gguf_value *merges = NULL;
    struct gguf_text text;
    TOKENIZER_TRY(gguf_get_array(source->gguf, KEY("merges"), GGUF_REQUIRED, GGUF_STRINGS, &merges, source->error));
    struct gguf_strings strings = gguf_strings_start(merges);
    for (uint64_t i = 0; gguf_strings_next(&strings, &text); i++) {
        const char *space = text.size > 1 ? memchr(text.data + 1, ' ', (size_t)text.size - 1) : NULL;
        if (space == NULL || text.size > TEXT_MAX || memchr(text.data, '\0', (size_t)text.size) != NULL)
            return fail(source, KEY("merges"), i, "two tokens and a space between them");
        char place[64];
        size_t left = (size_t)(space - text.data);
        snprintf(place, sizeof place, "%s[%llu]", KEY("merges"), (unsigned long long)i);
        TOKENIZER_TRY(draft_merge(&source->draft, source->gguf->file, place, text.data, left, space + 1,
                                  (size_t)text.size - left - 1));
    }
    return LASSIM_OK;
}

static enum lassim_status read_byte_level(struct source *source, int *add_bos)
{
    source->draft.kind = TOKENIZER_BYTE_LEVEL;
    TOKENIZER_TRY(choose_pattern(source, add_bos));
    for (size_t i = 0; i < source->n; i++)
        if (source->piece[i].length > 0)
            TOKENIZER_TRY(add_token(source, i, source->piece[i].bytes, source->piece[i].length));
    TOKENIZER_TRY(draft_base(&source->draft, source->gguf->file, KEY("tokens")));
    return read_merges(source);
}

/* ---- SentencePiece ------------------------------------------------------------------------------ */

static enum lassim_status read_sentencepiece(struct source *source, int *add_bos)
{
    int prefix = 1, squeeze = 0;
    const struct gguf_entry *charsmap = gguf_find_entry(source->gguf, KEY("precompiled_charsmap"));
    if (charsmap != NULL && charsmap->value.size > 0)
        return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, KEY("precompiled_charsmap"),
                           "expected none (the identity)");
    if (gguf_find_entry(source->gguf, KEY("scores")) == NULL)
        return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, KEY("scores"), "expected an array");
    TOKENIZER_TRY(gguf_get_bool(source->gguf, KEY("add_space_prefix"), GGUF_OPTIONAL, &prefix, source->error));
    TOKENIZER_TRY(gguf_get_bool(source->gguf, KEY("remove_extra_whitespaces"), GGUF_OPTIONAL, &squeeze, source->error));
    source->draft.kind = TOKENIZER_SENTENCEPIECE;
    source->draft.prefix = prefix ? TOKENIZER_PREPEND : TOKENIZER_NO_PREFIX;
    source->draft.options = TOKENIZER_FUSE_UNK | (prefix ? (unsigned)TOKENIZER_STRIP_DECODED : 0) |
                            (squeeze ? (unsigned)TOKENIZER_SQUEEZE : 0);
    for (size_t i = 0; i < source->n; i++)
        if (source->piece[i].type == PIECE_BYTE) source->draft.options |= TOKENIZER_BYTE_FALLBACK;
    *add_bos = 1;
    return pieces_read(&source->draft, source->gguf->file, KEY("tokens"), source->piece, source->n, PIECES_OF_GGUF);
}

/* ---- WordPiece ---------------------------------------------------------------------------------- */

/* The string of the vocabulary: "\u2581word" is word, "[CLS]" itself, everything else goes on and has "##". */
static enum lassim_status add_wordpiece(struct source *source, size_t i)
{
    const struct piece *piece = &source->piece[i];
    size_t length = piece->length, skip = 0, marks = 0;
    if (length == 0) return LASSIM_OK;
    if (length > TOKENIZER_SPACE_BYTES && memcmp(piece->bytes, TOKENIZER_SPACE, TOKENIZER_SPACE_BYTES) == 0)
        skip = TOKENIZER_SPACE_BYTES;
    else if (piece->bytes[0] != '[' || piece->bytes[length - 1] != ']' || length < 3)
        marks = 2;
    memcpy(source->text, "##", marks);
    memcpy(source->text + marks, piece->bytes + skip, length - skip);
    return add_token(source, i, source->text, length + marks - skip);
}

static enum lassim_status read_wordpiece(struct source *source)
{
    source->draft.kind = TOKENIZER_WORDPIECE;
    source->draft.options = tokenizer_bert_options(1, 1, -1, 1) | TOKENIZER_CLEANUP_DECODED;
    source->draft.word_max = 100;
    for (size_t i = 0; i < source->n; i++) TOKENIZER_TRY(add_wordpiece(source, i));
    return draft_base(&source->draft, source->gguf->file, KEY("tokens"));
}

/* cls, text, sep; a pair with types 0 and 1. */
static void add_template(struct tokenizer_draft *draft)
{
    struct template *pair = &draft->pair;
    const uint32_t ids[5] = {draft->cls, TOKENIZER_TEXT_A, draft->sep, TOKENIZER_TEXT_B, draft->sep};
    for (uint32_t i = 0; i < 5; i++) {
        if (ids[i] != TOKENIZER_NONE) pair->item[pair->count++] = (struct template_item){ids[i], i > 2};
        if (i == 2) draft->single = *pair;
    }
}

/* ---- all ---------------------------------------------------------------------------------------- */

/* An id that names a token; the key is optional, and a negative id is none. */
static enum lassim_status read_id(struct source *source, const char *key, uint32_t *id)
{
    int64_t value = -1;
    TOKENIZER_TRY(
        gguf_get_integer(source->gguf, key, GGUF_OPTIONAL, -1, source->draft.vocabulary - 1, &value, source->error));
    if (value >= 0) *id = (uint32_t)value;
    return LASSIM_OK;
}

static enum lassim_status read_ids(struct source *source)
{
    struct tokenizer_draft *draft = &source->draft;
    TOKENIZER_TRY(read_id(source, KEY("bos_token_id"), &draft->bos));
    TOKENIZER_TRY(read_id(source, KEY("eos_token_id"), &draft->eos));
    TOKENIZER_TRY(read_id(source, KEY("padding_token_id"), &draft->pad));
    TOKENIZER_TRY(read_id(source, KEY("cls_token_id"), &draft->cls));
    TOKENIZER_TRY(read_id(source, KEY("seperator_token_id"), &draft->sep)); /* so spelt in the format */
    TOKENIZER_TRY(read_id(source, KEY("mask_token_id"), &draft->mask));
    if (draft->kind == TOKENIZER_BYTE_LEVEL) return LASSIM_OK; /* its bytes all have tokens */
    return read_id(source, KEY("unknown_token_id"), &draft->unk);
}

static enum lassim_status settle(struct source *source, int add_bos)
{
    struct tokenizer_draft *draft = &source->draft;
    int add_eos = 0;
    TOKENIZER_TRY(read_ids(source));
    TOKENIZER_TRY(gguf_get_bool(source->gguf, KEY("add_bos_token"), GGUF_OPTIONAL, &add_bos, source->error));
    TOKENIZER_TRY(gguf_get_bool(source->gguf, KEY("add_eos_token"), GGUF_OPTIONAL, &add_eos, source->error));
    draft_decide(&draft->decided.add_bos, add_bos);
    draft_decide(&draft->decided.add_eos, add_eos);
    if (draft->kind != TOKENIZER_WORDPIECE) return LASSIM_OK;
    if (draft->cls == TOKENIZER_NONE) draft->cls = draft->bos; /* newer files name it so */
    if (draft->sep == TOKENIZER_NONE) draft->sep = draft->eos;
    if (draft->unk == TOKENIZER_NONE) draft->unk = draft_find(draft, "[UNK]");
    draft->bos = draft->eos = TOKENIZER_NONE;
    add_template(draft);
    return LASSIM_OK;
}

static enum lassim_status build(struct source *source, uint32_t vocabulary, struct tokenizer_blob_out *blob)
{
    struct gguf_text model;
    int add_bos = 0;
    TOKENIZER_TRY(draft_begin(&source->draft, vocabulary, source->error));
    source->text = malloc(TEXT_MAX + 4);
    if (source->text == NULL) return draft_no_memory(&source->draft);
    TOKENIZER_TRY(gguf_get_text(source->gguf, KEY("model"), GGUF_REQUIRED, &model, source->error));
    int gpt2 = gguf_text_equal(model, "gpt2"), llama = gguf_text_equal(model, "llama");
    if (!gpt2 && !llama && !gguf_text_equal(model, "bert"))
        return lassim_fail(source->error, LASSIM_ERR_FILE, source->gguf->file, KEY("model"),
                           "expected \"gpt2\", \"llama\" or \"bert\", found \"%.*s\"",
                           (int)(model.size < 48 ? model.size : 48), model.data);
    TOKENIZER_TRY(read_pieces(source));
    TOKENIZER_TRY(gpt2    ? read_byte_level(source, &add_bos)
                  : llama ? read_sentencepiece(source, &add_bos)
                          : read_wordpiece(source));
    TOKENIZER_TRY(settle(source, add_bos));
    return draft_finish(&source->draft, source->gguf->file, blob);
}

enum lassim_status tokenizer_gguf_build(const struct gguf *gguf, uint32_t vocabulary, struct tokenizer_blob_out *blob,
                                        struct lassim_error *error)
{
    struct source source = {.gguf = gguf, .error = error};
    enum lassim_status status = build(&source, vocabulary, blob);
    draft_clear(&source.draft);
    free(source.piece);
    free(source.text);
    return status;
}

int tokenizer_gguf_has(const struct gguf *gguf)
{
    struct gguf_text model;
    return gguf_get_text(gguf, KEY("model"), GGUF_REQUIRED, &model, NULL) == LASSIM_OK &&
           !gguf_text_equal(model, "none") && !gguf_text_equal(model, "no_vocab");
}
