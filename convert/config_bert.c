#include "convert/config_keys.h"

static const struct config_key keys[] = {
    {"vocab_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.vocabulary), 1, CONFIG_SIZE_MAX, NULL},
    {"hidden_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.hidden), 1, CONFIG_SIZE_MAX, NULL},
    {"intermediate_size", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.ffn), 1, CONFIG_SIZE_MAX, NULL},
    {"num_hidden_layers", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.layers), 1, CONFIG_LAYERS_MAX, NULL},
    {"num_attention_heads", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.heads), 1, CONFIG_SIZE_MAX, NULL},
    {"max_position_embeddings", CONFIG_INTEGER, JSON_REQUIRED, CONFIG_FIELD(model.positions), 1, CONFIG_SIZE_MAX, NULL},
    {"type_vocab_size", CONFIG_INTEGER, JSON_OPTIONAL, CONFIG_FIELD(model.token_types), 1, CONFIG_SIZE_MAX, NULL},
    {"layer_norm_eps", CONFIG_NUMBER, JSON_OPTIONAL, CONFIG_FIELD(model.norm_epsilon), 1e-12, 1, NULL},
    {"hidden_act", CONFIG_ACTIVATION, JSON_OPTIONAL, CONFIG_FIELD(model.activation), 0, 0, NULL},
    {"tie_word_embeddings", CONFIG_SWITCH, JSON_OPTIONAL, CONFIG_FIELD(model.tied), 0, 1, NULL},
    {"position_embedding_type", CONFIG_TEXT, JSON_OPTIONAL, .text = "absolute"},
    {"is_decoder", CONFIG_MUST, JSON_OPTIONAL, .low = 0},
    {"add_cross_attention", CONFIG_MUST, JSON_OPTIONAL, .low = 0},
};

/* What each class reads out; without a class, the hidden states. */
static const char *const architectures[] = {"BertModel", "BertForMaskedLM", "BertForPreTraining",
                                            "BertForSequenceClassification"};
static const enum head_kind heads[] = {HEAD_VALUES, HEAD_MASKED_LM, HEAD_MASKED_LM, HEAD_CLASSIFY};
enum { ARCHITECTURES = sizeof architectures / sizeof *architectures };

enum lassim_status config_bert(const struct config_reader *reader, struct checkpoint_config *config)
{
    struct model_config *model = &config->model;
    size_t architecture = 0;
    model->token_types = 2;
    model->activation = ACTIVATION_GELU_ERF;
    model->norm_epsilon = 1e-12;
    model->encoder = model->tied = 1;
    config->attention_bias = config->output_bias = config->ffn_bias = config->norm_affine = 1;
    enum lassim_status status = config_read_architecture(reader, architectures, ARCHITECTURES, &architecture);
    if (status == LASSIM_OK) status = config_read_keys(reader, keys, sizeof keys / sizeof *keys, config);
    if (status == LASSIM_OK) status = config_read_tokens(reader, -1, -1, 0, model);
    if (status != LASSIM_OK) return status;
    model->head = heads[architecture];
    model->tied = model->tied && model->head == HEAD_MASKED_LM;
    model->position_rows = model->positions;
    if (model->head == HEAD_MASKED_LM && model->activation == ACTIVATION_RELU)
        return lassim_fail(reader->error, LASSIM_ERR_FILE, reader->file, "hidden_act",
                           "\"relu\" is not supported with a masked-LM head, expected gelu, gelu_new, silu or "
                           "quick_gelu");
    return model->head == HEAD_CLASSIFY ? config_read_labels(reader, config) : LASSIM_OK;
}
