#include "neurons/code.h"

/* Bit b of 16 becomes bit 15 - b. */
static uint32_t reverse16(uint32_t bits)
{
    bits = (bits & 0x5555) << 1 | (bits >> 1 & 0x5555);
    bits = (bits & 0x3333) << 2 | (bits >> 2 & 0x3333);
    bits = (bits & 0x0f0f) << 4 | (bits >> 4 & 0x0f0f);
    return (bits & 0xff) << 8 | bits >> 8;
}

/* Digit 2^b of a number is sent at step T-1-b. */
static uint32_t digits_to_steps(uint32_t digits, unsigned steps)
{
    return reverse16(digits << (SPIKE_STEPS_MAX - steps));
}

/* The rule 3|v| > 2^(T-t) yields the non-adjacent form of the value (Reitwiesner 1960): its digits are the
 * bits where value and 3 value differ.  Only its digit 2^T has no step to be sent at: 2^T - 2^p, 2^p the
 * next digit, then is the run of ones 2^(T-1) + ... + 2^p. */
static struct spike_steps ternary_digits(unsigned steps, uint32_t value)
{
    uint32_t triple = 3 * value;
    uint32_t positive = (triple & ~value) >> 1, negative = (value & ~triple) >> 1, top = UINT32_C(1) << steps;
    if (positive & top) {
        uint32_t next = UINT32_C(1) << (31 - __builtin_clz(negative));
        positive = (positive & ~top) | (top - next);
        negative &= ~next;
    }
    return (struct spike_steps){positive | negative, negative};
}

struct spike_steps code_digits(enum spike_code code, unsigned steps, uint32_t value)
{
    if (code == SPIKE_CODE_TERNARY) return ternary_digits(steps, value);
    return (struct spike_steps){value, 0};
}

struct spike_steps code_steps(enum spike_code code, unsigned steps, uint32_t value)
{
    struct spike_steps digits = code_digits(code, steps, value);
    uint32_t negative = digits.negative != 0 ? digits_to_steps(digits.negative, steps) : 0;
    return (struct spike_steps){digits_to_steps(digits.fired, steps), negative};
}
