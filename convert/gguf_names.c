#include "convert/gguf_names.h"

#include <stdio.h>
#include <string.h>

#include "convert/gguf_cursor.h"
#include "convert/gguf_metadata.h"

enum { HEADS_MAX = 1 << 20 };

/* How the file's tensor differs from Hugging Face's. */
enum difference {
    SAME = 0,
    QUERY_PAIRS, /* weight and bias: rows of a head lie as rotary pairs */
    KEY_PAIRS,
    TURNED, /* weight: [out, in] instead of [in, out] */
    WIDENED /* F32 where the checkpoint has the token embedding's type */
};

/* Names without ".weight" and ".bias"; '#' stands for a layer's number. */
struct tensor_rule {
    const char *gguf, *name;
    enum difference difference;
};

/* llama, and qwen2 but for the pairs. */
static const struct tensor_rule llama[] = {
    {"token_embd", "model.embed_tokens", SAME},
    {"blk.#.attn_norm", "model.layers.#.input_layernorm", SAME},
    {"blk.#.attn_q", "model.layers.#.self_attn.q_proj", QUERY_PAIRS},
    {"blk.#.attn_k", "model.layers.#.self_attn.k_proj", KEY_PAIRS},
    {"blk.#.attn_v", "model.layers.#.self_attn.v_proj", SAME},
    {"blk.#.attn_output", "model.layers.#.self_attn.o_proj", SAME},
    {"blk.#.ffn_norm", "model.layers.#.post_attention_layernorm", SAME},
    {"blk.#.ffn_gate", "model.layers.#.mlp.gate_proj", SAME},
    {"blk.#.ffn_up", "model.layers.#.mlp.up_proj", SAME},
    {"blk.#.ffn_down", "model.layers.#.mlp.down_proj", SAME},
    {"output_norm", "model.norm", SAME},
    {"output", "lm_head", SAME},
    {NULL, NULL, SAME},
};

static const struct tensor_rule gpt2[] = {
    {"token_embd", "transformer.wte", SAME},
    {"position_embd", "transformer.wpe", WIDENED},
    {"blk.#.attn_norm", "transformer.h.#.ln_1", SAME},
    {"blk.#.attn_qkv", "transformer.h.#.attn.c_attn", TURNED},
    {"blk.#.attn_output", "transformer.h.#.attn.c_proj", TURNED},
    {"blk.#.ffn_norm", "transformer.h.#.ln_2", SAME},
    {"blk.#.ffn_up", "transformer.h.#.mlp.c_fc", TURNED},
    {"blk.#.ffn_down", "transformer.h.#.mlp.c_proj", TURNED},
    {"output_norm", "transformer.ln_f", SAME},
    {"output", "lm_head", SAME},
    {NULL, NULL, SAME},
};

static const struct tensor_rule bert[] = {
    {"token_embd", "embeddings.word_embeddings", SAME},
    {"position_embd", "embeddings.position_embeddings", WIDENED},
    {"token_types", "embeddings.token_type_embeddings", WIDENED},
    {"token_embd_norm", "embeddings.LayerNorm", SAME},
    {"blk.#.attn_q", "encoder.layer.#.attention.self.query", SAME},
    {"blk.#.attn_k", "encoder.layer.#.attention.self.key", SAME},
    {"blk.#.attn_v", "encoder.layer.#.attention.self.value", SAME},
    {"blk.#.attn_output", "encoder.layer.#.attention.output.dense", SAME},
    {"blk.#.attn_output_norm", "encoder.layer.#.attention.output.LayerNorm", SAME},
    {"blk.#.ffn_up", "encoder.layer.#.intermediate.dense", SAME},
    {"blk.#.ffn_down", "encoder.layer.#.output.dense", SAME},
    {"blk.#.layer_output_norm", "encoder.layer.#.output.LayerNorm", SAME},
    {"cls", "pooler.dense", SAME},
    {"cls.output", "classifier", SAME},
    {NULL, NULL, SAME},
};

