#include "convert/tokenizer_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/tokenizer_draft.h"
#include "convert/tokenizer_json.h"

/* One file of the folder. */
struct folder_file {
    char *path;
    json_t *root; /* NULL: the file is not there */
};

enum { TOKENIZER_JSON, VOCAB_JSON, ADDED_JSON, CONFIG_JSON, SPECIAL_JSON, FOLDER_FILES };
static const char *const file_names[FOLDER_FILES] = {"tokenizer.json", "vocab.json", "added_tokens.json",
                                                     "tokenizer_config.json", "special_tokens_map.json"};

struct folder {
    const char *directory;
    struct folder_file file[FOLDER_FILES];
    struct tokenizer_draft draft;
    struct lassim_error *error;
};

static enum lassim_status fail_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the tokenizer");
}

static char *join(const char *directory, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", directory, name) < 0 ? NULL : path;
}

/* Parses file `which` if it is there. */
static enum lassim_status read_if_there(struct folder *folder, int which)
{
    struct folder_file *file = &folder->file[which];
    file->path = join(folder->directory, file_names[which]);
    if (file->path == NULL) return fail_memory(folder->error);
    if (access(file->path, F_OK) != 0 && errno == ENOENT) return LASSIM_OK;
    TOKENIZER_TRY(json_read_file(file->path, &file->root, folder->error));
    if (json_is_object(file->root)) return LASSIM_OK;
    return lassim_fail(folder->error, LASSIM_ERR_FILE, file->path, NULL, "expected an object, found %s",
                       json_type_name(file->root));
}

/* ---- merges.txt --------------------------------------------------------------------------------- */

static enum lassim_status read_merge_line(struct folder *folder, const char *path, size_t number, const char *line,
                                          size_t length)
{
    char place[32];
    if (length > 0 && line[length - 1] == '\r') length--;
    if (length == 0 || (length >= 8 && memcmp(line, "#version", 8) == 0)) return LASSIM_OK;
    snprintf(place, sizeof place, "line %zu", number);
    const char *space = memchr(line, ' ', length);
    size_t left = space == NULL ? 0 : (size_t)(space - line), right = length - left - (space != NULL);
    if (left == 0 || right == 0 || memchr(space + 1, ' ', right) != NULL || memchr(line, '\0', length) != NULL)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, path, place, "expected two tokens and a space between them");
    return draft_merge(&folder->draft, path, place, line, left, space + 1, right);
}

static enum lassim_status read_merge_lines(struct folder *folder, const char *path, const char *text, size_t size)
{
    size_t number = 1;
    for (size_t at = 0; at < size; number++) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end == NULL ? size - at : (size_t)(end - text) - at;
        TOKENIZER_TRY(read_merge_line(folder, path, number, text + at, length));
        at += length + 1;
    }
    return LASSIM_OK;
}

static enum lassim_status read_merges(struct folder *folder)
{
    char *text = NULL, *path = join(folder->directory, "merges.txt");
    size_t size = 0;
    if (path == NULL) return fail_memory(folder->error);
    enum lassim_status status = json_read_text(path, &text, &size, folder->error);
    if (status == LASSIM_OK) status = read_merge_lines(folder, path, text, size);
    free(text);
    free(path);
    return status;
}

/* ---- vocab.json and what belongs to it ---------------------------------------------------------- */

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
        uint8_t flags;
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

static enum lassim_status read_vocabulary_files(struct folder *folder)
{
    const struct folder_file *vocabulary = &folder->file[VOCAB_JSON], *config = &folder->file[CONFIG_JSON];
    const char *name = "GPT2Tokenizer";
    if (config->root != NULL)
        TOKENIZER_TRY(
            json_get_string(config->path, config->root, "tokenizer_class", JSON_OPTIONAL, &name, folder->error));
    if (strcmp(name, "GPT2Tokenizer") != 0 && strcmp(name, "GPT2TokenizerFast") != 0)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, config->path, "tokenizer_class",
                           "expected \"GPT2Tokenizer\" or a tokenizer.json, found \"%.48s\"", name);
    if (vocabulary->root == NULL)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, folder->directory, NULL,
                           "expected tokenizer.json, or vocab.json and merges.txt; found neither");
    draft_announce_base(&folder->draft, vocabulary->root);
    TOKENIZER_TRY(read_added_decoder(folder));
    TOKENIZER_TRY(read_added_file(folder));
    TOKENIZER_TRY(draft_base(&folder->draft, vocabulary->path, NULL));
    return read_merges(folder);
}

/* ---- special tokens ----------------------------------------------------------------------------- */

/* A special token is its string or an object with content.  Sets *id; a token that is nowhere gets
 * TOKENIZER_NONE, or is an error where it must be there. */
static enum lassim_status take_special(struct folder *folder, const struct folder_file *file, const char *key,
                                       const json_t *value, int must, uint32_t *id)
{
    const char *content = json_string_value(value);
    uint8_t flags = 0;
    if (content == NULL && !json_is_object(value))
        return lassim_fail(folder->error, LASSIM_ERR_FILE, file->path, key, "expected a string or an object, found %s",
                           json_type_name(value));
    if (content == NULL) {
        TOKENIZER_TRY(json_get_string(file->path, value, "content", JSON_REQUIRED, &content, folder->error));
        TOKENIZER_TRY(tokenizer_json_added_flags(file->path, value, &flags, folder->error));
    }
    *id = draft_find(&folder->draft, content);
    if (*id != TOKENIZER_NONE) return draft_added(&folder->draft, file->path, key, content, *id, flags | TOKEN_SPECIAL);
    if (!must) return LASSIM_OK;
    return lassim_fail(folder->error, LASSIM_ERR_FILE, file->path, key, "\"%.48s\" is not in the vocabulary", content);
}

