/* The original network, run densely in double: calibration and the self-check compare against it.
 *
 * A batch of tokens goes through the graph's populations layer by layer, so that each layer's weights are read from the
 * mapped checkpoint once, then released.  Every sum has one order and nothing calls libm: the same bits on
 * every compiler, optimisation level and number of threads.
 *
 * Semantics are those of Hugging Face's models.  Position row = position + offset; q.k times the score scale (divided by
 * the layer's number from 1 where GPT-2 says so); project_in before the positions are added, project_out after the final
 * norm; norms after each residual addition where pre_norm is 0; q and k turned by position where rotary. */
#ifndef LASSIM_CONVERT_DENSE_DOUBLE_H
#define LASSIM_CONVERT_DENSE_DOUBLE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/model_tensors.h"
#include "kernel/error.h"

struct dense_double;

/* What population `population` (a graph index) integrates, before any coding: [rows][columns], valid during
 * the call.  rows = tokens (sequences for those behind a classifier's first token) and columns = neurons, except:
 *   exp  one value, the s - max farthest from 0;  e  one value, 1;
 *   rstd [tokens][1] variance + epsilon;  inv [tokens][heads] sum e;
 *   ctx  (sum e v) 2^-o, o = floor(log2 sum e);  fc before ReLU cuts it: negative values too;
 *   act, gate: before their function;  gated: act(gate) up;  relay: act.
 * Called in the order in which populations close.  A failure ends the forward pass with it. */
typedef enum lassim_status dense_observer(void *context, uint32_t population, const double *values, size_t rows,
                                          size_t columns, struct lassim_error *error);

/* Tokens such that the batch's activations stay below `bytes` of memory, at least 1. */
size_t dense_double_capacity(const struct model_config *config, uint64_t bytes);

/* A batch of n >= 1 tokens: ids[0 .. context), ids[context .. 2 context) ... are separate sequences, each from
 * position 0; context is 1 .. positions, ids < vocabulary (invariants).  types: their token types, or NULL: 0.  Both are
 * copied; tensors must outlive it.
 * threads: 1 .. PARALLEL_THREADS_MAX.  The caller owns *dense: dense_double_close.  LASSIM_ERR_RUN: no memory. */
enum lassim_status dense_double_open(const struct model_tensors *tensors, const uint32_t *ids, const uint32_t *types,
                                     size_t n, size_t context, unsigned threads, struct dense_double **dense,
                                     struct lassim_error *error);
void dense_double_close(struct dense_double *dense);
/* From now on every matrix whose type in stored[] is an integer type is taken from there (weights and scale; they may
 * be filled in until the pass comes to it) instead of the checkpoint.  stored: [matrices], must outlive the passes. */
void dense_double_use_stored(struct dense_double *dense, const struct matrix *stored);

/* The populations of one layer, to be called in this order: -1 (before the first block), 0 .. L - 1, L (after the last).
 * observer may be NULL.  Weights must be finite. */
enum lassim_status dense_double_layer(struct dense_double *dense, int32_t layer, dense_observer *observer,
                                      void *context, struct lassim_error *error);
/* What is read out of rows [first, first + count) into out [count][graph->head_width]; after layer L.  Rows are tokens;
 * with HEAD_CLASSIFY sequences. */
void dense_double_logits(const struct dense_double *dense, size_t first, size_t count, double *out);

#endif
