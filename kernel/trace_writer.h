/* Writes a spike trace (kernel/trace_format.h).
 *
 * All calls on one thread at a time, records in the order (window, level, population, token), strictly
 * ascending: anything else is a bug and aborts.  Exactly one record per population window, also when it
 * has no spikes.
 *
 * A full block goes to a thread of the writer's own, which checksums it and hands it to the kernel in one write.
 * There are TRACE_WRITER_BLOCKS buffers; when none is free the caller waits, so nothing is ever lost and nothing
 * grows, however slow the file is.  A killed run loses at most those blocks: the one being filled and the ones that
 * wait for the thread; everything before them is in the file, in order.  trace_writer_abandon (an interrupted run)
 * loses nothing.
 *
 * Nothing is allocated after trace_writer_open.  Errors are sticky: after a failed write (full disk, closed pipe)
 * nothing more is written, and one of the next calls, at the latest trace_writer_finish, returns its status, and so
 * does every later one. */
#ifndef LASSIM_KERNEL_TRACE_WRITER_H
#define LASSIM_KERNEL_TRACE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/trace_format.h"
#include "neurons/hg.h"
#include "neurons/oat.h"

enum { TRACE_WRITER_BLOCKS = 3 };

struct trace_writer;

/* Spikes of one record, by enum trace_kind. */
struct trace_counts {
    uint64_t spikes[TRACE_KINDS];
};

/* Opens path (kernel/outfile.h; "-" is stdout) and writes the header.  info is copied.  The caller owns
 * *writer: trace_writer_finish or trace_writer_abandon.  On failure *writer is NULL. */
enum lassim_status trace_writer_open(const char *path, int no_clobber, const struct trace_header_info *info,
                                     struct trace_writer **writer, struct lassim_error *error);

/* Records the window of an OAT population.  span: visible keys, 1 .. positions, for populations with
 * heads > 0, ignored for others.  codes: [n] as packed by neurons/oat.h, n = trace_record_neurons, in the order
 * head * span + key where only visible keys take part.  A code of magnitude 0 is silent. */
enum lassim_status trace_writer_record_oat(struct trace_writer *writer, uint64_t window, uint32_t population,
                                           uint32_t token, uint32_t span, const uint32_t *codes, uint32_t n);
/* The same for an HG population; only octave_gate, sub_gate, magnitude and silent of a code are read. */
enum lassim_status trace_writer_record_hg(struct trace_writer *writer, uint64_t window, uint32_t population,
                                          uint32_t token, uint32_t span, const struct hg_code *codes, uint32_t n);
/* The window of an input population: one spike of neuron `row` < neurons at its first step. */
enum lassim_status trace_writer_record_input(struct trace_writer *writer, uint64_t window, uint32_t population,
                                             uint32_t token, uint32_t row);

/* The same in two steps, so that workers can encode: pure functions that write the payload of a record to
 * out[trace_encode_room(info, population, n)], add its spikes to *counts (set to zero first) and return its
 * bytes, at most trace_payload_max; then one thread appends.  O(n).  Arguments as above. */
size_t trace_encode_oat(const struct trace_header_info *info, uint32_t population, const uint32_t *codes, uint32_t n,
                        uint8_t *out, struct trace_counts *counts);
size_t trace_encode_hg(const struct trace_header_info *info, uint32_t population, const struct hg_code *codes,
                       uint32_t n, uint8_t *out, struct trace_counts *counts);
size_t trace_encode_input(uint32_t row, uint8_t *out, struct trace_counts *counts);
/* The bytes that encoding n <= neurons of the population may touch, for any codes; an input population takes what it
 * takes for n = 0. */
size_t trace_encode_room(const struct trace_header_info *info, uint32_t population, uint32_t n);
/* payload is copied. */
enum lassim_status trace_writer_append(struct trace_writer *writer, uint64_t window, uint32_t population,
                                       uint32_t token, uint32_t span, const uint8_t *payload, size_t bytes,
                                       const struct trace_counts *counts);

/* The sticky error, status LASSIM_OK if there is none.  Valid as long as the writer. */
const struct lassim_error *trace_writer_error(const struct trace_writer *writer);

/* Writes the last block and the totals, syncs and renames.  timesteps: simulated so far.  Frees the writer,
 * also on failure (then PATH.partial stays). */
enum lassim_status trace_writer_finish(struct trace_writer *writer, uint64_t timesteps, struct lassim_error *error);
/* Writes the records so far as a block and leaves PATH.partial, which reads as a cut-off trace.  Frees.
 * NULL is fine. */
void trace_writer_abandon(struct trace_writer *writer);

#endif
