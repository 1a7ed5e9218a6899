#include "convert/config_keys.h"

static const struct config_key keys[] = {
    {"vocab_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.vocabulary), 1, CONFIG_SIZE_MAX, NULL},
    {"n_embd", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.hidden), 1, CONFIG_SIZE_MAX, NULL},
    {"n_layer", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.layers), 1, CONFIG_LAYERS_MAX, NULL},
    {"n_head", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.heads), 1, CONFIG_SIZE_MAX, NULL},
    {"n_positions", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.positions), 1, CONFIG_SIZE_MAX, NULL},
    {"n_inner", CONFIG_INTEGER, JSON_OPTIONAL, CONFIG_FIELD(model.ffn), 1, CONFIG_SIZE_MAX, NULL},
    {"activation_function", CONFIG_ACTIVATION, JSON_OPTIONAL, CONFIG_FIELD(model.activation), 0, 0, NULL},
    {"layer_norm_epsilon", CONFIG_NUMBER, JSON_OPTIONAL, CONFIG_FIELD(model.norm_epsilon), 1e-12, 1, NULL},
    {"scale_attn_by_inverse_layer_idx", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.score_by_layer), 0, 1, NULL},
    {"tie_word_embeddings", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.tied), 0, 1, NULL},
    {"add_cross_attention", CONFIG_MUST, JSON_OPTIONAL, .low = 0},
};

enum lassim_status config_gpt2(const struct config_reader *reader, struct checkpoint_config *config)
{
    static const char *const architectures[] = {"GPT2LMHeadModel", "GPT2Model"};
    struct model_config *model = &config->model;
    size_t architecture;
    int scaled = 1;
    model->activation = ACTIVATION_GELU_TANH;
    model->norm_epsilon = 1e-5;
    model->pre_norm = model->final_norm = model->tied = 1;
    config->attention_bias = config->output_bias = config->ffn_bias = config->norm_affine = 1;
    enum lassim_status status = config_read_architecture(reader, architectures, 2, &architecture);
    if (status == LASSIM_OK) status = config_read_keys(reader, keys, sizeof keys / sizeof *keys, config);
    if (status == LASSIM_OK) status = config_read_tokens(reader, 50256, 50256, -1, model);
    if (status == LASSIM_OK)
        status =
            json_get_bool(reader->file, reader->object, "scale_attn_weights", JSON_OPTIONAL, &scaled, reader->error);
    if (status != LASSIM_OK) return status;
    if (!scaled) model->score_scale = 1; /* else 1 / sqrt(head_dim) */
    if (model->ffn == 0) model->ffn = 4 * model->hidden;
    model->position_rows = model->positions;
    return LASSIM_OK;
}
