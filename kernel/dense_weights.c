/* The .snn's own weights, widened for the engine `dense`. */
#include "kernel/dense_engine.h"

#include <string.h>

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Exact: every F16 is a float; its exponent field is moved, then rescaled by 2^112. */
static float from_f16(uint32_t half)
{
    return from_bits((half & 0x8000u) << 16 | (half & 0x7fffu) << 13) * 0x1p112f;
}

static int model_rows(void *context, uint32_t m, uint32_t first, uint32_t count, float *out, struct lassim_error *error)
{
    const struct model *model = context;
    const struct matrix *matrix = &model->matrix[m];
    uint64_t targets = model->graph->matrix[m].targets, from = first * targets, n = count * targets;
    (void)error;
    switch (matrix->type) {
    case WEIGHT_F32: memcpy(out, (const float *)matrix->weights + from, n * sizeof *out); break;
    case WEIGHT_F16:
        for (uint64_t i = 0; i < n; i++) out[i] = from_f16(((const uint16_t *)matrix->weights)[from + i]);
        break;
    case WEIGHT_BF16:
        for (uint64_t i = 0; i < n; i++)
            out[i] = from_bits((uint32_t)((const uint16_t *)matrix->weights)[from + i] << 16);
        break;
    default:
        for (uint64_t i = 0; i < n; i++) {
            uint32_t target = (uint32_t)(i % targets), source = first + (uint32_t)(i / targets);
            double scale = matrix->scale != NULL ? matrix->scale[target] : 1;
            out[i] = (float)(matrix_value(matrix, (uint32_t)targets, source, target) * scale);
        }
        break;
    }
    return 0;
}

static void narrow(const double *in, uint32_t n, float *out)
{
    for (uint32_t i = 0; i < n; i++) out[i] = (float)in[i];
}

static int model_bias(void *context, uint32_t m, float *out, struct lassim_error *error)
{
    const struct model *model = context;
    (void)error;
    if (model->matrix[m].bias == NULL) return 1;
    narrow(model->matrix[m].bias, model->graph->matrix[m].targets, out);
    return 0;
}

static int model_norm(void *context, uint32_t n, float *gamma, float *beta, struct lassim_error *error)
{
    const struct model *model = context;
    (void)error;
    if (model->norm[n].gamma == NULL) return 1;
    narrow(model->norm[n].gamma, model->graph->config.hidden, gamma);
    if (model->norm[n].beta != NULL) narrow(model->norm[n].beta, model->graph->config.hidden, beta);
    return 0;
}

static const struct matrix *model_mapped(void *context, uint32_t m)
{
    const struct model *model = context;
    return &model->matrix[m];
}

void dense_weights_of_model(const struct model *model, struct dense_weights *weights)
{
    *weights = (struct dense_weights){
        (void *)(uintptr_t)model, model_rows, model_bias, model_norm, model_mapped, model->rotary};
}
