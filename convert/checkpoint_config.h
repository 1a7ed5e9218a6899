/* config.json of a Hugging Face checkpoint -> the hyperparameters of a graph.
 *
 * Absent keys take the defaults of transformers' OPTConfig (word_embed_proj_dim = hidden_size,
 * do_layer_norm_before, enable_bias, layer_norm_elementwise_affine and tie_word_embeddings true,
 * _remove_final_layer_norm false, activation_function relu, pad 1, bos 2, eos 2), except model_type and
 * the sizes, which must be given.  LayerNorm's epsilon is 1e-5 and the position table starts 2 rows in:
 * both are constants of the family. */
#ifndef LASSIM_CONVERT_CHECKPOINT_CONFIG_H
#define LASSIM_CONVERT_CHECKPOINT_CONFIG_H

#include <stddef.h>

#include "kernel/error.h"
#include "layers/graph.h"

struct checkpoint_config {
    struct model_config model;
    int biases;      /* enable_bias: q, k, v, out, fc1 and fc2 have a bias */
    int norm_affine; /* layer_norm_elementwise_affine: norms have weight and bias */
};

/* Reads directory/config.json.  LASSIM_ERR_FILE names the key, what was found and what was expected. */
enum lassim_status checkpoint_config_read(const char *directory, struct checkpoint_config *config,
                                          struct lassim_error *error);
/* The same from memory; file names the text in errors. */
enum lassim_status checkpoint_config_parse(const char *file, const void *text, size_t size,
                                           struct checkpoint_config *config, struct lassim_error *error);

#endif
