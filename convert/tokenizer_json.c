#include "convert/tokenizer_json.h"

#include <stdio.h>
#include <string.h>

#include "convert/tokenizer_stages.h"

enum lassim_status tokenizer_json_added_flags(const char *file, const json_t *object, uint16_t *flags,
                                              struct lassim_error *error)
{
    int special = 0, left = 0, right = 0, single = 0;
    TOKENIZER_TRY(json_get_bool(file, object, "special", JSON_OPTIONAL, &special, error));
    int normalized = !special;
    TOKENIZER_TRY(json_get_bool(file, object, "normalized", JSON_OPTIONAL, &normalized, error));
    TOKENIZER_TRY(json_get_bool(file, object, "lstrip", JSON_OPTIONAL, &left, error));
    TOKENIZER_TRY(json_get_bool(file, object, "rstrip", JSON_OPTIONAL, &right, error));
    TOKENIZER_TRY(json_get_bool(file, object, "single_word", JSON_OPTIONAL, &single, error));
    *flags = (uint16_t)((special ? TOKEN_SPECIAL : 0) | (left ? TOKEN_LSTRIP : 0) | (right ? TOKEN_RSTRIP : 0) |
                        (normalized ? TOKEN_NORMALIZED : 0) | (single ? TOKEN_SINGLE_WORD : 0));
    return LASSIM_OK;
}

static enum lassim_status read_added(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    const json_t *list = NULL;
    TOKENIZER_TRY(json_get_array(file, root, "added_tokens", JSON_OPTIONAL, &list, draft->error));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *object = json_array_get(list, i);
        const char *content;
        int64_t id;
        uint16_t flags;
        TOKENIZER_TRY(json_get_string(file, object, "content", JSON_REQUIRED, &content, draft->error));
        TOKENIZER_TRY(json_get_integer(file, object, "id", JSON_REQUIRED, 0, draft->vocabulary - 1, &id, draft->error));
        TOKENIZER_TRY(tokenizer_json_added_flags(file, object, &flags, draft->error));
        TOKENIZER_TRY(draft_added(draft, file, "added_tokens", content, id, flags));
    }
    return LASSIM_OK;
}

/* "a b", or ["a", "b"]. */
static enum lassim_status read_merge(struct tokenizer_draft *draft, const char *file, const char *place,
                                     const json_t *merge)
{
    if (json_is_array(merge) && json_array_size(merge) == 2 && json_is_string(json_array_get(merge, 0)) &&
        json_is_string(json_array_get(merge, 1))) {
        const char *left = json_string_value(json_array_get(merge, 0));
        const char *right = json_string_value(json_array_get(merge, 1));
        return draft_merge(draft, file, place, left, strlen(left), right, strlen(right));
    }
    const char *text = json_is_string(merge) ? json_string_value(merge) : "";
    const char *space = strchr(text, ' ');
    if (space == NULL || strchr(space + 1, ' ') != NULL)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, place,
                           "expected \"left right\" or [\"left\", \"right\"]");
    return draft_merge(draft, file, place, text, (size_t)(space - text), space + 1, strlen(space + 1));
}

static enum lassim_status read_merges(struct tokenizer_draft *draft, const char *file, const json_t *model)
{
    const json_t *list = NULL;
    TOKENIZER_TRY(json_get_array(file, model, "merges", JSON_REQUIRED, &list, draft->error));
    for (size_t i = 0; i < json_array_size(list); i++) {
        char place[48];
        snprintf(place, sizeof place, "model.merges[%zu]", i);
        TOKENIZER_TRY(read_merge(draft, file, place, json_array_get(list, i)));
    }
    return LASSIM_OK;
}

static enum lassim_status read_switch(struct tokenizer_draft *draft, const char *file, const json_t *model,
                                      const char *key, enum tokenizer_kind kind, uint32_t flag)
{
    int on = 0;
    TOKENIZER_TRY(json_get_bool(file, model, key, JSON_OPTIONAL, &on, draft->error));
    if (on && kind != draft->kind)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, key, "expected false with this pre_tokenizer");
    if (on) draft->options |= flag;
    return LASSIM_OK;
}

