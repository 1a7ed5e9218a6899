/* Arrays of HG neurons: eight at a time where the CPU has AVX-512, else one by one; the same codes and values. */
#include <stddef.h>

#include "neurons/cpu.h"
#include "neurons/hg_layout.h"
#include "neurons/real.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512cd")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR
enum { LANES = 8, WORDS = 3 /* of 32 bits in a code */ };
_Static_assert(sizeof(struct hg_code) == 4 * WORDS && offsetof(struct hg_code, row) == 0 &&
                   offsetof(struct hg_code, octave_gate) == 4 && offsetof(struct hg_code, sub_gate) == 6 &&
                   offsetof(struct hg_code, magnitude) == 8 && offsetof(struct hg_code, silent) == 10 &&
                   offsetof(struct hg_code, saturated) == 11,
               "a code is three words");

/* What one call's lanes have in common. */
struct layout {
    __m512d per_grid;
    __m512i lowest, beyond; /* bits of 2^lo and of 2^hi on the input grid */
    __m512i steps, largest, sub_bits, sub_mask, underflow, side_rows, octave_gates, side_octave_gates;
    __mmask8 positive, negative; /* all ones where the side exists */
    __mmask8 both, has_underflow, silent_beyond;
};

static __mmask8 all_if(int condition)
{
    return condition ? 0xff : 0;
}

VECTOR_INLINE __m512i set(int64_t value)
{
    return _mm512_set1_epi64(value);
}

VECTOR_INLINE struct layout layout_of(const struct hg_table *table, unsigned steps)
{
    return (struct layout){
        .per_grid = _mm512_set1_pd(real_power_of_two(-table->input_grid)),
        .lowest = set(table->lo - table->input_grid),
        .beyond = set(table->hi - table->input_grid),
        .steps = set(steps),
        .largest = set((INT64_C(1) << steps) - 1),
        .sub_bits = set(table->sub_bits),
        .sub_mask = set((INT64_C(1) << table->sub_bits) - 1),
        .underflow = set(table->underflow),
        .side_rows = set(hg_side_rows(table)),
        .octave_gates = set(hg_octave_gates(table)),
        .side_octave_gates = set((int64_t)table->underflow + hg_octaves(table)),
        .positive = all_if(table->positive),
        .negative = all_if(table->negative),
        .both = all_if(table->positive && table->negative),
        .has_underflow = all_if(table->underflow),
        .silent_beyond = all_if(table->silent_beyond),
    };
}

/* real_round_half_away of numbers >= 0; 0 for NaN. */
VECTOR_INLINE __m512i round_half_away(__m512d x)
{
    __mmask8 large = _mm512_cmp_pd_mask(x, _mm512_set1_pd(0x1p63), _CMP_GE_OQ);
    x = _mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x, x, _CMP_ORD_Q), x);
    __m512i whole = _mm512_cvttpd_epi64(x);
    __mmask8 up =
        _mm512_cmp_pd_mask(_mm512_sub_pd(x, _mm512_cvtepi64_pd(whole)), _mm512_set1_pd(0.5), _CMP_GE_OQ) & ~large;
    whole = _mm512_mask_add_epi64(whole, up, whole, set(1));
    return _mm512_mask_mov_epi64(whole, large, set(INT64_MAX));
}

/* neurons/hg.c's few_spike_code: shifts by negative counts give 0. */
VECTOR_INLINE __m512i few_spike_codes(const struct layout *a, __m512i offset, __m512i width_log)
{
    __m512i drop = _mm512_sub_epi64(width_log, a->steps);
    __m512i half = _mm512_sllv_epi64(set(1), _mm512_sub_epi64(drop, set(1)));
    __m512i down = _mm512_srlv_epi64(_mm512_add_epi64(offset, half), drop);
    __m512i up = _mm512_sllv_epi64(offset, _mm512_sub_epi64(_mm512_setzero_si512(), drop));
    return _mm512_min_epi64(_mm512_or_si512(down, up), a->largest);
}

/* Eight codes' fields, one a lane. */
struct fields {
    __m512i row, octave_gate, sub_gate, magnitude;
    __mmask8 silent, saturated;
};

