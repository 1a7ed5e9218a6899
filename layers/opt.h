/* The OPT family (Zhang et al. 2022, arXiv 2205.01068) as a graph: docs/design.md's schedule table for pre-LN
 * blocks (125m, 1.3b .. 66b), post-LN blocks and projected embeddings (350m), and no final norm. */
#ifndef LASSIM_LAYERS_OPT_H
#define LASSIM_LAYERS_OPT_H

#include "layers/graph_builder.h"

/* What OPT asks beyond graph_config_check's ranges; NULL, or a static string that says what is wrong. */
const char *opt_config_check(const struct model_config *config);
/* Capacities of populations, matrices and norms for a checked config. */
void opt_capacity(const struct model_config *config, struct graph_builder *builder);
/* Fills builder->graph from its checked config. */
void opt_graph(struct graph_builder *builder);

#endif
