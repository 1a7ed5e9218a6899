#include "convert/tensor_names.h"

static const char *const prefixes[] = {"model.decoder.", "decoder.", "", NULL};
static const char *const heads[] = {"lm_head.weight", "model.lm_head.weight", NULL};
static const char *const gammas[] = {"weight", NULL}, *const betas[] = {"bias", NULL};

static const struct matrix_name matrices[] = {
    {.role = "pos", .name = "embed_positions", .storage = STORED_BY_SOURCE},
    {.role = "project_in", .name = "project_in"},
    {.role = "q", .name = "layers.%d.self_attn.q_proj", .bias = BIAS_ATTENTION},
    {.role = "k", .name = "layers.%d.self_attn.k_proj", .bias = BIAS_ATTENTION},
    {.role = "v", .name = "layers.%d.self_attn.v_proj", .bias = BIAS_ATTENTION},
    {.role = "o", .name = "layers.%d.self_attn.out_proj", .bias = BIAS_OUTPUT},
    {.role = "fc1", .name = "layers.%d.fc1", .bias = BIAS_FFN},
    {.role = "fc2", .name = "layers.%d.fc2", .bias = BIAS_FFN},
    {.role = "project_out", .name = "project_out"},
};

static const struct norm_name norms[] = {
    {"norm1", "layers.%d.self_attn_layer_norm"},
    {"norm2", "layers.%d.final_layer_norm"},
    {"final", "final_layer_norm"},
};

const struct family_names names_opt = {
    .names = {prefixes, "embed_tokens.weight", heads},
    .matrix = matrices,
    .matrices = sizeof matrices / sizeof *matrices,
    .norm = norms,
    .norms = sizeof norms / sizeof *norms,
    .gamma = gammas,
    .beta = betas,
};
