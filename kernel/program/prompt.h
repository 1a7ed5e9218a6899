/* The prompt of a run as token ids. */
#ifndef LASSIM_PROGRAM_PROMPT_H
#define LASSIM_PROGRAM_PROMPT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/model.h"
#include "kernel/program/cli.h"
#include "kernel/tokenizer.h"

/* Parses "2,17,5", each below vocabulary, into *ids (owned by the caller: free).  LASSIM_ERR_USAGE, place =
 * "--token-ids", otherwise; *ids is then NULL.  O(length). */
enum lassim_status prompt_token_ids(const char *text, uint32_t vocabulary, uint32_t **ids, size_t *n,
                                    struct lassim_error *error);
/* The ids of --prompt, --prompt-file (without one newline at its end, as llama.cpp does), --token-ids (taken as
 * they are) or the model's own prompt; texts get bos in front where the tokenizer says so.  tokenizer is NULL for
 * a model that has none: only --token-ids is taken then.  1 .. the model's context of ids, else LASSIM_ERR_USAGE.  *ids has room for context + 1 and is owned by the caller (free), also
 * on failure. */
enum lassim_status prompt_read(const struct cli *cli, const struct model *model, const struct tokenizer *tokenizer,
                               uint32_t **ids, uint32_t *n, struct lassim_error *error);

#endif
