#include "layers/products.h"

#include "neurons/cpu.h"

static void add_portable(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride, uint32_t n,
                         int64_t *sum)
{
    for (uint32_t i = 0; i < rows; i++)
        for (uint32_t j = 0; factor[i] != 0 && j < n; j++) sum[j] += (int64_t)factor[i] * partner[i * stride + j];
}

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR

enum { LANES = 8, VECTORS_AT_ONCE = 4 };

/* Adds the even and odd lanes' sums of eight neighbours to memory. */
VECTOR_INLINE void add_lanes(__m256i even, __m256i odd, int64_t *sum)
{
    __m256i low = _mm256_unpacklo_epi64(even, odd), high = _mm256_unpackhi_epi64(even, odd);
    __m256i *first = (__m256i *)(void *)sum, *second = (__m256i *)(void *)(sum + 4);
    __m256i start = _mm256_permute2x128_si256(low, high, 0x20), end = _mm256_permute2x128_si256(low, high, 0x31);
    _mm256_storeu_si256(first, _mm256_add_epi64(_mm256_loadu_si256(first), start));
    _mm256_storeu_si256(second, _mm256_add_epi64(_mm256_loadu_si256(second), end));
}

/* `vectors` (a constant, so that the sums stay in registers) times eight neighbours, over all rows. */
VECTOR_INLINE void add_columns(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride,
                               unsigned vectors, int64_t *sum)
{
    __m256i even[VECTORS_AT_ONCE], odd[VECTORS_AT_ONCE];
    for (unsigned v = 0; v < vectors; v++) even[v] = odd[v] = _mm256_setzero_si256();
    for (uint32_t i = 0; i < rows; i++, partner += stride) {
        if (factor[i] == 0) continue;
        __m256i f = _mm256_set1_epi32(factor[i]);
        for (unsigned v = 0; v < vectors; v++) {
            __m256i p = _mm256_loadu_si256((const __m256i *)(const void *)(partner + LANES * v));
            even[v] = _mm256_add_epi64(even[v], _mm256_mul_epi32(p, f));
            odd[v] = _mm256_add_epi64(odd[v], _mm256_mul_epi32(_mm256_srli_epi64(p, 32), f));
        }
    }
    for (unsigned v = 0; v < vectors; v++) add_lanes(even[v], odd[v], sum + LANES * v);
}

/* Returns how many columns it did. */
VECTOR static uint32_t add_vector(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride,
                                  uint32_t n, int64_t *sum)
{
    uint32_t j = 0;
    for (; j + LANES * VECTORS_AT_ONCE <= n; j += LANES * VECTORS_AT_ONCE)
        add_columns(factor, rows, partner + j, stride, VECTORS_AT_ONCE, sum + j);
    for (; j + 2 * LANES <= n; j += 2 * LANES) add_columns(factor, rows, partner + j, stride, 2, sum + j);
    for (; j + LANES <= n; j += LANES) add_columns(factor, rows, partner + j, stride, 1, sum + j);
    return j;
}

#define VECTOR_512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define VECTOR_512_INLINE static inline __attribute__((always_inline)) VECTOR_512
enum { LANES_512 = 16 };
_Static_assert((int)LANES_512 == (int)PRODUCTS_BLOCK, "a block is a vector");

/* Adds the even and odd lanes' sums of sixteen neighbours to memory. */
VECTOR_512_INLINE void add_lanes_512(__m512i even, __m512i odd, int64_t *sum)
{
    const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11),
                  last = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
    __m512i low = _mm512_permutex2var_epi64(even, first, odd), high = _mm512_permutex2var_epi64(even, last, odd);
    _mm512_storeu_si512(sum, _mm512_add_epi64(_mm512_loadu_si512(sum), low));
    _mm512_storeu_si512(sum + 8, _mm512_add_epi64(_mm512_loadu_si512(sum + 8), high));
}

/* As add_columns, sixteen neighbours a vector, vectors `apart`. */
VECTOR_512_INLINE void add_columns_512(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride,
                                       unsigned vectors, uint64_t apart, int64_t *sum)
{
    __m512i even[VECTORS_AT_ONCE], odd[VECTORS_AT_ONCE];
    for (unsigned v = 0; v < vectors; v++) even[v] = odd[v] = _mm512_setzero_si512();
    for (uint32_t i = 0; i < rows; i++, partner += stride) {
        if (factor[i] == 0) continue;
        __m512i f = _mm512_set1_epi32(factor[i]);
        for (unsigned v = 0; v < vectors; v++) {
            __m512i p = _mm512_loadu_si512(partner + apart * v);
            even[v] = _mm512_add_epi64(even[v], _mm512_mul_epi32(p, f));
            odd[v] = _mm512_add_epi64(odd[v], _mm512_mul_epi32(_mm512_srli_epi64(p, 32), f));
        }
    }
    for (unsigned v = 0; v < vectors; v++) add_lanes_512(even[v], odd[v], sum + LANES_512 * v);
}

