/* GPT-2, whose linear layers are Conv1D: [sources, targets], q, k and v side by side. */
#include "convert/tensor_names.h"

static const char *const prefixes[] = {"transformer.", "", NULL};
static const char *const heads[] = {"lm_head.weight", NULL};
static const char *const gammas[] = {"weight", NULL}, *const betas[] = {"bias", NULL};

static const struct matrix_name matrices[] = {
    {.role = "pos", .name = "wpe", .storage = STORED_BY_SOURCE},
    {.role = "q", .name = "h.%d.attn.c_attn", .storage = STORED_TURNED, .bias = BIAS_ALWAYS, .part = 0, .parts = 3},
    {.role = "k", .name = "h.%d.attn.c_attn", .storage = STORED_TURNED, .bias = BIAS_ALWAYS, .part = 1, .parts = 3},
    {.role = "v", .name = "h.%d.attn.c_attn", .storage = STORED_TURNED, .bias = BIAS_ALWAYS, .part = 2, .parts = 3},
    {.role = "o", .name = "h.%d.attn.c_proj", .storage = STORED_TURNED, .bias = BIAS_ALWAYS},
    {.role = "fc1", .name = "h.%d.mlp.c_fc", .storage = STORED_TURNED, .bias = BIAS_ALWAYS},
    {.role = "fc2", .name = "h.%d.mlp.c_proj", .storage = STORED_TURNED, .bias = BIAS_ALWAYS},
};

static const struct norm_name norms[] = {{"norm1", "h.%d.ln_1"}, {"norm2", "h.%d.ln_2"}, {"final", "ln_f"}};

const struct family_names names_gpt2 = {
    .names = {prefixes, "wte.weight", heads},
    .matrix = matrices,
    .matrices = sizeof matrices / sizeof *matrices,
    .norm = norms,
    .norms = sizeof norms / sizeof *norms,
    .gamma = gammas,
    .beta = betas,
};
