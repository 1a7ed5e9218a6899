/* pytorch_model.bin: what torch.save writes since PyTorch 1.6, a zip archive PREFIX/{data.pkl, data/KEY,
 * version[, byteorder, ...]} (PyTorch, torch/serialization.py). */
#ifndef LASSIM_CONVERT_TORCH_FILE_H
#define LASSIM_CONVERT_TORCH_FILE_H

#include <stdint.h>

#include "convert/tensor.h"
#include "kernel/error.h"

/* Appends the tensors of the file in data[0 .. size), which must outlive the list; file (kept by pointer)
 * names it in errors.  LASSIM_ERR_FILE with place and expectation otherwise, also for the format before
 * PyTorch 1.6, TorchScript archives and big-endian files; the list then holds some of the tensors. */
enum lassim_status torch_file_read(const char *file, const uint8_t *data, uint64_t size, struct tensor_list *list,
                                   struct lassim_error *error);

#endif
