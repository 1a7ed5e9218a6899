#include "convert/tokenizer_draft.h"

#include <stdlib.h>
#include <string.h>

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> 8 * i);
}

/* ---- templates ---------------------------------------------------------------------------------- */

static void add_item(struct template *template, uint32_t id, uint8_t type)
{
    template->item[template->count++] = (struct template_item){id, type};
}

/* bos, text, eos as far as they are wanted. */
static void add_text(const struct tokenizer_draft *draft, struct template *template, uint32_t text, uint8_t type)
{
    if (draft->decided.add_bos > 0 && draft->bos != TOKENIZER_NONE) add_item(template, draft->bos, type);
    add_item(template, text, type);
    if (draft->decided.add_eos > 0 && draft->eos != TOKENIZER_NONE) add_item(template, draft->eos, type);
}

/* Where no file has a template: what the options say. */
static void make_templates(struct tokenizer_draft *draft)
{
    if (draft->single.count > 0) return;
    add_text(draft, &draft->single, TOKENIZER_TEXT_A, 0);
    add_text(draft, &draft->pair, TOKENIZER_TEXT_A, 0);
    add_text(draft, &draft->pair, TOKENIZER_TEXT_B, 1);
}

/* ---- the blob ----------------------------------------------------------------------------------- */

static uint8_t *put_header(const struct tokenizer_draft *draft, uint32_t string_bytes, uint8_t *data)
{
    const uint32_t fields[] = {TOKENIZER_VERSION,   draft->kind,      draft->vocabulary, (uint32_t)draft->merges,
                               string_bytes,        draft->options,   draft->pattern,    draft->prefix,
                               draft->word_max,     draft->bos,       draft->eos,        draft->pad,
                               draft->unk,          draft->cls,       draft->sep,        draft->mask,
                               draft->single.count, draft->pair.count};
    static const char magic[8] = TOKENIZER_MAGIC; /* without its terminator */
    _Static_assert(sizeof fields + sizeof magic == TOKENIZER_HEADER_BYTES, "the header's fields");
    memcpy(data, magic, sizeof magic);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) put_u32(data + 8 + 4 * i, fields[i]);
    data += TOKENIZER_HEADER_BYTES;
    const struct template *templates[2] = {&draft->single, &draft->pair};
    for (int i = 0; i < 2; i++)
        for (uint32_t item = 0; item < templates[i]->count; item++, data += TOKENIZER_ITEM_BYTES) {
            put_u32(data, templates[i]->item[item].id);
            put_u32(data + 4, templates[i]->item[item].type);
        }
    return data;
}

static void put_sections(const struct tokenizer_draft *draft, uint8_t *offsets)
{
    size_t vocabulary = draft->vocabulary;
    uint8_t *flags = offsets + 4 * (vocabulary + 1), *merges = flags + 2 * vocabulary;
    uint8_t *strings = merges + TOKENIZER_MERGE_BYTES * draft->merges;
    uint32_t at = 0;
    put_u32(offsets, 0);
    for (size_t id = 0; id < vocabulary; id++) {
        const struct draft_token *token = &draft->token[id];
        if (token->length > 0) memcpy(strings + at, token->bytes, token->length);
        at += token->length;
        put_u32(offsets + 4 * id + 4, at);
        flags[2 * id] = (uint8_t)token->flags;
        flags[2 * id + 1] = (uint8_t)(token->flags >> 8);
    }
    for (size_t i = 0; i < draft->merges; i++) {
        const struct merge *merge = &draft->merge[i];
        const uint32_t fields[4] = {merge->left, merge->right, merge->result, merge->rank};
        for (size_t field = 0; field < 4; field++)
            put_u32(merges + TOKENIZER_MERGE_BYTES * i + 4 * field, fields[field]);
    }
}

enum lassim_status draft_finish(struct tokenizer_draft *draft, const char *name, struct tokenizer_blob_out *blob)
{
    size_t string_bytes = 0; /* files are far below 2^30 bytes, and so are their strings */
    make_templates(draft);
    for (uint32_t id = 0; id < draft->vocabulary; id++) string_bytes += draft->token[id].length;
    size_t size = TOKENIZER_HEADER_BYTES + TOKENIZER_ITEM_BYTES * ((size_t)draft->single.count + draft->pair.count) +
                  6 * (size_t)draft->vocabulary + 4 + TOKENIZER_MERGE_BYTES * draft->merges + string_bytes;
    uint8_t *data = malloc(size);
    if (data == NULL) return draft_no_memory(draft);
    put_sections(draft, put_header(draft, (uint32_t)string_bytes, data));
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
