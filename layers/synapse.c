#include "layers/synapse.h"

#include <stdlib.h>

#include "layers/graph.h"
#include "layers/synapse_rows.h"

/* |value| = mantissa * 2^exponent of one stored weight. */
struct parts {
    uint32_t mantissa;
    int exponent;
    int negative;
};

static struct parts f32_parts(uint32_t bits)
{
    uint32_t exponent = bits >> 23 & 0xff, fraction = bits & 0x7fffff;
    return (struct parts){exponent ? fraction | 0x800000 : fraction, (int)(exponent ? exponent : 1) - 150,
                          (int)(bits >> 31)};
}

static struct parts f16_parts(uint32_t bits)
{
    uint32_t exponent = bits >> 10 & 0x1f, fraction = bits & 0x3ff;
    return (struct parts){exponent ? fraction | 0x400 : fraction, (int)(exponent ? exponent : 1) - 25,
                          (int)(bits >> 15)};
}

static int64_t parts_integer(struct parts parts, int grid)
{
    int shift = parts.exponent - grid;
    int64_t value = parts.mantissa;
    if (shift >= 0)
        value = shift < 63 ? (int64_t)((uint64_t)value << shift) : 0;
    else
        value = shift > -63 ? value >> -shift : 0;
    return parts.negative ? -value : value;
}

int64_t synapse_integer(const struct matrix *matrix, uint32_t targets, uint32_t source, uint32_t target)
{
    if (!weight_is_float(matrix->type)) return (int64_t)matrix_value(matrix, targets, source, target);
    uint64_t index = (uint64_t)source * targets + target;
    if (matrix->type == WEIGHT_F32)
        return parts_integer(f32_parts(((const uint32_t *)matrix->weights)[index]), matrix->grid);
    uint32_t bits = ((const uint16_t *)matrix->weights)[index];
    return parts_integer(matrix->type == WEIGHT_F16 ? f16_parts(bits) : f32_parts(bits << 16), matrix->grid);
}

/* Spikes of one packet sorted by how far their weights are shifted. */
struct shift_groups {
    uint32_t start[SYNAPSE_SHIFTS + 1];
    uint32_t spikes[GRAPH_BLOCK_NEURONS];
};

static unsigned spike_shift(const struct population_params *source, unsigned step_shift, uint32_t spike)
{
    unsigned shift = step_shift + (spike & SPIKE_OUTLIER ? source->j : 0);
    return source->shift != NULL ? shift + (unsigned)source->shift[spike & SPIKE_NEURON] : shift;
}

static void group_by_shift(const struct population_params *source, unsigned step_shift, const struct packet *packet,
                           struct shift_groups *groups)
{
    uint32_t next[SYNAPSE_SHIFTS] = {0};
    for (uint32_t i = 0; i < packet->count; i++) next[spike_shift(source, step_shift, packet->spikes[i])]++;
    uint32_t used = 0;
    for (unsigned shift = 0; shift < SYNAPSE_SHIFTS; shift++) {
        uint32_t count = next[shift];
        groups->start[shift] = next[shift] = used;
        used += count;
    }
    groups->start[SYNAPSE_SHIFTS] = used;
    for (uint32_t i = 0; i < packet->count; i++) {
        uint32_t spike = packet->spikes[i];
        groups->spikes[next[spike_shift(source, step_shift, spike)]++] = spike;
    }
}

/* Any weights: 64-bit integers, one by one. */
static void receive_wide(const struct matrix *matrix, uint32_t targets, const struct shift_groups *groups,
                         uint32_t from, uint32_t to, int64_t *sum)
{
    for (unsigned shift = 0; shift < SYNAPSE_SHIFTS; shift++) {
        for (uint32_t s = groups->start[shift]; s < groups->start[shift + 1]; s++) {
            uint32_t row = groups->spikes[s] & SPIKE_NEURON;
            int negative = (groups->spikes[s] & SPIKE_NEGATIVE) != 0;
            for (uint32_t i = from; i < to; i++) {
                int64_t weight = (int64_t)((uint64_t)synapse_integer(matrix, targets, row, i) << shift);
                sum[i] += negative ? -weight : weight;
            }
        }
    }
}

/* Weights below 2^31: spikes of equal shift are summed in 32 bits, as many at a time as cannot overflow,
 * then shifted into the 64-bit sums. */
static void receive_narrow(const struct matrix *matrix, uint32_t targets, const struct shift_groups *groups,
                           uint32_t from, uint32_t to, int64_t *sum)
{
    const struct synapse_rows rows = {matrix->weights, matrix->type, matrix->grid, targets};
    uint64_t largest = weight_is_float(matrix->type) ? matrix->integer_max : synapse_weight_limit(matrix->type);
    uint64_t per_spill = INT32_MAX / (largest + (largest == 0));
    for (uint32_t tile = from; tile < to; tile += SYNAPSE_TILE) {
        uint32_t width = to - tile < SYNAPSE_TILE ? to - tile : SYNAPSE_TILE;
        for (unsigned shift = 0; shift < SYNAPSE_SHIFTS; shift++) {
            uint32_t end = groups->start[shift + 1];
            for (uint32_t s = groups->start[shift]; s < end;) {
                uint32_t count = end - s < per_spill ? end - s : (uint32_t)per_spill;
                synapse_rows_add(&rows, groups->spikes + s, count, tile, width, shift, sum + tile);
                s += count;
            }
        }
    }
}

void synapse_receive(const struct matrix *matrix, uint32_t targets, const struct population_params *source,
                     unsigned steps, const struct packet *packet, uint32_t from, uint32_t to, int64_t *sum)
{
    struct shift_groups groups;
    if (from >= to) return;
    if (packet->count > GRAPH_BLOCK_NEURONS) abort();
    group_by_shift(source, steps - 1 - packet->step, packet, &groups);
    if (matrix->integer_max <= INT32_MAX || !weight_is_float(matrix->type))
        receive_narrow(matrix, targets, &groups, from, to, sum);
    else
        receive_wide(matrix, targets, &groups, from, to, sum);
}
