/* Dense synapses for networks of single spikes: sums of whole weight rows, exact and fast.
 *
 * Weights are integers (layers/weight_grid.h), kept as narrow as their largest allows and cut into tiles of
 * ROW_TILE targets, each tile's rows one after the other, so that a tile is one contiguous piece of memory
 * that stays in the cache while several timesteps walk it.  A tile's sums live in registers: narrow lanes are
 * added as often as cannot overflow and then spilled to doubles, which hold these sums exactly (integers below
 * 2^28 of at most 2^24 rows); weights from 2^28 on are summed in 64 bits.  So the result is that of a plain 64-bit
 * loop, whatever the CPU and the order of the rows. */
#ifndef LASSIM_LAYERS_ROW_SUM_H
#define LASSIM_LAYERS_ROW_SUM_H

#include <stddef.h>
#include <stdint.h>

enum { ROW_TILE = 256 };

enum row_width { ROW_16 = 2, ROW_32 = 4, ROW_64 = 8 }; /* bytes of a stored weight */

/* Largest |integer| of a width: eight rows at least between spills; 2^62 - 1 for ROW_64. */
#define ROW_16_MAX UINT64_C(4095)
#define ROW_32_MAX ((UINT64_C(1) << 28) - 1)

struct row_matrix {
    enum row_width width;
    uint32_t sources, targets;
    uint64_t integer_max; /* largest |integer|; the sum of any target's is below 2^62 */
    void *weights;        /* [tiles][sources][ROW_TILE], targets padded with zeros; 64-byte aligned */
};

/* What the kernels may use; each level includes those before. */
enum row_cpu { ROW_CPU_PORTABLE = 0, ROW_CPU_AVX2, ROW_CPU_AVX512, ROW_CPUS };
/* The best that this machine has.  Cheap. */
enum row_cpu row_cpu_best(void);

/* The width that integers up to integer_max need. */
enum row_width row_width_of(uint64_t integer_max);
/* Bytes of the weights of a matrix of that shape; sources, targets below 2^28. */
size_t row_matrix_bytes(enum row_width width, uint32_t sources, uint32_t targets);
/* Stores one weight (|integer| within the width); weights start as zeros. */
void row_matrix_set(const struct row_matrix *matrix, uint32_t source, uint32_t target, int64_t integer);
int64_t row_matrix_get(const struct row_matrix *matrix, uint32_t source, uint32_t target);

/* out[ROW_TILE] = (double)(sum of the rows rows[0 .. count) of tile `tile`) * step.  rows: each < sources, count <= 2^24; a
 * row that stands there twice is added twice.  step: the grid, a power of two.  out: 32-byte aligned.  The integer
 * sum is exact and rounded once, if it needs more than 53 bits.
 * O(count), reads count * ROW_TILE * width bytes; bench/bench_w5.sh. */
void row_sum(const struct row_matrix *matrix, enum row_cpu cpu, uint32_t tile, const uint32_t *rows, uint32_t count,
             double step, double *out);

#endif
