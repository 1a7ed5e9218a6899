/* GPT-2 (Radford et al. 2019): a pre-LN decoder with learned positions and GELU in its tanh form.
 *
 * Populations of a block, in table order; k = window offset from the block's first level (docs/design.md):
 *   0 res  1 xmu  2 rstd  3 ln  4 q k v  5 exp  6 e  7 inv ctx  8 att  9 res  10 xmu  11 rstd  12 ln  13 act  14 fc
 * Before the first block: tok, pos; after the last: the final norm and the head. */
#ifndef LASSIM_LAYERS_GPT2_H
#define LASSIM_LAYERS_GPT2_H

#include "layers/graph_builder.h"

/* What the family asks beyond graph_config_check's ranges; NULL, or a static string that says what is wrong. */
const char *gpt2_config_check(const struct model_config *config);
/* Capacities of populations, matrices and norms for a checked config. */
void gpt2_capacity(const struct model_config *config, struct graph_builder *builder);
/* Fills builder->graph from its checked config. */
void gpt2_graph(struct graph_builder *builder);

#endif
