#include "convert/tables.h"

#include <stdlib.h>

#include "neurons/real.h"

enum {
    EXP_LOWEST = -20,
    EXP_HIGHEST = 5,
    VARIANCE_MARGIN = 8,   /* octaves beyond the largest variance seen */
    ACTIVATION_MARGIN = 2, /* octaves beyond the largest value seen: saturation costs more than resolution */
    MARGIN_MIN = 1,        /* where the error target allows no more */
    ACTIVATION_LOWEST = -12,
    ACTIVATION_HIGHEST_MIN = 3
};

/* Fits into storage of its own, cut to the rows that came out. */
static int fit(enum hg_function function, int lo, int hi, double target, struct hg_table *table)
{
    int64_t *storage = malloc(2 * sizeof *storage * HG_ROWS_MAX);
    *table = (struct hg_table){.base = NULL};
    if (storage == NULL) return -1;
    int missed = hg_fit(function, lo, hi, target, storage, HG_ROWS_MAX, table);
    int64_t *rows = malloc(2 * sizeof *rows * (table->rows + 1));
    for (uint32_t i = 0; rows != NULL && i < table->rows; i++) {
        rows[i] = table->base[i];
        rows[table->rows + i] = table->slope[i];
    }
    table->base = rows;
    table->slope = rows == NULL ? NULL : rows + table->rows;
    free(storage);
    return rows == NULL ? -1 : missed;
}

static void drop(struct hg_table *table)
{
    free((void *)table->base);
    *table = (struct hg_table){.base = NULL};
}

/* Over as many of `margin` octaves beyond `top` as the error target allows, but MARGIN_MIN; not below `least`. */
static int fit_with_margin(enum hg_function function, int lo, int top, int margin, int least, double target,
                           struct hg_table *table)
{
    for (; margin >= MARGIN_MIN; margin--) {
        int hi = top + margin > least ? top + margin : least;
        if (fit(function, lo, hi, target, table) == 0) return 0;
        if (margin > MARGIN_MIN) drop(table);
    }
    return -1;
}

/* Largest |x| seen of the populations that compute the function, and the smallest octave above it. */
static double largest_of(const struct model *model, enum hg_function function)
{
    double largest = 0;
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        const struct population *population = &model->graph->population[p];
        if (population->code == CODE_HG && population->function == function && model->calibrated_max[p] > largest)
            largest = model->calibrated_max[p];
    }
    return largest;
}

static int fit_function(const struct model *model, enum hg_function function, double target, struct hg_table *table)
{
    const struct model_config *config = &model->graph->config;
    double largest = largest_of(model, function);
    int lo = real_floor_log2(config->norm_epsilon), top = largest > 0 ? real_floor_log2(largest) + 1 : lo + 1;
    switch (function) {
    case HG_EXP: return fit(function, EXP_LOWEST, EXP_HIGHEST, target, table);
    case HG_INV: return fit(function, 0, real_floor_log2(config->positions) + 1, target, table);
    case HG_RSQRT: return fit_with_margin(function, lo, top, VARIANCE_MARGIN, lo + 1, target, table);
    default:
        return fit_with_margin(function, ACTIVATION_LOWEST, top, ACTIVATION_MARGIN, ACTIVATION_HIGHEST_MIN, target,
                               table);
    }
}

/* Every function once, the three of every model first. */
static uint32_t list_functions(const struct graph *graph, enum hg_function function[HG_FUNCTIONS])
{
    uint32_t count = TABLES;
    function[TABLE_EXP] = HG_EXP;
    function[TABLE_INV] = HG_INV;
    function[TABLE_RSTD] = HG_RSQRT;
    for (uint32_t p = 0; p < graph->populations; p++) {
        uint32_t i = 0;
        if (graph->population[p].code != CODE_HG) continue;
        while (i < count && function[i] != graph->population[p].function) i++;
        if (i == count) function[count++] = graph->population[p].function;
    }
    return count;
}

static void assign(struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++)
        for (uint32_t i = 0; i < model->tables; i++)
            if (model->graph->population[p].code == CODE_HG &&
                model->graph->population[p].function == model->table[i].function)
                model->population[p].table = i;
}

enum lassim_status tables_fit(struct model *model, const struct tables_target *target, struct lassim_error *error)
{
    enum hg_function function[HG_FUNCTIONS];
    uint32_t tables = list_functions(model->graph, function);
    model->table = calloc(tables, sizeof *model->table);
    if (model->table == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "HG tables", "no memory");
    model->tables = tables;
    for (uint32_t i = 0; i < tables; i++) {
        struct hg_table *table = &model->table[i];
        int missed = fit_function(model, function[i], target->error, table);
        if (table->base == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "HG tables", "no memory");
        if (missed != 0 && (target->strict || table->rows == 0))
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "HG tables",
                               "an error of %g cannot be met for %s: the finest table reaches %g", target->error,
                               hg_function_name(function[i]), table->error);
    }
    assign(model);
    return LASSIM_OK;
}

void tables_free(struct model *model)
{
    for (uint32_t i = 0; model->table != NULL && i < model->tables; i++) drop(&model->table[i]);
    free(model->table);
    model->table = NULL;
    model->tables = 0;
}
