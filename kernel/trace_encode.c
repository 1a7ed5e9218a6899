/* Payloads of trace records (docs/trace-format.md), the pure half of kernel/trace_writer.h.
 *
 * A record is summed up first, since its head says how its neurons are coded, in passes that become vectors; then
 * each neuron is one store of bits.  Where at least a third are active (a bitmap) silent neurons are stored like the
 * others, without a branch; where fewer are, 64 neurons are looked at together. */
#include "kernel/bits.h"
#include "kernel/trace_writer.h"
#include "neurons/cpu.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum { LOOP = 64 /* neurons of one pass: a constant, so that it becomes vectors */ };

/* What the passes over the codes find. */
struct summary {
    uint32_t active;
    uint32_t any;     /* the codes ORed together */
    uint64_t lengths; /* sum of the magnitudes' bit lengths */
    uint64_t spikes, outlier;
};

size_t trace_encode_room(const struct trace_header_info *info, uint32_t population, uint32_t n)
{
    const struct trace_population *row = &info->population[population];
    LASSIM_INVARIANT(n <= row->neurons, "population %u: %u neurons", population, n);
    struct trace_population part = *row;
    part.neurons = n;
    const struct trace_header_info alone = {.timesteps = info->timesteps, .populations = 1, .population = &part};
    return trace_payload_max(&alone, 0) + BITS_SLACK;
}

/* ---- sums ---- */

/* The set bits of LOOP numbers. */
static inline __attribute__((always_inline)) uint32_t count_bits(const uint16_t *numbers)
{
    uint16_t counts[LOOP];
    uint32_t sum = 0;
    for (int i = 0; i < LOOP; i++) counts[i] = (uint16_t)code_count(numbers[i]);
    for (int i = 0; i < LOOP; i++) sum += counts[i];
    return sum;
}

/* LOOP codes: all but the spikes of a ternary code. */
static inline __attribute__((always_inline)) void add_pass(const uint32_t *codes, struct summary *sum)
{
    uint16_t magnitude[LOOP], outlier[LOOP], below[LOOP];
    uint32_t active = 0, any = 0;
    for (int i = 0; i < LOOP; i++) {
        uint32_t m = codes[i] & OAT_MAGNITUDE;
        magnitude[i] = (uint16_t)m;
        outlier[i] = (uint16_t)(codes[i] & OAT_OUTLIER ? m : 0);
        any |= m != 0 ? codes[i] : 0;
        active += m != 0;
    }
    for (int i = 0; i < LOOP; i++) { /* ones from the highest set bit down: as many as the number is long */
        uint16_t m = magnitude[i];
        m = (uint16_t)(m | m >> 1);
        m = (uint16_t)(m | m >> 2);
        m = (uint16_t)(m | m >> 4);
        below[i] = (uint16_t)(m | m >> 8);
    }
    sum->active += active;
    sum->any |= any;
    sum->lengths += count_bits(below);
    sum->spikes += count_bits(magnitude);
    if (any & OAT_OUTLIER) sum->outlier += count_bits(outlier);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void add_pass_vector(const uint32_t *codes, struct summary *sum)
{
    add_pass(codes, sum);
}

__attribute__((target("avx2"))) static uint32_t count_bits_vector(const uint16_t *numbers)
{
    return count_bits(numbers);
}
#endif

#if defined(__x86_64__)
#include <immintrin.h>

/* With instructions that count set bits and leading zeros. */
__attribute__((target("avx512f,avx512cd,avx512vpopcntdq"))) static void add_pass_counting(const uint32_t *codes,
                                                                                          struct summary *sum)
{
    const __m512i magnitudes = _mm512_set1_epi32(OAT_MAGNITUDE);
    __m512i any = _mm512_setzero_si512(), zeros = any, spikes = any, outlier = any;
    for (int i = 0; i < LOOP; i += 16) {
        __m512i code = _mm512_loadu_si512(codes + i), magnitude = _mm512_and_si512(code, magnitudes);
        __mmask16 active = _mm512_test_epi32_mask(magnitude, magnitude);
        __mmask16 out = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_OUTLIER));
        __m512i count = _mm512_popcnt_epi32(magnitude);
        any = _mm512_mask_or_epi32(any, active, any, code);
        zeros = _mm512_add_epi32(zeros, _mm512_lzcnt_epi32(magnitude));
        spikes = _mm512_add_epi32(spikes, count);
        outlier = _mm512_mask_add_epi32(outlier, out, outlier, count);
        sum->active += (uint32_t)__builtin_popcount(active);
    }
    sum->any |= (uint32_t)_mm512_reduce_or_epi32(any);
    sum->lengths += 32 * LOOP - (uint32_t)_mm512_reduce_add_epi32(zeros);
    sum->spikes += (uint32_t)_mm512_reduce_add_epi32(spikes);
    sum->outlier += (uint32_t)_mm512_reduce_add_epi32(outlier);
}
#endif

