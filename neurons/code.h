/* Spike codes: how an integer code of T bits leaves a neuron as signed spikes.
 *
 * A code value c, 0 <= c < 2^T, 1 <= T <= 16, is sent in T timesteps; the spike of step t weighs
 * 2^(T-1-t) least significant bits (docs/design.md, Codes; few-spike neurons: Stoeckl & Maass 2021).
 *   radix:   one positive spike per set bit.
 *   ternary: at step t the remaining value v sends sign(v) iff 3|v| > 2^(T-t); same values, about a
 *            quarter fewer spikes.  That is the non-adjacent form, with the digit 2^T, which no step carries,
 *            written out as ones (test_code.c proves it for every value of every T).
 * The sign of the coded number is applied by the caller. */
#ifndef LASSIM_NEURONS_CODE_H
#define LASSIM_NEURONS_CODE_H

#include <stdint.h>

enum { SPIKE_STEPS_MAX = 16 };
enum spike_code { SPIKE_CODE_RADIX = 0, SPIKE_CODE_TERNARY = 1 };

/* The spikes of one code value: bit t of `fired` is set when step t spikes, bit t of `negative`
 * (a subset of fired) when that spike is negative. */
struct spike_steps {
    uint32_t fired;
    uint32_t negative;
};

/* steps: T, 1..16; value: 0 .. 2^T - 1.  Pure, O(1).  Exact: the sum over fired of +-2^(T-1-t) is value. */
struct spike_steps code_steps(enum spike_code code, unsigned steps, uint32_t value);

/* The same spikes by weight instead of time: bit b stands for the spike that weighs 2^b, step T-1-b. */
struct spike_steps code_digits(enum spike_code code, unsigned steps, uint32_t value);

/* Set bits of a 16-bit number (Warren, Hacker's Delight, 5-1): no table and no branch, so that loops of it become
 * vectors on every CPU. */
static inline uint32_t code_count(uint32_t bits)
{
    bits -= bits >> 1 & 0x5555;
    bits = (bits & 0x3333) + (bits >> 2 & 0x3333);
    bits = (bits + (bits >> 4)) & 0x0f0f;
    return (bits + (bits >> 8)) & 0x1f;
}

#endif
