/* A small llama in GGUF and its configuration, for tests of what entries and tensors become.  Failures fail the test. */
#ifndef LASSIM_TEST_GGUF_LLAMA_H
#define LASSIM_TEST_GGUF_LLAMA_H

#include <jansson.h>

#include "test/helpers/gguf_draft.h"

/* What a llama must have (2 heads of 4 channels, 20 tokens), but for the entry or tensor `without` (or NULL). */
struct gguf_draft gguf_llama(const char *without);
/* A matrix of F32 zeros, at most 1,024 of them. */
void gguf_add_matrix(struct gguf_draft *draft, const char *name, uint64_t inner, uint64_t outer);

/* Finishes the draft.  Its configuration, which the caller owns; or its refusal in a line "c.gguf: ... PART ...". */
json_t *gguf_config_accept(struct gguf_draft *draft);
void gguf_config_refuse(struct gguf_draft *draft, const char *part);
/* json, which it frees, is that text: compact, members sorted. */
void gguf_assert_json(json_t *json, const char *text);

#endif
