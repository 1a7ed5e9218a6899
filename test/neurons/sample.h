/* Seeded samples for the tests of neurons/: splitmix64 (Steele, Lea and Flood 2014). */
#ifndef LASSIM_TEST_NEURONS_SAMPLE_H
#define LASSIM_TEST_NEURONS_SAMPLE_H

#include <stdint.h>
#include <string.h>

static inline uint64_t sample_bits(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Uniform in [from, to), always the same double for the same state: one rounding a step. */
static inline double sample_uniform(uint64_t *state, double from, double to)
{
    return from + (to - from) * ((double)(sample_bits(state) >> 11) * 0x1p-53);
}

static inline uint64_t bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Any double but NaN and infinity: sign, exponent and mantissa uniform, denormals included. */
static inline double sample_double(uint64_t *state)
{
    for (;;) {
        uint64_t bits = sample_bits(state);
        if ((bits >> 52 & 0x7ff) != 0x7ff) return double_of_bits(bits);
    }
}

#endif
