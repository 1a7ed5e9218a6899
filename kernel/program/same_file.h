/* Outputs that would overwrite what is still read. */
#ifndef LASSIM_PROGRAM_SAME_FILE_H
#define LASSIM_PROGRAM_SAME_FILE_H

#include "kernel/error.h"

/* LASSIM_ERR_USAGE, naming output, if output or output.partial is the existing regular file input; LASSIM_ERR_RUN without
 * memory.  what names the input in the line: "the trace". */
enum lassim_status same_file_refuse(const char *input, const char *output, const char *what,
                                    struct lassim_error *error);

#endif
