/* Llama (Touvron et al. 2023, arXiv 2302.13971) and what is built alike: Llama 1 to 3, Vicuna, TinyLlama, SmolLM2,
 * Mistral without a sliding window; Qwen2 (Yang et al. 2024, arXiv 2407.10671), whose q, k and v carry biases.
 *
 * Populations of a block, in table order; k = window offset from the block's first level (docs/design.md):
 *   0 res  1 rstd  2 ln  3 q k v  4 qr kr  5 exp  6 e  7 inv ctx  8 att  9 res  10 rstd  11 ln  12 gate up  13 fc
 * RMSNorm has no xmu: res meets its own square and rstd.  Before the first block: tok; after the last: the final norm
 * (res, rstd, ln) and the head. */
#ifndef LASSIM_LAYERS_LLAMA_H
#define LASSIM_LAYERS_LLAMA_H

#include "layers/graph_builder.h"

/* What the family asks beyond graph_config_check's ranges; NULL, or a static string that says what is wrong. */
const char *llama_config_check(const struct model_config *config);
/* Capacities of populations, matrices and norms for a checked config. */
void llama_capacity(const struct model_config *config, struct graph_builder *builder);
/* Fills builder->graph from its checked config. */
void llama_graph(struct graph_builder *builder);

#endif
