/* CSV texts line by line, from hostile bytes: lines of at most 255 characters, cells parted by commas, no quotes,
 * empty lines skipped, CR before LF allowed. */
#ifndef LASSIM_KERNEL_CSV_H
#define LASSIM_KERNEL_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

enum { CSV_LINE_MAX = 255, CSV_CELLS_MAX = 16 };

/* Set path, at and end, the rest 0.  Cells point into `line` and are good until the next one. */
struct csv {
    const char *path; /* for errors */
    const char *at, *end;
    uint64_t number; /* of the line, from 1 */
    char line[CSV_LINE_MAX + 1];
    uint32_t cells;
    char *cell[CSV_CELLS_MAX];
};

/* LASSIM_ERR_FILE "PATH: line N: what". */
enum lassim_status csv_fail(const struct csv *csv, const char *what, struct lassim_error *error);
/* The next line that is not empty, split into cells; *more = 0 at the end. */
enum lassim_status csv_line(struct csv *csv, int *more, struct lassim_error *error);
/* 1 and *value if text is a decimal number that fits; nothing but digits. */
int csv_unsigned(const char *text, uint64_t *value);
int csv_unsigned32(const char *text, uint32_t *value);

#endif
