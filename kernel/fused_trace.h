/* The fused engine's trace: after each level the records of its (population, token) pairs are encoded, by the team
 * where there is enough to do, and all windows that are complete go to the writer. */
#ifndef LASSIM_KERNEL_FUSED_TRACE_H
#define LASSIM_KERNEL_FUSED_TRACE_H

#include "kernel/engine_setup.h"
#include "kernel/fused_close.h"

struct fused_trace;

/* For the writer of setup, which outlives it.  The caller owns *trace: fused_trace_free.  ERR_RUN without memory. */
enum lassim_status fused_trace_new(const struct engine_setup *setup, struct fused_trace **trace,
                                   struct lassim_error *error);
/* NULL is fine. */
void fused_trace_free(struct fused_trace *trace);

/* The record of token t of the batch in input population p.  ERR_RUN without memory. */
enum lassim_status fused_trace_input(struct fused_trace *trace, const struct token_batch *batch, uint32_t t, uint32_t p,
                                     uint32_t row);
/* The records of phase [count], all of one level and all closed by `close` in `network`, for every token of the batch
 * that opened a window; then what can go to the writer, goes: windows up to that of the level's first token, but none
 * that a token after the batch can still have a record in, unless last: there is none.  ERR_RUN without memory, else
 * the writer's status. */
enum lassim_status fused_trace_level(struct fused_trace *trace, const struct network *network,
                                     const struct fused_close *close, const struct event *phase, size_t count,
                                     const struct token_batch *batch, int last);
/* All records go to the writer: the end of a feed. */
enum lassim_status fused_trace_end(struct fused_trace *trace);
/* Why one of these failed, in *error (or NULL); returns status. */
enum lassim_status fused_trace_fail(const struct fused_trace *trace, enum lassim_status status,
                                    struct lassim_error *error);

#endif
