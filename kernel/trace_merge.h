/* Trace records that wait for their turn: the fused engine makes them level by level, the trace wants them
 * window by window.
 *
 * Records are made in lanes, one for each worker, at once; all else is the caller's.  A lane's records and payloads
 * lie in segments of a fixed size, which go back to a common list once all their records are written: after a
 * high-water mark nothing is allocated any more, and nothing that waits is copied. */
#ifndef LASSIM_KERNEL_TRACE_MERGE_H
#define LASSIM_KERNEL_TRACE_MERGE_H

#include "kernel/trace_writer.h"

struct trace_merge;

/* Records go to writer, which outlives it.  lanes >= 1.  largest: the most bytes that trace_merge_room will be asked
 * for.  NULL without memory.  trace_merge_free; NULL is fine. */
struct trace_merge *trace_merge_new(struct trace_writer *writer, unsigned lanes, size_t largest);
void trace_merge_free(struct trace_merge *merge);

/* Room for the lane's next record's payload of at most `bytes`, valid until the lane's next call; NULL without
 * memory. */
uint8_t *trace_merge_room(struct trace_merge *merge, unsigned lane, size_t bytes);
/* Takes the `bytes` written there as the payload of a record.  Room was asked for and not yet used (else aborts).
 * window below UINT64_MAX. */
void trace_merge_add(struct trace_merge *merge, unsigned lane, const struct trace_key *key, uint32_t span, size_t bytes,
                     const struct trace_counts *counts);
/* Appends all records of windows below `window` to the writer, in order; keeps the others.  While no lane works.
 * Records of windows below an earlier flush's are a bug: the writer aborts.  O(records that came or go), where each
 * lane's come in about the order (window, population, token).  ERR_RUN without memory, else the writer's status. */
enum lassim_status trace_merge_flush(struct trace_merge *merge, uint64_t window);

/* Bytes of all segments: the high-water mark. */
size_t trace_merge_bytes(const struct trace_merge *merge);

#endif
