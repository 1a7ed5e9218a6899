#include "convert/gguf_config.h"

#include <stdio.h>
#include <string.h>

#include "convert/gguf_blocks.h"
#include "convert/gguf_metadata.h"

enum { KEY_SIZE = 128, ARCHITECTURE_MAX = 40, NUMBER_MAX = 1 << 30, ROPE_FACTORS_MAX = 1 << 16 };

struct builder {
    const struct gguf *gguf;
    char architecture[ARCHITECTURE_MAX + 1];
    json_t *json;
    struct lassim_error *error;
};

enum number_kind { INTEGER, REAL };

/* An entry "ARCHITECTURE.gguf" and the key it has in config.json. */
struct number_rule {
    const char *gguf, *key;
    enum number_kind kind;
    enum gguf_need need;
};

static const struct number_rule llama_numbers[] = {
    {"context_length", "max_position_embeddings", INTEGER, GGUF_REQUIRED},
    {"embedding_length", "hidden_size", INTEGER, GGUF_REQUIRED},
    {"block_count", "num_hidden_layers", INTEGER, GGUF_REQUIRED},
    {"feed_forward_length", "intermediate_size", INTEGER, GGUF_REQUIRED},
    {"attention.head_count", "num_attention_heads", INTEGER, GGUF_REQUIRED},
    {"attention.head_count_kv", "num_key_value_heads", INTEGER, GGUF_OPTIONAL},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", REAL, GGUF_REQUIRED},
    {"rope.freq_base", "rope_theta", REAL, GGUF_OPTIONAL},
    {NULL, NULL, INTEGER, GGUF_OPTIONAL},
};

static const struct number_rule gpt2_numbers[] = {
    {"context_length", "n_positions", INTEGER, GGUF_REQUIRED},
    {"embedding_length", "n_embd", INTEGER, GGUF_REQUIRED},
    {"block_count", "n_layer", INTEGER, GGUF_REQUIRED},
    {"feed_forward_length", "n_inner", INTEGER, GGUF_REQUIRED},
    {"attention.head_count", "n_head", INTEGER, GGUF_REQUIRED},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon", REAL, GGUF_REQUIRED},
    {NULL, NULL, INTEGER, GGUF_OPTIONAL},
};

static const struct number_rule bert_numbers[] = {
    {"context_length", "max_position_embeddings", INTEGER, GGUF_REQUIRED},
    {"embedding_length", "hidden_size", INTEGER, GGUF_REQUIRED},
    {"block_count", "num_hidden_layers", INTEGER, GGUF_REQUIRED},
    {"feed_forward_length", "intermediate_size", INTEGER, GGUF_REQUIRED},
    {"attention.head_count", "num_attention_heads", INTEGER, GGUF_REQUIRED},
    {"attention.layer_norm_epsilon", "layer_norm_eps", REAL, GGUF_REQUIRED},
    {NULL, NULL, INTEGER, GGUF_OPTIONAL},
};

static const struct number_rule tokenizer_numbers[] = {
    {"tokenizer.ggml.bos_token_id", "bos_token_id", INTEGER, GGUF_OPTIONAL},
    {"tokenizer.ggml.eos_token_id", "eos_token_id", INTEGER, GGUF_OPTIONAL},
    {"tokenizer.ggml.padding_token_id", "pad_token_id", INTEGER, GGUF_OPTIONAL},
    {NULL, NULL, INTEGER, GGUF_OPTIONAL},
};

static enum lassim_status no_memory(const struct builder *builder)
{
    return lassim_fail(builder->error, LASSIM_ERR_RUN, builder->gguf->file, NULL, "no memory for its configuration");
}

/* Puts value, which may be NULL for want of memory, under key. */
static enum lassim_status put(const struct builder *builder, json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0 ? LASSIM_OK : no_memory(builder);
}

/* --- entries --- */

/* "ARCHITECTURE.name" */
static const char *full_key(const struct builder *builder, const char *name, char key[KEY_SIZE])
{
    snprintf(key, KEY_SIZE, "%s.%s", builder->architecture, name);
    return key;
}

/* An entry as JSON, or *value stays NULL. */
static enum lassim_status number(const struct builder *builder, const char *entry, enum number_kind kind,
                                 enum gguf_need need, json_t **value)
{
    int64_t integer = 0;
    double real = 0;
    if (need == GGUF_OPTIONAL && gguf_find_entry(builder->gguf, entry) == NULL) return LASSIM_OK;
    enum lassim_status status =
        kind == INTEGER ? gguf_get_integer(builder->gguf, entry, need, 0, NUMBER_MAX, &integer, builder->error)
                        : gguf_get_number(builder->gguf, entry, need, &real, builder->error);
    if (status != LASSIM_OK) return status;
    *value = kind == INTEGER ? json_integer(integer) : json_real(real);
    return *value == NULL ? no_memory(builder) : LASSIM_OK;
}

