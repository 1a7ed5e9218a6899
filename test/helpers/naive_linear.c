/* The naive model's linear maps and its residual. */
#include <math.h>
#include <stdlib.h>

#include "test/helpers/naive_state.h"

#define RESIDUAL_LIMIT 0x1p52

/* Element number source of a group, target: the group's scale times 4 bits (layers/params.h, struct matrix). */
static int i4_integer(const uint8_t *weights, uint32_t sources, uint32_t targets, uint32_t source, uint32_t target)
{
    uint32_t padded = (targets + 31) / 32 * 32, group = source / 32, at = 0;
    LASSIM_INVARIANT(source < sources, "source %u", source);
    for (uint32_t g = 0; g < group; g++) at += padded + 32 * (padded / 2);
    int scale = weights[at + target];
    int byte = weights[at + padded + source % 32 * (padded / 2) + target / 32 * 16 + target % 16];
    int half = target % 32 < 16 ? byte % 16 : byte / 16;
    return (half < 8 ? half : half - 16) * scale;
}

static double scale_of(const struct matrix *matrix, uint32_t target)
{
    return matrix->scale != NULL ? matrix->scale[target] : 1;
}

static wide weight_integer(const struct naive *naive, uint32_t m, uint32_t source, uint32_t target)
{
    const struct matrix *matrix = &naive->model->matrix[m];
    const struct matrix_slot *slot = &naive->model->graph->matrix[m];
    uint64_t index = (uint64_t)source * slot->targets + target;
    if (matrix->type == WEIGHT_I16) return ((const int16_t *)matrix->weights)[index];
    if (matrix->type == WEIGHT_I8) return ((const int8_t *)matrix->weights)[index];
    if (matrix->type == WEIGHT_I4) return i4_integer(matrix->weights, slot->sources, slot->targets, source, target);
    double integer = ldexp(weight_value(matrix->type, matrix->weights, index), -matrix->grid);
    LASSIM_INVARIANT(integer == floor(integer), "weight off its grid");
    return (wide)integer;
}

double *naive_linear(struct naive *naive, uint32_t m, const struct sent *from, uint32_t closing)
{
    const struct matrix *matrix = &naive->model->matrix[m];
    uint32_t targets = naive->model->graph->matrix[m].targets;
    double *x = naive_make(targets, sizeof *x), unit = ldexp(naive_lsb(naive, from->population), matrix->grid);
    for (uint32_t i = 0; i < targets; i++) {
        wide sum = 0;
        for (uint32_t j = 0; j < from->n; j++) sum += from->value[j] * weight_integer(naive, m, j, i);
        LASSIM_INVARIANT(sum < (wide)1 << 62 && sum > -((wide)1 << 62), "sum of %u", m);
        x[i] = (double)sum * (unit * scale_of(matrix, i));
        if (matrix->bias != NULL) x[i] += matrix->bias[i];
    }
    if (matrix->bias != NULL) naive_count(naive, closing, &(struct counters){.membrane_updates = targets});
    return x;
}

double *naive_look_up(const struct naive *naive, uint32_t m, uint32_t row)
{
    uint32_t targets = naive->model->graph->matrix[m].targets;
    double *x = naive_make(targets, sizeof *x);
    for (uint32_t i = 0; i < targets; i++)
        x[i] = (double)weight_integer(naive, m, row, i) *
               (ldexp(1, naive->model->matrix[m].grid) * scale_of(&naive->model->matrix[m], i));
    return x;
}

void naive_into_residual(struct naive *naive, double *x, uint32_t closing)
{
    for (uint32_t i = 0; i < naive->c->hidden; i++) {
        double integer = naive->residual[i] + round(ldexp(x[i], -naive->model->residual_grid));
        if (fabs(integer) > RESIDUAL_LIMIT) {
            integer = integer < 0 ? -RESIDUAL_LIMIT : RESIDUAL_LIMIT;
            naive_count(naive, closing, &(struct counters){.saturations = 1});
        }
        naive->residual[i] = integer;
    }
    free(x);
}

void naive_linear_into_residual(struct naive *naive, uint32_t m, struct sent *from, uint32_t closing)
{
    naive_into_residual(naive, naive_linear(naive, m, from, closing), closing);
    free(from->value);
}

struct sent naive_fire_linear(struct naive *naive, uint32_t m, uint32_t p, const struct sent *from, uint64_t fan_out,
                              uint64_t partners)
{
    double *x = naive_linear(naive, m, from, p);
    struct sent sent = naive_fire_oat(naive, p, x, naive->model->graph->matrix[m].targets, 0, fan_out, partners);
    free(x);
    return sent;
}
