/* Parts of a graph that several families are built from: attention and feed-forward branches of a block. */
#ifndef LASSIM_LAYERS_GRAPH_PARTS_H
#define LASSIM_LAYERS_GRAPH_PARTS_H

#include "layers/graph_builder.h"

/* Populations, matrices and norms that one block of the config's shape takes at most. */
enum { PARTS_BLOCK_POPULATIONS = 20, PARTS_BLOCK_MATRICES = 7, PARTS_BLOCK_NORMS = 2 };

/* q, k, v fed by population `from`, turned where the config says rotary, softmax, context and the output projection
 * "o" into the next residual.  Levels: q k v; (qr kr;) exp; e; inv ctx; att: the builder's level is then the one after. */
void parts_attention(struct graph_builder *builder, const char *prefix, uint32_t from);
/* The FFN fed by population `from` into the next residual, as the config has it: fc (ReLU), one level; act, fc; or gate
 * and up, fc: two levels. */
void parts_feed_forward(struct graph_builder *builder, const char *prefix, uint32_t from);
/* act (HG `function`, neurons) fed by matrix `matrix` from `from`, then relay population `relay` (both whole names);
 * two levels.  Returns the relay. */
uint32_t parts_activated(struct graph_builder *builder, const char *prefix, const char *matrix, const char *relay,
                         uint32_t from, enum hg_function function, uint32_t neurons);
/* graph_add_norm named PREFIX + name. */
uint32_t parts_norm(struct graph_builder *builder, const char *prefix, const char *name);
/* "layers.I." into prefix[size], and the builder's layer. */
void parts_layer(struct graph_builder *builder, uint32_t layer, char *prefix, size_t size);
/* The train of a post-LN norm is also the residual's new value.  Returns ln. */
uint32_t parts_replace_residual(struct graph_builder *builder, uint32_t ln);

#endif