/* Whole vectors of columns, `apart` from each other; returns how many columns that was. */
VECTOR_512 static uint32_t add_vector_512(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride,
                                          uint64_t apart, uint32_t n, int64_t *sum)
{
    uint32_t j = 0;
    for (; j + LANES_512 * VECTORS_AT_ONCE <= n; j += LANES_512 * VECTORS_AT_ONCE, partner += VECTORS_AT_ONCE * apart)
        add_columns_512(factor, rows, partner, stride, VECTORS_AT_ONCE, apart, sum + j);
    for (; j + 2 * LANES_512 <= n; j += 2 * LANES_512, partner += 2 * apart)
        add_columns_512(factor, rows, partner, stride, 2, apart, sum + j);
    for (; j + LANES_512 <= n; j += LANES_512, partner += apart)
        add_columns_512(factor, rows, partner, stride, 1, apart, sum + j);
    return j;
}

VECTOR_512 static uint32_t shift_512(const int32_t *value, const int8_t *shift, uint32_t n, int64_t *sum)
{
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m512i v = _mm512_cvtepi32_epi64(_mm256_loadu_si256((const __m256i *)(const void *)(value + i)));
        __m512i by = _mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)(shift + i)));
        _mm512_storeu_si512(sum + i, _mm512_sllv_epi64(v, by));
    }
    return i;
}

/* squares: a constant. */
VECTOR_512_INLINE int64_t copy_512(const int32_t *value, uint32_t n, int squares, int64_t *copy)
{
    __m512i total = _mm512_setzero_si512();
    for (uint32_t i = 0; i < n; i += 8) {
        __mmask8 lanes = (__mmask8)(n - i < 8 ? (1u << (n - i)) - 1 : 0xff);
        __m512i v = _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(lanes, value + i));
        _mm512_mask_storeu_epi64(copy + i, lanes, v);
        total = _mm512_add_epi64(total, squares ? _mm512_mul_epi32(v, v) : v);
    }
    return _mm512_reduce_add_epi64(total);
}

VECTOR_512 static int64_t sum_512(const int32_t *value, uint32_t n, int64_t *copy)
{
    return copy_512(value, n, 0, copy);
}

VECTOR_512 static int64_t squares_512(const int32_t *value, uint32_t n, int64_t *copy)
{
    return copy_512(value, n, 1, copy);
}
#endif

void products_add(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride, uint32_t n,
                  int64_t *sum)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) done = add_vector_512(factor, rows, partner, stride, LANES_512, n, sum);
    if (cpu_has_vectors()) done += add_vector(factor, rows, partner + done, stride, n - done, sum + done);
#endif
    if (done < n) add_portable(factor, rows, partner + done, stride, n - done, sum + done);
}

void products_add_blocks(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t block_stride,
                         uint32_t n, int64_t *sum)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) done = add_vector_512(factor, rows, partner, PRODUCTS_BLOCK, block_stride, n, sum);
#endif
    for (; done < n; done += PRODUCTS_BLOCK) {
        int64_t block[PRODUCTS_BLOCK] = {0}; /* columns beyond the last are left out */
        uint32_t left = n - done < PRODUCTS_BLOCK ? n - done : PRODUCTS_BLOCK;
        products_add(factor, rows, partner + done / PRODUCTS_BLOCK * block_stride, PRODUCTS_BLOCK, PRODUCTS_BLOCK,
                     block);
        for (uint32_t j = 0; j < left; j++) sum[done + j] += block[j];
    }
}

void products_shift(const int32_t *value, const int8_t *shift, uint32_t n, int64_t *sum)
{
    uint32_t i = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) i = shift_512(value, shift, n, sum);
#endif
    for (; i < n; i++) sum[i] = value[i] * (INT64_C(1) << shift[i]);
}

int64_t products_sum(const int32_t *value, uint32_t n, int64_t *copy)
{
    int64_t total = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) return sum_512(value, n, copy);
#endif
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = value[i];
        total += value[i];
    }
    return total;
}

int64_t products_squares(const int32_t *value, uint32_t n, int64_t *copy)
{
    int64_t total = 0;
#if defined(__x86_64__)
    if (cpu_has_avx512()) return squares_512(value, n, copy);
#endif
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = value[i];
        total += (int64_t)value[i] * value[i];
    }
    return total;
}
