/* Payloads of trace records (docs/trace-format.md), the pure half of kernel/trace_writer.h. */
#include "kernel/bits.h"
#include "kernel/trace_writer.h"

/* What a first pass over the codes finds. */
struct summary {
    uint32_t active;
    uint32_t flags;
    uint64_t lengths; /* sum of the magnitudes' bit lengths */
};

static unsigned bit_length(uint32_t value)
{
    return value == 0 ? 0 : 32 - (unsigned)__builtin_clz(value);
}

/* Spikes of one code value. */
static unsigned spikes_of(const struct trace_header_info *info, uint32_t magnitude)
{
    if (info->code == SPIKE_CODE_RADIX) return (unsigned)__builtin_popcount(magnitude);
    return (unsigned)__builtin_popcount(code_steps((enum spike_code)info->code, info->timesteps, magnitude).fired);
}

static struct summary summarize_oat(const struct trace_header_info *info, const uint32_t *codes, uint32_t n)
{
    struct summary summary = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE;
        if (magnitude == 0) continue;
        summary.active++;
        summary.lengths += bit_length(magnitude);
        if (codes[i] & OAT_NEGATIVE) summary.flags |= TRACE_FLAG_SIGNED;
        if (codes[i] & OAT_OUTLIER) summary.flags |= TRACE_FLAG_OUTLIERS;
    }
    uint64_t prefixed = summary.lengths + (uint64_t)summary.active * (TRACE_LENGTH_BITS - 1);
    if (prefixed < (uint64_t)summary.active * info->timesteps) summary.flags |= TRACE_FLAG_PREFIXED;
    return summary;
}

/* The magnitude: T bits, or its bit length - 1 and the bits below its highest one. */
static void put_magnitude(struct bit_writer *bits, uint32_t magnitude, uint32_t flags, unsigned timesteps)
{
    if (!(flags & TRACE_FLAG_PREFIXED)) {
        bits_put(bits, magnitude, timesteps);
        return;
    }
    unsigned below = bit_length(magnitude) - 1;
    bits_put(bits, below, TRACE_LENGTH_BITS);
    bits_put(bits, magnitude & ~(UINT32_C(1) << below), below);
}

size_t trace_encode_oat(const struct trace_header_info *info, uint32_t population, const uint32_t *codes, uint32_t n,
                        uint8_t *out, struct trace_counts *counts)
{
    LASSIM_INVARIANT(info->population[population].code == CODE_OAT, "population %u is not OAT", population);
    const struct summary summary = summarize_oat(info, codes, n);
    size_t used = trace_put_varint(out, summary.active);
    if (summary.active == 0) return used;
    out[used++] = (uint8_t)summary.flags;
    struct bit_writer bits = {.out = out + used};
    unsigned k = trace_rice_parameter(n, summary.active);
    for (uint32_t i = 0, next = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE;
        if (magnitude == 0) continue;
        LASSIM_INVARIANT(magnitude >> info->timesteps == 0, "population %u neuron %u", population, i);
        uint32_t outlier = (codes[i] & OAT_OUTLIER) != 0;
        bits_put_rice(&bits, i - next, k);
        if (summary.flags & TRACE_FLAG_SIGNED) bits_put(&bits, (codes[i] & OAT_NEGATIVE) != 0, 1);
        if (summary.flags & TRACE_FLAG_OUTLIERS) bits_put(&bits, outlier, 1);
        put_magnitude(&bits, magnitude, summary.flags, info->timesteps);
        counts->spikes[outlier ? TRACE_OUTLIER : TRACE_NORMAL] += spikes_of(info, magnitude);
        next = i + 1;
    }
    return (size_t)(bits_flush(&bits) - out);
}

size_t trace_encode_hg(const struct trace_header_info *info, uint32_t population, const struct hg_code *codes,
                       uint32_t n, uint8_t *out, struct trace_counts *counts)
{
    const struct trace_population *row = &info->population[population];
    LASSIM_INVARIANT(row->code == CODE_HG, "population %u is not HG", population);
    uint32_t active = 0;
    for (uint32_t i = 0; i < n; i++) active += !codes[i].silent;
    size_t used = trace_put_varint(out, active);
    if (active == 0) return used;
    struct bit_writer bits = {.out = out + used};
    unsigned k = trace_rice_parameter(n, active), octave_bits = trace_octave_bits(row);
    for (uint32_t i = 0, next = 0; i < n; i++) {
        const struct hg_code *code = &codes[i];
        if (code->silent) continue;
        uint32_t sub = (uint32_t)code->sub_gate - row->octave_gates;
        LASSIM_INVARIANT(code->octave_gate < row->octave_gates && sub >> row->sub_bits == 0 &&
                             code->magnitude >> info->timesteps == 0,
                         "population %u neuron %u", population, i);
        bits_put_rice(&bits, i - next, k);
        bits_put(&bits, code->octave_gate, octave_bits);
        bits_put(&bits, sub, row->sub_bits);
        bits_put(&bits, code->magnitude, info->timesteps);
        counts->spikes[TRACE_HG_CODE] += spikes_of(info, code->magnitude);
        next = i + 1;
    }
    counts->spikes[TRACE_GATE] += 2 * (uint64_t)active;
    return (size_t)(bits_flush(&bits) - out);
}

size_t trace_encode_input(uint32_t row, uint8_t *out, struct trace_counts *counts)
{
    counts->spikes[TRACE_NORMAL]++;
    return trace_put_varint(out, row);
}