static void add_codes(const uint32_t *codes, struct summary *sum)
{
#if defined(__x86_64__)
    if (cpu_level() >= CPU_AMX) {
        add_pass_counting(codes, sum);
        return;
    }
    if (cpu_has_vectors()) {
        add_pass_vector(codes, sum);
        return;
    }
#endif
    add_pass(codes, sum);
}

static uint32_t count_spikes(const uint16_t *magnitude)
{
#if defined(__x86_64__)
    if (cpu_has_vectors()) return count_bits_vector(magnitude);
#endif
    return count_bits(magnitude);
}

static uint32_t ternary_spikes(unsigned timesteps, uint32_t magnitude)
{
    return code_count(code_digits(SPIKE_CODE_TERNARY, timesteps, magnitude).fired);
}

static void count_ternary(unsigned timesteps, const uint32_t *codes, uint32_t n, struct summary *sum)
{
    sum->spikes = sum->outlier = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE;
        if (magnitude == 0) continue;
        uint32_t spikes = ternary_spikes(timesteps, magnitude);
        sum->spikes += spikes;
        sum->outlier += codes[i] & OAT_OUTLIER ? spikes : 0;
    }
}

static struct summary summarize(const struct trace_header_info *info, unsigned timesteps, const uint32_t *codes,
                                uint32_t n)
{
    struct summary sum = {0};
    uint32_t whole = n / LOOP * LOOP, rest[LOOP] = {0};
    for (uint32_t i = 0; i < whole; i += LOOP) add_codes(codes + i, &sum);
    if (n > whole) {
        memcpy(rest, codes + whole, (n - whole) * sizeof *codes);
        add_codes(rest, &sum);
    }
    if (info->code == SPIKE_CODE_TERNARY) count_ternary(timesteps, codes, n, &sum);
    return sum;
}

static uint32_t flags_of(unsigned timesteps, const struct summary *sum)
{
    uint32_t flags = 0;
    uint64_t prefixed = sum->lengths + (uint64_t)sum->active * (TRACE_LENGTH_BITS - 1);
    if (sum->any & OAT_NEGATIVE) flags |= TRACE_FLAG_SIGNED;
    if (sum->any & OAT_OUTLIER) flags |= TRACE_FLAG_OUTLIERS;
    if (prefixed < (uint64_t)sum->active * timesteps) flags |= TRACE_FLAG_PREFIXED;
    return flags;
}

/* ---- OAT ---- */

/* How the fields of an active neuron stand behind its gap: sign and outlier bit as far as they are there, which is
 * `signs` bits of the code from bit `from` on, then the magnitude. */
struct layout {
    unsigned from, signs;
    unsigned timesteps;
    int prefixed;
};

_Static_assert(OAT_NEGATIVE == 1 << 16 && OAT_OUTLIER == OAT_NEGATIVE << 1,
               "sign and outlier are neighbours in a code");

static struct layout layout_of(uint32_t flags, unsigned timesteps)
{
    unsigned negative = (flags & TRACE_FLAG_SIGNED) != 0, outlier = (flags & TRACE_FLAG_OUTLIERS) != 0;
    return (struct layout){negative ? 16 : 17, negative + outlier, timesteps, (flags & TRACE_FLAG_PREFIXED) != 0};
}

/* The fields of an active neuron; *width: their bits, at most 2 + 4 + 15. */
static inline __attribute__((always_inline)) uint64_t fields_of(uint32_t code, struct layout layout, unsigned *width)
{
    uint32_t magnitude = code & OAT_MAGNITUDE;
    uint64_t fields = (code >> layout.from) & ((1u << layout.signs) - 1);
    if (!layout.prefixed) {
        *width = layout.signs + layout.timesteps;
        return fields | (uint64_t)magnitude << layout.signs;
    }
    unsigned below = 31 - (unsigned)__builtin_clz(magnitude | 1);
    *width = layout.signs + TRACE_LENGTH_BITS + below;
    return fields | (uint64_t)(below | (magnitude ^ 1u << below) << TRACE_LENGTH_BITS) << layout.signs;
}

