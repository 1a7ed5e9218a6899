/* Llama, and its kin of the same graph: Mistral (no sliding window), Qwen2 (q, k and v have a bias). */
#include "convert/config_keys.h"

static const struct config_key shared_keys[] = {
    {"vocab_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.vocabulary), 1, CONFIG_SIZE_MAX, NULL},
    {"hidden_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.hidden), 1, CONFIG_SIZE_MAX, NULL},
    {"intermediate_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.ffn), 1, CONFIG_SIZE_MAX, NULL},
    {"num_hidden_layers", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.layers), 1, CONFIG_LAYERS_MAX, NULL},
    {"num_attention_heads", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.heads), 1, CONFIG_SIZE_MAX, NULL},
    {"num_key_value_heads", CONFIG_INTEGER, JSON_OPTIONAL, CONFIG_FIELD(model.kv_heads), 1, CONFIG_SIZE_MAX, NULL},
    {"head_dim", CONFIG_INTEGER, JSON_OPTIONAL, CONFIG_FIELD(model.head_dim), 1, CONFIG_SIZE_MAX, NULL},
    {"max_position_embeddings", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.positions), 1, CONFIG_SIZE_MAX, NULL},
    {"rms_norm_eps", CONFIG_NUMBER, JSON_OPTIONAL, CONFIG_FIELD(model.norm_epsilon), 1e-12, 1, NULL},
    {"hidden_act", CONFIG_ACTIVATION, JSON_OPTIONAL, CONFIG_FIELD(model.activation), 0, 0, NULL},
    {"tie_word_embeddings", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.tied), 0, 1, NULL},
};

static const struct config_key llama_keys[] = {
    {"attention_bias", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(attention_bias), 0, 1, NULL},
    {"mlp_bias", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(ffn_bias), 0, 1, NULL},
};

/* Which of them a family's defaults and heads are. */
struct kin {
    const char *architecture[2];
    uint32_t kv_heads; /* default; 0: as many as heads */
    int bos, eos;
};

static enum lassim_status read_shared(const struct config_reader *reader, const struct kin *kin,
                                      struct checkpoint_config *config)
{
    struct model_config *model = &config->model;
    size_t architecture;
    model->kv_heads = kin->kv_heads;
    model->norm_epsilon = 1e-6;
    model->activation = ACTIVATION_SILU;
    model->pre_norm = model->final_norm = model->gated = model->rotary = config->norm_affine = 1;
    model->norm_kind = NORM_RMS;
    enum lassim_status status = config_read_architecture(reader, kin->architecture, 2, &architecture);
    if (status == LASSIM_OK)
        status = config_read_keys(reader, shared_keys, sizeof shared_keys / sizeof *shared_keys, config);
    if (status == LASSIM_OK) status = config_read_tokens(reader, kin->bos, kin->eos, -1, model);
    if (status != LASSIM_OK) return status;
    if (model->activation == ACTIVATION_RELU)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "hidden_act",
                           "\"relu\" is not supported in a gated FFN, expected silu, gelu, gelu_new or quick_gelu");
    return config_read_rotary(reader, config);
}

/* A window narrower than the context changes what a token sees. */
static enum lassim_status refuse_window(const struct config_reader *reader, const struct checkpoint_config *config,
                                        int64_t otherwise)
{
    int64_t window = otherwise;
    const json_t *value = json_object_get(reader->object, "sliding_window");
    if (json_is_null(value)) return LASSIM_OK;
    enum lassim_status status = json_get_integer(reader->file, reader->object, "sliding_window", JSON_OPTIONAL, 1,
                                                 INT64_MAX, &window, reader->error);
    if (status != LASSIM_OK || window >= (int64_t)config->model.positions) return status;
    return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "sliding_window",
                       "%s%lld is not supported, expected null or at least max_position_embeddings %u",
                       value == NULL ? "absent, and its default of " : "", (long long)window, config->model.positions);
}

enum lassim_status config_llama(const struct config_reader *reader, struct checkpoint_config *config)
{
    const struct kin kin = {{"LlamaForCausalLM", "LlamaModel"}, 0, 1, 2};
    enum lassim_status status = read_shared(reader, &kin, config);
    if (status == LASSIM_OK)
        status = config_read_keys(reader, llama_keys, sizeof llama_keys / sizeof *llama_keys, config);
    config->output_bias = config->attention_bias;
    return status;
}

enum lassim_status config_mistral(const struct config_reader *reader, struct checkpoint_config *config)
{
    const struct kin kin = {{"MistralForCausalLM", "MistralModel"}, 8, 1, 2};
    enum lassim_status status = read_shared(reader, &kin, config);
    return status == LASSIM_OK ? refuse_window(reader, config, 4096) : status;
}

enum lassim_status config_qwen2(const struct config_reader *reader, struct checkpoint_config *config)
{
    const struct kin kin = {{"Qwen2ForCausalLM", "Qwen2Model"}, 32, -1, -1};
    static const struct config_key window = {"use_sliding_window", CONFIG_MUST, JSON_OPTIONAL, .low = 0};
    config->attention_bias = 1;
    enum lassim_status status = config_read_keys(reader, &window, 1, config);
    return status == LASSIM_OK ? read_shared(reader, &kin, config) : status;
}
