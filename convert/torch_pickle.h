/* The pickle of a torch state_dict, read by a machine that can only build tensors.
 *
 * Opcodes: what pickle protocols 2 to 4 need for dicts, tuples, numbers, strings, memo, persistent ids and
 * calls (Python, Lib/pickletools.py); any other opcode and any global but those of convert/torch_objects.c is
 * refused.  Limits: 16 MiB of pickle, 2^20 values on the stack and in the memo, PICKLE_ARENA_MAX of values;
 * nothing recurses, so nesting costs no stack. */
#ifndef LASSIM_CONVERT_TORCH_PICKLE_H
#define LASSIM_CONVERT_TORCH_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "convert/tensor.h"
#include "convert/zip_archive.h"
#include "kernel/error.h"

enum { TORCH_PICKLE_MAX = 16 << 20, TORCH_STACK_MAX = 1 << 20 };

/* Appends the tensors of the dict that pickle[0 .. size) builds; their storages are entries PREFIX/data/KEY
 * of archive, whose bytes must outlive the list.  LASSIM_ERR_FILE names the byte or the tensor otherwise; the
 * list then holds some of the tensors.  O(size). */
enum lassim_status torch_pickle_read(const char *file, const uint8_t *pickle, uint64_t size,
                                     const struct zip_archive *archive, const char *prefix, struct tensor_list *list,
                                     struct lassim_error *error);

#endif
