/* How ggml stores a tensor's elements: plain, or in blocks of 32 or 256 elements of a row with common scales
 * (ggml, docs/gguf.md and the block layouts of ggml-common.h).
 *
 * All little-endian; d, m: binary16; q: unsigned integers; element i of a block, its value computed in float32 in
 * the order written, nothing contracted, which is what ggml's reference dequantisation gives:
 *   Q8_0  d, 32 x int8                      i8 d
 *   Q4_0  d, 16 bytes (low halves first)    (q - 8) d
 *   Q4_1  d, m, 16 bytes                    q d + m
 *   Q5_0  d, u32 of fifth bits, 16 bytes    (q - 16) d
 *   Q5_1  d, m, u32, 16 bytes               q d + m
 *   Q4_K  d, m, 8 pairs of 6-bit scales s and minima t (12 bytes), 128 bytes    (d s) q - (m t)
 *   Q5_K  the same with 32 bytes of fifth bits before the 128
 *   Q6_K  128 bytes, 64 bytes of upper bits, 16 x int8 s, d                     (d s) (q - 32) */
#ifndef LASSIM_CONVERT_GGUF_BLOCKS_H
#define LASSIM_CONVERT_GGUF_BLOCKS_H

#include <stdint.h>

/* Elements [first, first + count) of one block into out; the range lies inside the block. */
typedef void gguf_widen(const uint8_t *block, uint32_t first, uint32_t count, float *out);

struct gguf_format {
    const char *name;  /* "Q4_K" */
    uint32_t elements; /* of a block; 1: plain */
    uint32_t bytes;    /* of a block; 0: not known here, the tensor can only be listed */
    gguf_widen *widen; /* NULL: plain, or cannot be read */
};

/* The formats that can be read, for error lines. */
#define GGUF_READABLE "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K"

/* The format of ggml's type number; NULL for a number that no file may hold (unknown, or support removed). */
const struct gguf_format *gguf_format(uint32_t type);

/* ggml's numbers of the plain types. */
enum { GGUF_TENSOR_F32 = 0, GGUF_TENSOR_F16 = 1, GGUF_TENSOR_BF16 = 30 };

/* Elements [first, first + count) of a row-major run of blocks that starts at data.  format->widen is not NULL.
 * O(count). */
void gguf_blocks_widen(const struct gguf_format *format, const uint8_t *data, uint64_t first, uint64_t count,
                       float *out);

#endif
