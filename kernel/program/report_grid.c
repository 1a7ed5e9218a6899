#include "kernel/program/report_grid.h"

#include <stdlib.h>
#include <string.h>

int report_grid_init(struct report_grid *grid, uint32_t rows, uint32_t unit)
{
    *grid = (struct report_grid){.rows = rows, .unit = unit, .bin = 1};
    grid->cell = calloc((size_t)rows * REPORT_COLUMNS + 1, sizeof *grid->cell);
    return grid->cell != NULL ? 0 : -1;
}

void report_grid_free(struct report_grid *grid)
{
    free(grid->cell);
    grid->cell = NULL;
}

/* How many columns merge into one: the smallest step to the next divisor of unit, beyond unit two. */
static uint64_t next_factor(const struct report_grid *grid)
{
    for (uint64_t factor = 2; grid->bin * factor <= grid->unit; factor++)
        if (grid->unit % (grid->bin * factor) == 0) return factor;
    return 2;
}

static void merge_columns(struct report_grid *grid)
{
    uint32_t factor = (uint32_t)next_factor(grid);
    for (uint32_t row = 0; row < grid->rows; row++) {
        uint64_t *cell = grid->cell + (size_t)row * REPORT_COLUMNS;
        for (uint32_t column = 0; column < REPORT_COLUMNS; column++) {
            uint64_t value = cell[column];
            cell[column] = 0;
            cell[column / factor] += value;
        }
    }
    grid->columns = (grid->columns + factor - 1) / factor;
    grid->bin *= factor;
}

void report_grid_reach(struct report_grid *grid, uint64_t position)
{
    while (position / grid->bin >= REPORT_COLUMNS) merge_columns(grid);
    uint32_t column = (uint32_t)(position / grid->bin);
    if (column >= grid->columns) grid->columns = column + 1;
}

void report_grid_add(struct report_grid *grid, uint32_t row, uint64_t position, uint64_t value)
{
    report_grid_reach(grid, position);
    grid->cell[(size_t)row * REPORT_COLUMNS + position / grid->bin] += value;
}

json_t *report_grid_json(const struct report_grid *grid)
{
    json_t *object = json_object(), *rows = json_array();
    int failed = json_object_set_new(object, "bin", json_integer((json_int_t)grid->bin));
    failed |= json_object_set_new(object, "columns", json_integer(grid->columns));
    for (uint32_t row = 0; row < grid->rows; row++) {
        json_t *sums = json_array();
        for (uint32_t column = 0; column < grid->columns; column++)
            failed |= json_array_append_new(
                sums, json_integer((json_int_t)grid->cell[(size_t)row * REPORT_COLUMNS + column]));
        failed |= json_array_append_new(rows, sums);
    }
    failed |= json_object_set_new(object, "rows", rows);
    if (!failed) return object;
    json_decref(object);
    return NULL;
}
