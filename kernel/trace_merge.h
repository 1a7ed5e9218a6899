/* Trace records that wait for their turn: the fused engine makes them level by level, the trace wants them
 * window by window. */
#ifndef LASSIM_KERNEL_TRACE_MERGE_H
#define LASSIM_KERNEL_TRACE_MERGE_H

#include "kernel/trace_writer.h"

struct trace_merge;

/* Records go to writer, which outlives it.  NULL without memory.  trace_merge_free. */
struct trace_merge *trace_merge_new(struct trace_writer *writer);
void trace_merge_free(struct trace_merge *merge);

/* Room for one more record's payload of at most `bytes`, valid until the next call; NULL without memory. */
uint8_t *trace_merge_room(struct trace_merge *merge, size_t bytes);
/* Takes the `bytes` written there as the record of (window, population, token).  0, or -1 without memory. */
int trace_merge_add(struct trace_merge *merge, uint64_t window, uint32_t population, uint32_t token, uint32_t span,
                    size_t bytes, const struct trace_counts *counts);
/* Appends all records of windows below `window` to the writer, in order; keeps the others. */
enum lassim_status trace_merge_flush(struct trace_merge *merge, uint64_t window);
void trace_merge_clear(struct trace_merge *merge);

#endif
