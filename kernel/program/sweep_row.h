/* One row of `lassim sweep`'s table, as CSV or as a JSON object on one line.  The columns up to `tokens` name the point and
 * what it was measured on: they are the row's key, by which a later run knows it again.  All columns are the same in every
 * run, but those whose names begin with wall_. */
#ifndef LASSIM_PROGRAM_SWEEP_ROW_H
#define LASSIM_PROGRAM_SWEEP_ROW_H

#include "kernel/program/eval.h"
#include "kernel/program/sweep_grid.h"

enum sweep_format { SWEEP_CSV, SWEEP_JSON, SWEEP_HEADER /* the names, as CSV */ };

/* What the rows of one model and one type of weights have in common. */
struct sweep_subject {
    const char *path; /* of the model, as typed */
    const struct model *model;
    const char *reference;   /* checkpoint folder, or NULL */
    const char *calibration; /* text, or NULL for the one that ships */
    const struct eval_text *text;
    double percentile;
    uint64_t seed;
    const struct energy_list *energy;
};

/* The key: begins the row, without what separates it from the next column.  Allocated; NULL without memory. */
char *sweep_row_key(enum sweep_format format, const struct sweep_subject *subject, const struct sweep_point *point);
/* The whole row without its newline; result may be NULL for SWEEP_HEADER. */
char *sweep_row_text(enum sweep_format format, const struct sweep_subject *subject, const struct sweep_point *point,
                     const struct eval_result *result);
/* 1 if `row` is the row of that key. */
int sweep_row_has_key(const char *row, const char *key);

#endif
