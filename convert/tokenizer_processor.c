/* post_processor of a tokenizer.json -> the draft's templates. */
#include <string.h>

#include "convert/tokenizer_stages.h"

#define FAIL(draft, ...) lassim_fail((draft)->error, LASSIM_ERR_FILE, file, "post_processor", __VA_ARGS__)

static enum lassim_status add_item(struct tokenizer_draft *draft, const char *file, struct template *template,
                                   uint32_t id, int64_t type)
{
    if (template->count == TOKENIZER_ITEMS_MAX)
        return FAIL(draft, "expected at most %d items in a template", TOKENIZER_ITEMS_MAX);
    template->item[template->count++] = (struct template_item){id, (uint8_t)type};
    return LASSIM_OK;
}

/* {"id": "A" or "B", "type_id": 0} */
static enum lassim_status add_sequence(struct tokenizer_draft *draft, const char *file, struct template *template,
                                       const json_t *item, int64_t type)
{
    const char *name = "A";
    TOKENIZER_TRY(json_get_string(file, item, "id", JSON_OPTIONAL, &name, draft->error));
    if (strcmp(name, "A") != 0 && strcmp(name, "B") != 0)
        return FAIL(draft, "expected the text \"A\" or \"B\", found \"%.48s\"", name);
    return add_item(draft, file, template, *name == 'A' ? TOKENIZER_TEXT_A : TOKENIZER_TEXT_B, type);
}

/* {"id": "[CLS]", "type_id": 0}; special_tokens says which ids that is. */
static enum lassim_status add_special(struct tokenizer_draft *draft, const char *file, struct template *template,
                                      const json_t *item, const json_t *specials, int64_t type)
{
    const char *name = NULL;
    TOKENIZER_TRY(json_get_string(file, item, "id", JSON_REQUIRED, &name, draft->error));
    const json_t *ids = json_object_get(json_object_get(specials, name), "ids");
    for (size_t i = 0; i < json_array_size(ids); i++) {
        json_int_t id = json_integer_value(json_array_get(ids, i));
        if (!json_is_integer(json_array_get(ids, i)) || id < 0 || id >= (json_int_t)draft->vocabulary)
            return FAIL(draft, "\"%.48s\": expected ids in 0 .. %u", name, draft->vocabulary - 1);
        TOKENIZER_TRY(add_item(draft, file, template, (uint32_t)id, type));
    }
    if (json_array_size(ids) > 0) return LASSIM_OK;
    uint32_t id = draft_find(draft, name);
    if (id == TOKENIZER_NONE) return FAIL(draft, "\"%.48s\" is not in the vocabulary", name);
    return add_item(draft, file, template, id, type);
}

static enum lassim_status read_items(struct tokenizer_draft *draft, const char *file, const json_t *processor,
                                     const char *key, struct template *template)
{
    const json_t *list = NULL, *specials = NULL;
    TOKENIZER_TRY(json_get_array(file, processor, key, JSON_REQUIRED, &list, draft->error));
    TOKENIZER_TRY(json_get_object(file, processor, "special_tokens", JSON_OPTIONAL, &specials, draft->error));
    template->count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *outer = json_array_get(list, i), *text = json_object_get(outer, "Sequence");
        const json_t *item = text != NULL ? text : json_object_get(outer, "SpecialToken");
        int64_t type = 0;
        if (!json_is_object(item)) return FAIL(draft, "expected \"Sequence\" or \"SpecialToken\" in %s", key);
        TOKENIZER_TRY(json_get_integer(file, item, "type_id", JSON_OPTIONAL, 0, 255, &type, draft->error));
        TOKENIZER_TRY(text != NULL ? add_sequence(draft, file, template, item, type)
                                   : add_special(draft, file, template, item, specials, type));
    }
    return template->count > 0 ? LASSIM_OK : FAIL(draft, "expected a text in %s", key);
}

