/* Vector kernels on 16-bit weights and codes, one set for each level of instructions.
 *
 * Targets go in units of 32.  An accumulator holds a unit's sums as two 32-bit integers a target, low and high:
 * folding x in adds x to low (modulo 2^32) and x >> 16 to high.  After n < 2^16 folds of |x| < 2^31 the sum S of all x
 * satisfies 0 <= S - 2^16 high < n 2^16 <= 2^32 and S = low modulo 2^32, so S is known exactly.
 * x is a sum of products that cannot overflow: |w| <= synapse_weight_limit, |code| <= SYNAPSE_CODE_MAX.
 * The order of targets inside an accumulator and a panel is the kernels' own. */
#ifndef LASSIM_LAYERS_SYNAPSE_LANES_H
#define LASSIM_LAYERS_SYNAPSE_LANES_H

#include <stdint.h>

#include "layers/synapse_rows.h"

enum {
    SYNAPSE_UNIT = 32,            /* targets of a unit */
    SYNAPSE_CODE_MAX = INT16_MAX, /* two products with the smallest weight still fit 32 bits */
    SYNAPSE_FOLDS_MAX = 32768     /* into one accumulator; below 2^16 */
};

/* One row's share in a sum. */
struct synapse_entry {
    uint32_t row;
    int32_t code; /* |code| <= SYNAPSE_CODE_MAX */
};

struct synapse_accumulator {
    int32_t low[SYNAPSE_UNIT], high[SYNAPSE_UNIT];
} __attribute__((aligned(64)));

/* A pair of rows, weights of one unit side by side: (first, second) row's weight of each target. */
struct synapse_pair {
    int16_t weights[2 * SYNAPSE_UNIT];
} __attribute__((aligned(64)));

/* What a call to multiply does: acc[t][u] += sum over the pairs of panel[u][p] . codes[t][p]. */
struct synapse_block {
    const struct synapse_pair *panel; /* [units][stride] */
    uint32_t units, pairs, stride;
    const uint32_t *codes; /* [tokens][code_stride]: first row's code in the low half, second's in the high one */
    uint64_t code_stride;
    uint32_t tokens;
    uint32_t fold;                   /* pairs whose products may be summed before a fold */
    struct synapse_accumulator *acc; /* [tokens][units] */
};

struct synapse_lanes {
    const char *name;
    /* acc[u] += sum over the n entries of code w[row][tile + 32 u ...], for whole units inside the row.  I4: tile is a
     * multiple of the unit.  At most (n + 1) / 2 folds. */
    void (*add_rows)(const struct synapse_rows *rows, const struct synapse_entry *entry, uint32_t n, uint32_t tile,
                     uint32_t units, struct synapse_accumulator *acc);
    /* panel[u stride + p] = rows row[2 p] and row[2 p + 1], targets tile ... tile + width; zeros beyond. */
    void (*pack)(const struct synapse_rows *rows, const uint32_t *row, uint32_t pairs, uint32_t tile, uint32_t width,
                 uint32_t stride, struct synapse_pair *panel);
    void (*multiply)(const struct synapse_block *block);
    /* sum[0 .. 32 units) += acc << shift. */
    void (*spill)(const struct synapse_accumulator *acc, uint32_t units, unsigned shift, int64_t *sum);
};

/* NULL where the CPU or the compiler's target lacks them: AVX2; AVX-512 F, BW, VL and VNNI. */
const struct synapse_lanes *synapse_lanes_avx2(void);
const struct synapse_lanes *synapse_lanes_avx512(void);

#endif
