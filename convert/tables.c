#include "convert/tables.h"

#include <stdlib.h>

#include "neurons/real.h"

enum {
    EXP_LOWEST = -20,
    EXP_HIGHEST = 5,
    VARIANCE_MARGIN = 8,    /* octaves beyond the largest variance seen */
    VARIANCE_MARGIN_MIN = 1 /* where the error target allows no more */
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

static int fit_rstd(const struct model_config *config, double variance_max, double target, struct hg_table *table)
{
    int lo = real_floor_log2(config->norm_epsilon), top = lo + 1;
    if (variance_max > 0) top = real_floor_log2(variance_max) + 1;
    for (int margin = VARIANCE_MARGIN; margin >= VARIANCE_MARGIN_MIN; margin--) {
        int hi = top + margin > lo + 1 ? top + margin : lo + 1;
        if (fit(HG_RSQRT, lo, hi, target, table) == 0) return 0;
        if (margin > VARIANCE_MARGIN_MIN) drop(table);
    }
    return -1;
}

static void assign(struct model *model)
{
    for (uint32_t p = 0; p < model->graph->populations; p++) {
        enum population_kind kind = model->graph->population[p].kind;
        if (kind == POPULATION_EXP) model->population[p].table = TABLE_EXP;
        if (kind == POPULATION_INVERSE) model->population[p].table = TABLE_INV;
        if (kind == POPULATION_RSTD) model->population[p].table = TABLE_RSTD;
    }
}

enum lassim_status tables_fit(struct model *model, double variance_max, double target, struct lassim_error *error)
{
    static const enum hg_function functions[TABLES] = {HG_EXP, HG_INV, HG_RSQRT};
    const struct model_config *config = &model->graph->config;
    model->tables = TABLES;
    model->table = calloc(TABLES, sizeof *model->table);
    if (model->table == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "HG tables", "no memory");
    const int missed[TABLES] = {
        fit(HG_EXP, EXP_LOWEST, EXP_HIGHEST, target, &model->table[TABLE_EXP]),
        fit(HG_INV, 0, real_floor_log2(config->positions) + 1, target, &model->table[TABLE_INV]),
        fit_rstd(config, variance_max, target, &model->table[TABLE_RSTD]),
    };
    for (unsigned i = 0; i < TABLES; i++) {
        if (model->table[i].base == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "HG tables", "no memory");
        if (missed[i] != 0)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "HG tables",
                               "an error of %g cannot be met for %s: the finest table reaches %g", target,
                               hg_function_name(functions[i]), model->table[i].error);
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
