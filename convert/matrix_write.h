/* Weights from the checkpoint into the .snn: rounded to the matrix's grid, by source, in the checkpoint's
 * own type. */
#ifndef LASSIM_CONVERT_MATRIX_WRITE_H
#define LASSIM_CONVERT_MATRIX_WRITE_H

#include <stdint.h>

#include "convert/model_tensors.h"
#include "layers/params.h"

/* out[sources][targets] of matrix->type = source->weight rounded half away from zero to matrix->grid
 * (matrix as grid_choose left it; rounding is skipped where nothing moves).  Linear layers are transposed in
 * tiles that fit the cache.  O(elements), no allocation. */
void matrix_write(unsigned threads, const struct matrix_tensor *source, const struct matrix_slot *slot,
                  const struct matrix *matrix, void *out);

#endif