/* A neuron of a bitmap: a zero, or a one and its fields. */
static inline __attribute__((always_inline)) uint64_t bitmap_of(uint32_t code, struct layout layout, unsigned *width)
{
    unsigned fields_width;
    uint64_t bits = fields_of(code, layout, &fields_width) << 1 | 1, active = (code & OAT_MAGNITUDE) != 0;
    *width = 1 + (fields_width & -(unsigned)active);
    return bits & -active;
}

static inline __attribute__((always_inline)) void put_bitmap(struct bit_writer *bits, const uint32_t *codes, uint32_t n,
                                                             struct layout layout, int prefixed)
{
    struct bit_writer to = *bits;
    uint32_t i = 0;
    layout.prefixed = prefixed; /* a constant here: a loop of its own for each */
    while (n > 0 && (codes[n - 1] & OAT_MAGNITUDE) == 0) n--;
    for (; i + 2 <= n; i += 2) {
        unsigned width, next;
        uint64_t pair = bitmap_of(codes[i], layout, &width);
        pair |= bitmap_of(codes[i + 1], layout, &next) << width;
        bits_put(&to, pair, width + next);
    }
    for (; i < n; i++) {
        unsigned width;
        uint64_t one = bitmap_of(codes[i], layout, &width);
        bits_put(&to, one, width);
    }
    *bits = to;
}

/* Bit i is set where codes[i] is active, i < n <= LOOP. */
static uint64_t active_mask(const uint32_t *codes, uint32_t n)
{
    uint64_t mask = 0;
#if defined(__SSE2__)
    const __m128i magnitude = _mm_set1_epi32(OAT_MAGNITUDE), zero = _mm_setzero_si128();
    for (uint32_t i = 0; n == LOOP && i < LOOP; i += 16) {
        __m128i silent[4];
        for (uint32_t v = 0; v < 4; v++) {
            __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(codes + i + 4 * v));
            silent[v] = _mm_cmpeq_epi32(_mm_and_si128(four, magnitude), zero);
        }
        __m128i low = _mm_packs_epi32(silent[0], silent[1]), high = _mm_packs_epi32(silent[2], silent[3]);
        mask |= (uint64_t)(0xffff & ~_mm_movemask_epi8(_mm_packs_epi16(low, high))) << i;
    }
    if (n == LOOP) return mask;
#endif
    for (uint32_t i = 0; i < n; i++) mask |= (uint64_t)((codes[i] & OAT_MAGNITUDE) != 0) << i;
    return mask;
}

static void put_gap_and(struct bit_writer *bits, uint32_t gap, unsigned k, uint64_t fields, unsigned width)
{
    uint32_t quotient = gap >> k;
    if (quotient < 16 && quotient + 1 + k + width <= BITS_PUT_MAX) {
        uint64_t low = gap & ((UINT32_C(1) << k) - 1);
        bits_put(bits, (fields << k | low) << 1 << quotient | UINT64_C(1) << quotient, quotient + 1 + k + width);
        return;
    }
    bits_put_rice(bits, gap, k);
    bits_put(bits, fields, width);
}

static void put_sparse(struct bit_writer *bits, const uint32_t *codes, uint32_t n, unsigned k, struct layout layout)
{
    struct bit_writer to = *bits;
    for (uint32_t i = 0, next = 0; i < n; i += LOOP) {
        uint64_t mask = active_mask(codes + i, n - i < LOOP ? n - i : LOOP);
        for (; mask != 0; mask &= mask - 1) {
            uint32_t at = i + (uint32_t)__builtin_ctzll(mask);
            unsigned width;
            uint64_t fields = fields_of(codes[at], layout, &width);
            put_gap_and(&to, at - next, k, fields, width);
            next = at + 1;
        }
    }
    *bits = to;
}

size_t trace_encode_oat(const struct trace_header_info *info, uint32_t population, const uint32_t *codes, uint32_t n,
                        uint8_t *out, struct trace_counts *counts)
{
    const unsigned timesteps = trace_steps(info, &info->population[population]);
    LASSIM_INVARIANT(info->population[population].code == CODE_OAT, "population %u is not OAT", population);
    const struct summary sum = summarize(info, timesteps, codes, n);
    LASSIM_INVARIANT((sum.any & OAT_MAGNITUDE) >> timesteps == 0, "population %u: magnitude of more than %u bits",
                     population, timesteps);
    size_t used = trace_put_varint(out, sum.active);
    if (sum.active == 0) return used;
    uint32_t flags = flags_of(timesteps, &sum);
    out[used++] = (uint8_t)flags;
    counts->spikes[TRACE_NORMAL] += sum.spikes - sum.outlier;
    counts->spikes[TRACE_OUTLIER] += sum.outlier;
    struct bit_writer bits = {.out = out + used};
    const struct layout layout = layout_of(flags, timesteps);
    unsigned k = trace_rice_parameter(n, sum.active);
    if (k > 0)
        put_sparse(&bits, codes, n, k, layout);
    else if (layout.prefixed)
        put_bitmap(&bits, codes, n, layout, 1);
    else
        put_bitmap(&bits, codes, n, layout, 0);
    return (size_t)(bits_flush(&bits) - out);
}

