/* The tensors of a GGUF under the names, shapes and row orders that the Hugging Face checkpoints of its architecture
 * have: one table per architecture, so that the rest of the converter knows only those. */
#ifndef LASSIM_CONVERT_GGUF_NAMES_H
#define LASSIM_CONVERT_GGUF_NAMES_H

#include "convert/gguf.h"
#include "convert/tensor.h"

/* Appends every tensor of gguf to list (which borrows gguf's file name and data), with GGUF_READABLE types readable.
 * Dimensions come out row-major; rows of q and k that the file keeps as rotary pairs (llama), matrices that Hugging
 * Face keeps as [in, out] (gpt2) get a view; positions and token types that were only widened to F32 get the token
 * embedding's type back.  A tensor outside the table, or of an architecture without one, keeps its name.
 * LASSIM_ERR_FILE names a tensor or key that does not fit; LASSIM_ERR_RUN: no memory.  O(tensors), reads those
 * positions and token types. */
enum lassim_status gguf_list_tensors(const struct gguf *gguf, struct tensor_list *list, struct lassim_error *error);

#endif