static const struct {
    const char *architecture;
    const struct tensor_rule *rules;
    int pairs; /* 0: the file keeps halves, as Hugging Face does */
} tables[] = {{"llama", llama, 1}, {"qwen2", llama, 0}, {"gpt2", gpt2, 0}, {"bert", bert, 0}};

struct lister {
    const struct gguf *gguf;
    const struct tensor_rule *rules; /* or NULL */
    int pairs;
    struct gguf_text architecture;
    enum weight_type embedding; /* the token embedding's type if it is not F32 */
    struct tensor_list *list;
    struct lassim_error *error;
};

/* --- names --- */

/* 1 if text is pattern, with digits where that has '#'; *layer: they. */
static int matches(struct gguf_text text, const char *pattern, struct gguf_text *layer)
{
    const char *at = text.data, *end = text.data + text.size;
    for (; *pattern != '\0'; pattern++) {
        if (*pattern != '#') {
            if (at == end || *at++ != *pattern) return 0;
            continue;
        }
        layer->data = at;
        while (at < end && *at >= '0' && *at <= '9') at++;
        layer->size = (uint64_t)(at - layer->data);
        if (layer->size == 0) return 0;
    }
    return at == end;
}

/* Replaces '#' in pattern by layer and appends suffix; the result has at most size - 1 bytes. */
static size_t spell(const char *pattern, struct gguf_text layer, struct gguf_text suffix, char *name, size_t size)
{
    const char *mark = strchr(pattern, '#');
    int before = mark != NULL ? (int)(mark - pattern) : (int)strlen(pattern);
    int length = snprintf(name, size, "%.*s%.*s%s%.*s", before, pattern, mark != NULL ? (int)layer.size : 0, layer.data,
                          mark != NULL ? mark + 1 : "", (int)suffix.size, suffix.data);
    LASSIM_INVARIANT(length > 0 && (size_t)length < size, "name of %d bytes", length);
    return (size_t)length;
}

/* Splits ".weight" or ".bias" off; 0 if the name ends in neither. */
static int split_name(struct gguf_text name, struct gguf_text *stem, struct gguf_text *suffix)
{
    static const char *const kinds[] = {".weight", ".bias"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size = strlen(kinds[i]);
        if (name.size <= size || memcmp(name.data + name.size - size, kinds[i], size) != 0) continue;
        *stem = (struct gguf_text){name.data, name.size - size};
        *suffix = (struct gguf_text){name.data + name.size - size, size};
        return 1;
    }
    return 0;
}

/* The rule of a tensor and its new name, or NULL and the file's name. */
static const struct tensor_rule *find_rule(const struct lister *lister, struct gguf_text name,
                                           char spelled[TENSOR_NAME_MAX + 1], size_t *length)
{
    struct gguf_text stem, suffix, layer = {"", 0};
    for (const struct tensor_rule *rule = lister->rules; rule != NULL && rule->gguf != NULL; rule++)
        if (split_name(name, &stem, &suffix) && matches(stem, rule->gguf, &layer)) {
            *length = spell(rule->name, layer, suffix, spelled, TENSOR_NAME_MAX + 1);
            return rule;
        }
    memcpy(spelled, name.data, name.size);
    spelled[name.size] = '\0';
    *length = (size_t)name.size;
    return NULL;
}

/* --- differences --- */

/* The view that puts rows of rotary pairs back into halves. */
static enum lassim_status put_back_pairs(const struct lister *lister, const char *key, struct checkpoint_tensor *tensor)
{
    char name[64];
    int64_t heads = 0;
    snprintf(name, sizeof name, "%.*s.attention.%s", (int)lister->architecture.size, lister->architecture.data, key);
    enum lassim_status status =
        gguf_get_integer(lister->gguf, name, GGUF_REQUIRED, 1, HEADS_MAX, &heads, lister->error);
    if (status != LASSIM_OK) return status;
    uint64_t rows = tensor->rank > 0 ? tensor->shape[0] : 0, in_head = rows / (uint64_t)heads;
    if (rows == 0 || rows % (uint64_t)heads != 0 || in_head % 2 != 0 || in_head > UINT32_MAX)
        return lassim_fail(lister->error, LASSIM_ERR_FILE, tensor->file, tensor->name,
                           "%llu rows, expected an even number for each of the %lld heads (%s)",
                           (unsigned long long)rows, (long long)heads, name);
    tensor->view.head_rows = (uint32_t)in_head;
    return LASSIM_OK;
}

