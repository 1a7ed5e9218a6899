#include "layers/tally.h"

#include <stddef.h>

#include "layers/graph.h"
#include "neurons/cpu.h"

enum { LOOP = 64 /* codes of one pass: a constant, so that it becomes vectors */ };

/* Sums of one pass; 32 bits, since 64 neurons have at most 1,024 spikes. */
struct pass {
    uint32_t spikes, negative, outlier, active, fired;
};

/* Radix: the spikes are the set bits of the magnitude, all of the code's sign. */
static inline __attribute__((always_inline)) void add_radix(const uint32_t *codes, uint32_t n, struct pass *pass)
{
    uint32_t spikes = 0, negative = 0, outlier = 0, active = 0, fired = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE, count = code_count(magnitude);
        spikes += count;
        negative += codes[i] & OAT_NEGATIVE ? count : 0;
        outlier += codes[i] & OAT_OUTLIER ? count : 0;
        active += magnitude != 0;
        fired |= magnitude;
    }
    *pass = (struct pass){spikes, negative, outlier, active, fired};
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void add_radix_vector(const uint32_t *codes, struct pass *pass)
{
    add_radix(codes, LOOP, pass);
}
#endif

static void radix_pass(const uint32_t *codes, uint32_t n, struct pass *pass)
{
#if defined(__x86_64__)
    if (n == LOOP && cpu_has_vectors()) {
        add_radix_vector(codes, pass);
        return;
    }
#endif
    add_radix(codes, n, pass);
}

static void ternary_pass(const uint32_t *codes, uint32_t n, unsigned steps, struct pass *pass)
{
    *pass = (struct pass){0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t magnitude = codes[i] & OAT_MAGNITUDE;
        if (magnitude == 0) continue;
        struct spike_steps digits = code_digits(SPIKE_CODE_TERNARY, steps, magnitude);
        uint32_t spikes = code_count(digits.fired), negatives = code_count(digits.negative);
        pass->spikes += spikes;
        pass->negative += codes[i] & OAT_NEGATIVE ? spikes - negatives : negatives;
        pass->outlier += codes[i] & OAT_OUTLIER ? spikes : 0;
        pass->active++;
        pass->fired |= digits.fired;
    }
}

/* From neuron i on: how many up to `to`, at most LOOP, lie in one row of the window and one block of the
 * population. */
static uint32_t run_of(const struct train *train, uint32_t i, uint32_t to, uint32_t *block)
{
    int rows = train->span != train->neurons;
    uint32_t neuron = rows ? i / train->span * train->stride + i % train->span : i;
    uint32_t row_left = rows ? train->span - i % train->span : train->neurons - i;
    uint32_t n = GRAPH_BLOCK_NEURONS - neuron % GRAPH_BLOCK_NEURONS;
    *block = neuron / GRAPH_BLOCK_NEURONS;
    if (n > row_left) n = row_left;
    if (n > to - i) n = to - i;
    return n < LOOP ? n : LOOP;
}

/* ---- radix codes, whole vectors ---- */

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vpopcntdq")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { LANES = 16, WORDS = 3 /* of an HG code; the last: magnitude, silent, saturated */ };
_Static_assert(sizeof(struct hg_code) == 4 * WORDS && offsetof(struct hg_code, magnitude) == 8 &&
                   offsetof(struct hg_code, silent) == 10,
               "a code is three words");

static inline __mmask16 first_lanes(uint32_t n)
{
    return (__mmask16)(n < LANES ? (1u << n) - 1 : 0xffff);
}

/* Lanes without sign; each has at most 16 spikes of every 16th neuron. */
VECTOR_INLINE uint64_t total(__m512i lanes)
{
    __m512i low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(lanes));
    return (uint64_t)_mm512_reduce_add_epi64(
        _mm512_add_epi64(low, _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(lanes, 1))));
}

VECTOR static void oat_vector(const struct train *train, uint32_t from, uint32_t to, struct tally *tally,
                              uint32_t *fired)
{
    const uint32_t *codes = train_emitted(train);
    const __m512i magnitudes = _mm512_set1_epi32(OAT_MAGNITUDE);
    __m512i spikes = _mm512_setzero_si512(), negative = spikes, outlier = spikes;
    for (uint32_t i = from, n; i < to; i += n) {
        uint32_t block;
        __m512i any = _mm512_setzero_si512();
        n = run_of(train, i, to, &block);
        for (uint32_t k = 0; k < n; k += LANES) {
            __m512i code = _mm512_maskz_loadu_epi32(first_lanes(n - k), codes + i + k);
            __m512i magnitude = _mm512_and_si512(code, magnitudes), count = _mm512_popcnt_epi32(magnitude);
            __mmask16 minus = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_NEGATIVE));
            __mmask16 out = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_OUTLIER));
            spikes = _mm512_add_epi32(spikes, count);
            negative = _mm512_mask_add_epi32(negative, minus, negative, count);
            outlier = _mm512_mask_add_epi32(outlier, out, outlier, count);
            tally->active += (uint64_t)__builtin_popcount(_mm512_test_epi32_mask(magnitude, magnitude));
            any = _mm512_or_si512(any, magnitude);
        }
        fired[block] |= (uint32_t)_mm512_reduce_or_epi32(any);
    }
    tally->spikes += total(spikes);
    tally->negative += total(negative);
    tally->outlier += total(outlier);
}