/* Where inputs fall: row of the side and few-spike code. */
VECTOR_INLINE struct fields locate8(const struct layout *a, __m512i grid_steps)
{
    struct fields f = {0};
    __mmask8 under = _mm512_cmpeq_epi64_mask(_mm512_srlv_epi64(grid_steps, a->lowest), _mm512_setzero_si512());
    __m512i top = _mm512_sub_epi64(set(63), _mm512_lzcnt_epi64(grid_steps));
    __mmask8 over = _mm512_cmpge_epi64_mask(top, a->beyond) & (__mmask8)~under;
    __m512i width_log = _mm512_mask_mov_epi64(_mm512_sub_epi64(top, a->sub_bits), under, a->lowest);
    __m512i sub = _mm512_and_si512(_mm512_srlv_epi64(grid_steps, width_log), a->sub_mask);
    __m512i within = _mm512_sub_epi64(_mm512_sllv_epi64(set(1), width_log), set(1));
    __m512i row = _mm512_sllv_epi64(_mm512_sub_epi64(top, a->lowest), a->sub_bits);
    row = _mm512_add_epi64(_mm512_add_epi64(row, sub), a->underflow);
    row = _mm512_mask_sub_epi64(row, over, a->side_rows, set(1));
    f.row = _mm512_maskz_mov_epi64((__mmask8)~under, row);
    f.magnitude = few_spike_codes(a, _mm512_and_si512(grid_steps, within), width_log);
    f.magnitude = _mm512_mask_mov_epi64(f.magnitude, over, a->largest);
    f.magnitude = _mm512_maskz_mov_epi64((__mmask8) ~(under & ~a->has_underflow), f.magnitude);
    f.saturated = over | (under & (__mmask8)~a->has_underflow);
    return f;
}

/* hg_gates_of_row for a row of its side. */
VECTOR_INLINE void find_gates(const struct layout *a, __mmask8 second_side, struct fields *f)
{
    __mmask8 above = _mm512_cmpge_epi64_mask(f->row, a->underflow);
    __m512i within = _mm512_sub_epi64(f->row, a->underflow);
    __m512i octave = _mm512_add_epi64(a->underflow, _mm512_srlv_epi64(within, a->sub_bits));
    octave = _mm512_maskz_mov_epi64(above, octave);
    f->octave_gate = _mm512_mask_add_epi64(octave, second_side, octave, a->side_octave_gates);
    f->sub_gate = _mm512_maskz_and_epi64(above, within, a->sub_mask);
    f->sub_gate = _mm512_add_epi64(f->sub_gate, a->octave_gates);
    f->row = _mm512_mask_add_epi64(f->row, second_side, f->row, a->side_rows);
}

VECTOR_INLINE struct fields encode8(const struct layout *a, __m512d x)
{
    __m512i grid_steps = round_half_away(_mm512_mul_pd(_mm512_abs_pd(x), a->per_grid));
    __mmask8 some = _mm512_test_epi64_mask(grid_steps, grid_steps);
    __mmask8 below = _mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_LT_OQ) & some;
    __mmask8 exists = (__mmask8)~some | (below & a->negative) | ((__mmask8)~below & a->positive);
    __mmask8 vanishes =
        exists & a->silent_beyond & _mm512_cmpneq_epi64_mask(_mm512_srlv_epi64(grid_steps, a->beyond), set(0));
    struct fields f = locate8(a, _mm512_maskz_mov_epi64(exists, grid_steps));
    find_gates(a, below & a->both, &f);
    f.silent = vanishes | _mm512_cmp_pd_mask(x, x, _CMP_UNORD_Q);
    f.saturated = (f.saturated | (__mmask8)~exists) & (__mmask8)~f.silent;
    return f;
}

