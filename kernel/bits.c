#include "kernel/bits.h"

void bits_put_rice(struct bit_writer *writer, uint32_t value, unsigned k)
{
    uint32_t quotient = value >> k;
    for (; quotient >= 32; quotient -= 32) bits_put(writer, 0, 32);
    bits_put(writer, 0, quotient);
    bits_put(writer, 1, 1);
    bits_put(writer, value & ((UINT32_C(1) << k) - 1), k);
}

uint8_t *bits_flush(struct bit_writer *writer)
{
    if (writer->held > 0) bits_put(writer, 0, 8 - writer->held);
    return writer->out;
}

static void bits_fill(struct bit_reader *reader)
{
    while (reader->held <= 56 && reader->in < reader->end) {
        reader->pending |= (uint64_t)*reader->in++ << reader->held;
        reader->held += 8;
    }
}

uint32_t bits_get(struct bit_reader *reader, unsigned count)
{
    if (reader->held < count) bits_fill(reader);
    if (reader->held < count) {
        reader->failed = 1;
        return 0;
    }
    uint32_t value = (uint32_t)(reader->pending & ((UINT64_C(1) << count) - 1));
    reader->pending >>= count;
    reader->held -= count;
    return value;
}

/* Takes zeros up to and with the next one; returns their number, above max on failure. */
static uint64_t bits_get_unary(struct bit_reader *reader, uint64_t max)
{
    uint64_t zeros = 0;
    for (;;) {
        if (reader->held == 0) bits_fill(reader);
        if (reader->held == 0 || zeros > max) break;
        unsigned run = reader->pending == 0 ? reader->held : (unsigned)__builtin_ctzll(reader->pending);
        zeros += run;
        if (run == reader->held) {
            reader->pending = 0;
            reader->held = 0;
            continue;
        }
        reader->pending = reader->pending >> run >> 1;
        reader->held -= run + 1;
        return zeros;
    }
    return max + 1;
}

uint32_t bits_get_rice(struct bit_reader *reader, unsigned k, uint32_t max)
{
    uint64_t quotient = bits_get_unary(reader, max >> k);
    uint64_t value = quotient << k | bits_get(reader, k);
    if (reader->failed || value > max) {
        reader->failed = 1;
        return 0;
    }
    return (uint32_t)value;
}

const uint8_t *bits_align(struct bit_reader *reader)
{
    unsigned odd = reader->held % 8;
    if (bits_get(reader, odd) != 0) reader->failed = 1;
    return reader->in - reader->held / 8;
}
