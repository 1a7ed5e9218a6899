#include "test/helpers/gguf_llama.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convert/gguf_config.h"

static const uint8_t zeros[4096];

/* The configuration of a draft, or NULL and the error. */
static json_t *gguf_config_of(struct gguf_draft *draft, struct lassim_error *error)
{
    struct gguf *gguf = NULL;
    json_t *json = NULL;
    struct bytes file = gguf_draft_finish(draft);
    if (gguf_open("c.gguf", file.data, file.size, &gguf, error) != LASSIM_OK) fail_msg("%s", error->text);
    enum lassim_status status = gguf_config(gguf, &json, error);
    assert_true((status == LASSIM_OK) == (json != NULL));
    if (status != LASSIM_OK) assert_refused(status, error, "c.gguf: ");
    gguf_close(gguf);
    bytes_clear(&file);
    return json;
}

void gguf_config_refuse(struct gguf_draft *draft, const char *part)
{
    struct lassim_error error = {0};
    assert_null(gguf_config_of(draft, &error));
    assert_refused(LASSIM_ERR_FILE, &error, part);
}

json_t *gguf_config_accept(struct gguf_draft *draft)
{
    struct lassim_error error;
    json_t *json = gguf_config_of(draft, &error);
    if (json == NULL) fail_msg("%s", error.text);
    return json;
}

void gguf_add_matrix(struct gguf_draft *draft, const char *name, uint64_t inner, uint64_t outer)
{
    const uint64_t dimension[] = {inner, outer};
    gguf_draft_tensor(draft, name, 2, dimension, 0, zeros, inner * outer * sizeof(float));
}

static const struct {
    const char *key;
    uint64_t value;
} llama_entries[] = {
    {"llama.context_length", 64},      {"llama.embedding_length", 8},     {"llama.block_count", 1},
    {"llama.feed_forward_length", 12}, {"llama.attention.head_count", 2},
};

/* A llama with what it must have, but for the entry `without` (or NULL). */
struct gguf_draft gguf_llama(const char *without)
{
    struct gguf_draft draft = {0};
    gguf_draft_text(&draft, "general.architecture", "llama");
    for (size_t i = 0; i < sizeof llama_entries / sizeof *llama_entries; i++)
        if (without == NULL || strcmp(without, llama_entries[i].key) != 0)
            gguf_draft_number(&draft, llama_entries[i].key, GGUF_UINT32, llama_entries[i].value);
    if (without == NULL || strcmp(without, "llama.attention.layer_norm_rms_epsilon") != 0)
        gguf_draft_float(&draft, "llama.attention.layer_norm_rms_epsilon", 0.25f);
    if (without == NULL || strcmp(without, "token_embd.weight") != 0)
        gguf_add_matrix(&draft, "token_embd.weight", 8, 20);
    if (without == NULL || strcmp(without, "blk.0.attn_q.weight") != 0)
        gguf_add_matrix(&draft, "blk.0.attn_q.weight", 8, 8);
    return draft;
}

void gguf_assert_json(json_t *json, const char *text)
{
    char *found = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(17));
    assert_string_equal(found, text);
    free(found);
    json_decref(json);
}
