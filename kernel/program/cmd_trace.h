/* What the trace commands share. */
#ifndef LASSIM_PROGRAM_CMD_TRACE_H
#define LASSIM_PROGRAM_CMD_TRACE_H

#include "kernel/trace_reader.h"

/* One line on stderr if the trace, read to its end, turned out to be cut off. */
void trace_note_cut_off(const struct trace_reader *reader);

#endif
