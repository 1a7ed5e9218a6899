#include "neurons/code.h"

static struct spike_steps radix_steps(unsigned steps, uint32_t value)
{
    struct spike_steps result = {0, 0};
    for (unsigned t = 0; t < steps; t++) result.fired |= (value >> (steps - 1 - t) & 1) << t;
    return result;
}

static struct spike_steps ternary_steps(unsigned steps, uint32_t value)
{
    struct spike_steps result = {0, 0};
    int32_t rest = (int32_t)value;
    for (unsigned t = 0; t < steps; t++) {
        int32_t magnitude = rest < 0 ? -rest : rest;
        if (3 * magnitude <= INT32_C(1) << (steps - t)) continue;
        int32_t weight = INT32_C(1) << (steps - 1 - t);
        result.fired |= UINT32_C(1) << t;
        if (rest < 0) result.negative |= UINT32_C(1) << t;
        rest += rest < 0 ? weight : -weight;
    }
    return result;
}

struct spike_steps code_steps(enum spike_code code, unsigned steps, uint32_t value)
{
    return code == SPIKE_CODE_TERNARY ? ternary_steps(steps, value) : radix_steps(steps, value);
}
