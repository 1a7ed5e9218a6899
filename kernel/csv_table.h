/* A whole CSV text as a table (RFC 4180), from hostile bytes: a header line names the columns, every row has as many
 * cells; a cell in double quotes may hold commas, line ends and doubled quotes.  LF or CR LF ends a line, empty lines
 * are skipped.  Lines without quotes, one at a time: kernel/csv.h. */
#ifndef LASSIM_KERNEL_CSV_TABLE_H
#define LASSIM_KERNEL_CSV_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

enum { CSV_TABLE_COLUMNS = 256, CSV_TABLE_CELLS = 1 << 20, CSV_TABLE_BYTES = 1 << 27 };

struct csv_table {
    uint32_t columns, rows; /* rows: without the header */
    int cut;                /* 1: the last line had no end and too few cells, as a killed program leaves it: left out */
    char **cell;            /* [(rows + 1) * columns], the header first; owned, as is what they point to */
    char *text;
};

/* Parses text[0 .. size).  LASSIM_ERR_FILE "PATH: line N: what" for anything else than the above, a 0 byte, or more than
 * CSV_TABLE_COLUMNS, _CELLS or _BYTES; LASSIM_ERR_RUN without memory.  csv_table_free in any case.  O(size). */
enum lassim_status csv_table_parse(const char *path, const char *text, size_t size, struct csv_table *table,
                                   struct lassim_error *error);
void csv_table_free(struct csv_table *table);

/* 1 and *value if all of cell is a finite decimal number ("-1", "2.5e-3"; no blanks, no hexadecimal). */
int csv_number(const char *cell, double *value);

#endif
