/* The part of a trace that the report's raster draws: evenly chosen neurons of every population, over the first windows
 * that fit.  Chosen neurons are drawn with all their spikes, and the share drawn is counted per population. */
#ifndef LASSIM_PROGRAM_REPORT_RASTER_H
#define LASSIM_PROGRAM_REPORT_RASTER_H

#include <jansson.h>
#include <stdint.h>

#include "kernel/trace_reader.h"

enum {
    RASTER_POPULATIONS = 2048, /* that have rows: the first of the table */
    RASTER_ROWS = 4096,        /* of all populations, about */
    RASTER_ROWS_EACH = 32,     /* of one, at most */
    RASTER_MARKS = 60000       /* drawn neurons x windows */
};

/* Row r of a population is neuron r * stride; of one with heads, key r % keys of head (r / keys) * stride; of an input,
 * which spikes once a window, all of its neurons r * stride .. r * stride + stride - 1. */
struct raster_rows {
    uint32_t rows, stride, keys; /* keys: 0 without heads */
    uint64_t spikes;             /* drawn */
    uint64_t window_spikes;      /* of them in the newest window */
};

/* One drawn neuron in one window. */
struct raster_mark {
    uint64_t window;
    uint32_t population, token, row;
    uint16_t fired, negative; /* bit t: step t */
    uint8_t outlier;
};

struct report_raster {
    const struct trace_header_info *info;
    uint32_t populations;
    struct raster_rows *population; /* [populations]; owned */
    struct raster_mark *mark;       /* [RASTER_MARKS]; owned */
    uint32_t marks, window_first;   /* window_first: the first mark of the newest window */
    uint64_t windows;               /* the raster covers windows [0, windows) whole */
    int full;                       /* nothing is drawn any more */
};

/* info must outlive *raster.  Returns -1 without memory.  Free in either case. */
int report_raster_init(struct report_raster *raster, const struct trace_header_info *info);
void report_raster_free(struct report_raster *raster);
/* The row of a neuron (as in struct trace_active), or UINT32_MAX if it is not drawn. */
uint32_t report_raster_row(const struct report_raster *raster, uint32_t population, uint32_t neuron);
/* Takes the next record of the trace, in its order.  A window that does not fit whole is left out, and so is all that
 * follows; if it is the first, it stays as far as it fits.  O(count). */
void report_raster_add(struct report_raster *raster, const struct trace_record *record);
/* {windows, partial, populations: [[rows, stride, keys, spikes drawn], ...], marks: [population, window, token, n, then n
 * times 2 row + outlier, fired + 65536 negative; ...]}; the caller owns it, NULL without memory. */
json_t *report_raster_json(const struct report_raster *raster);

#endif
