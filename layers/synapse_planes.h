/* What the 16-bit kernels need of a token's codes: which are beyond a limit, and planes of 16-bit integers.
 * AVX2 where the CPU has it, else portable C; same results. */
#ifndef LASSIM_LAYERS_SYNAPSE_PLANES_H
#define LASSIM_LAYERS_SYNAPSE_PLANES_H

#include <stdint.h>

/* Writes the indices, ascending, of the n codes that are outliers or of a magnitude above `covered` into found[n], and
 * returns how many; silent codes never are.  covered 0: all that are not silent.  O(n). */
uint32_t synapse_codes_beyond(const uint32_t *codes, uint32_t n, uint32_t covered, uint32_t *found);

/* any[k] |= the magnitude of codes[k], outliers left out. */
void synapse_codes_merge(const uint32_t *codes, uint32_t n, uint32_t *any);

/* plane[k] = the normal code as a signed integer within +-covered, covered < 2^15; outliers: 0. */
void synapse_plane_clamped(const uint32_t *codes, uint32_t n, uint32_t covered, int16_t *plane);

/* 256 high[k] + low[k] = the normal code as a signed integer, -128 <= low < 128; outliers: 0. */
void synapse_plane_halves(const uint32_t *codes, uint32_t n, int16_t *low, int16_t *high);

#endif
