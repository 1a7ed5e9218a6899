/* The inner loop of the synapse kernels: rows of narrow weights summed in 32 bits. */
#ifndef LASSIM_LAYERS_SYNAPSE_ROWS_H
#define LASSIM_LAYERS_SYNAPSE_ROWS_H

#include <stdint.h>

#include "layers/params.h"

enum {
    SYNAPSE_TILE = 512, /* targets summed at a time: 2 KiB of 32-bit sums */
    SYNAPSE_SHIFTS = 64 /* T-1 + j + channel shift <= 15 + 10 + 30 */
};

struct synapse_rows {
    const void *weights; /* [sources][targets] of type */
    enum weight_type type;
    int grid;
    uint32_t targets;
};

/* The integer of target i of an I4 row (layers/params.h: weight_row). */
static inline int32_t synapse_i4(const uint8_t *row, const uint8_t *scales, uint32_t i)
{
    uint32_t byte = row[i / WEIGHT_GROUP * (WEIGHT_GROUP / 2) + i % (WEIGHT_GROUP / 2)];
    uint32_t half = i % WEIGHT_GROUP < WEIGHT_GROUP / 2 ? byte & 15 : byte >> 4;
    return ((int32_t)(half ^ 8) - 8) * scales[i];
}

/* Largest |integer| that the bytes of an integer type can hold, whatever they are. */
uint32_t synapse_weight_limit(enum weight_type type);

/* sum[0..width) += (sum over the spikes of +-w[source][tile + i]) << shift.  The caller guarantees that
 * the inner sum fits 32 bits.  width <= SYNAPSE_TILE.  AVX2 and F16C where the CPU has them, else portable
 * C; same integers. */
void synapse_rows_add(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                      uint32_t width, unsigned shift, int64_t *sum);
/* The portable form, for tests. */
void synapse_rows_add_portable(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                               uint32_t width, unsigned shift, int64_t *sum);

/* The two of them for integer types, which call these. */
void synapse_integer_rows_add(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count, uint32_t tile,
                              uint32_t width, unsigned shift, int64_t *sum);
void synapse_integer_rows_add_portable(const struct synapse_rows *rows, const uint32_t *spikes, uint32_t count,
                                       uint32_t tile, uint32_t width, unsigned shift, int64_t *sum);

#endif
