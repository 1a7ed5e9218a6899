/* Bit streams, least significant bit first: bit i of the stream is bit i % 8 of byte i / 8. */
#ifndef LASSIM_KERNEL_BITS_H
#define LASSIM_KERNEL_BITS_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    BITS_PUT_MAX = 56, /* of one bits_put */
    BITS_SLACK = 8     /* bytes that the writer may touch beyond the last one of its stream */
};

/* Writes to a buffer that the caller made large enough for the stream and BITS_SLACK more bytes: every put stores
 * eight bytes. */
struct bit_writer {
    uint8_t *out;     /* next byte that is not whole */
    uint64_t pending; /* low `held` bits of it */
    unsigned held;    /* 0 .. 7 between calls */
};

struct bit_reader {
    const uint8_t *in, *end;
    uint64_t pending;
    unsigned held;
    int failed; /* 1 once bits beyond the end were asked for; reads then give 0 */
};

/* value below 2^count, count 0 .. BITS_PUT_MAX. */
static inline void bits_put(struct bit_writer *writer, uint64_t value, unsigned count)
{
    uint64_t pending = writer->pending | value << writer->held, stored = htole64(pending);
    unsigned held = writer->held + count;
    memcpy(writer->out, &stored, sizeof stored);
    writer->out += held / 8;
    writer->pending = pending >> (held & ~7u);
    writer->held = held % 8;
}

/* Rice code of value: value >> k zeros, a one, the k low bits; k 0 .. 31. */
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
