#include "convert/tokenizer_json.h"

#include <stdio.h>
#include <string.h>

enum lassim_status tokenizer_json_added_flags(const char *file, const json_t *object, uint8_t *flags,
                                              struct lassim_error *error)
{
    int special = 0, left = 0, right = 0, single = 0;
    TOKENIZER_TRY(json_get_bool(file, object, "special", JSON_OPTIONAL, &special, error));
    int normalized = !special;
    TOKENIZER_TRY(json_get_bool(file, object, "normalized", JSON_OPTIONAL, &normalized, error));
    TOKENIZER_TRY(json_get_bool(file, object, "lstrip", JSON_OPTIONAL, &left, error));
    TOKENIZER_TRY(json_get_bool(file, object, "rstrip", JSON_OPTIONAL, &right, error));
    TOKENIZER_TRY(json_get_bool(file, object, "single_word", JSON_OPTIONAL, &single, error));
    if (single)
        return lassim_fail(error, LASSIM_ERR_FILE, file, "single_word",
                           "expected false: such added tokens are not supported");
    *flags = (uint8_t)((special ? TOKEN_SPECIAL : 0) | (left ? TOKEN_LSTRIP : 0) | (right ? TOKEN_RSTRIP : 0) |
                       (normalized ? TOKEN_NORMALIZED : 0));
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
        uint8_t flags;
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

/* The settings of a BPE model that would change its result must be off. */
static enum lassim_status check_model(const struct tokenizer_draft *draft, const char *file, const json_t *model)
{
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    static const char *const switches[] = {"byte_fallback", "ignore_merges", "fuse_unk"};
    const char *type = "BPE";
    double dropout = 0;
    TOKENIZER_TRY(json_get_string(file, model, "type", JSON_OPTIONAL, &type, draft->error));
    if (strcmp(type, "BPE") != 0)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "model.type", "expected \"BPE\", found \"%.48s\"",
                           type);
    TOKENIZER_TRY(json_get_number(file, model, "dropout", JSON_OPTIONAL, &dropout, draft->error));
    if (dropout != 0) return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "model.dropout", "expected 0 or null");
    for (int i = 0; i < 2; i++) {
        const char *affix = "";
        TOKENIZER_TRY(json_get_string(file, model, affixes[i], JSON_OPTIONAL, &affix, draft->error));
        if (*affix != '\0')
            return lassim_fail(draft->error, LASSIM_ERR_FILE, file, affixes[i],
                               "expected \"\" or null, found \"%.48s\"", affix);
    }
    for (int i = 0; i < 3; i++) {
        int on = 0;
        TOKENIZER_TRY(json_get_bool(file, model, switches[i], JSON_OPTIONAL, &on, draft->error));
        if (on) return lassim_fail(draft->error, LASSIM_ERR_FILE, file, switches[i], "expected false");
    }
    return LASSIM_OK;
}

static enum lassim_status read_model(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    const json_t *model = NULL, *vocabulary = NULL;
    const char *unk = NULL;
    TOKENIZER_TRY(json_get_object(file, root, "model", JSON_REQUIRED, &model, draft->error));
    TOKENIZER_TRY(check_model(draft, file, model));
    TOKENIZER_TRY(json_get_object(file, model, "vocab", JSON_REQUIRED, &vocabulary, draft->error));
    draft_announce_base(draft, json_object_get(model, "vocab"));
    TOKENIZER_TRY(read_added(draft, file, root));
    TOKENIZER_TRY(draft_base(draft, file, "model.vocab"));
    TOKENIZER_TRY(read_merges(draft, file, model));
    TOKENIZER_TRY(json_get_string(file, model, "unk_token", JSON_OPTIONAL, &unk, draft->error));
    if (unk == NULL) return LASSIM_OK;
    draft->unk = draft_find(draft, unk);
    if (draft->unk != TOKENIZER_NONE) return LASSIM_OK;
    return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "model.unk_token", "\"%.48s\" is not in the vocabulary",
                       unk);
}

/* Sets *type to "nothing" for null, else to the stage's type; a Sequence of one is that one. */
static enum lassim_status stage_type(const struct tokenizer_draft *draft, const char *file, const char *list,
                                     const json_t **stage, const char **type)
{
    *type = "nothing";
    if (*stage == NULL) return LASSIM_OK;
    TOKENIZER_TRY(json_get_string(file, *stage, "type", JSON_REQUIRED, type, draft->error));
    const json_t *inner = json_object_get(*stage, list);
    if (strcmp(*type, "Sequence") != 0 || json_array_size(inner) != 1) return LASSIM_OK;
    *stage = json_array_get(inner, 0);
    return json_get_string(file, *stage, "type", JSON_REQUIRED, type, draft->error);
}

