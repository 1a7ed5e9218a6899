/* The original network, run densely in double: calibration and the self-check compare against it.
 *
 * A batch of tokens goes through the network layer by layer, so that each layer's weights are read from the
 * mapped checkpoint once, then released.  Every sum has one order and nothing calls libm: the same bits on
 * every compiler, optimisation level and number of threads.
 *
 * Semantics are those of Hugging Face's OPT: position row = position + offset; q scaled by head_dim^-1/2;
 * project_in before the positions are added, project_out after the final norm; LayerNorm after each
 * residual addition where pre_norm is 0. */
#ifndef LASSIM_CONVERT_DENSE_DOUBLE_H
#define LASSIM_CONVERT_DENSE_DOUBLE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/opt_tensors.h"
#include "kernel/error.h"

struct dense_double;

/* What population `population` (a graph index) integrates, before any coding: [rows][columns], valid during
 * the call.  rows = tokens and columns = neurons, except:
 *   exp  one value, the s - max farthest from 0;  e  one value, 1;
 *   rstd [tokens][1] variance + epsilon;  inv [tokens][heads] sum e;
 *   ctx  (sum e v) 2^-o, o = floor(log2 sum e);  fc before ReLU cuts it: negative values too.
 * Called in the order in which populations close.  A failure ends the forward pass with it. */
typedef enum lassim_status dense_observer(void *context, uint32_t population, const double *values, size_t rows,
                                          size_t columns, struct lassim_error *error);

/* Tokens such that the batch's activations stay below `bytes` of memory, at least 1. */
size_t dense_double_capacity(const struct model_config *config, uint64_t bytes);

/* A batch of n >= 1 tokens: ids[0 .. context), ids[context .. 2 context) ... are separate sequences, each from
 * position 0; context is 1 .. positions, ids < vocabulary (invariants).  ids is copied; tensors must outlive it.
 * threads: 1 .. PARALLEL_THREADS_MAX.  The caller owns *dense: dense_double_close.  LASSIM_ERR_RUN: no memory. */
enum lassim_status dense_double_open(const struct opt_tensors *tensors, const uint32_t *ids, size_t n, size_t context,
                                     unsigned threads, struct dense_double **dense, struct lassim_error *error);
void dense_double_close(struct dense_double *dense);
/* From now on every matrix whose type in stored[] is an integer type is taken from there (weights and scale; they may
 * be filled in until the pass comes to it) instead of the checkpoint.  stored: [matrices], must outlive the passes. */
void dense_double_use_stored(struct dense_double *dense, const struct matrix *stored);

/* The three parts of a pass, to be called in this order: embedding; layers 0 .. L-1; final norm and
 * project_out.  observer may be NULL.  Weights must be finite. */
enum lassim_status dense_double_embed(struct dense_double *dense, dense_observer *observer, void *context,
                                      struct lassim_error *error);
enum lassim_status dense_double_layer(struct dense_double *dense, uint32_t layer, dense_observer *observer,
                                      void *context, struct lassim_error *error);
enum lassim_status dense_double_final(struct dense_double *dense, dense_observer *observer, void *context,
                                      struct lassim_error *error);
/* Logits of tokens [first, first + count) into logits [count][vocabulary]; after dense_double_final. */
void dense_double_logits(const struct dense_double *dense, size_t first, size_t count, double *logits);

#endif
