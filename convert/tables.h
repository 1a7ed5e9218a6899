/* The three HG tables of a model: exp, 1/x and 1/sqrt(x), each fitted to the stated error over the range that
 * the model needs. */
#ifndef LASSIM_CONVERT_TABLES_H
#define LASSIM_CONVERT_TABLES_H

#include <stdint.h>

#include "kernel/error.h"
#include "kernel/model.h"

enum { TABLE_EXP = 0, TABLE_INV, TABLE_RSTD, TABLES };

/* Fits the tables and points every HG population of model->graph at its own:
 *   exp   |x| in 2^-20 .. 2^5, silent beyond
 *   1/x   2^0 .. above the longest context (sum e is at least 1 and at most one a key)
 *   1/sqrt  from below epsilon to 2^8 times variance_max, the largest variance + epsilon seen; where the
 *         error cannot be met that far, to as little as twice variance_max
 * error: largest error, in each function's own kind.  LASSIM_ERR_USAGE if it cannot be met.  Sets model->table
 * and model->tables; the caller owns them: tables_free. */
enum lassim_status tables_fit(struct model *model, double variance_max, double target, struct lassim_error *error);
void tables_free(struct model *model);

#endif
