/* What is made of the numbers that a model reads out, as the checkpoint says (the .snn's section readout): "labels", their
 * names in the order of the head's rows, where it classifies; "sentence" (convert/sentence_config.h), where it gives
 * vectors. */
#ifndef LASSIM_CONVERT_READOUT_H
#define LASSIM_CONVERT_READOUT_H

#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"
#include "kernel/error.h"
#include "kernel/model.h"

/* Fills model->readout (data owned by the caller: free; empty where the checkpoint at path says nothing).
 * LASSIM_ERR_FILE for a pooling that is not supported, LASSIM_ERR_RUN without memory. */
enum lassim_status readout_write(const struct checkpoint *checkpoint, const char *path,
                                 const struct checkpoint_config *config, struct model *model,
                                 struct lassim_error *error);

#endif
