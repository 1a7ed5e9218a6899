/* Checkpoint weights as integers with a scale per target: I16, I8 and I4 (layers/params.h, struct matrix).
 *
 *   I16  scale = max |w| / 32767 of the target's weights: |w - stored| <= scale / 2
 *   I8   scale = c max |w| / 127, c the clip of 1, 31/32 .. 24/32 with the least squared error
 *   I4   scale = max |w| / (7 255); a group's scale is the integer 1 .. 255 of a dozen, from the one that reaches
 *        its largest weight down to 5/8 of it, with the least squared error
 * Integers are w / scale rounded half away from zero; what lies beyond the type's range takes its end.  Scales have
 * 24 significant bits, so that integer * scale is exact in double; a target of zeros has scale 1.  Ties go to the
 * larger clip.  Nothing depends on the number of threads. */
#ifndef LASSIM_CONVERT_QUANTISE_H
#define LASSIM_CONVERT_QUANTISE_H

#include <stdint.h>

#include "convert/grids.h"
#include "layers/params.h"

/* Fills scale[targets] and weights (weight_bytes(type, ..) bytes, zero before), and all of *stored but bound and bias,
 * which stay.  matrix->input must be 0.  Returns 0, or -1 for no memory.  O(elements); allocates some 80 bytes a source
 * and thread. */
int quantise_matrix(unsigned threads, const struct grid_matrix *matrix, enum weight_type type, double *scale,
                    void *weights, struct matrix *stored);

/* Integers of targets [first, first + n) in row `source` of a stored matrix of an integer type, group scales
 * multiplied in.  O(n). */
void quantise_row(const struct matrix *stored, uint32_t targets, uint32_t source, uint32_t first, uint32_t n,
                  int16_t *integers);

/* grid_reach_new for the integers of a stored matrix. */
int quantise_reach_new(unsigned threads, const struct matrix *stored, uint32_t sources, uint32_t targets,
                       const int *exponent, struct grid_reach *reach);
/* The exactness bound of grids.h from the integers; shift: [sources] or NULL.  Returns 0, -1 if it is 2^62 or more, -2
 * for no memory.  O(elements). */
int quantise_bound(unsigned threads, const struct matrix *stored, uint32_t sources, uint32_t targets,
                   const int8_t *shift, unsigned j, uint64_t *bound);

#endif
