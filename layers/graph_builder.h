/* How a family's file (layers/opt.c, ...) fills a struct graph: populations, matrices and norms in table order.
 *
 * The graph's arrays are allocated before the family's function runs (graph_build: FAMILY's capacity);
 * adding more than was announced is a bug and aborts.  Names are "PREFIX" + the kind's name, or PREFIX alone
 * when it does not end in '.'. */
#ifndef LASSIM_LAYERS_GRAPH_BUILDER_H
#define LASSIM_LAYERS_GRAPH_BUILDER_H

#include "layers/graph.h"

struct graph_builder {
    struct graph *graph;
    uint32_t population_capacity, matrix_capacity, norm_capacity;
    uint32_t level; /* where the next population goes */
    int32_t layer;  /* of the next population: -1, 0 .. L-1, L */
    int head_side;  /* of the next population */
};

/* Appends a population of `kind` at the builder's level, layer and side; code and product come from the
 * kind, fan_out is 0 until graph_add_matrix or graph_add_fan_out.  Returns its index. */
uint32_t graph_add_population(struct graph_builder *builder, const char *prefix, enum population_kind kind,
                              uint32_t neurons);
/* fan_out of population p grows by `synapses`. */
void graph_add_fan_out(struct graph_builder *builder, uint32_t p, uint32_t synapses);
/* Appends a matrix from population `source` (its rows = the source's neurons) to `targets` columns and adds
 * them to the source's fan_out.  target_population: index, or GRAPH_NONE for TARGET_HEAD and for
 * TARGET_RESIDUAL (which the next graph_add_residual fills in).  Returns its index. */
uint32_t graph_add_matrix(struct graph_builder *builder, const char *prefix, const char *name, uint32_t source,
                          enum matrix_target target, uint32_t target_population, uint32_t targets, int has_bias);
/* Appends a res population (hidden neurons) that takes in every matrix waiting for a residual; its
 * bias_elements follow from them.  Returns its index. */
uint32_t graph_add_residual(struct graph_builder *builder, const char *prefix);
/* Appends res, xmu (not with NORM_RMS), rstd and ln, one level each, with their norm slot named `name`
 * ("layers.0.norm1", "final"); the builder's level is then the one after ln.  Returns ln's index. */
uint32_t graph_add_norm(struct graph_builder *builder, const char *name);
/* The same over population `source` (OAT, D neurons, one level before) instead of a res of its own. */
uint32_t graph_add_norm_over(struct graph_builder *builder, const char *name, uint32_t source);
/* The HG function of an activation; HG_FUNCTIONS for ReLU, which is an OAT neuron. */
enum hg_function graph_activation_function(uint32_t activation);
/* Ends the graph: the head reads population `source` through a matrix [source][width], or (width 0) neuron by
 * neuron.  Sets head_matrix, head_source, head_width, head_level and levels. */
void graph_add_head(struct graph_builder *builder, uint32_t source, uint32_t width, int has_bias);

#endif
