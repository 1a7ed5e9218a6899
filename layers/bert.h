/* BERT (Devlin et al. 2018, arXiv 1810.04805): a post-LN encoder; every token sees all tokens of its sequence.
 *
 * Populations in table order; k = window offset (docs/design.md):
 *   0 tok pos typ  1 res  2 xmu  3 rstd  4 ln (norm "embed")
 * then blocks of
 *   0 q k v  1 exp  2 e  3 inv ctx  4 att  5 res  6 xmu  7 rstd  8 ln  9 act  10 fc  11 res  12 xmu  13 rstd  14 ln
 * (one level less with ReLU).  Each ln replaces the residual, but the last block's second, which belongs to the head's
 * side: its train is the sequence's values (HEAD_VALUES), or goes on through
 *   HEAD_MASKED_LM: act, transform, xmu, rstd, ln to the head;  HEAD_CLASSIFY: act (tanh), pooler to the head. */
#ifndef LASSIM_LAYERS_BERT_H
#define LASSIM_LAYERS_BERT_H

#include "layers/graph_builder.h"

/* What the family asks beyond graph_config_check's ranges; NULL, or a static string that says what is wrong. */
const char *bert_config_check(const struct model_config *config);
/* Capacities of populations, matrices and norms for a checked config. */
void bert_capacity(const struct model_config *config, struct graph_builder *builder);
/* Fills builder->graph from its checked config. */
void bert_graph(struct graph_builder *builder);

#endif
