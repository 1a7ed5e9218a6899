/* The engine `dense`: the original network in float32, the oracle and the baseline.  A token alone reads every
 * weight once, in the type the model stores; prompts go through CBLAS (dense_multiply.h). */
#ifndef LASSIM_KERNEL_DENSE_ENGINE_H
#define LASSIM_KERNEL_DENSE_ENGINE_H

#include "kernel/engine_setup.h"
#include "kernel/error.h"
#include "kernel/model.h"
#include "kernel/team.h"

struct dense_engine;

/* Where the network's numbers come from: the .snn itself (dense_weights_of_model), or a checkpoint, for
 * verify --reference.  Each function returns 0, or -1 with *error filled. */
struct dense_weights {
    void *context;
    /* Rows [first, first + count) of matrix m of the graph, source-major (row j = weights of source j to
     * all targets), as float32 into out[count][targets]. */
    int (*rows)(void *context, uint32_t m, uint32_t first, uint32_t count, float *out, struct lassim_error *error);
    /* Bias of matrix m into out[targets]; returns 1 if it has none. */
    int (*bias)(void *context, uint32_t m, float *out, struct lassim_error *error);
    /* Gamma and beta of norm n into out[hidden] each; returns 1 if it has none. */
    int (*norm)(void *context, uint32_t n, float *gamma, float *beta, struct lassim_error *error);
    /* Matrix m in memory as the graph's slot has it, source-major; lives as long as context.  NULL: only `rows`. */
    const struct matrix *(*mapped)(void *context, uint32_t m);
    /* Where the graph is rotary: [positions][head_dim / 2][2], cosine and sine times 2^30; else NULL. */
    const int32_t *rotary;
};
void dense_weights_of_model(const struct model *model, struct dense_weights *weights);

/* graph, weights and team outlive the engine, which runs on the calling thread and the team's.  Keeps no copy of
 * mapped weights; others are asked for at every use, 64 MiB at a time.  Sets CBLAS to one thread.  ERR_RUN without
 * memory: the KV cache, some rows of activations a position, 512 KiB a worker.  The caller owns *engine:
 * dense_engine_free. */
enum lassim_status dense_engine_new(const struct graph *graph, const struct dense_weights *weights, struct team *team,
                                    struct dense_engine **engine, struct lassim_error *error);
void dense_engine_free(struct dense_engine *engine);
/* As lassim_session_feed and lassim_session_encode.  Tokens of one call are processed as a batch; an encoder's are a
 * whole sequence, and the engine is reset before the next.  The callback gets graph->head_width numbers for each token of
 * engine_asked. */
enum lassim_status dense_engine_feed(struct dense_engine *engine, const struct engine_feed *feed,
                                     struct lassim_error *error);
void dense_engine_reset(struct dense_engine *engine);
/* From any thread. */
void dense_engine_stop(struct dense_engine *engine);
void dense_engine_progress(struct dense_engine *engine, uint64_t *tokens);

#endif
