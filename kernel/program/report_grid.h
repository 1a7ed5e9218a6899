/* Sums over a long axis in a fixed number of columns: when a position lies beyond the last column, columns merge into
 * wider ones.  No sum is lost or split, so any row's total stays exact. */
#ifndef LASSIM_PROGRAM_REPORT_GRID_H
#define LASSIM_PROGRAM_REPORT_GRID_H

#include <jansson.h>
#include <stdint.h>

enum { REPORT_COLUMNS = 384 };

struct report_grid {
    uint32_t rows;
    uint32_t unit;    /* a column is a divisor of this many positions, or 2^i times as many */
    uint64_t bin;     /* positions of a column, at first 1 */
    uint32_t columns; /* used: the last one holds the largest position added */
    uint64_t *cell;   /* [rows][REPORT_COLUMNS]; owned */
};

/* unit >= 1; 0 <= rows.  Returns -1 without memory. */
int report_grid_init(struct report_grid *grid, uint32_t rows, uint32_t unit);
void report_grid_free(struct report_grid *grid);
/* Makes position (below 2^62) lie in a column.  O(rows) per doubling. */
void report_grid_reach(struct report_grid *grid, uint64_t position);
/* Adds value at a position, which is reached first.  row < rows. */
void report_grid_add(struct report_grid *grid, uint32_t row, uint64_t position, uint64_t value);
/* {bin, columns, rows: [[sum per column], ...]}; the caller owns it, NULL without memory. */
json_t *report_grid_json(const struct report_grid *grid);

#endif