static enum lassim_status put_number(const struct builder *builder, json_t *object, const char *entry,
                                     const struct number_rule *rule)
{
    json_t *value = NULL;
    enum lassim_status status = number(builder, entry, rule->kind, rule->need, &value);
    return value == NULL ? status : put(builder, object, rule->key, value);
}

/* prefixed: entries are the architecture's. */
static enum lassim_status put_numbers(const struct builder *builder, const struct number_rule *rule, int prefixed)
{
    enum lassim_status status = LASSIM_OK;
    for (; rule->gguf != NULL && status == LASSIM_OK; rule++) {
        char key[KEY_SIZE];
        status = put_number(builder, builder->json, prefixed ? full_key(builder, rule->gguf, key) : rule->gguf, rule);
    }
    return status;
}

/* An integer entry of the architecture; *value stays if it is absent. */
static enum lassim_status optional_integer(const struct builder *builder, const char *name, int64_t *value)
{
    char key[KEY_SIZE];
    return gguf_get_integer(builder->gguf, full_key(builder, name, key), GGUF_OPTIONAL, 0, NUMBER_MAX, value,
                            builder->error);
}

/* --- tensors --- */

/* Size of dimension `from the outermost` of a matrix in the file. */
static enum lassim_status rows_of(const struct builder *builder, const char *name, int64_t *rows)
{
    const struct gguf_tensor *tensor = gguf_find_tensor(builder->gguf, name);
    if (tensor == NULL)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name, "tensor missing");
    if (tensor->rank != 2 || tensor->dimension[1] < 1 || tensor->dimension[1] > NUMBER_MAX)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name,
                           "%u dimensions, expected a matrix of 1 to %d rows", tensor->rank, NUMBER_MAX);
    *rows = (int64_t)tensor->dimension[1];
    return LASSIM_OK;
}

static int has_tensor(const struct builder *builder, const char *name)
{
    return gguf_find_tensor(builder->gguf, name) != NULL;
}

/* key: the rows of a matrix. */
static enum lassim_status put_rows(const struct builder *builder, const char *key, const char *tensor)
{
    int64_t rows = 0;
    enum lassim_status status = rows_of(builder, tensor, &rows);
    return status == LASSIM_OK ? put(builder, builder->json, key, json_integer(rows)) : status;
}

/* What every family has: kind, vocabulary, ids, whether the head is the embedding. */
static enum lassim_status put_common(const struct builder *builder, const char *type, const char *class)
{
    enum lassim_status status = put(builder, builder->json, "model_type", json_string(type));
    if (status == LASSIM_OK) status = put(builder, builder->json, "architectures", json_pack("[s]", class));
    if (status == LASSIM_OK) status = put_rows(builder, "vocab_size", "token_embd.weight");
    if (status == LASSIM_OK) status = put_numbers(builder, tokenizer_numbers, 0);
    if (status != LASSIM_OK) return status;
    return put(builder, builder->json, "tie_word_embeddings", json_boolean(!has_tensor(builder, "output.weight")));
}

/* --- rotary positions --- */

/* An entry that must be absent or 1: scaling that the converter does not do. */
static enum lassim_status only_one(const struct builder *builder, const char *name)
{
    char key[KEY_SIZE];
    double value = 1;
    enum lassim_status status =
        gguf_get_number(builder->gguf, full_key(builder, name, key), GGUF_OPTIONAL, &value, builder->error);
    if (status != LASSIM_OK || value == 1) return status;
    return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, key, "%g is not supported, expected 1",
                       value);
}

/* Scaling of the kind named, with all that belongs to it. */
static enum lassim_status put_named_scaling(const struct builder *builder, struct gguf_text kind, json_t *scaling)
{
    static const struct number_rule rules[] = {
        {"rope.scaling.factor", "factor", REAL, GGUF_OPTIONAL},
        {"rope.scaling.original_context_length", "original_max_position_embeddings", INTEGER, GGUF_OPTIONAL},
        {"rope.scaling.yarn_beta_fast", "beta_fast", REAL, GGUF_OPTIONAL},
        {"rope.scaling.yarn_beta_slow", "beta_slow", REAL, GGUF_OPTIONAL},
    };
    static const char *const ones[] = {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor",
                                       "rope.scaling.yarn_ext_factor"};
    json_t *type = json_stringn(kind.data, kind.size);
    if (type == NULL)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, "rope.scaling.type",
                           "expected a name in UTF-8");
    enum lassim_status status = put(builder, scaling, "rope_type", type);
    for (size_t i = 0; i < sizeof ones / sizeof *ones && status == LASSIM_OK; i++) status = only_one(builder, ones[i]);
    for (size_t i = 0; i < sizeof rules / sizeof *rules && status == LASSIM_OK; i++) {
        char key[KEY_SIZE];
        status = put_number(builder, scaling, full_key(builder, rules[i].gguf, key), &rules[i]);
    }
    return status;
}

