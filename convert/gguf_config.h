/* A GGUF's hyperparameters as the JSON object that a config.json of its family would be, so that one reader
 * (convert/checkpoint_config.h) knows what they mean.
 *
 * model_type is general.architecture ("mixtral" and "mistral" where llama has experts or a sliding window); of an
 * architecture other than llama, qwen2, gpt2 and bert nothing else comes out: the reader refuses it by name.  What a
 * file has no entry for comes from its tensors: vocab_size, tie_word_embeddings, head_dim, attention_bias, mlp_bias,
 * type_vocab_size.  Beyond Hugging Face's keys:
 *   lassim_rope_factors   llama: [head_dim / 2] divisors of the rotary frequencies, 1 to 1e6, from rope_freqs.weight
 *   lassim_pooling        bert: "none", "mean", "cls", "last" or "rank" */
#ifndef LASSIM_CONVERT_GGUF_CONFIG_H
#define LASSIM_CONVERT_GGUF_CONFIG_H

#include <jansson.h>

#include "convert/gguf.h"

/* LASSIM_ERR_FILE names the entry or tensor that is missing or wrong, LASSIM_ERR_RUN without memory.  The caller owns
 * *json: json_decref.  O(entries); reads rope_freqs.weight. */
enum lassim_status gguf_config(const struct gguf *gguf, json_t **json, struct lassim_error *error);

#endif
