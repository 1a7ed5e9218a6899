#include "convert/config_keys.h"

enum { POSITION_OFFSET = 2 };
static const double norm_epsilon = 1e-5; /* torch.nn.LayerNorm's default, which OPT does not change */

static const struct config_key keys[] = {
    {"vocab_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.vocabulary), 1, CONFIG_SIZE_MAX, NULL},
    {"hidden_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.hidden), 1, CONFIG_SIZE_MAX, NULL},
    {"ffn_dim", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.ffn), 1, CONFIG_SIZE_MAX, NULL},
    {"num_hidden_layers", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.layers), 1, CONFIG_LAYERS_MAX, NULL},
    {"num_attention_heads", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.heads), 1, CONFIG_SIZE_MAX, NULL},
    {"max_position_embeddings", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.positions), 1,
     CONFIG_SIZE_MAX - POSITION_OFFSET, NULL},
    {"word_embed_proj_dim", CONFIG_INTEGER, JSON_OPTIONAL, CONFIG_FIELD(model.embedding), 1, CONFIG_SIZE_MAX, NULL},
    {"activation_function", CONFIG_TEXT, JSON_OPTIONAL, .text = "relu"},
    {"do_layer_norm_before", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.pre_norm), 0, 1, NULL},
    {"enable_bias", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(attention_bias), 0, 1, NULL},
    {"layer_norm_elementwise_affine", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(norm_affine), 0, 1, NULL},
    {"tie_word_embeddings", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.tied), 0, 1, NULL},
};

enum lassim_status config_opt(const struct config_reader *reader, struct checkpoint_config *config)
{
    struct model_config *model = &config->model;
    const struct config_key removed = {
        "_remove_final_layer_norm", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.final_norm), 0, 1, NULL};
    model->norm_epsilon = norm_epsilon;
    model->pre_norm = model->tied = config->attention_bias = config->norm_affine = 1;
    enum lassim_status status = config_read_keys(reader, keys, sizeof keys / sizeof *keys, config);
    if (status == LASSIM_OK) status = config_read_keys(reader, &removed, 1, config);
    if (status != LASSIM_OK) return status;
    if (model->hidden % model->heads != 0)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "num_attention_heads",
                           "%u, expected a divisor of hidden_size %u", model->heads, model->hidden);
    model->final_norm = model->pre_norm && !model->final_norm;
    model->position_offset = POSITION_OFFSET;
    model->position_rows = model->positions + POSITION_OFFSET;
    if (model->embedding == 0) model->embedding = model->hidden;
    config->output_bias = config->ffn_bias = config->attention_bias;
    return config_read_tokens(reader, 2, 2, 1, model);
}
