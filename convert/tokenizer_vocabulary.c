#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/sentencepiece.h"
#include "convert/tokenizer_folder.h"
#include "convert/tokenizer_json.h"
#include "convert/tokenizer_pieces.h"
#include "convert/tokenizer_stages.h"

/* Takes one line of a text: text[0 .. length) without its end. */
typedef enum lassim_status line_reader(struct folder *folder, const char *path, size_t number, const char *line,
                                       size_t length);

static enum lassim_status each_line(struct folder *folder, const char *name, line_reader *read)
{
    char *text = NULL, *path = folder_path(folder, name);
    size_t size = 0, number = 1;
    if (path == NULL) return draft_no_memory(&folder->draft);
    enum lassim_status status = json_read_text(path, &text, &size, folder->error);
    for (size_t at = 0; status == LASSIM_OK && at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - text) - at;
        status = read(folder, path, number, text + at, length - (length > 0 && text[at + length - 1] == '\r'));
        at += length + 1;
    }
    free(text);
    free(path);
    return status;
}

/* ---- added tokens ------------------------------------------------------------------------------- */

/* tokenizer_config.json's added_tokens_decoder: {"1": {"content": ..., "special": ...}, ...}. */
static enum lassim_status read_added_decoder(struct folder *folder)
{
    const struct folder_file *config = &folder->file[CONFIG_JSON];
    const json_t *decoder = NULL;
    if (config->root == NULL) return LASSIM_OK;
    TOKENIZER_TRY(
        json_get_object(config->path, config->root, "added_tokens_decoder", JSON_OPTIONAL, &decoder, folder->error));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)decoder, key, value)
    {
        const char *content;
        uint16_t flags;
        size_t digits = strspn(key, "0123456789");
        if (digits < 1 || digits > 9 || key[digits] != '\0')
            return lassim_fail(folder->error, LASSIM_ERR_FILE, config->path, "added_tokens_decoder",
                               "expected a token id as key, found \"%.48s\"", key);
        TOKENIZER_TRY(json_get_string(config->path, value, "content", JSON_REQUIRED, &content, folder->error));
        TOKENIZER_TRY(tokenizer_json_added_flags(config->path, value, &flags, folder->error));
        TOKENIZER_TRY(
            draft_added(&folder->draft, config->path, "added_tokens_decoder", content, strtol(key, NULL, 10), flags));
    }
    return LASSIM_OK;
}

/* added_tokens.json: {"<tok>": 50265, ...}. */
static enum lassim_status read_added_file(struct folder *folder)
{
    const struct folder_file *file = &folder->file[ADDED_JSON];
    const char *key;
    json_t *value;
    json_object_foreach(file->root, key, value)
    {
        if (!json_is_integer(value))
            return lassim_fail(folder->error, LASSIM_ERR_FILE, file->path, NULL,
                               "\"%.48s\": expected an integer, found %s", key, json_type_name(value));
        TOKENIZER_TRY(draft_added(&folder->draft, file->path, NULL, key, json_integer_value(value), 0));
    }
    return LASSIM_OK;
}

static enum lassim_status read_added(struct folder *folder)
{
    TOKENIZER_TRY(read_added_decoder(folder));
    return read_added_file(folder);
}

/* ---- vocab.json and merges.txt ------------------------------------------------------------------ */

static enum lassim_status read_merge_line(struct folder *folder, const char *path, size_t number, const char *line,
                                          size_t length)
{
    char place[32];
    if (length == 0 || (length >= 8 && memcmp(line, "#version", 8) == 0)) return LASSIM_OK;
    snprintf(place, sizeof place, "line %zu", number);
    const char *space = memchr(line, ' ', length);
    size_t left = space == NULL ? 0 : (size_t)(space - line), right = length - left - (space != NULL);
    if (left == 0 || right == 0 || memchr(space + 1, ' ', right) != NULL || memchr(line, '\0', length) != NULL)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, path, place, "expected two tokens and a space between them");
    return draft_merge(&folder->draft, path, place, line, left, space + 1, right);
}

/* tokenizer_config.json's class decides how vocab.json is cut into words. */
static enum lassim_status choose_pattern(struct folder *folder)
{
    static const struct {
        const char *name;
        enum tokenizer_pattern pattern;
        uint32_t options;
    } classes[] = {{"GPT2Tokenizer", TOKENIZER_GPT2, 0},
                   {"GPT2TokenizerFast", TOKENIZER_GPT2, 0},
                   {"Qwen2Tokenizer", TOKENIZER_QWEN2, TOKENIZER_NFC},
                   {"Qwen2TokenizerFast", TOKENIZER_QWEN2, TOKENIZER_NFC}};
    const struct folder_file *config = &folder->file[CONFIG_JSON];
    const char *name = "GPT2Tokenizer";
    if (config->root != NULL)
        TOKENIZER_TRY(
            json_get_string(config->path, config->root, "tokenizer_class", JSON_OPTIONAL, &name, folder->error));
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strcmp(name, classes[i].name) != 0) continue;
        folder->draft.pattern = classes[i].pattern;
        folder->draft.options |= classes[i].options;
        return LASSIM_OK;
    }
    return lassim_fail(folder->error, LASSIM_ERR_FILE, config->path, "tokenizer_class",
                       "expected \"GPT2Tokenizer\" or \"Qwen2Tokenizer\", or a tokenizer.json, found \"%.48s\"", name);
}

