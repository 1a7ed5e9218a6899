#include "convert/gguf_config.h"

#include <string.h>

#include "convert/gguf_json.h"
#include "convert/gguf_rotary.h"

static const struct gguf_number llama_numbers[] = {
    {"context_length", "max_position_embeddings", GGUF_INTEGER, GGUF_REQUIRED},
    {"embedding_length", "hidden_size", GGUF_INTEGER, GGUF_REQUIRED},
    {"block_count", "num_hidden_layers", GGUF_INTEGER, GGUF_REQUIRED},
    {"feed_forward_length", "intermediate_size", GGUF_INTEGER, GGUF_REQUIRED},
    {"attention.head_count", "num_attention_heads", GGUF_INTEGER, GGUF_REQUIRED},
    {"attention.head_count_kv", "num_key_value_heads", GGUF_INTEGER, GGUF_OPTIONAL},
    {"attention.layer_norm_rms_epsilon", "rms_norm_eps", GGUF_REAL, GGUF_REQUIRED},
    {"rope.freq_base", "rope_theta", GGUF_REAL, GGUF_OPTIONAL},
    {NULL, NULL, GGUF_INTEGER, GGUF_OPTIONAL},
};

static const struct gguf_number gpt2_numbers[] = {
    {"context_length", "n_positions", GGUF_INTEGER, GGUF_REQUIRED},
    {"embedding_length", "n_embd", GGUF_INTEGER, GGUF_REQUIRED},
    {"block_count", "n_layer", GGUF_INTEGER, GGUF_REQUIRED},
    {"feed_forward_length", "n_inner", GGUF_INTEGER, GGUF_REQUIRED},
    {"attention.head_count", "n_head", GGUF_INTEGER, GGUF_REQUIRED},
    {"attention.layer_norm_epsilon", "layer_norm_epsilon", GGUF_REAL, GGUF_REQUIRED},
    {NULL, NULL, GGUF_INTEGER, GGUF_OPTIONAL},
};

static const struct gguf_number bert_numbers[] = {
    {"context_length", "max_position_embeddings", GGUF_INTEGER, GGUF_REQUIRED},
    {"embedding_length", "hidden_size", GGUF_INTEGER, GGUF_REQUIRED},
    {"block_count", "num_hidden_layers", GGUF_INTEGER, GGUF_REQUIRED},
    {"feed_forward_length", "intermediate_size", GGUF_INTEGER, GGUF_REQUIRED},
    {"attention.head_count", "num_attention_heads", GGUF_INTEGER, GGUF_REQUIRED},
    {"attention.layer_norm_epsilon", "layer_norm_eps", GGUF_REAL, GGUF_REQUIRED},
    {NULL, NULL, GGUF_INTEGER, GGUF_OPTIONAL},
};

/* Encoders' configurations have only the padding: [CLS] and [SEP], which a GGUF calls bos and eos, are the
 * tokenizer's. */
static const struct gguf_number tokenizer_numbers[] = {
    {"tokenizer.ggml.bos_token_id", "bos_token_id", GGUF_INTEGER, GGUF_OPTIONAL},
    {"tokenizer.ggml.eos_token_id", "eos_token_id", GGUF_INTEGER, GGUF_OPTIONAL},
    {"tokenizer.ggml.padding_token_id", "pad_token_id", GGUF_INTEGER, GGUF_OPTIONAL},
    {NULL, NULL, GGUF_INTEGER, GGUF_OPTIONAL},
};
enum { ENCODER_NUMBERS = 2 /* index of the first that encoders have */ };

/* What every family has: kind, vocabulary, ids, whether the head is the embedding. */
static enum lassim_status put_common(const struct gguf_json *builder, const char *type, const char *class)
{
    enum lassim_status status = gguf_json_put(builder, builder->json, "model_type", json_string(type));
    if (status == LASSIM_OK) status = gguf_json_put(builder, builder->json, "architectures", json_pack("[s]", class));
    if (status == LASSIM_OK) status = gguf_json_rows(builder, "vocab_size", "token_embd.weight");
    int encoder = strcmp(type, "bert") == 0;
    if (status == LASSIM_OK)
        status = gguf_json_numbers(builder, tokenizer_numbers + (encoder ? ENCODER_NUMBERS : 0), 0);
    if (status != LASSIM_OK) return status;
    return gguf_json_put(builder, builder->json, "tie_word_embeddings",
                         json_boolean(!gguf_json_has_tensor(builder, "output.weight")));
}

/* --- families --- */

