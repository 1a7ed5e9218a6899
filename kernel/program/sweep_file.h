/* Where the rows of a sweep are kept so that no finished point is computed twice.
 *
 * While it runs, NAME.partial holds the header (CSV) and one line a finished point in the order of finishing, each synced.
 * A run that finds NAME.partial or NAME takes every whole line of theirs whose key (sweep_row.h) is a point's.  When all
 * points are there, NAME is written anew in the grid's order, synced and renamed, and NAME.partial removed.  So a kill at
 * any time loses at most the points under way.  "-", pipes and devices get the rows at the end. */
#ifndef LASSIM_PROGRAM_SWEEP_FILE_H
#define LASSIM_PROGRAM_SWEEP_FILE_H

#include <stdint.h>

#include "kernel/error.h"

struct sweep_file;

/* header: NULL for none.  key [points] is read during the call only.  ERR_RUN if NAME.partial begins otherwise (another
 * program's columns, CSV instead of JSON), if another run has it open, or without memory or disk.  The caller owns *file:
 * sweep_file_finish or sweep_file_close. */
enum lassim_status sweep_file_open(const char *path, const char *header, char *const *key, uint32_t points,
                                   struct sweep_file **file, struct lassim_error *error);
/* 1 if the point's row is there. */
int sweep_file_has(const struct sweep_file *file, uint32_t point);
uint32_t sweep_file_count(const struct sweep_file *file);
/* Adds a finished point's row, which becomes the file's.  From any thread, each point once. */
enum lassim_status sweep_file_add(struct sweep_file *file, uint32_t point, char *row, struct lassim_error *error);
/* All points are there: writes NAME and frees file, also on failure (NAME.partial then stays). */
enum lassim_status sweep_file_finish(struct sweep_file *file, struct lassim_error *error);
/* Frees file; NAME.partial stays.  NULL allowed. */
void sweep_file_close(struct sweep_file *file);

#endif