enum lassim_status folder_read_vocab_json(struct folder *folder)
{
    const struct folder_file *vocabulary = &folder->file[VOCAB_JSON];
    folder->draft.kind = TOKENIZER_BYTE_LEVEL;
    TOKENIZER_TRY(choose_pattern(folder));
    if (vocabulary->root == NULL)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, folder->directory, NULL,
                           "expected tokenizer.json, tokenizer.model, vocab.txt, or vocab.json and merges.txt; found "
                           "none");
    TOKENIZER_TRY(draft_announce_base(&folder->draft, vocabulary->root));
    TOKENIZER_TRY(read_added(folder));
    TOKENIZER_TRY(draft_base(&folder->draft, vocabulary->path, NULL));
    return each_line(folder, "merges.txt", read_merge_line);
}

/* ---- vocab.txt ---------------------------------------------------------------------------------- */

static enum lassim_status read_token_line(struct folder *folder, const char *path, size_t number, const char *line,
                                          size_t length)
{
    char place[32];
    snprintf(place, sizeof place, "line %zu", number);
    if (length == 0 && number <= folder->draft.vocabulary) return LASSIM_OK; /* an id without a token */
    uint32_t id = number > TOKENIZER_VOCABULARY_MAX ? TOKENIZER_VOCABULARY_MAX : (uint32_t)(number - 1);
    return draft_list_token(&folder->draft, path, place, line, length, id);
}

static enum lassim_status read_bert_config(struct folder *folder)
{
    int lowercase = 1, chinese = 1, accents = -1;
    TOKENIZER_TRY(folder_switch(folder, "do_lower_case", &lowercase));
    TOKENIZER_TRY(folder_switch(folder, "tokenize_chinese_chars", &chinese));
    TOKENIZER_TRY(folder_switch(folder, "strip_accents", &accents));
    folder->draft.options = tokenizer_bert_options(1, chinese, accents, lowercase) | TOKENIZER_CLEANUP_DECODED;
    folder->draft.word_max = 100;
    return LASSIM_OK;
}

/* BERT's five special tokens, as far as the vocabulary has them: the names its files have by default. */
static enum lassim_status add_bert_specials(struct folder *folder, const char *path)
{
    static const char *const names[5] = {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"};
    struct tokenizer_draft *draft = &folder->draft;
    uint32_t *ids[5] = {&draft->unk, &draft->cls, &draft->sep, &draft->pad, &draft->mask};
    for (int i = 0; i < 5; i++) {
        uint32_t id = draft_find(draft, names[i]);
        if (id == TOKENIZER_NONE && i < 3)
            return lassim_fail(folder->error, LASSIM_ERR_FILE, path, NULL, "expected the token %s", names[i]);
        if (id == TOKENIZER_NONE) continue;
        *ids[i] = id;
        TOKENIZER_TRY(draft_added(draft, path, NULL, names[i], id, TOKEN_SPECIAL));
    }
    const struct template_item around[5] = {
        {draft->cls, 0}, {TOKENIZER_TEXT_A, 0}, {draft->sep, 0}, {TOKENIZER_TEXT_B, 1}, {draft->sep, 1}};
    memcpy(draft->single.item, around, sizeof around);
    memcpy(draft->pair.item, around, sizeof around);
    draft->single.count = 3;
    draft->pair.count = 5;
    return LASSIM_OK;
}

enum lassim_status folder_read_vocab_text(struct folder *folder)
{
    char *path = folder_path(folder, "vocab.txt");
    if (path == NULL) return draft_no_memory(&folder->draft);
    folder->draft.kind = TOKENIZER_WORDPIECE;
    enum lassim_status status = read_bert_config(folder);
    if (status == LASSIM_OK) status = each_line(folder, "vocab.txt", read_token_line);
    if (status == LASSIM_OK) status = read_added(folder);
    if (status == LASSIM_OK) status = add_bert_specials(folder, path);
    if (status == LASSIM_OK) status = draft_base(&folder->draft, path, NULL);
    free(path);
    return status;
}

/* ---- tokenizer.model ---------------------------------------------------------------------------- */

static enum lassim_status read_model(struct folder *folder, const struct sentencepiece_model *model, const char *path)
{
    struct tokenizer_draft *draft = &folder->draft;
    int legacy = 1;
    TOKENIZER_TRY(sentencepiece_settings(model, path, draft));
    TOKENIZER_TRY(folder_switch(folder, "legacy", &legacy));
    if (!legacy && !(draft->options & TOKENIZER_SQUEEZE) && draft->prefix == TOKENIZER_PREPEND)
        draft->prefix = TOKENIZER_METASPACE_FIRST;
    TOKENIZER_TRY(pieces_read(draft, path, "pieces", model->piece, model->pieces, PIECES_OF_SENTENCEPIECE));
    TOKENIZER_TRY(read_added(folder));
    int add_bos = 1, add_eos = 0; /* Llama's defaults */
    TOKENIZER_TRY(folder_switch(folder, "add_bos_token", &add_bos));
    TOKENIZER_TRY(folder_switch(folder, "add_eos_token", &add_eos));
    draft_decide(&draft->decided.add_bos, add_bos && draft->bos != TOKENIZER_NONE);
    draft_decide(&draft->decided.add_eos, add_eos && draft->eos != TOKENIZER_NONE);
    return LASSIM_OK;
}

enum lassim_status folder_read_pieces(struct folder *folder)
{
    char *text = NULL, *path = folder_path(folder, "tokenizer.model");
    size_t size = 0;
    struct sentencepiece_model model = {0};
    if (path == NULL) return draft_no_memory(&folder->draft);
    enum lassim_status status = json_read_text(path, &text, &size, folder->error);
    if (status == LASSIM_OK) status = sentencepiece_read(path, text, size, &model, folder->error);
    if (status == LASSIM_OK) status = read_model(folder, &model, path);
    sentencepiece_clear(&model);
    free(text);
    free(path);
    return status;
}
