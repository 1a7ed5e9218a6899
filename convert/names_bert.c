/* BERT.  Checkpoints made from TensorFlow's call a norm's parameters gamma and beta. */
#include "convert/tensor_names.h"

static const char *const prefixes[] = {"bert.", "", NULL};
static const char *const heads[] = {"cls.predictions.decoder.weight", NULL};
static const char *const gammas[] = {"weight", "gamma", NULL}, *const betas[] = {"bias", "beta", NULL};

static const struct matrix_name matrices[] = {
    {.role = "pos", .name = "embeddings.position_embeddings", .storage = STORED_BY_SOURCE},
    {.role = "typ", .name = "embeddings.token_type_embeddings", .storage = STORED_BY_SOURCE},
    {.role = "q", .name = "encoder.layer.%d.attention.self.query", .bias = BIAS_ALWAYS},
    {.role = "k", .name = "encoder.layer.%d.attention.self.key", .bias = BIAS_ALWAYS},
    {.role = "v", .name = "encoder.layer.%d.attention.self.value", .bias = BIAS_ALWAYS},
    {.role = "o", .name = "encoder.layer.%d.attention.output.dense", .bias = BIAS_ALWAYS},
    {.role = "fc1", .name = "encoder.layer.%d.intermediate.dense", .bias = BIAS_ALWAYS},
    {.role = "fc2", .name = "encoder.layer.%d.output.dense", .bias = BIAS_ALWAYS},
    {.role = "pooler", .name = "pooler.dense", .bias = BIAS_ALWAYS},
    {.role = "transform", .name = "cls.predictions.transform.dense", .bias = BIAS_ALWAYS},
    {.role = "head",
     .name = "cls.predictions.decoder",
     .bias = BIAS_ALWAYS,
     .bias_name = {"cls.predictions.bias", "cls.predictions.decoder.bias"}},
    {.role = "labels", .name = "classifier", .bias = BIAS_ALWAYS},
};

static const struct norm_name norms[] = {
    {"embed", "embeddings.LayerNorm"},
    {"norm1", "encoder.layer.%d.attention.output.LayerNorm"},
    {"norm2", "encoder.layer.%d.output.LayerNorm"},
    {"transform", "cls.predictions.transform.LayerNorm"},
};

const struct family_names names_bert = {
    .names = {prefixes, "embeddings.word_embeddings.weight", heads},
    .matrix = matrices,
    .matrices = sizeof matrices / sizeof *matrices,
    .norm = norms,
    .norms = sizeof norms / sizeof *norms,
    .gamma = gammas,
    .beta = betas,
};