/* The stage `key` must be of type ByteLevel. */
static enum lassim_status require_byte_level(const struct tokenizer_draft *draft, const char *file, const json_t *root,
                                             const char *key, const char *list, const json_t **stage)
{
    const char *type;
    *stage = NULL;
    TOKENIZER_TRY(json_get_object(file, root, key, JSON_OPTIONAL, stage, draft->error));
    TOKENIZER_TRY(stage_type(draft, file, list, stage, &type));
    if (strcmp(type, "ByteLevel") == 0) return LASSIM_OK;
    return lassim_fail(draft->error, LASSIM_ERR_FILE, file, key,
                       "expected byte-level BPE's \"ByteLevel\", found \"%.48s\"", type);
}

static enum lassim_status read_stages(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    const json_t *stage = NULL;
    const char *type;
    TOKENIZER_TRY(json_get_object(file, root, "normalizer", JSON_OPTIONAL, &stage, draft->error));
    TOKENIZER_TRY(stage_type(draft, file, "normalizers", &stage, &type));
    if (stage != NULL)
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "normalizer", "expected null, found \"%.48s\"", type);
    TOKENIZER_TRY(require_byte_level(draft, file, root, "decoder", "decoders", &stage));
    TOKENIZER_TRY(require_byte_level(draft, file, root, "pre_tokenizer", "pretokenizers", &stage));
    int prefix = 1, pattern = 1; /* the defaults of tokenizers' ByteLevel */
    TOKENIZER_TRY(json_get_bool(file, stage, "use_regex", JSON_OPTIONAL, &pattern, draft->error));
    if (!pattern) return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "pre_tokenizer", "expected use_regex true");
    TOKENIZER_TRY(json_get_bool(file, stage, "add_prefix_space", JSON_OPTIONAL, &prefix, draft->error));
    draft_option(draft, TOKENIZER_ADD_PREFIX_SPACE, prefix);
    return LASSIM_OK;
}

/* A template of the text alone, or of one special token and the text: that token is bos. */
static enum lassim_status read_template(struct tokenizer_draft *draft, const char *file, const json_t *processor)
{
    const json_t *single = NULL;
    TOKENIZER_TRY(json_get_array(file, processor, "single", JSON_REQUIRED, &single, draft->error));
    size_t count = json_array_size(single);
    const char *bos =
        json_string_value(json_object_get(json_object_get(json_array_get(single, 0), "SpecialToken"), "id"));
    if (count < 1 || count > 2 || json_object_get(json_array_get(single, count - 1), "Sequence") == NULL ||
        (count == 2) != (bos != NULL))
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "post_processor",
                           "expected a template of at most one special token and then the text");
    draft_option(draft, TOKENIZER_ADD_BOS, count == 2);
    if (bos == NULL) return LASSIM_OK;
    draft->bos = draft_find(draft, bos);
    if (draft->bos != TOKENIZER_NONE) return LASSIM_OK;
    return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "post_processor", "\"%.48s\" is not in the vocabulary",
                       bos);
}

static enum lassim_status read_processor(struct tokenizer_draft *draft, const char *file, const json_t *processor,
                                         int nested)
{
    const char *type = NULL;
    TOKENIZER_TRY(json_get_string(file, processor, "type", JSON_REQUIRED, &type, draft->error));
    if (strcmp(type, "ByteLevel") == 0) return LASSIM_OK; /* concerns offsets only */
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(draft, file, processor);
    const json_t *list = json_object_get(processor, "processors");
    if (nested || strcmp(type, "Sequence") != 0 || !json_is_array(list))
        return lassim_fail(draft->error, LASSIM_ERR_FILE, file, "post_processor",
                           "expected \"ByteLevel\" or \"TemplateProcessing\", found \"%.48s\"", type);
    for (size_t i = 0; i < json_array_size(list); i++)
        TOKENIZER_TRY(read_processor(draft, file, json_array_get(list, i), 1));
    return LASSIM_OK;
}

enum lassim_status tokenizer_json_read(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    const json_t *processor = NULL;
    TOKENIZER_TRY(read_stages(draft, file, root));
    TOKENIZER_TRY(read_model(draft, file, root));
    TOKENIZER_TRY(json_get_object(file, root, "post_processor", JSON_OPTIONAL, &processor, draft->error));
    return processor == NULL ? LASSIM_OK : read_processor(draft, file, processor, 0);
}
