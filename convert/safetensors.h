/* The safetensors format (huggingface/safetensors, safetensors/src/tensor.rs): u64 header length N, N bytes
 * of JSON, data.  Every invariant of its own reader is checked: N <= 100,000,000, JSON starts with '{', no
 * duplicate keys, tensors contiguous from 0 without holes or overlap, end - start = elements * bits / 8, the
 * last end is the end of the file.  An element type outside the format's list is accepted, its size unchecked. */
#ifndef LASSIM_CONVERT_SAFETENSORS_H
#define LASSIM_CONVERT_SAFETENSORS_H

#include <stdint.h>

#include "convert/tensor.h"
#include "kernel/error.h"

/* Appends the tensors of the file in data[0 .. size), which must outlive the list; file (kept by pointer)
 * names it in errors.  LASSIM_ERR_FILE with the place otherwise; the list then holds some of the tensors. */
enum lassim_status safetensors_read(const char *file, const uint8_t *data, uint64_t size, struct tensor_list *list,
                                    struct lassim_error *error);

#endif