/* Lays out the words of eight codes one code after the other: 24 words. */
VECTOR_INLINE void store8(const struct fields *f, __mmask8 lanes, struct hg_code *codes)
{
    const __m512i first = _mm512_setr_epi32(0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5);
    const __m512i second = _mm512_setr_epi32(13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0, 0, 0, 0, 0);
    __mmask8 speaks = (__mmask8)~f->silent;
    __m512i gates = _mm512_or_si512(f->octave_gate, _mm512_slli_epi64(f->sub_gate, 16));
    __m512i tail = _mm512_maskz_mov_epi64(speaks, f->magnitude);
    tail = _mm512_mask_or_epi64(tail, f->silent, tail, set(1 << 16));
    tail = _mm512_mask_or_epi64(tail, f->saturated, tail, set(1 << 24));
    __m512i rows_gates =
        _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi64_epi32(_mm512_maskz_mov_epi64(speaks, f->row))),
                           _mm512_cvtepi64_epi32(_mm512_maskz_mov_epi64(speaks, gates)), 1);
    __m512i tails = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(tail));
    unsigned words = WORDS * (unsigned)__builtin_popcount(lanes);
    __mmask16 low = (__mmask16)(words < 16 ? (1u << words) - 1 : 0xffff);
    __mmask16 high = (__mmask16)(words > 16 ? (1u << (words - 16)) - 1 : 0);
    int32_t *to = (int32_t *)(void *)codes;
    _mm512_mask_storeu_epi32(to, low, _mm512_permutex2var_epi32(rows_gates, first, tails));
    _mm512_mask_storeu_epi32(to + 16, high, _mm512_permutex2var_epi32(rows_gates, second, tails));
}

static inline __mmask8 first_lanes(size_t n)
{
    return (__mmask8)(n < LANES ? (1u << n) - 1 : 0xff);
}

VECTOR static uint64_t encode_vector(const struct hg_table *table, unsigned steps, const double *x, size_t n,
                                     struct hg_code *codes)
{
    const struct layout layout = layout_of(table, steps);
    uint64_t saturated = 0;
    for (size_t i = 0; i < n; i += LANES) {
        __mmask8 lanes = first_lanes(n - i);
        struct fields f = encode8(&layout, _mm512_maskz_loadu_pd(lanes, x + i));
        store8(&f, lanes, codes + i);
        saturated += (uint64_t)__builtin_popcount(f.saturated & lanes);
    }
    return saturated;
}

VECTOR static void values_vector(const struct hg_table *table, unsigned steps, const struct hg_code *codes, size_t n,
                                 int64_t *value)
{
    const __m256i place = _mm256_setr_epi32(0, 3, 6, 9, 12, 15, 18, 21);
    const __m128i drop = _mm_cvtsi32_si128((int)steps);
    for (size_t i = 0; i < n; i += LANES) {
        __mmask8 lanes = first_lanes(n - i);
        const int *words = (const int *)(const void *)(codes + i);
        const __m256i none = _mm256_setzero_si256();
        __m256i tail = _mm256_mmask_i32gather_epi32(none, lanes, place, words + 2, 4);
        __mmask8 speaks = lanes & (__mmask8)~_mm256_test_epi32_mask(tail, _mm256_set1_epi32(0xff << 16));
        __m256i row = _mm256_mmask_i32gather_epi32(none, speaks, place, words, 4);
        __m512i zero = _mm512_setzero_si512();
        __m512i base = _mm512_mask_i32gather_epi64(zero, speaks, row, table->base, 8);
        __m512i slope = _mm512_mask_i32gather_epi64(zero, speaks, row, table->slope, 8);
        __m512i magnitude = _mm512_cvtepu32_epi64(_mm256_and_si256(tail, _mm256_set1_epi32(0xffff)));
        base = _mm512_add_epi64(base, _mm512_mullo_epi64(_mm512_sra_epi64(slope, drop), magnitude));
        _mm512_mask_storeu_epi64(value + i, lanes, base);
    }
}
#endif

uint64_t hg_encode_all(const struct hg_table *table, unsigned steps, const double *x, size_t n, struct hg_code *codes)
{
#if defined(__x86_64__)
    if (!table->exact && cpu_has_avx512()) return encode_vector(table, steps, x, n, codes);
#endif
    uint64_t saturated = 0;
    for (size_t i = 0; i < n; i++) {
        hg_encode(table, steps, x[i], &codes[i]);
        saturated += codes[i].saturated;
    }
    return saturated;
}

void hg_values(const struct hg_table *table, unsigned steps, const struct hg_code *codes, size_t n, int64_t *value)
{
#if defined(__x86_64__)
    if (!table->exact && cpu_has_avx512()) {
        values_vector(table, steps, codes, n, value);
        return;
    }
#endif
    for (size_t i = 0; i < n; i++) value[i] = hg_value(table, steps, &codes[i]);
}
