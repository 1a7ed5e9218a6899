/* The HG tables of a model: one a function that its graph uses, each fitted to the stated error over the range that the
 * model needs. */
#ifndef LASSIM_CONVERT_TABLES_H
#define LASSIM_CONVERT_TABLES_H

#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"

/* Where they stand; functions of the FFN, of a pooler and a transform follow in the order of first use. */
enum { TABLE_EXP = 0, TABLE_INV, TABLE_RSTD, TABLES };

/* What tables are fitted to. */
struct tables_target {
    double error; /* largest, in each function's own kind */
    /* 1: LASSIM_ERR_USAGE if it cannot be met.  0: the finest table then does, and its error is what inspect shows: no
     * model fails to convert because its values reach far. */
    int strict;
};

/* Fits the tables and points every HG population of model->graph at its own, whose ranges follow from
 * model->calibrated_max, the largest |x| seen of each population:
 *   exp   |x| in 2^-20 .. 2^5, silent beyond
 *   1/x   2^0 .. above the longest context (sum e is at least 1 and at most one a key)
 *   1/sqrt  from below epsilon to 2^8 times the largest variance + epsilon seen; where the
 *         error cannot be met that far, to as little as twice that
 *   others  |x| in 2^-12 .. 4 times the largest seen, at least 8; where the error cannot be met that far, to as little as
 *         twice the largest
 * Sets model->table and model->tables; the caller owns them: tables_free.  LASSIM_ERR_RUN: no memory. */
enum lassim_status tables_fit(struct model *model, const struct tables_target *target, struct lassim_error *error);
void tables_free(struct model *model);

#endif
