/* Llama, Mistral and Qwen2. */
#include "convert/tensor_names.h"

static const char *const prefixes[] = {"model.", "", NULL};
static const char *const heads[] = {"lm_head.weight", NULL};
static const char *const gammas[] = {"weight", NULL};

static const struct matrix_name matrices[] = {
    {.role = "q", .name = "layers.%d.self_attn.q_proj", .bias = BIAS_ATTENTION},
    {.role = "k", .name = "layers.%d.self_attn.k_proj", .bias = BIAS_ATTENTION},
    {.role = "v", .name = "layers.%d.self_attn.v_proj", .bias = BIAS_ATTENTION},
    {.role = "o", .name = "layers.%d.self_attn.o_proj", .bias = BIAS_OUTPUT},
    {.role = "gate", .name = "layers.%d.mlp.gate_proj", .bias = BIAS_FFN},
    {.role = "up", .name = "layers.%d.mlp.up_proj", .bias = BIAS_FFN},
    {.role = "down", .name = "layers.%d.mlp.down_proj", .bias = BIAS_FFN},
};

static const struct norm_name norms[] = {
    {"norm1", "layers.%d.input_layernorm"},
    {"norm2", "layers.%d.post_attention_layernorm"},
    {"final", "norm"},
};

const struct family_names names_llama = {
    .names = {prefixes, "embed_tokens.weight", heads},
    .matrix = matrices,
    .matrices = sizeof matrices / sizeof *matrices,
    .norm = norms,
    .norms = sizeof norms / sizeof *norms,
    .gamma = gammas,
};
