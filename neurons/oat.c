#include "neurons/oat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "neurons/real.h"

/* Neurons coded by one pass of the inner loop: a constant trip count, so that every compiler makes
 * vectors of it without a scalar remainder. */
enum { BLOCK = 64 };

/* |x|/lsb from here on saturates for every T and j (2^26 is above every code), and still is an int32. */
#define QUOTIENT_LIMIT 0x1p27

/* The largest double below 1/2: trunc(q + this) rounds q half away from zero, exactly, for
 * 0 <= q < 2^52.  (With 1/2 itself the double below 1/2 would become 1.) */
#define BELOW_HALF 0x1.fffffffffffffp-2

struct rule {
    int32_t largest; /* 2^T - 1 */
    int32_t half;    /* 2^(j-1), 0 for j = 0 */
    int32_t relu;    /* all ones where a negative potential never spikes, else 0 */
    int32_t j;
    int times; /* multiply by 1/lsb */
};

/* c = round(x/lsb) with its sign; the division is IEEE's, so the quotient is the same everywhere.  by: lsb, or 1/lsb
 * where `times` says so.  Three loops, since gcc makes vectors of each but not of their fusion. */
static inline __attribute__((always_inline)) void round_block(const double *restrict x, const double *restrict by,
                                                              int times, int32_t *restrict rounded)
{
    double q[BLOCK];
    if (times)
        for (int i = 0; i < BLOCK; i++) q[i] = __builtin_fabs(x[i]) * by[i];
    else
        for (int i = 0; i < BLOCK; i++) q[i] = __builtin_fabs(x[i]) / by[i];
    for (int i = 0; i < BLOCK; i++) q[i] = q[i] < QUOTIENT_LIMIT ? q[i] : QUOTIENT_LIMIT;
    for (int i = 0; i < BLOCK; i++) rounded[i] = (int32_t)__builtin_copysign(q[i] + BELOW_HALF, x[i]);
}

/* All ones where the condition holds, to select without branches. */
static inline int32_t mask(int condition)
{
    return -(int32_t)condition;
}

static inline int32_t either(int32_t chosen, int32_t yes, int32_t no)
{
    return (yes & chosen) | (no & ~chosen);
}

/* Chooses the sub-neuron; returns how many saturated. */
static inline __attribute__((always_inline)) int32_t code_block(struct rule rule, const int32_t *restrict rounded,
                                                                uint32_t *restrict codes)
{
    int32_t saturated = 0;
    for (int i = 0; i < BLOCK; i++) {
        int32_t negative = mask(rounded[i] < 0);
        int32_t c = ((rounded[i] ^ negative) - negative) & ~(negative & rule.relu);
        int32_t outlier = mask(c > rule.largest);
        int32_t magnitude = either(outlier, (c + rule.half) >> rule.j, c);
        int32_t over = mask(magnitude > rule.largest);
        saturated -= over;
        magnitude = either(over, rule.largest, magnitude);
        int32_t flags = (outlier & (int32_t)OAT_OUTLIER) | (negative & (int32_t)OAT_NEGATIVE);
        codes[i] = (uint32_t)((magnitude | flags) & mask(magnitude != 0));
    }
    return saturated;
}

static inline __attribute__((always_inline)) int has_nan(const double *x)
{
    int64_t found = 0;
    for (int i = 0; i < BLOCK; i++) found |= x[i] != x[i] ? INT64_C(1) : INT64_C(0);
    return found != 0;
}

/* A power of two whose inverse is a normal number, and whose multiples' inverses are: the quotient by it is the product
 * with its inverse, to the last bit. */
static int inverse_is_exact(double lsb)
{
    uint64_t bits;
    memcpy(&bits, &lsb, sizeof bits);
    return (bits & ((UINT64_C(1) << 52) - 1)) == 0 && lsb >= 0x1p-900 && lsb <= 0x1p900;
}

/* lsb, or with `times` 1/lsb, of n neurons from the first on. */
static void fill_lsb(const struct oat_params *params, size_t first, size_t n, int times, double *by)
{
    if (times)
        for (size_t i = 0; i < n; i++) by[i] = real_power_of_two(-params->shift[first + i]) / params->lsb;
    else
        for (size_t i = 0; i < n; i++) by[i] = params->lsb * real_power_of_two(params->shift[first + i]);
}

_Noreturn static void nan_found(size_t first)
{
    fprintf(stderr, "lassim: bug: oat_encode: a potential of neurons %zu..%zu is NaN\n", first, first + BLOCK - 1);
    abort();
}

static inline __attribute__((always_inline)) int32_t encode_any(struct rule rule, size_t first, const double *x,
                                                                const double *by, uint32_t *codes)
{
    int32_t rounded[BLOCK];
    if (has_nan(x)) nan_found(first);
    round_block(x, by, rule.times, rounded);
    return code_block(rule, rounded, codes);
}

#if defined(__x86_64__)
/* The same loops in vectors of four: IEEE's operations, so the same codes. */
__attribute__((target("avx2"))) static int32_t encode_avx2(struct rule rule, size_t first, const double *x,
                                                           const double *by, uint32_t *codes)
{
    return encode_any(rule, first, x, by, codes);
}
#endif

static int32_t encode_block(struct rule rule, size_t first, const double *x, const double *by, uint32_t *codes)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return encode_avx2(rule, first, x, by, codes);
#endif
    return encode_any(rule, first, x, by, codes);
}

uint64_t oat_encode(const struct oat_params *params, size_t first, const double *x, size_t n, uint32_t *codes)
{
    struct rule rule = {
        .largest = (INT32_C(1) << params->steps) - 1,
        .half = (INT32_C(1) << params->j) >> 1,
        .relu = mask(params->relu != 0),
        .j = (int32_t)params->j,
        .times = inverse_is_exact(params->lsb),
    };
    double by[BLOCK];
    for (int i = 0; i < BLOCK; i++) by[i] = rule.times ? 1 / params->lsb : params->lsb;
    uint64_t saturated = 0;
    size_t done = 0;
    for (; n - done >= BLOCK; done += BLOCK) {
        if (params->shift != NULL) fill_lsb(params, first + done, BLOCK, rule.times, by);
        saturated += (uint64_t)encode_block(rule, first + done, x + done, by, codes + done);
    }
    if (done < n) {
        double rest[BLOCK] = {0};
        uint32_t rest_codes[BLOCK];
        memcpy(rest, x + done, (n - done) * sizeof *x);
        if (params->shift != NULL) fill_lsb(params, first + done, n - done, rule.times, by);
        saturated += (uint64_t)encode_block(rule, first + done, rest, by, rest_codes);
        memcpy(codes + done, rest_codes, (n - done) * sizeof *codes);
    }
    return saturated;
}
