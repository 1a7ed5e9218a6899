#include "kernel/program/variant.h"

#include <stdlib.h>
#include <string.h>

#include "convert/thresholds.h"
#include "neurons/oat.h"
#include "neurons/real.h"

enum { CHANNEL_MARGIN = 2 /* the converter's alpha_out is 2^2 times the power of two that holds a channel */ };

static enum lassim_status no_memory(struct lassim_error *error)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for a variant of the model");
}

/* Channel shifts of 0, where the graph wants shifts. */
static enum lassim_status flatten(const struct population *population, struct population_params *params,
                                  struct lassim_error *error)
{
    int8_t *shift = NULL;
    if (population->per_channel && (shift = calloc(population->neurons, 1)) == NULL) return no_memory(error);
    params->shift = shift;
    return LASSIM_OK;
}

/* Largest j, at most `wanted`, with which the sums of the matrices that p feeds stay below 2^62. */
static uint32_t allowed_j(const struct model *variant, uint32_t p, uint32_t wanted, uint32_t before)
{
    for (uint32_t m = 0; m < variant->graph->matrices; m++) {
        if (variant->graph->matrix[m].source != p) continue;
        while (wanted > before &&
               (unsigned __int128)variant->matrix[m].bound << (wanted - before) >= (uint64_t)PARAMS_SUM_LIMIT)
            wanted--;
    }
    return wanted;
}

static void raise_bounds(struct model *variant, uint32_t p, uint32_t by)
{
    for (uint32_t m = 0; m < variant->graph->matrices; m++)
        if (variant->graph->matrix[m].source == p) variant->matrix[m].bound <<= by;
}

/* alpha_nor = the percentile, alpha_out >= the largest. */
static void outlier_aware(struct model *variant, uint32_t p, double largest, double percentile,
                          struct population_params *params)
{
    uint32_t before = variant->population[p].j, j = 0;
    threshold_one(percentile > 0 ? percentile : largest, params);
    double alpha = real_ldexp(params->scale, params->exponent);
    while (j < OAT_SHIFT_MAX && real_ldexp(alpha, (int)j) < largest) j++;
    params->j = allowed_j(variant, p, j, before);
    if (params->j > before) raise_bounds(variant, p, params->j - before);
}

static enum lassim_status set_thresholds(struct model *variant, const struct variant_options *options, uint32_t p,
                                         struct lassim_error *error)
{
    const struct population *population = &variant->graph->population[p];
    struct population_params params = variant->population[p];
    double largest = variant->calibrated_max[p];
    uint32_t j = params.j;
    enum variant_rule rule = options->rule;
    if (population->code != CODE_OAT || population->kind == POPULATION_WEIGHT) return LASSIM_OK;
    if (options->oat && (rule == VARIANT_MODEL || rule == VARIANT_CHANNEL)) return LASSIM_OK;
    if (rule == VARIANT_CHANNEL && population->per_channel) {
        variant->population[p].exponent = params.exponent + (int32_t)j - CHANNEL_MARGIN;
        variant->population[p].j = 0;
        return LASSIM_OK;
    }
    if (rule == VARIANT_PERCENTILE && options->oat)
        outlier_aware(variant, p, largest, options->percentile[p], &params);
    else if (rule == VARIANT_PERCENTILE && options->percentile[p] > 0)
        threshold_one(options->percentile[p], &params);
    else
        threshold_one(largest, &params);
    if (options->oat && rule == VARIANT_MAX) {
        params.exponent -= (int32_t)j;
        params.j = j;
    }
    params.steps = variant->population[p].steps;
    params.table = variant->population[p].table;
    enum lassim_status status = flatten(population, &params, error);
    if (status == LASSIM_OK) variant->population[p] = params;
    return status;
}

/* Lowers what the spike products do not allow. */
static void limit_products(struct model *variant)
{
    uint32_t p;
    while (params_check_products(variant->graph, variant->population, &p) != NULL) {
        LASSIM_INVARIANT(variant->population[p].j > 0, "population %u", p);
        variant->population[p].j--;
    }
}

/* A table of its own, cut to its rows. */
static enum lassim_status refit(struct hg_table *table, double target, struct lassim_error *error)
{
    int64_t *storage = malloc(2 * sizeof *storage * HG_ROWS_MAX);
    struct hg_table fitted;
    if (storage == NULL) return no_memory(error);
    int missed = hg_fit(table->function, table->lo, table->hi, target, storage, HG_ROWS_MAX, &fitted);
    int64_t *rows = missed ? NULL : malloc(2 * sizeof *rows * fitted.rows);
    if (rows != NULL) {
        memcpy(rows, fitted.base, fitted.rows * sizeof *rows);
        memcpy(rows + fitted.rows, fitted.slope, fitted.rows * sizeof *rows);
        *table = fitted;
        table->base = rows;
        table->slope = rows + fitted.rows;
    }
    free(storage);
    if (missed)
        return lassim_fail(error, LASSIM_ERR_USAGE, "--hg", NULL, "an error of %g cannot be met for %s", target,
                           hg_function_name(table->function));
    return rows != NULL ? LASSIM_OK : no_memory(error);
}

static enum lassim_status copy_arrays(struct variant *variant, struct lassim_error *error)
{
    const struct model *base = variant->base;
    struct model *model = &variant->model;
    model->population = malloc(base->graph->populations * sizeof *model->population);
    model->matrix = malloc(base->graph->matrices * sizeof *model->matrix);
    model->table = malloc(base->tables * sizeof *model->table);
    if (model->population == NULL || model->matrix == NULL || model->table == NULL) return no_memory(error);
    memcpy(model->population, base->population, base->graph->populations * sizeof *model->population);
    memcpy(model->matrix, base->matrix, base->graph->matrices * sizeof *model->matrix);
    memcpy(model->table, base->table, base->tables * sizeof *model->table);
    return LASSIM_OK;
}

enum lassim_status variant_make(const struct model *model, const struct variant_options *options,
                                struct variant **result, struct lassim_error *error)
{
    struct variant *variant = calloc(1, sizeof *variant);
    *result = NULL;
    if (variant == NULL) return no_memory(error);
    *variant = (struct variant){*model, model};
    variant->model.code = options->code;
    enum lassim_status status = copy_arrays(variant, error);
    if (status != LASSIM_OK) {
        free(variant->model.population);
        free(variant->model.matrix);
        free(variant->model.table);
        free(variant);
        return status;
    }
    for (uint32_t t = 0; t < model->tables && status == LASSIM_OK; t++) {
        if (options->hg == VARIANT_HG_EXACT) variant->model.table[t].exact = 1;
        if (options->hg == VARIANT_HG_REFIT) status = refit(&variant->model.table[t], options->hg_error, error);
    }
    for (uint32_t p = 0; p < model->graph->populations && status == LASSIM_OK; p++)
        status = set_thresholds(&variant->model, options, p, error);
    if (status == LASSIM_OK) {
        limit_products(&variant->model);
        *result = variant;
    } else {
        variant_free(variant);
    }
    return status;
}

void variant_free(struct variant *variant)
{
    if (variant == NULL) return;
    struct model *model = &variant->model;
    for (uint32_t p = 0; p < model->graph->populations; p++)
        if (model->population[p].shift != variant->base->population[p].shift) free((void *)model->population[p].shift);
    for (uint32_t t = 0; t < model->tables; t++)
        if (model->table[t].base != variant->base->table[t].base) free((void *)model->table[t].base);
    free(model->population);
    free(model->matrix);
    free(model->table);
    free(variant);
}