static enum lassim_status put_back(const struct lister *lister, const struct tensor_rule *rule,
                                   struct checkpoint_tensor *tensor)
{
    static const char key_heads[] = "llama.attention.head_count_kv";
    int fewer = rule->difference == KEY_PAIRS && gguf_find_entry(lister->gguf, key_heads) != NULL;
    switch (rule->difference) {
    case QUERY_PAIRS:
    case KEY_PAIRS:
        if (!lister->pairs) return LASSIM_OK;
        return put_back_pairs(lister, fewer ? "head_count_kv" : "head_count", tensor);
    case TURNED:
        if (tensor->rank == 2) checkpoint_tensor_turn(tensor);
        return LASSIM_OK;
    case WIDENED: checkpoint_tensor_narrow(tensor, lister->embedding); return LASSIM_OK;
    default: return LASSIM_OK;
    }
}

/* --- tensors --- */

static void set_type(struct checkpoint_tensor *tensor, uint32_t type)
{
    const struct gguf_format *format = gguf_format(type);
    snprintf(tensor->dtype, sizeof tensor->dtype, "%s", format->name);
    tensor->blocks = format->widen != NULL ? format : NULL;
    tensor->readable =
        format->widen != NULL || type == GGUF_TENSOR_F32 || type == GGUF_TENSOR_F16 || type == GGUF_TENSOR_BF16;
    tensor->type = type == GGUF_TENSOR_F16 ? WEIGHT_F16 : type == GGUF_TENSOR_BF16 ? WEIGHT_BF16 : WEIGHT_F32;
}

static enum lassim_status list_tensor(const struct lister *lister, const struct gguf_tensor *from)
{
    char name[TENSOR_NAME_MAX + 1];
    size_t length;
    struct checkpoint_tensor tensor = {
        .name = name, .file = lister->gguf->file, .rank = from->rank, .elements = from->elements, .data = from->data};
    for (uint32_t i = 0; i < from->rank; i++) tensor.shape[i] = from->dimension[from->rank - 1 - i];
    set_type(&tensor, from->type);
    const struct tensor_rule *rule = find_rule(lister, from->name, name, &length);
    enum lassim_status status = rule == NULL || !tensor.readable ? LASSIM_OK : put_back(lister, rule, &tensor);
    return status == LASSIM_OK ? tensor_list_add(lister->list, &tensor, name, length, lister->error) : status;
}

enum lassim_status gguf_list_tensors(const struct gguf *gguf, struct tensor_list *list, struct lassim_error *error)
{
    struct lister lister = {.gguf = gguf, .embedding = WEIGHT_F32, .list = list, .error = error};
    enum lassim_status status = gguf_get_text(gguf, "general.architecture", GGUF_REQUIRED, &lister.architecture, error);
    for (size_t i = 0; i < sizeof tables / sizeof *tables && status == LASSIM_OK; i++)
        if (gguf_text_equal(lister.architecture, tables[i].architecture)) {
            lister.rules = tables[i].rules;
            lister.pairs = tables[i].pairs;
        }
    const struct gguf_tensor *embedding = gguf_find_tensor(gguf, "token_embd.weight");
    if (embedding != NULL && embedding->type == GGUF_TENSOR_F16) lister.embedding = WEIGHT_F16;
    if (embedding != NULL && embedding->type == GGUF_TENSOR_BF16) lister.embedding = WEIGHT_BF16;
    for (size_t i = 0; i < gguf->tensors && status == LASSIM_OK; i++) status = list_tensor(&lister, &gguf->tensor[i]);
    return status;
}
