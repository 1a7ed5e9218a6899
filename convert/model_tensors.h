/* The tensors of a checkpoint by their role in the graph: which tensor, or part of one, is which matrix, bias or norm
 * parameter.  The same for every family: their names are tables (convert/tensor_names.h). */
#ifndef LASSIM_CONVERT_MODEL_TENSORS_H
#define LASSIM_CONVERT_MODEL_TENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"
#include "kernel/error.h"
#include "layers/graph.h"

struct matrix_tensor {
    const struct checkpoint_tensor *weight; /* never NULL */
    int by_source; /* 1: reads as [sources][targets] (embeddings); 0: [targets][sources] (linear layers, head) */
    double *bias;  /* [targets] or NULL; owned */
    struct checkpoint_tensor part; /* what weight points at where the matrix is not the tensor as it lies */
};

struct norm_tensor {
    double *gamma, *beta; /* [hidden] each, or both NULL; owned.  RMSNorm: no beta */
};

struct model_tensors {
    const struct graph *graph;    /* not owned; must outlive this */
    struct matrix_tensor *matrix; /* [graph->matrices] */
    struct norm_tensor *norm;     /* [graph->norms] */
    int32_t *rotary; /* rotary positions: their table (convert/rotary.h) at the model's context; else NULL */
};

/* Finds every tensor the graph needs, checks types and shapes, and widens biases and norm parameters
 * (refusing NaN and infinity in them).  Weights are not read: checkpoint_require_finite.  LASSIM_ERR_FILE
 * names the tensor.  The caller owns *tensors; it points into the checkpoint's mapping. */
enum lassim_status model_tensors_open(const struct checkpoint *checkpoint, const struct checkpoint_config *config,
                                      const struct graph *graph, struct model_tensors **tensors,
                                      struct lassim_error *error);
/* NULL is allowed. */
void model_tensors_close(struct model_tensors *tensors);

#endif