/* Settings of a BPE model; those that are not known must be off. */
static enum lassim_status read_settings(struct tokenizer_draft *draft, const char *file, const json_t *model)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    double dropout = 0;
    TOKENIZER_TRY(json_get_number(file, model, "dropout", JSON_OPTIONAL, &dropout, draft->error));
    if (dropout != 0) return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "model.dropout", "expected 0 or null");
    for (int i = 0; i < 2; i++) {
        const char *affix = "";
        TOKENIZER_TRY(json_get_string(file, model, affixes[i], JSON_OPTIONAL, &affix, draft->error));
        if (*affix != '\0')
            return lassim_fail(draft->error, LASSIM_ERR_FILE, file, affixes[i],
                               "expected \"\" or null, found \"%.48s\"", affix);
    }
    TOKENIZER_TRY(read_switch(draft, file, model, "byte_fallback", TOKENIZER_SENTENCEPIECE, TOKENIZER_BYTE_FALLBACK));
    TOKENIZER_TRY(read_switch(draft, file, model, "ignore_merges", TOKENIZER_BYTE_LEVEL, TOKENIZER_IGNORE_MERGES));
    return read_switch(draft, file, model, "fuse_unk", draft->kind, TOKENIZER_FUSE_UNK);
}

static enum lassim_status read_wordpiece(struct tokenizer_draft *draft, const char *file, const json_t *model)
{
    const char *prefix = "##";
    int64_t most = 100; /* the defaults of tokenizers */
    TOKENIZER_TRY(json_get_string(file, model, "continuing_subword_prefix", JSON_OPTIONAL, &prefix, draft->error));
    if (strcmp(prefix, "##") != 0)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "continuing_subword_prefix",
                           "expected \"##\", found \"%.48s\"", prefix);
    TOKENIZER_TRY(json_get_integer(file, model, "max_input_chars_per_word", JSON_OPTIONAL, 1, TOKENIZER_WORD_MAX, &most,
                                   draft->error));
    draft->word_max = (uint32_t)most;
    return LASSIM_OK;
}

static enum lassim_status read_unk(struct tokenizer_draft *draft, const char *file, const json_t *model)
{
    const char *unk = NULL;
    enum json_need need = draft->kind == TOKENIZER_WORDPIECE ? JSON_REQUIRED : JSON_OPTIONAL;
    TOKENIZER_TRY(json_get_string(file, model, "unk_token", need, &unk, draft->error));
    if (unk == NULL) return LASSIM_OK;
    draft->unk = draft_find(draft, unk);
    if (draft->unk != TOKENIZER_NONE) return LASSIM_OK;
    return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "model.unk_token", "\"%.48s\" is not in the vocabulary",
                       unk);
}

static enum lassim_status read_model(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    const json_t *model = NULL, *vocabulary = NULL;
    int wordpiece = draft->kind == TOKENIZER_WORDPIECE;
    TOKENIZER_TRY(json_get_object(file, root, "model", JSON_REQUIRED, &model, draft->error));
    TOKENIZER_TRY(wordpiece ? read_wordpiece(draft, file, model) : read_settings(draft, file, model));
    TOKENIZER_TRY(json_get_object(file, model, "vocab", JSON_REQUIRED, &vocabulary, draft->error));
    TOKENIZER_TRY(draft_announce_base(draft, json_object_get(model, "vocab")));
    TOKENIZER_TRY(read_added(draft, file, root));
    TOKENIZER_TRY(draft_base(draft, file, "model.vocab"));
    if (!wordpiece) TOKENIZER_TRY(read_merges(draft, file, model));
    return read_unk(draft, file, model);
}

enum lassim_status tokenizer_json_read(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    TOKENIZER_TRY(tokenizer_stages_read(draft, file, root));
    TOKENIZER_TRY(read_model(draft, file, root));
    return tokenizer_processor_read(draft, file, root);
}
