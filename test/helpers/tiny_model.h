/* A small model made by hand: a graph with seeded weights, biases, thresholds and coarse HG tables, held in
 * memory as the converter holds one.  Its numbers mean nothing; its structure is a real model's. */
#ifndef LASSIM_TEST_HELPERS_TINY_MODEL_H
#define LASSIM_TEST_HELPERS_TINY_MODEL_H

#include "kernel/model.h"

/* V = 11, D = 8, W = 8, F = 10, H = 2, one layer, 6 positions; pre-LN with final norm. */
struct model_config tiny_config(void);
/* The same sizes for any family: Llama and Qwen2 with 4 heads on 2 key heads of 4 channels, SiLU; GPT-2 with tanh GELU;
 * BERT with 2 token types, erf GELU and HEAD_VALUES. */
struct model_config tiny_config_of(uint32_t family);

/* Weights rotate through F32, F16 and BF16; affine norms and biases are present unless bare.  Every
 * allocation belongs to the model: tiny_model_free.  Aborts on failure. */
struct model *tiny_model_new(const struct model_config *config, uint64_t seed, int bare);
/* The same with every type there is: matrix m has type (m + offset) % WEIGHT_TYPES, integer types a random scale per
 * target, group scales of 1 .. 255 and, at source 0 and target 0 alone, their largest integer. */
struct model *tiny_model_mixed(const struct model_config *config, uint64_t seed, int bare, uint32_t offset);
/* Gives about half of the populations a T of their own, 1 .. the model's; seed 0: none. */
void tiny_model_own_steps(struct model *model, uint64_t seed);
void tiny_model_free(struct model *model);

/* Writes the model to path through model_writer; returns its status. */
enum lassim_status tiny_model_write(const struct model *model, const char *path, struct lassim_error *error);
/* The model's .snn bytes, malloc'ed, *size of them; written to and read back from a temporary file. */
uint8_t *tiny_model_bytes(const struct model *model, uint64_t *size);

#endif
