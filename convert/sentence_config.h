/* How an encoder's values become a sentence vector, as sentence-transformers stores it beside a checkpoint: modules.json
 * (is there a Normalize?), 1_Pooling/config.json (mean or cls), sentence_bert_config.json (max_seq_length); a GGUF's
 * pooling type stands in its metadata. */
#ifndef LASSIM_CONVERT_SENTENCE_CONFIG_H
#define LASSIM_CONVERT_SENTENCE_CONFIG_H

#include <jansson.h>

#include "convert/checkpoint.h"
#include "kernel/error.h"

/* *sentence: {"pooling": "mean" or "cls", "normalize": bool, "max_tokens": N}, the members that the checkpoint at path
 * decides, or NULL if it decides none (owned: json_decref).  LASSIM_ERR_FILE for a file that is no such JSON and a
 * pooling that is neither: refused by name. */
enum lassim_status sentence_config_read(const struct checkpoint *checkpoint, const char *path, json_t **sentence,
                                        struct lassim_error *error);

#endif