/* ---- HG ---- */

struct hg_layout {
    uint32_t gates; /* octave gates */
    unsigned octave_bits, sub_bits, timesteps;
    unsigned k;
};

/* Puts neurons [from, to), at most LOOP; next: one behind the last active one before them.  Their spikes go to
 * magnitude [LOOP].  Returns bits that must all be 0. */
static uint32_t put_hg(struct bit_writer *bits, const struct hg_code *codes, uint32_t from, uint32_t to, uint32_t *next,
                       const struct hg_layout *layout, uint16_t *magnitude)
{
    struct bit_writer writer = *bits;
    const struct hg_layout at = *layout;
    uint32_t bad = 0;
    for (uint32_t i = from; i < to; i++) {
        const struct hg_code *code = &codes[i];
        magnitude[i - from] = 0;
        if (code->silent) continue;
        uint32_t sub = (uint32_t)code->sub_gate - at.gates;
        uint64_t fields = code->octave_gate | (uint64_t)sub << at.octave_bits |
                          (uint64_t)code->magnitude << (at.octave_bits + at.sub_bits);
        bad |= code->octave_gate >= at.gates || sub >> at.sub_bits != 0 || code->magnitude >> at.timesteps != 0;
        if (bad) continue; /* no field may run over into the next */
        unsigned width = at.octave_bits + at.sub_bits + at.timesteps;
        uint32_t gap = i - *next;
        if (gap == 0 && at.k == 0)
            bits_put(&writer, fields << 1 | 1, width + 1);
        else
            put_gap_and(&writer, gap, at.k, fields, width);
        magnitude[i - from] = code->magnitude;
        *next = i + 1;
    }
    *bits = writer;
    return bad;
}

static uint64_t hg_spikes(const struct trace_header_info *info, unsigned timesteps, const uint16_t *magnitude)
{
    uint64_t spikes = 0;
    if (info->code == SPIKE_CODE_RADIX) return count_spikes(magnitude);
    for (int i = 0; i < LOOP; i++) spikes += magnitude[i] != 0 ? ternary_spikes(timesteps, magnitude[i]) : 0;
    return spikes;
}

size_t trace_encode_hg(const struct trace_header_info *info, uint32_t population, const struct hg_code *codes,
                       uint32_t n, uint8_t *out, struct trace_counts *counts)
{
    const struct trace_population *row = &info->population[population];
    LASSIM_INVARIANT(row->code == CODE_HG, "population %u is not HG", population);
    uint32_t active = 0, next = 0;
    for (uint32_t i = 0; i < n; i++) active += !codes[i].silent;
    size_t used = trace_put_varint(out, active);
    if (active == 0) return used;
    struct bit_writer bits = {.out = out + used};
    const struct hg_layout layout = {row->octave_gates, trace_octave_bits(row), row->sub_bits, trace_steps(info, row),
                                     trace_rice_parameter(n, active)};
    uint16_t magnitude[LOOP] = {0};
    for (uint32_t i = 0; i < n; i += LOOP) {
        uint32_t to = n - i < LOOP ? n : i + LOOP;
        if (to - i < LOOP) memset(magnitude, 0, sizeof magnitude);
        uint32_t bad = put_hg(&bits, codes, i, to, &next, &layout, magnitude);
        LASSIM_INVARIANT(!bad, "population %u: gate or magnitude out of range in neurons %u .. %u", population, i,
                         to - 1);
        counts->spikes[TRACE_HG_CODE] += hg_spikes(info, layout.timesteps, magnitude);
    }
    counts->spikes[TRACE_GATE] += 2 * (uint64_t)active;
    return (size_t)(bits_flush(&bits) - out);
}

size_t trace_encode_input(uint32_t row, uint8_t *out, struct trace_counts *counts)
{
    counts->spikes[TRACE_NORMAL]++;
    return trace_put_varint(out, row);
}