static enum lassim_status read_template(struct tokenizer_draft *draft, const char *file, const json_t *processor)
{
    TOKENIZER_TRY(read_items(draft, file, processor, "single", &draft->single));
    return json_object_get(processor, "pair") == NULL ? LASSIM_OK
                                                      : read_items(draft, file, processor, "pair", &draft->pair);
}

/* "cls": ["[CLS]", 101] */
static enum lassim_status read_named(struct tokenizer_draft *draft, const char *file, const json_t *processor,
                                     const char *key, uint32_t *id)
{
    const json_t *value = json_array_get(json_object_get(processor, key), 1);
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) >= (json_int_t)draft->vocabulary)
        return FAIL(draft, "%s: expected a token and its id in 0 .. %u", key, draft->vocabulary - 1);
    *id = (uint32_t)json_integer_value(value);
    return LASSIM_OK;
}

/* cls A sep, and for a pair B sep (BERT: of type 1) or sep B sep (RoBERTa: all of type 0). */
static enum lassim_status read_fixed(struct tokenizer_draft *draft, const char *file, const json_t *processor,
                                     int roberta)
{
    uint32_t cls = 0, sep = 0;
    uint8_t second = roberta ? 0 : 1;
    TOKENIZER_TRY(read_named(draft, file, processor, "cls", &cls));
    TOKENIZER_TRY(read_named(draft, file, processor, "sep", &sep));
    draft->single = (struct template){{{cls, 0}, {TOKENIZER_TEXT_A, 0}, {sep, 0}}, 3};
    draft->pair = draft->single;
    if (roberta) TOKENIZER_TRY(add_item(draft, file, &draft->pair, sep, 0));
    TOKENIZER_TRY(add_item(draft, file, &draft->pair, TOKENIZER_TEXT_B, second));
    return add_item(draft, file, &draft->pair, sep, second);
}

static enum lassim_status read_processor(struct tokenizer_draft *draft, const char *file, const json_t *processor,
                                         int nested)
{
    const char *type = NULL;
    TOKENIZER_TRY(json_get_string(file, processor, "type", JSON_REQUIRED, &type, draft->error));
    if (strcmp(type, "ByteLevel") == 0) return LASSIM_OK; /* concerns offsets only */
    if (strcmp(type, "TemplateProcessing") == 0) return read_template(draft, file, processor);
    if (strcmp(type, "BertProcessing") == 0) return read_fixed(draft, file, processor, 0);
    if (strcmp(type, "RobertaProcessing") == 0) return read_fixed(draft, file, processor, 1);
    const json_t *list = json_object_get(processor, "processors");
    if (nested || strcmp(type, "Sequence") != 0 || !json_is_array(list))
        return FAIL(
            draft,
            "expected \"TemplateProcessing\", \"BertProcessing\", \"RobertaProcessing\" or \"ByteLevel\", found "
            "\"%.48s\"",
            type);
    for (size_t i = 0; i < json_array_size(list); i++)
        TOKENIZER_TRY(read_processor(draft, file, json_array_get(list, i), 1));
    return LASSIM_OK;
}

enum lassim_status tokenizer_processor_read(struct tokenizer_draft *draft, const char *file, const json_t *root)
{
    const json_t *processor = NULL;
    TOKENIZER_TRY(json_get_object(file, root, "post_processor", JSON_OPTIONAL, &processor, draft->error));
    if (processor == NULL) return LASSIM_OK;
    TOKENIZER_TRY(read_processor(draft, file, processor, 0));
    uint32_t first = draft->single.count > 1 ? draft->single.item[0].id : TOKENIZER_TEXT_A;
    uint32_t last = draft->single.count > 1 ? draft->single.item[draft->single.count - 1].id : TOKENIZER_TEXT_A;
    int front = first != TOKENIZER_TEXT_A, behind = last != TOKENIZER_TEXT_A;
    if (draft->kind != TOKENIZER_WORDPIECE) {
        if (front) draft->bos = first;
        return LASSIM_OK;
    }
    if (front) draft->cls = first;
    if (behind) draft->sep = last;
    return LASSIM_OK;
}
