/* The rows of a sweep for the report: CSV with a header, a JSON list of objects (or an object whose `rows` is one), or one
 * JSON object a line.  Columns are whatever the file has. */
#ifndef LASSIM_PROGRAM_REPORT_TABLE_H
#define LASSIM_PROGRAM_REPORT_TABLE_H

#include <jansson.h>
#include <stddef.h>

#include "kernel/error.h"

enum { REPORT_CELLS = 60000, REPORT_CELL_BYTES = 200 };

/* text[size] is 0.  *json = {columns: [name], rows: [[number, string, true, false or null]], cut, left_out}; cells beyond REPORT_CELLS are
 * left out, row by row, and counted; longer strings are cut.  The caller owns it (json_decref).  LASSIM_ERR_FILE with the
 * place otherwise, LASSIM_ERR_RUN without memory.  O(size). */
enum lassim_status report_table_parse(const char *path, const char *text, size_t size, json_t **json,
                                      struct lassim_error *error);
/* A string of at most REPORT_CELL_BYTES bytes of text, "…" behind it if it was longer; ill-formed UTF-8 as U+FFFD.  NULL
 * without memory. */
json_t *report_string(const char *text);

#endif
