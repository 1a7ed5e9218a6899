/* The table of tensors of a GGUF: the part of convert/gguf.h between the metadata and the data. */
#ifndef LASSIM_CONVERT_GGUF_TENSORS_H
#define LASSIM_CONVERT_GGUF_TENSORS_H

#include "convert/gguf_cursor.h"

/* Reads gguf->tensors infos at the cursor into gguf->tensor (room for them; gguf->entry is complete), checks them
 * against each other and the file, and sorts them by name.  LASSIM_ERR_FILE names the tensor.  O(tensors log
 * tensors). */
enum lassim_status gguf_tensors_read(struct gguf_cursor *cursor, struct gguf *gguf);

#endif