/* rope_scaling: null, or the kind and its numbers; rope.scale_linear is the linear kind's old entry. */
static enum lassim_status put_scaling(const struct builder *builder)
{
    static const struct number_rule old = {"rope.scale_linear", "factor", REAL, GGUF_REQUIRED};
    char key[KEY_SIZE], old_key[KEY_SIZE];
    struct gguf_text kind = {"none", 4};
    enum lassim_status status =
        gguf_get_text(builder->gguf, full_key(builder, "rope.scaling.type", key), GGUF_OPTIONAL, &kind, builder->error);
    if (status != LASSIM_OK) return status;
    int is_old = gguf_find_entry(builder->gguf, key) == NULL &&
                 gguf_find_entry(builder->gguf, full_key(builder, old.gguf, old_key)) != NULL;
    if (gguf_text_equal(kind, "none") && !is_old) return put(builder, builder->json, "rope_scaling", json_null());
    json_t *scaling = json_object();
    status = put(builder, builder->json, "rope_scaling", scaling);
    if (status != LASSIM_OK) return status;
    if (!is_old) return put_named_scaling(builder, kind, scaling);
    status = put(builder, scaling, "rope_type", json_string("linear"));
    return status == LASSIM_OK ? put_number(builder, scaling, old_key, &old) : status;
}

/* lassim_rope_factors from rope_freqs.weight. */
static enum lassim_status put_factors(const struct builder *builder, int64_t head_dim)
{
    static const char name[] = "rope_freqs.weight";
    const struct gguf_tensor *tensor = gguf_find_tensor(builder->gguf, name);
    if (tensor == NULL) return LASSIM_OK;
    if (tensor->type != GGUF_TENSOR_F32 || tensor->elements != (uint64_t)head_dim / 2)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name,
                           "%llu elements of type %s, expected %lld of F32: half a head",
                           (unsigned long long)tensor->elements, gguf_format(tensor->type)->name,
                           (long long)head_dim / 2);
    json_t *factors = json_array();
    for (uint64_t i = 0; i < tensor->elements; i++) {
        float factor;
        memcpy(&factor, tensor->data + i * sizeof factor, sizeof factor);
        if (!(factor > 0 && factor <= 0x1p64f)) {
            json_decref(factors);
            return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, name,
                               "element %llu is %g, expected factors above 0", (unsigned long long)i, (double)factor);
        }
        if (json_array_append_new(factors, json_real((double)factor)) != 0) {
            json_decref(factors);
            return no_memory(builder);
        }
    }
    return put(builder, builder->json, "lassim_rope_factors", factors);
}

/* --- families --- */

/* head_dim, which must be the size that turns, that of values, and that of the rows of q. */
static enum lassim_status put_head_dim(const struct builder *builder)
{
    static const char *const sizes[] = {"attention.value_length", "rope.dimension_count"};
    char key[KEY_SIZE];
    int64_t heads = 0, rows = 0, length = 0;
    enum lassim_status status = gguf_get_integer(builder->gguf, full_key(builder, "attention.head_count", key),
                                                 GGUF_REQUIRED, 1, NUMBER_MAX, &heads, builder->error);
    if (status == LASSIM_OK) status = rows_of(builder, "blk.0.attn_q.weight", &rows);
    length = rows / heads;
    if (status == LASSIM_OK) status = optional_integer(builder, "attention.key_length", &length);
    if (status != LASSIM_OK) return status;
    if (length > ROPE_FACTORS_MAX || length * heads != rows)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, "blk.0.attn_q.weight",
                           "%lld rows, expected %lld heads of one size", (long long)rows, (long long)heads);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int64_t size = length;
        status = optional_integer(builder, sizes[i], &size);
        if (status != LASSIM_OK) return status;
        if (size != length)
            return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, full_key(builder, sizes[i], key),
                               "%lld is not supported, expected the size of a head, %lld", (long long)size,
                               (long long)length);
    }
    status = put(builder, builder->json, "head_dim", json_integer(length));
    return status == LASSIM_OK ? put_factors(builder, length) : status;
}

