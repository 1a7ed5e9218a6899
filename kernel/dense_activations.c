#include "kernel/dense_activations.h"

#include <math.h>

#include "kernel/error.h"

static float gelu_erf(float x)
{
    return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

static float gelu_tanh(float x)
{
    return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

static float sigmoid_product(float x, float scale)
{
    return x / (1.0f + expf(-scale * x));
}

void dense_function(enum hg_function function, float *x, size_t count)
{
    switch (function) {
    case HG_GELU_ERF:
        for (size_t i = 0; i < count; i++) x[i] = gelu_erf(x[i]);
        return;
    case HG_GELU_TANH:
        for (size_t i = 0; i < count; i++) x[i] = gelu_tanh(x[i]);
        return;
    case HG_SILU:
        for (size_t i = 0; i < count; i++) x[i] = sigmoid_product(x[i], 1.0f);
        return;
    case HG_QUICK_GELU:
        for (size_t i = 0; i < count; i++) x[i] = sigmoid_product(x[i], 1.702f);
        return;
    case HG_TANH:
        for (size_t i = 0; i < count; i++) x[i] = tanhf(x[i]);
        return;
    default: LASSIM_INVARIANT(0, "function %d", (int)function);
    }
}

/* Sum of (x - mean)^power, power 1 or 2, in eight chains that need not wait for each other. */
static double moment(const float *x, uint32_t n, double mean, int power)
{
    double sum[8] = {0};
    for (uint32_t i = 0; i < n; i++) {
        double d = x[i] - mean;
        sum[i % 8] += power == 1 ? d : d * d;
    }
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

void dense_norm(const float *x, uint32_t n, int rms, double epsilon, const float *gamma, const float *beta, float *y)
{
    double mean = rms ? 0 : moment(x, n, 0, 1) / n, rstd = 1.0 / sqrt(moment(x, n, mean, 2) / n + epsilon);
    for (uint32_t i = 0; i < n; i++) y[i] = (float)((x[i] - mean) * rstd) * gamma[i] + beta[i];
}

void dense_rotate(const int32_t *angle, float *x, uint32_t heads, uint32_t head_dim)
{
    uint32_t half = head_dim / 2;
    for (uint32_t h = 0; h < heads; h++, x += head_dim)
        for (uint32_t i = 0; i < half; i++) {
            float c = (float)(angle[2 * i] * 0x1p-30), s = (float)(angle[2 * i + 1] * 0x1p-30);
            float a = x[i], b = x[i + half];
            x[i] = a * c - b * s;
            x[i + half] = b * c + a * s;
        }
}
