#include "kernel/program/inspect.h"

#include <stdio.h>
#include <string.h>

#include "neurons/real.h"

const struct inspect_control inspect_controls[INSPECT_CONTROLS] = {
    {"row maximum", "softmax", "the largest score of each head and token is found by comparison (winner take all)"},
    {"octave of the sum", "softmax", "floor(log2 of sum e) shifts the thresholds of the head's context"},
    {"closing of windows", "every population", "the schedule says when an input is complete and a window opens"},
};

double inspect_alpha_normal(const struct model *model, uint32_t p)
{
    return real_ldexp(model->population[p].scale, model->population[p].exponent);
}

double inspect_alpha_outlier(const struct model *model, uint32_t p)
{
    return real_ldexp(inspect_alpha_normal(model, p), (int)model->population[p].j);
}

struct inspect_range inspect_shifts(const struct model *model, uint32_t p)
{
    const int8_t *shift = model->population[p].shift;
    if (shift == NULL) return (struct inspect_range){0, 0};
    int8_t low = shift[0], high = shift[0];
    for (uint32_t i = 1; i < model->graph->population[p].neurons; i++) {
        if (shift[i] < low) low = shift[i];
        if (shift[i] > high) high = shift[i];
    }
    return (struct inspect_range){low, high};
}

struct inspect_range inspect_scales(const struct model *model, uint32_t m)
{
    const double *scale = model->matrix[m].scale;
    if (scale == NULL) return (struct inspect_range){0, 0};
    struct inspect_range range = {scale[0], scale[0]};
    for (uint32_t i = 1; i < model->graph->matrix[m].targets; i++) {
        if (scale[i] < range.low) range.low = scale[i];
        if (scale[i] > range.high) range.high = scale[i];
    }
    return range;
}

unsigned inspect_bound_bits(const struct model *model, uint32_t m)
{
    uint64_t bound = model->matrix[m].bound;
    return bound == 0 ? 0 : 64 - (unsigned)__builtin_clzll(bound);
}

/* "layers.12.q" -> "layers.*.q"; other names stay. */
static void row_name(const char *name, char *out, size_t size)
{
    const char *rest = strncmp(name, "layers.", 7) == 0 ? strchr(name + 7, '.') : NULL;
    if (rest != NULL)
        snprintf(out, size, "layers.*%s", rest);
    else
        snprintf(out, size, "%s", name);
}

static void widen(struct inspect_range *range, struct inspect_range by)
{
    if (by.low < range->low) range->low = by.low;
    if (by.high > range->high) range->high = by.high;
}

static struct inspect_range single(double value)
{
    return (struct inspect_range){value, value};
}

static struct inspect_population population_row(const struct model *model, uint32_t p)
{
    const struct population *population = &model->graph->population[p];
    struct inspect_population row = {
        .count = 1,
        .first = p,
        .neurons = single(population->neurons),
        .fan_out = single(population->fan_out),
        .alpha_normal = single(inspect_alpha_normal(model, p)),
        .alpha_outlier = single(inspect_alpha_outlier(model, p)),
        .j = single(model->population[p].j),
        .shift = inspect_shifts(model, p),
        .timesteps = single(params_steps(&model->population[p], model->timesteps)),
        .calibrated_max = single(model->calibrated_max[p]),
    };
    row_name(population->name, row.name, sizeof row.name);
    return row;
}

static void join_population(const struct model *model, struct inspect_population *row,
                            const struct inspect_population *next)
{
    const struct population *population = model->graph->population;
    if (row->count == 1) row->level_step = population[next->first].level - population[row->first].level;
    row->count++;
    widen(&row->neurons, next->neurons);
    widen(&row->fan_out, next->fan_out);
    widen(&row->alpha_normal, next->alpha_normal);
    widen(&row->alpha_outlier, next->alpha_outlier);
    widen(&row->j, next->j);
    widen(&row->shift, next->shift);
    widen(&row->timesteps, next->timesteps);
    widen(&row->calibrated_max, next->calibrated_max);
}

uint32_t inspect_populations(const struct model *model, struct inspect_population *rows)
{
    uint32_t n = 0, at;
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        struct inspect_population row = population_row(model, p);
        for (at = 0; at < n && strcmp(rows[at].name, row.name) != 0; at++) {
        }
        if (at < n)
            join_population(model, &rows[at], &row);
        else
            rows[n++] = row;
    }
    for (at = 0; at < n; at++)
        if (rows[at].count == 1)
            memcpy(rows[at].name, model->graph->population[rows[at].first].name, sizeof rows->name);
    return n;
}

static struct inspect_matrix matrix_row(const struct model *model, uint32_t m)
{
    const struct matrix *matrix = &model->matrix[m];
    struct inspect_matrix row = {
        .count = 1,
        .first = m,
        .moved = matrix->moved,
        .grid = single(matrix->grid),
        .bound_bits = single(inspect_bound_bits(model, m)),
        .scale = inspect_scales(model, m),
        .moved_max = matrix->moved_max,
        .moved_rms = matrix->moved_rms,
    };
    row_name(model->graph->matrix[m].name, row.name, sizeof row.name);
    return row;
}

static void join_matrix(const struct model *model, struct inspect_matrix *row, const struct inspect_matrix *next)
{
    row->count++;
    row->moved += next->moved;
    row->type_differs |= model->matrix[row->first].type != model->matrix[next->first].type;
    widen(&row->grid, next->grid);
    widen(&row->bound_bits, next->bound_bits);
    widen(&row->scale, next->scale);
    if (next->moved_max > row->moved_max) row->moved_max = next->moved_max;
    if (next->moved_rms > row->moved_rms) row->moved_rms = next->moved_rms;
}

uint32_t inspect_matrices(const struct model *model, struct inspect_matrix *rows)
{
    uint32_t n = 0, at;
    for (uint32_t m = 0; m < model->graph->matrices; m++) {
        struct inspect_matrix row = matrix_row(model, m);
        for (at = 0; at < n && strcmp(rows[at].name, row.name) != 0; at++) {
        }
        if (at < n)
            join_matrix(model, &rows[at], &row);
        else
            rows[n++] = row;
    }
    for (at = 0; at < n; at++)
        if (rows[at].count == 1) memcpy(rows[at].name, model->graph->matrix[rows[at].first].name, sizeof rows->name);
    return n;
}

const char *inspect_activation(const struct model_config *config)
{
    static const char *const names[ACTIVATIONS] = {"ReLU", "GELU (erf)", "GELU (tanh)", "SiLU", "quick-GELU"};
    return names[config->activation];
}
