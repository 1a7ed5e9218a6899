/* What the report takes from a file of --metrics (or the JSON of verify, simulate): everything, in bounded size. */
#ifndef LASSIM_PROGRAM_REPORT_METRICS_H
#define LASSIM_PROGRAM_REPORT_METRICS_H

#include <jansson.h>

#include "kernel/error.h"

enum {
    REPORT_METRICS_VALUES = 200000, /* of the copy, at most */
    REPORT_METRICS_LIST = 4096,     /* of each list: its first ones; `left_out` beside it says how many are not there */
    REPORT_METRICS_DEPTH = 6
};

/* root is what the file at path holds.  *json is its copy: lists longer than REPORT_METRICS_LIST cut (their lengths under
 * "left_out"), of each token only id, text, spikes and synaptic operations, of each population no nested values, strings cut as report_string does.
 * LASSIM_ERR_FILE if root is no object whose `schema` begins with "lassim.", or holds more values or deeper nesting than
 * above.  The caller owns *json. */
enum lassim_status report_metrics_copy(const char *path, const json_t *root, json_t **json, struct lassim_error *error);

#endif
