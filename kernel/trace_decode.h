/* Decodes the records of one block (docs/trace-format.md); trace_reader's inner half. */
#ifndef LASSIM_KERNEL_TRACE_DECODE_H
#define LASSIM_KERNEL_TRACE_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/trace_format.h"
#include "kernel/trace_reader.h"

enum { TRACE_WINDOW_BITS = 58 /* windows are below 2^58, so that window * T fits */ };

struct trace_decoder {
    const struct trace_header_info *info; /* not owned */
    const uint8_t *in, *end;              /* what is left of the block */
    uint64_t spikes[TRACE_KINDS];         /* of the block's records so far */
    struct trace_key last;                /* the record before; its window also for the block's first one */
    int started;                          /* last is valid */
    struct trace_active *active;          /* owned, grown as needed */
    size_t capacity;
};

/* Decodes one record from decoder->in on.  Returns NULL and fills *record, or what is wrong (a static
 * string).  O(bytes of the record). */
const char *trace_decode_record(struct trace_decoder *decoder, struct trace_record *record);
void trace_decoder_free(struct trace_decoder *decoder);

/* The spike steps of one active neuron of a population with this code kind (an input spikes at its first
 * step).  In *steps a set bit of `negative` means sign -1, the code's own sign taken in. */
enum trace_kind trace_active_steps(const struct trace_header_info *info, const struct trace_population *population,
                                   const struct trace_active *active, struct spike_steps *steps);

#endif
