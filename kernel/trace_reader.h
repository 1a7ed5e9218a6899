/* Reads a spike trace (kernel/trace_format.h) from hostile bytes: every length, range, order, count and
 * checksum is checked before use.  A trace that was cut off reads to its last whole block and is then
 * incomplete; anything else that is wrong is LASSIM_ERR_FILE with file, block and byte offset.
 *
 * Memory: the population table, one block and one record's active neurons, all bounded by the bytes
 * actually present. */
#ifndef LASSIM_KERNEL_TRACE_READER_H
#define LASSIM_KERNEL_TRACE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"
#include "kernel/trace_format.h"

struct trace_reader;

/* A neuron with at least one spike in the window. */
struct trace_active {
    uint32_t neuron; /* in the population: head * positions + key for visible keys; input: the row */
    uint32_t code;   /* OAT: packed as neurons/oat.h; HG: magnitude; input: 1 */
    uint16_t octave; /* HG: octave gate, 0 .. octave_gates - 1 */
    uint16_t sub;    /* HG: sub-interval, 0 .. 2^sub_bits - 1; its gate index is octave_gates + sub */
};

/* One population window. */
struct trace_record {
    uint64_t window;
    uint32_t population, token;
    uint32_t span;                     /* visible keys (populations with heads > 0), else 0 */
    uint32_t neurons;                  /* that took part in the window */
    uint32_t count;                    /* of active, neuron ascending */
    const struct trace_active *active; /* valid until the next call */
};

/* One block of records, as its header says and its checksum confirms. */
struct trace_block {
    uint64_t offset; /* in the file */
    uint64_t first_window;
    uint64_t bytes; /* header and records */
    uint32_t records;
    uint64_t spikes[TRACE_KINDS];
};

/* Opens path ("-" is stdin; pipes are fine) and reads the header.  The caller owns *reader:
 * trace_reader_close.  Fails with LASSIM_ERR_FILE when there is no readable header. */
enum lassim_status trace_reader_open(const char *path, struct trace_reader **reader, struct lassim_error *error);
/* The same over bytes in memory, which must outlive the reader; name is used in errors. */
enum lassim_status trace_reader_open_memory(const char *name, const void *bytes, size_t size,
                                            struct trace_reader **reader, struct lassim_error *error);
void trace_reader_close(struct trace_reader *reader);

/* What errors call the file.  Owned by the reader, as is the header. */
const char *trace_reader_name(const struct trace_reader *reader);
const struct trace_header_info *trace_reader_info(const struct trace_reader *reader);

/* The next record, NULL at the end.  Checks order and the block's spike counts while going. */
enum lassim_status trace_reader_next(struct trace_reader *reader, const struct trace_record **record,
                                     struct lassim_error *error);
/* The next block without decoding its records (what is left of the current one is skipped): checksum and
 * header are checked.  *block is NULL at the end, else valid until the next call. */
enum lassim_status trace_reader_next_block(struct trace_reader *reader, const struct trace_block **block,
                                           struct lassim_error *error);

/* After the end: 1 if the final block was there and its totals agree with the blocks, 0 if cut off. */
int trace_reader_complete(const struct trace_reader *reader);
/* Sums over the blocks read so far; timesteps is the final block's if complete, else the end of the last
 * window met. */
const struct trace_totals *trace_reader_totals(const struct trace_reader *reader);
/* Bytes of whole blocks read so far, header included: where a cut-off trace ends. */
uint64_t trace_reader_bytes(const struct trace_reader *reader);

#endif
