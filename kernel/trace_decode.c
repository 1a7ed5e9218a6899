#include "kernel/trace_decode.h"

#include <stdlib.h>

#include "kernel/bits.h"
#include "neurons/oat.h"

static const char *const cut_off = "the record is longer than its block";

enum trace_kind trace_active_steps(const struct trace_header_info *info, const struct trace_population *population,
                                   const struct trace_active *active, struct spike_steps *steps)
{
    if (population->code == CODE_INPUT) {
        *steps = (struct spike_steps){.fired = 1};
        return TRACE_NORMAL;
    }
    *steps = code_steps((enum spike_code)info->code, trace_steps(info, population), active->code & OAT_MAGNITUDE);
    if (population->code == CODE_HG) return TRACE_HG_CODE;
    if (active->code & OAT_NEGATIVE) steps->negative ^= steps->fired;
    return active->code & OAT_OUTLIER ? TRACE_OUTLIER : TRACE_NORMAL;
}

static int get_varint(struct trace_decoder *decoder, uint64_t max, uint64_t *value)
{
    size_t used = trace_get_varint(decoder->in, (size_t)(decoder->end - decoder->in), value);
    decoder->in += used;
    return used > 0 && *value <= max;
}

static const char *decode_head(struct trace_decoder *decoder, struct trace_record *record)
{
    const struct trace_header_info *info = decoder->info;
    uint64_t delta, population, token, span = 0;
    if (!get_varint(decoder, UINT64_C(1) << TRACE_WINDOW_BITS, &delta)) return "window is out of range";
    if (!get_varint(decoder, info->populations - 1, &population)) return "population is not in the table";
    if (!get_varint(decoder, UINT32_MAX, &token)) return "token is out of range";
    const struct trace_population *row = &info->population[population];
    if (row->heads > 0 && (!get_varint(decoder, row->positions, &span) || span == 0))
        return "visible keys are not 1 .. positions";
    const struct trace_key key = {decoder->last.window + delta, (uint32_t)population, (uint32_t)token};
    if (key.window >> TRACE_WINDOW_BITS != 0) return "window is out of range";
    if (decoder->started && !trace_key_before(info, &decoder->last, &key)) return "records are not in order";
    decoder->last = key;
    decoder->started = 1;
    *record = (struct trace_record){.window = key.window,
                                    .population = key.population,
                                    .token = key.token,
                                    .span = (uint32_t)span,
                                    .neurons = trace_record_neurons(row, (uint32_t)span)};
    return NULL;
}

static int reserve(struct trace_decoder *decoder, size_t count)
{
    if (count <= decoder->capacity) return 0;
    struct trace_active *active = realloc(decoder->active, count * sizeof *active);
    if (active == NULL) return -1;
    decoder->active = active;
    decoder->capacity = count;
    return 0;
}

static void get_oat(struct bit_reader *bits, unsigned timesteps, uint32_t flags, struct trace_active *active)
{
    uint32_t negative = bits_get(bits, flags & TRACE_FLAG_SIGNED ? 1 : 0);
    uint32_t outlier = bits_get(bits, flags & TRACE_FLAG_OUTLIERS ? 1 : 0);
    uint32_t magnitude;
    if (flags & TRACE_FLAG_PREFIXED) {
        unsigned below = bits_get(bits, TRACE_LENGTH_BITS);
        if (below >= timesteps) bits->failed = 1;
        magnitude = UINT32_C(1) << below | bits_get(bits, below);
    } else {
        magnitude = bits_get(bits, timesteps);
    }
    if (magnitude == 0) bits->failed = 1;
    active->code = magnitude | (negative ? OAT_NEGATIVE : 0) | (outlier ? OAT_OUTLIER : 0);
}

static void get_hg(struct bit_reader *bits, unsigned timesteps, const struct trace_population *row,
                   struct trace_active *active)
{
    active->octave = (uint16_t)bits_get(bits, trace_octave_bits(row));
    active->sub = (uint16_t)bits_get(bits, row->sub_bits);
    active->code = bits_get(bits, timesteps);
    if (active->octave >= row->octave_gates) bits->failed = 1;
}

static void count_spikes(struct trace_decoder *decoder, const struct trace_population *row,
                         const struct trace_active *active)
{
    struct spike_steps steps;
    enum trace_kind kind = trace_active_steps(decoder->info, row, active, &steps);
    decoder->spikes[kind] += (unsigned)__builtin_popcount(steps.fired);
    if (row->code == CODE_HG) decoder->spikes[TRACE_GATE] += 2;
}

/* The bit stream of an OAT or HG record. */
static const char *decode_bits(struct trace_decoder *decoder, const struct trace_population *row, uint32_t flags,
                               struct trace_record *record)
{
    struct bit_reader bits = {.in = decoder->in, .end = decoder->end};
    unsigned k = trace_rice_parameter(record->neurons, record->count), timesteps = trace_steps(decoder->info, row);
    for (uint32_t i = 0, next = 0; i < record->count; i++) {
        if (next >= record->neurons) return "active neurons beyond the population";
        uint32_t local = next + bits_get_rice(&bits, k, record->neurons - 1 - next);
        struct trace_active *active = &decoder->active[i];
        *active = (struct trace_active){.neuron = local};
        if (row->heads > 0) active->neuron = local / record->span * row->positions + local % record->span;
        if (row->code == CODE_HG)
            get_hg(&bits, timesteps, row, active);
        else
            get_oat(&bits, timesteps, flags, active);
        if (bits.failed) return "the codes are cut off or out of range";
        count_spikes(decoder, row, active);
        next = local + 1;
    }
    decoder->in = bits_align(&bits);
    return bits.failed ? "padding is not 0" : NULL;
}

static const char *decode_input(struct trace_decoder *decoder, const struct trace_population *row,
                                struct trace_record *record)
{
    uint64_t neuron;
    if (!get_varint(decoder, row->neurons - 1, &neuron)) return "input row is not in the population";
    if (reserve(decoder, 1) != 0) return "no memory";
    decoder->active[0] = (struct trace_active){.neuron = (uint32_t)neuron, .code = 1};
    record->count = 1;
    record->active = decoder->active;
    count_spikes(decoder, row, decoder->active);
    return NULL;
}

const char *trace_decode_record(struct trace_decoder *decoder, struct trace_record *record)
{
    const char *reason = decode_head(decoder, record);
    if (reason != NULL) return reason;
    const struct trace_population *row = &decoder->info->population[record->population];
    if (row->code == CODE_INPUT) return decode_input(decoder, row, record);
    uint64_t count;
    if (!get_varint(decoder, record->neurons, &count)) return "more active neurons than the window has";
    if (count == 0) return NULL;
    uint32_t flags = 0;
    if (row->code == CODE_OAT) {
        if (decoder->in == decoder->end) return cut_off;
        flags = *decoder->in++;
        if (flags & ~(uint32_t)TRACE_FLAGS) return "unknown flags";
    }
    if (count > (uint64_t)(decoder->end - decoder->in) * 8) return cut_off;
    if (reserve(decoder, (size_t)count) != 0) return "no memory";
    record->count = (uint32_t)count;
    record->active = decoder->active;
    return decode_bits(decoder, row, flags, record);
}

void trace_decoder_free(struct trace_decoder *decoder)
{
    free(decoder->active);
    decoder->active = NULL;
    decoder->capacity = 0;
}
