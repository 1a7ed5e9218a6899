/* Bit streams, least significant bit first: bit i of the stream is bit i % 8 of byte i / 8. */
#ifndef LASSIM_KERNEL_BITS_H
#define LASSIM_KERNEL_BITS_H

#include <stddef.h>
#include <stdint.h>

/* Writes to a buffer that the caller made large enough; whole bytes appear as they fill. */
struct bit_writer {
    uint8_t *out;     /* next byte */
    uint64_t pending; /* low `held` bits wait for a whole byte */
    unsigned held;    /* 0 .. 7 between calls */
};

struct bit_reader {
    const uint8_t *in, *end;
    uint64_t pending;
    unsigned held;
    int failed; /* 1 once bits beyond the end were asked for; reads then give 0 */
};

static inline void bits_put(struct bit_writer *writer, uint32_t value, unsigned count)
{
    writer->pending |= (uint64_t)value << writer->held;
    for (writer->held += count; writer->held >= 8; writer->held -= 8, writer->pending >>= 8)
        *writer->out++ = (uint8_t)writer->pending;
}

/* value below 2^count, count 0 .. 32: bits_put above.  Rice code of value: value >> k zeros, a one, the k
 * low bits; k 0 .. 31. */
void bits_put_rice(struct bit_writer *writer, uint32_t value, unsigned k);
/* Pads with zero bits to a whole byte; returns the end. */
uint8_t *bits_flush(struct bit_writer *writer);

/* The next count bits, 0 .. 32. */
uint32_t bits_get(struct bit_reader *reader, unsigned count);
/* A Rice code; fails if its value is above max (max < 2^32). */
uint32_t bits_get_rice(struct bit_reader *reader, unsigned k, uint32_t max);
/* Skips to the next whole byte; fails unless the skipped bits are 0.  Returns where the next byte is. */
const uint8_t *bits_align(struct bit_reader *reader);

#endif
