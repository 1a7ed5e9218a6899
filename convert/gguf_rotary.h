/* Head size and rotary positions of a GGUF in the terms of config.json: part of convert/gguf_config.c. */
#ifndef LASSIM_CONVERT_GGUF_ROTARY_H
#define LASSIM_CONVERT_GGUF_ROTARY_H

#include "convert/gguf_json.h"

/* Puts head_dim, from attention.key_length or the rows of the first q, and lassim_rope_factors.  LASSIM_ERR_FILE unless
 * it is also the size of values and the part of a head that turns. */
enum lassim_status gguf_rotary_heads(const struct gguf_json *builder);
/* Puts rope_scaling: null, or an object with rope_type and its numbers.  LASSIM_ERR_FILE for a scaling of the attention
 * itself. */
enum lassim_status gguf_rotary_scaling(const struct gguf_json *builder);

#endif
