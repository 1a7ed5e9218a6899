/* The engine `dense` inside: shared by kernel/dense_engine_new.c (memory) and kernel/dense_engine.c (what it computes). */
#ifndef LASSIM_KERNEL_DENSE_ENGINE_STATE_H
#define LASSIM_KERNEL_DENSE_ENGINE_STATE_H

#include <stdatomic.h>

#include "kernel/dense_engine.h"
#include "kernel/dense_multiply.h"

enum { DENSE_HEAD_ROWS = 64 }; /* tokens that are read out at once */

struct dense_engine {
    const struct graph *graph;
    struct dense_weights weights;
    struct team *team;
    struct dense_multiplier *multiplier;
    float **bias;          /* [matrices] or NULL each */
    float **gamma, **beta; /* [norms] or NULL each */
    float *slab;           /* rows of matrices that are not mapped; a looked-up row */
    float *keys, *values;  /* [layers][positions][kv_heads * head_dim] */
    uint32_t tokens;       /* in the cache */
    /* One feed: [n] rows each. */
    float *residual, *normed, *query, *attention, *ffn, *up, *embed, *projected, *logits, *scores;
    _Atomic int stop;
    _Atomic uint64_t progress;
};

/* Bytes of slab: one row, or 64 MiB of rows where matrices are not mapped. */
uint64_t dense_engine_slab_bytes(const struct dense_engine *engine);

#endif
