/* The tokenizer of an opened checkpoint, from wherever it keeps it: files beside the weights, or a GGUF's metadata. */
#ifndef LASSIM_CONVERT_CHECKPOINT_TOKENIZER_H
#define LASSIM_CONVERT_CHECKPOINT_TOKENIZER_H

#include "convert/checkpoint.h"
#include "convert/checkpoint_config.h"
#include "convert/tokenizer_files.h"

/* path: what the checkpoint was opened from.  The blob stays empty where there is no tokenizer, which is allowed: the
 * model then takes token ids only.  An encoder's bos and eos become the ids that the tokenizer puts around a text, where
 * it names them.  LASSIM_ERR_FILE as tokenizer_build and tokenizer_gguf_build.  The caller frees blob->data. */
enum lassim_status checkpoint_tokenizer(const struct checkpoint *checkpoint, const char *path,
                                        struct checkpoint_config *config, struct tokenizer_blob_out *blob,
                                        struct lassim_error *error);

#endif
