#include "convert/tokenizer_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/tokenizer_folder.h"
#include "convert/tokenizer_json.h"

static const char *const file_names[FOLDER_FILES] = {"tokenizer.json", "vocab.json", "added_tokens.json",
                                                     "tokenizer_config.json", "special_tokens_map.json"};

char *folder_path(const struct folder *folder, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", folder->directory, name) < 0 ? NULL : path;
}

int folder_has(const struct folder *folder, const char *name)
{
    char *path = folder_path(folder, name);
    int there = path != NULL && (access(path, F_OK) == 0 || errno != ENOENT);
    free(path);
    return there;
}

enum lassim_status folder_switch(const struct folder *folder, const char *key, int *on)
{
    const struct folder_file *config = &folder->file[CONFIG_JSON];
    if (config->root == NULL) return LASSIM_OK;
    return json_get_bool(config->path, config->root, key, JSON_OPTIONAL, on, folder->error);
}

/* Parses file `which` if it is there. */
static enum lassim_status read_if_there(struct folder *folder, int which)
{
    struct folder_file *file = &folder->file[which];
    if (!folder_has(folder, file_names[which])) return LASSIM_OK;
    file->path = folder_path(folder, file_names[which]);
    if (file->path == NULL) return draft_no_memory(&folder->draft);
    TOKENIZER_TRY(json_read_file(file->path, &file->root, folder->error));
    if (json_is_object(file->root)) return LASSIM_OK;
    return lassim_fail(folder->error, LASSIM_ERR_FILE, file->path, NULL, "expected an object, found %s",
                       json_type_name(file->root));
}

/* ---- special tokens ----------------------------------------------------------------------------- */

/* A special token is its string or an object with content.  Sets *id; a token that is nowhere gets
 * TOKENIZER_NONE, or is an error where it must be there. */
static enum lassim_status take_special(struct folder *folder, const struct folder_file *file, const char *key,
                                       const json_t *value, int must, uint32_t *id)
{
    const char *content = json_string_value(value);
    uint16_t flags = 0;
    if (content == NULL && !json_is_object(value))
        return lassim_fail(folder->error, LASSIM_ERR_FILE, file->path, key, "expected a string or an object, found %s",
                           json_type_name(value));
    if (content == NULL) {
        TOKENIZER_TRY(json_get_string(file->path, value, "content", JSON_REQUIRED, &content, folder->error));
        TOKENIZER_TRY(tokenizer_json_added_flags(file->path, value, &flags, folder->error));
    }
    *id = draft_find(&folder->draft, content);
    if (*id != TOKENIZER_NONE)
        return draft_added(&folder->draft, file->path, key, content, *id, (uint16_t)(flags | TOKEN_SPECIAL));
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

/* add_bos_token, add_eos_token and add_prefix_space, where the tokenizer's own file leaves them open. */
static enum lassim_status read_switches(struct folder *folder)
{
    struct tokenizer_draft *draft = &folder->draft;
    int add_bos = 0, add_eos = 0, prefix_space = 0;
    TOKENIZER_TRY(folder_switch(folder, "add_bos_token", &add_bos));
    TOKENIZER_TRY(folder_switch(folder, "add_eos_token", &add_eos));
    TOKENIZER_TRY(folder_switch(folder, "add_prefix_space", &prefix_space));
    draft_decide(&draft->decided.add_bos, add_bos);
    draft_decide(&draft->decided.add_eos, add_eos);
    if (draft->kind == TOKENIZER_BYTE_LEVEL && draft->decided.add_prefix_space < 0 && prefix_space)
        draft->prefix = TOKENIZER_SPACE_UNLESS;
    if (draft->single.count > 0) return LASSIM_OK; /* its template decides */
    const char *path = folder->file[CONFIG_JSON].path;
    if (draft->decided.add_bos > 0 && draft->bos == TOKENIZER_NONE)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, path, "add_bos_token", "true, but no bos_token is named");
    if (draft->decided.add_eos > 0 && draft->eos == TOKENIZER_NONE)
        return lassim_fail(folder->error, LASSIM_ERR_FILE, path, "add_eos_token", "true, but no eos_token is named");
    return LASSIM_OK;
}

static enum lassim_status read_specials(struct folder *folder)
{
    struct tokenizer_draft *draft = &folder->draft;
    uint32_t unk = draft->unk;
    /* Only vocab.json and merges.txt leave it to the configuration. */
    int unk_known = folder->file[TOKENIZER_JSON].root != NULL || draft->kind != TOKENIZER_BYTE_LEVEL;
    TOKENIZER_TRY(read_special(folder, "bos_token", draft->kind != TOKENIZER_WORDPIECE, &draft->bos));
    TOKENIZER_TRY(read_special(folder, "eos_token", draft->kind != TOKENIZER_WORDPIECE, &draft->eos));
    TOKENIZER_TRY(read_special(folder, "pad_token", 0, &draft->pad));
    TOKENIZER_TRY(read_special(folder, "unk_token", 0, &draft->unk));
    TOKENIZER_TRY(read_special(folder, "cls_token", 0, &draft->cls));
    TOKENIZER_TRY(read_special(folder, "sep_token", 0, &draft->sep));
    TOKENIZER_TRY(read_special(folder, "mask_token", 0, &draft->mask));
    if (unk_known) draft->unk = unk;
    TOKENIZER_TRY(read_additional(folder, &folder->file[CONFIG_JSON]));
    TOKENIZER_TRY(read_additional(folder, &folder->file[SPECIAL_JSON]));
    return read_switches(folder);
}

/* The first of tokenizer.json, tokenizer.model, vocab.json and vocab.txt that is there. */
static enum lassim_status read_vocabulary(struct folder *folder)
{
    const struct folder_file *file = &folder->file[TOKENIZER_JSON];
    TOKENIZER_TRY(read_if_there(folder, TOKENIZER_JSON));
    if (file->root != NULL) return tokenizer_json_read(&folder->draft, file->path, file->root);
    TOKENIZER_TRY(read_if_there(folder, ADDED_JSON));
    if (folder_has(folder, "tokenizer.model")) return folder_read_pieces(folder);
    TOKENIZER_TRY(read_if_there(folder, VOCAB_JSON));
    if (folder->file[VOCAB_JSON].root == NULL && folder_has(folder, "vocab.txt")) return folder_read_vocab_text(folder);
    return folder_read_vocab_json(folder);
}

static enum lassim_status build(struct folder *folder, uint32_t vocabulary, struct tokenizer_blob_out *blob)
{
    TOKENIZER_TRY(draft_begin(&folder->draft, vocabulary, folder->error));
    TOKENIZER_TRY(read_if_there(folder, CONFIG_JSON));
    TOKENIZER_TRY(read_if_there(folder, SPECIAL_JSON));
    TOKENIZER_TRY(read_vocabulary(folder));
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
