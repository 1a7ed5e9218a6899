/* Expands a trace to its spikes, one row each, in event order: (timestep, level, population, token, block),
 * within a packet neuron ascending, for one neuron its octave gate, its sub-interval gate, then its code
 * spike (docs/design.md, Schedule).  Also the counts that follow from records alone. */
#ifndef LASSIM_KERNEL_TRACE_EXPAND_H
#define LASSIM_KERNEL_TRACE_EXPAND_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/counters.h"
#include "kernel/error.h"
#include "kernel/trace_reader.h"

/* One spike.  neuron: for gates neuron * G + gate index, for input the row. */
struct trace_row {
    uint64_t time; /* global timestep */
    uint32_t population, token, neuron;
    int8_t sign;  /* +1 or -1 */
    uint8_t kind; /* enum trace_kind */
};

enum { TRACE_WINDOW_ACTIVE_MAX = 1 << 26 /* active neurons of one window, all records */ };

struct trace_expand;

/* Takes the records that are left in reader, which must outlive it.  The caller owns *expand:
 * trace_expand_close.  Memory: the active neurons of one window, at most TRACE_WINDOW_ACTIVE_MAX. */
enum lassim_status trace_expand_open(struct trace_reader *reader, struct trace_expand **expand,
                                     struct lassim_error *error);
void trace_expand_close(struct trace_expand *expand);
/* Fills rows[0 .. *count), *count <= capacity; *count = 0 only at the end. */
enum lassim_status trace_expand_rows(struct trace_expand *expand, struct trace_row *rows, size_t capacity,
                                     size_t *count, struct lassim_error *error);

/* Adds what one record says to *to: windows, events, spikes by sign and kind, active neurons, synaptic
 * operations (spikes that arrive x fan_out), lost spikes and threshold tests (docs/design.md, Counting).  The other counters do not follow
 * from a trace.  O(T) per active neuron. */
void trace_record_count(const struct trace_header_info *info, const struct trace_record *record, struct counters *to);

#endif
