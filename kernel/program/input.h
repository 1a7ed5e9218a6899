/* Texts from outside: a file or standard input read whole, lists of token ids. */
#ifndef LASSIM_PROGRAM_INPUT_H
#define LASSIM_PROGRAM_INPUT_H

#include <stddef.h>
#include <stdint.h>

#include "kernel/error.h"

/* Reads path ("-": standard input; pipes are fine) to its end into *bytes (owned by the caller: free; one 0
 * follows).  LASSIM_ERR_FILE if it cannot be read or holds more than limit bytes, LASSIM_ERR_RUN without
 * memory; *bytes is then NULL. */
enum lassim_status input_read(const char *path, size_t limit, uint8_t **bytes, size_t *size,
                              struct lassim_error *error);
/* Parses "2,17,5", each below vocabulary, into *ids (owned by the caller: free).  LASSIM_ERR_USAGE, place =
 * "--token-ids", otherwise; *ids is then NULL.  O(length). */
enum lassim_status input_token_ids(const char *text, uint32_t vocabulary, uint32_t **ids, size_t *n,
                                   struct lassim_error *error);

#endif
