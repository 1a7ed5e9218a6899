/* Whole text files, for prompts and texts to verify on. */
#ifndef LASSIM_PROGRAM_TEXT_FILE_H
#define LASSIM_PROGRAM_TEXT_FILE_H

#include <stddef.h>

#include "kernel/error.h"

/* Reads path ("-": standard input) into *text, terminated by a 0 that *size excludes.  The caller frees
 * *text.  LASSIM_ERR_FILE with file and reason; at most 2^28 bytes. */
enum lassim_status text_file_read(const char *path, char **text, size_t *size, struct lassim_error *error);

#endif