static enum lassim_status put_llama(const struct gguf_json *builder)
{
    int64_t experts = 0, window = 0;
    int qwen = strcmp(builder->architecture, "qwen2") == 0;
    enum lassim_status status = gguf_json_optional(builder, "expert_count", &experts);
    if (status == LASSIM_OK) status = gguf_json_optional(builder, "attention.sliding_window", &window);
    if (status != LASSIM_OK) return status;
    const char *type = experts > 0 ? "mixtral" : window > 0 && !qwen ? "mistral" : builder->architecture;
    status = put_common(builder, type,
                        qwen                           ? "Qwen2ForCausalLM"
                        : strcmp(type, "mistral") == 0 ? "MistralForCausalLM"
                                                       : "LlamaForCausalLM");
    if (status == LASSIM_OK) status = gguf_json_numbers(builder, llama_numbers, 1);
    if (status == LASSIM_OK) status = gguf_rotary_heads(builder);
    if (status == LASSIM_OK) status = gguf_rotary_scaling(builder);
    if (status == LASSIM_OK && window > 0)
        status = gguf_json_put(builder, builder->json, "sliding_window", json_integer(window));
    if (status == LASSIM_OK && qwen)
        status = gguf_json_put(builder, builder->json, "use_sliding_window", json_boolean(window > 0));
    if (status == LASSIM_OK) status = gguf_json_put(builder, builder->json, "hidden_act", json_string("silu"));
    if (status != LASSIM_OK || qwen) return status;
    status = gguf_json_put(builder, builder->json, "attention_bias",
                           json_boolean(gguf_json_has_tensor(builder, "blk.0.attn_q.bias")));
    if (status != LASSIM_OK) return status;
    return gguf_json_put(builder, builder->json, "mlp_bias",
                         json_boolean(gguf_json_has_tensor(builder, "blk.0.ffn_up.bias")));
}

static enum lassim_status put_gpt2(const struct gguf_json *builder)
{
    enum lassim_status status = put_common(builder, "gpt2", "GPT2LMHeadModel");
    if (status == LASSIM_OK) status = gguf_json_numbers(builder, gpt2_numbers, 1);
    return status == LASSIM_OK ? gguf_json_put(builder, builder->json, "activation_function", json_string("gelu_new"))
                               : status;
}

static enum lassim_status put_pooling(const struct gguf_json *builder)
{
    static const char *const names[] = {"none", "mean", "cls", "last", "rank"};
    char key[GGUF_JSON_KEY];
    int64_t kind = 0;
    gguf_json_key(builder, "pooling_type", key);
    if (gguf_find_entry(builder->gguf, key) == NULL) return LASSIM_OK;
    enum lassim_status status =
        gguf_get_integer(builder->gguf, key, GGUF_REQUIRED, 0, sizeof names / sizeof *names - 1, &kind, builder->error);
    return status == LASSIM_OK ? gguf_json_put(builder, builder->json, "lassim_pooling", json_string(names[kind]))
                               : status;
}

static enum lassim_status put_bert(const struct gguf_json *builder)
{
    int classifies = gguf_json_has_tensor(builder, "cls.output.weight");
    enum lassim_status status = put_common(builder, "bert", classifies ? "BertForSequenceClassification" : "BertModel");
    if (status == LASSIM_OK) status = gguf_json_numbers(builder, bert_numbers, 1);
    if (status == LASSIM_OK) status = gguf_json_rows(builder, "type_vocab_size", "token_types.weight");
    if (status == LASSIM_OK) status = gguf_json_put(builder, builder->json, "hidden_act", json_string("gelu"));
    if (status == LASSIM_OK && classifies) status = gguf_json_rows(builder, "num_labels", "cls.output.weight");
    return status == LASSIM_OK ? put_pooling(builder) : status;
}

/* general.architecture: a short name of letters, digits, '-', '_' and '.'. */
static enum lassim_status read_architecture(struct gguf_json *builder)
{
    static const char key[] = "general.architecture";
    struct gguf_text name = {"", 0};
    enum lassim_status status = gguf_get_text(builder->gguf, key, GGUF_REQUIRED, &name, builder->error);
    if (status != LASSIM_OK) return status;
    int plain = name.size > 0 && name.size <= GGUF_ARCHITECTURE_MAX;
    for (uint64_t i = 0; i < name.size && plain; i++)
        plain = strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", name.data[i]) != NULL &&
                name.data[i] != '\0';
    if (!plain)
        return lassim_fail(builder->error, LASSIM_ERR_FILE, builder->gguf->file, key,
                           "expected a name of 1 to %d letters, digits, -, _ and .", GGUF_ARCHITECTURE_MAX);
    memcpy(builder->architecture, name.data, name.size);
    return LASSIM_OK;
}

static enum lassim_status build(const struct gguf_json *builder)
{
    static const struct {
        const char *architecture;
        enum lassim_status (*put)(const struct gguf_json *builder);
    } families[] = {{"llama", put_llama}, {"qwen2", put_llama}, {"gpt2", put_gpt2}, {"bert", put_bert}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(builder->architecture, families[i].architecture) == 0) return families[i].put(builder);
    return gguf_json_put(builder, builder->json, "model_type", json_string(builder->architecture));
}

enum lassim_status gguf_config(const struct gguf *gguf, json_t **json, struct lassim_error *error)
{
    struct gguf_json builder = {.gguf = gguf, .json = json_object(), .error = error};
    *json = NULL;
    if (builder.json == NULL) return gguf_json_no_memory(&builder);
    enum lassim_status status = read_architecture(&builder);
    if (status == LASSIM_OK) status = build(&builder);
    if (status == LASSIM_OK)
        *json = builder.json;
    else
        json_decref(builder.json);
    return status;
}
