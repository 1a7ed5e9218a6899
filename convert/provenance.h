/* Where a .snn comes from, as one JSON object: names, sizes and hashes of the checkpoint's files, options, the
 * calibration text's hash, the tool's version.  No date, no path, no host: the same inputs give the same bytes. */
#ifndef LASSIM_CONVERT_PROVENANCE_H
#define LASSIM_CONVERT_PROVENANCE_H

#include "convert/calibration_text.h"
#include "convert/checkpoint.h"
#include "convert/convert.h"
#include "kernel/error.h"
#include "kernel/model.h"

/* options: every default already filled in.  Fills model->provenance (data owned by the caller: free).  Reads the weight
 * files for their hashes.  LASSIM_ERR_FILE if config.json cannot be read again, LASSIM_ERR_RUN without
 * memory. */
enum lassim_status provenance_write(const struct convert_options *options, const struct checkpoint *checkpoint,
                                    const struct calibration_text *text, struct model *model,
                                    struct lassim_error *error);

#endif