/* The special token `key` of the first of the two files that names it; *id stays if neither does, or if it
 * has an id already. */
static enum lassim_status read_special(struct folder *folder, const char *key, int must, uint32_t *id)
{
    static const int order[2] = {CONFIG_JSON, SPECIAL_JSON};
    for (int i = 0; i < 2; i++) {
        const struct folder_file *file = &folder->file[order[i]];
        const json_t *value = json_object_get(file->root, key);
        uint32_t found = TOKENIZER_NONE;
        if (value == NULL || json_is_null(value)) continue;
        TOKENIZER_TRY(take_special(folder, file, key, value, must, &found));
        if (*id == TOKENIZER_NONE) *id = found;
        return LASSIM_OK;
    }
    return LASSIM_OK;
}

static enum lassim_status read_additional(struct folder *folder, const struct folder_file *file)
{
    const json_t *list = NULL;
    uint32_t id;
    if (file->root == NULL) return LASSIM_OK;
    TOKENIZER_TRY(
        json_get_array(file->path, file->root, "additional_special_tokens", JSON_OPTIONAL, &list, folder->error));
    for (size_t i = 0; i < json_array_size(list); i++)
        TOKENIZER_TRY(take_special(folder, file, "additional_special_tokens", json_array_get(list, i), 0, &id));
    return LASSIM_OK;
}

static enum lassim_status read_option(struct folder *folder, const char *key, enum tokenizer_flag option)
{
    const struct folder_file *config = &folder->file[CONFIG_JSON];
    int on = 0;
    if (config->root != NULL)
        TOKENIZER_TRY(json_get_bool(config->path, config->root, key, JSON_OPTIONAL, &on, folder->error));
    draft_option(&folder->draft, option, on);
    return LASSIM_OK;
}

static enum lassim_status read_specials(struct folder *folder)
{
    struct tokenizer_draft *draft = &folder->draft;
    uint32_t model_unk = draft->unk;
    TOKENIZER_TRY(read_special(folder, "bos_token", 1, &draft->bos));
    TOKENIZER_TRY(read_special(folder, "eos_token", 1, &draft->eos));
    TOKENIZER_TRY(read_special(folder, "pad_token", 0, &draft->pad));
    TOKENIZER_TRY(read_special(folder, "unk_token", 0, &draft->unk));
    if (folder->file[TOKENIZER_JSON].root != NULL) draft->unk = model_unk; /* there only the model's counts */
    TOKENIZER_TRY(read_additional(folder, &folder->file[CONFIG_JSON]));
    TOKENIZER_TRY(read_additional(folder, &folder->file[SPECIAL_JSON]));
    TOKENIZER_TRY(read_option(folder, "add_bos_token", TOKENIZER_ADD_BOS));
    TOKENIZER_TRY(read_option(folder, "add_prefix_space", TOKENIZER_ADD_PREFIX_SPACE));
    if (!(draft->options & TOKENIZER_ADD_BOS) || draft->bos != TOKENIZER_NONE) return LASSIM_OK;
    return lassim_fail(folder->error, LASSIM_ERR_FILE, folder->file[CONFIG_JSON].path, "add_bos_token",
                       "true, but no bos_token is named");
}

static enum lassim_status build(struct folder *folder, uint32_t vocabulary, struct tokenizer_blob_out *blob)
{
    TOKENIZER_TRY(draft_begin(&folder->draft, vocabulary, folder->error));
    TOKENIZER_TRY(read_if_there(folder, TOKENIZER_JSON));
    TOKENIZER_TRY(read_if_there(folder, CONFIG_JSON));
    TOKENIZER_TRY(read_if_there(folder, SPECIAL_JSON));
    if (folder->file[TOKENIZER_JSON].root != NULL) {
        TOKENIZER_TRY(
            tokenizer_json_read(&folder->draft, folder->file[TOKENIZER_JSON].path, folder->file[TOKENIZER_JSON].root));
    } else {
        TOKENIZER_TRY(read_if_there(folder, VOCAB_JSON));
        TOKENIZER_TRY(read_if_there(folder, ADDED_JSON));
        TOKENIZER_TRY(read_vocabulary_files(folder));
    }
    TOKENIZER_TRY(read_specials(folder));
    return draft_finish(&folder->draft, folder->directory, blob);
}

enum lassim_status tokenizer_build(const char *directory, uint32_t vocabulary, struct tokenizer_blob_out *blob,
                                   struct lassim_error *error)
{
    struct folder folder = {.directory = directory, .error = error};
    enum lassim_status status = build(&folder, vocabulary, blob);
    draft_clear(&folder.draft);
    for (int i = 0; i < FOLDER_FILES; i++) {
        json_decref(folder.file[i].root);
        free(folder.file[i].path);
    }
    return status;
}