/* The last words of n <= 16 codes. */
VECTOR_INLINE __m512i last_words(const struct hg_code *codes, uint32_t n)
{
    const __m512i first = _mm512_setr_epi32(2, 5, 8, 11, 14, 17, 20, 23, 26, 29, 0, 0, 0, 0, 0, 0);
    const __m512i second = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
    const uint32_t words = WORDS * n;
    const int *from = (const int *)(const void *)codes;
    __m512i a = _mm512_maskz_loadu_epi32(first_lanes(words), from);
    __m512i b = _mm512_maskz_loadu_epi32(words > LANES ? first_lanes(words - LANES) : 0, from + LANES);
    __m512i c = _mm512_maskz_loadu_epi32(words > 2 * LANES ? first_lanes(words - 2 * LANES) : 0, from + 2 * LANES);
    return _mm512_permutex2var_epi32(_mm512_permutex2var_epi32(a, first, b), second, c);
}

VECTOR static void hg_vector(const struct train *train, uint32_t from, uint32_t to, unsigned steps, struct tally *tally,
                             uint32_t *fired)
{
    const __m512i magnitudes = _mm512_set1_epi32(0xffff), silences = _mm512_set1_epi32(0xff << 16);
    __m512i spikes = _mm512_setzero_si512();
    for (uint32_t i = from, n; i < to; i += n) {
        uint32_t block, speaking = 0;
        __m512i any = _mm512_setzero_si512();
        n = run_of(train, i, to, &block);
        for (uint32_t k = 0; k < n; k += LANES) {
            uint32_t left = n - k < LANES ? n - k : LANES;
            __m512i word = last_words(train->hg + i + k, left);
            __mmask16 speaks = _mm512_testn_epi32_mask(word, silences) & first_lanes(left);
            __m512i magnitude = _mm512_maskz_and_epi32(speaks, word, magnitudes);
            spikes = _mm512_add_epi32(spikes, _mm512_popcnt_epi32(magnitude));
            tally->active += (uint64_t)__builtin_popcount(_mm512_test_epi32_mask(magnitude, magnitude));
            speaking += (uint32_t)__builtin_popcount(speaks);
            any = _mm512_or_si512(any, magnitude);
        }
        tally->gates += 2 * speaking;
        fired[block] |= (uint32_t)_mm512_reduce_or_epi32(any) | (uint32_t)(speaking > 0) << (steps - 1);
    }
    tally->spikes += total(spikes);
}
#endif

void tally_oat(const struct train *train, uint32_t from, uint32_t to, enum spike_code code, unsigned steps,
               struct tally *tally, uint32_t *fired)
{
#if defined(__x86_64__)
    if (code == SPIKE_CODE_RADIX && cpu_level() >= CPU_AMX) {
        oat_vector(train, from, to, tally, fired);
        return;
    }
#endif
    for (uint32_t i = from, n; i < to; i += n) {
        struct pass pass;
        uint32_t block;
        n = run_of(train, i, to, &block);
        if (code == SPIKE_CODE_RADIX)
            radix_pass(train_emitted(train) + i, n, &pass);
        else
            ternary_pass(train_emitted(train) + i, n, steps, &pass);
        tally->spikes += pass.spikes;
        tally->negative += pass.negative;
        tally->outlier += pass.outlier;
        tally->active += pass.active;
        fired[block] |= pass.fired;
    }
}

void tally_hg(const struct train *train, uint32_t from, uint32_t to, enum spike_code code, unsigned steps,
              struct tally *tally, uint32_t *fired)
{
#if defined(__x86_64__)
    if (code == SPIKE_CODE_RADIX && cpu_level() >= CPU_AMX) {
        hg_vector(train, from, to, steps, tally, fired);
        return;
    }
#endif
    for (uint32_t i = from, n; i < to; i += n) {
        uint32_t block;
        n = run_of(train, i, to, &block);
        for (uint32_t k = i; k < i + n; k++) {
            if (train->hg[k].silent) continue;
            struct spike_steps digits = code_digits(code, steps, train->hg[k].magnitude);
            tally->gates += 2;
            tally->spikes += code_count(digits.fired);
            tally->negative += code_count(digits.negative);
            tally->active += digits.fired != 0;
            fired[block] |= digits.fired | UINT32_C(1) << (steps - 1); /* both gates spike at the first step */
        }
    }
}

uint64_t tally_events(const uint32_t *fired, uint32_t blocks)
{
    uint64_t events = 0;
    for (uint32_t block = 0; block < blocks; block++) events += code_count(fired[block]);
    return events;
}