static enum lassim_status put_llama(const struct builder *builder)
{
    int64_t experts = 0, window = 0;
    int qwen = strcmp(builder->architecture, "qwen2") == 0;
    enum lassim_status status = optional_integer(builder, "expert_count", &experts);
    if (status == LASSIM_OK) status = optional_integer(builder, "attention.sliding_window", &window);
    if (status != LASSIM_OK) return status;
    const char *type = experts > 0 ? "mixtral" : window > 0 && !qwen ? "mistral" : builder->architecture;
    status = put_common(builder, type, qwen ? "Qwen2ForCausalLM" : "LlamaForCausalLM");
    if (status == LASSIM_OK) status = put_numbers(builder, llama_numbers, 1);
    if (status == LASSIM_OK) status = put_head_dim(builder);
    if (status == LASSIM_OK) status = put_scaling(builder);
    if (status == LASSIM_OK && window > 0) status = put(builder, builder->json, "sliding_window", json_integer(window));
    if (status == LASSIM_OK && qwen)
        status = put(builder, builder->json, "use_sliding_window", json_boolean(window > 0));
    if (status == LASSIM_OK) status = put(builder, builder->json, "hidden_act", json_string("silu"));
    if (status != LASSIM_OK || qwen) return status;
    status = put(builder, builder->json, "attention_bias", json_boolean(has_tensor(builder, "blk.0.attn_q.bias")));
    if (status != LASSIM_OK) return status;
    return put(builder, builder->json, "mlp_bias", json_boolean(has_tensor(builder, "blk.0.ffn_up.bias")));
}

static enum lassim_status put_gpt2(const struct builder *builder)
{
    enum lassim_status status = put_common(builder, "gpt2", "GPT2LMHeadModel");
    if (status == LASSIM_OK) status = put_numbers(builder, gpt2_numbers, 1);
    return status == LASSIM_OK ? put(builder, builder->json, "activation_function", json_string("gelu_new")) : status;
}

static enum lassim_status put_pooling(const struct builder *builder)
{
    static const char *const names[] = {"none", "mean", "cls", "last", "rank"};
    char key[KEY_SIZE];
    int64_t kind = 0;
    full_key(builder, "pooling_type", key);
    if (gguf_find_entry(builder->gguf, key) == NULL) return LASSIM_OK;
    enum lassim_status status =
        gguf_get_integer(builder->gguf, key, GGUF_REQUIRED, 0, sizeof names / sizeof *names - 1, &kind, builder->error);
    return status == LASSIM_OK ? put(builder, builder->json, "lassim_pooling", json_string(names[kind])) : status;
}

static enum lassim_status put_bert(const struct builder *builder)
{
    int classifies = has_tensor(builder, "cls.output.weight");
    enum lassim_status status = put_common(builder, "bert", classifies ? "BertForSequenceClassification" : "BertModel");
    if (status == LASSIM_OK) status = put_numbers(builder, bert_numbers, 1);
    if (status == LASSIM_OK) status = put_rows(builder, "type_vocab_size", "token_types.weight");
    if (status == LASSIM_OK) status = put(builder, builder->json, "hidden_act", json_string("gelu"));
    if (status == LASSIM_OK && classifies) status = put_rows(builder, "num_labels", "cls.output.weight");
    return status == LASSIM_OK ? put_pooling(builder) : status;
}

/* general.architecture: a short name of letters, digits, '-', '_' and '.'. */
static enum lassim_status read_architecture(struct builder *builder)
{
    static const char key[] = "general.architecture";
    struct gguf_text name = {"", 0};
    enum lassim_status status = gguf_get_text(builder->gguf, key, GGUF_REQUIRED, &name, builder->error);
    if (status != LASSIM_OK) return status;
    int plain = name.size > 0 && name.size <= ARCHITECTURE_MAX;
    for (uint64_t i = 0; i < name.size && plain; i++)
        plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", name.data[i]) != NULL &&
                name.data[i] != '\0';
    if (!plain)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, key,
                           "expected a name of 1 to %d letters, digits, -, _ and .", ARCHITECTURE_MAX);
    memcpy(builder->architecture, name.data, name.size);
    return LASSIM_OK;
}

static enum lassim_status build(const struct builder *builder)
{
    static const struct {
        const char *architecture;
        enum lassim_status (*put)(const struct builder *builder);
    } families[] = {{"llama", put_llama}, {"qwen2", put_llama}, {"gpt2", put_gpt2}, {"bert", put_bert}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(builder->architecture, families[i].architecture) == 0) return families[i].put(builder);
    return put(builder, builder->json, "model_type", json_string(builder->architecture));
}

enum lassim_status gguf_config(const struct gguf *gguf, json_t **json, struct lassim_error *error)
{
    struct builder builder = {.gguf = gguf, .json = json_object(), .error = error};
    *json = NULL;
    if (builder.json == NULL) return no_memory(&builder);
    enum lassim_status status = read_architecture(&builder);
    if (status == LASSIM_OK) status = build(&builder);
    if (status == LASSIM_OK)
        *json = builder.json;
    else
        json_decref(builder.json);
    return status;
}
