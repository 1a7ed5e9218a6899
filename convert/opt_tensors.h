/* The tensors of an OPT checkpoint by their role in the graph: which tensor is which matrix, bias or norm
 * parameter.  The one place that knows OPT's tensor names and how its matrices are stored. */
#ifndef LASSIM_CONVERT_OPT_TENSORS_H
#define LASSIM_CONVERT_OPT_TENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"
#include "kernel/error.h"
#include "layers/graph.h"

struct opt_matrix {
    const struct checkpoint_tensor *weight; /* never NULL */
    int by_source; /* 1: stored [sources][targets] (embeddings); 0: [targets][sources] (linear layers, head) */
    double *bias;  /* [targets] or NULL; owned */
};

struct opt_norm {
    double *gamma, *beta; /* [hidden] each, or both NULL; owned */
};

struct opt_tensors {
    const struct graph *graph; /* not owned; must outlive this */
    struct opt_matrix *matrix; /* [graph->matrices] */
    struct opt_norm *norm;     /* [graph->norms] */
};

/* Finds every tensor the graph needs, checks types and shapes, and widens biases and norm parameters
 * (refusing NaN and infinity in them).  Weights are not read: opt_tensors_require_finite.  LASSIM_ERR_FILE
 * names the tensor.  The caller owns *tensors; it points into the checkpoint's mapping. */
enum lassim_status opt_tensors_open(const struct checkpoint *checkpoint, const struct checkpoint_config *config,
                                    const struct graph *graph, struct opt_tensors **tensors,
                                    struct lassim_error *error);
/* NULL is allowed. */
void opt_tensors_close(struct opt_tensors *tensors);

/* Index of the matrix named `name` ("head"), or of layer `layer`'s ("q" is "layers.3.q") where layer >= 0;
 * GRAPH_NONE if the graph has none.  O(matrices). */
uint32_t opt_matrix_index(const struct graph *graph, int32_t layer, const char *name);
/* Index of the first population of that kind in `layer` (-1 .. L), norm members by their norm slot instead;
 * GRAPH_NONE if there is none.  O(populations). */
uint32_t opt_population_index(const struct graph *graph, int32_t layer, enum population_kind kind);

/* Tells the kernel that the pages of matrix m's tensor are no longer needed by this process. */
void opt_tensors_release(const struct opt_tensors *tensors, uint32_t m);

#endif
