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
#endif

void products_add(const int32_t *factor, uint32_t rows, const int32_t *partner, uint64_t stride, uint32_t n,
                  int64_t *sum)
{
    uint32_t done = 0;
#if defined(__x86_64__)
    if (cpu_has_vectors()) done = add_vector(factor, rows, partner, stride, n, sum);
#endif
    if (done < n) add_portable(factor, rows, partner + done, stride, n - done, sum + done);
}
