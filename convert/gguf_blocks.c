#include "convert/gguf_blocks.h"

#include <stddef.h>
#include <string.h>

#include "layers/params.h"

enum { BLOCK = 32, SUPER = 256, SCALES = 12 /* bytes of the packed scales of Q4_K and Q5_K */ };

static float half_at(const uint8_t *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    return (float)weight_value(WEIGHT_F16, &half, 0);
}

/* Element i of 32 in 16 bytes: low halves first. */
static inline unsigned nibble(const uint8_t *bytes, uint32_t i)
{
    return i < 16 ? bytes[i] & 15u : (unsigned)bytes[i - 16] >> 4;
}

static inline unsigned fifth_bit(const uint8_t *bytes, uint32_t i)
{
    return (unsigned)(bytes[i / 8] >> i % 8 & 1) << 4;
}

static void widen_q8_0(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    float d = half_at(block);
    for (uint32_t i = 0; i < count; i++) out[i] = (float)(int8_t)block[2 + first + i] * d;
}

static void widen_q4_0(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    float d = half_at(block);
    for (uint32_t i = 0; i < count; i++) out[i] = (float)((int)nibble(block + 2, first + i) - 8) * d;
}

static void widen_q4_1(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    float d = half_at(block), m = half_at(block + 2);
    for (uint32_t i = 0; i < count; i++) out[i] = (float)nibble(block + 4, first + i) * d + m;
}

static void widen_q5_0(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    float d = half_at(block);
    for (uint32_t i = 0; i < count; i++) {
        unsigned q = nibble(block + 6, first + i) | fifth_bit(block + 2, first + i);
        out[i] = (float)((int)q - 16) * d;
    }
}

static void widen_q5_1(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    float d = half_at(block), m = half_at(block + 2);
    for (uint32_t i = 0; i < count; i++) {
        unsigned q = nibble(block + 8, first + i) | fifth_bit(block + 4, first + i);
        out[i] = (float)q * d + m;
    }
}

/* Scale and minimum of the group-th 32 elements: 6 bits each, the groups 4 .. 7 split over the bytes' upper bits. */
static void group_scales(const uint8_t *block, uint32_t group, float *scale, float *minimum)
{
    float d = half_at(block), m = half_at(block + 2);
    const uint8_t *packed = block + 4;
    unsigned s, t;
    if (group < 4) {
        s = packed[group] & 63u;
        t = packed[group + 4] & 63u;
    } else {
        s = (packed[group + 4] & 15u) | (unsigned)(packed[group - 4] >> 6) << 4;
        t = (unsigned)(packed[group + 4] >> 4) | (unsigned)(packed[group] >> 6) << 4;
    }
    *scale = d * (float)s;
    *minimum = m * (float)t;
}

/* Elements up to the end of the group of `size` that holds the i-th, at most count. */
static inline uint32_t to_group_end(uint32_t i, uint32_t count, uint32_t size)
{
    uint32_t left = size - i % size;
    return left < count ? left : count;
}

/* Groups 2 n and 2 n + 1 share 32 bytes, as low and high halves. */
static inline unsigned super_nibble(const uint8_t *bytes, uint32_t i)
{
    return (unsigned)bytes[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4) & 15u;
}

static void widen_q4_k(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    const uint8_t *low = block + 4 + SCALES;
    for (uint32_t i = first, end = first + count; i < end;) {
        float scale, minimum;
        group_scales(block, i / BLOCK, &scale, &minimum);
        for (uint32_t stop = i + to_group_end(i, end - i, BLOCK); i < stop; i++)
            out[i - first] = scale * (float)super_nibble(low, i) - minimum;
    }
}

/* Byte l of the fifth bits holds those of elements l, l + 32, .., bit by bit. */
static void widen_q5_k(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    const uint8_t *fifth = block + 4 + SCALES, *low = fifth + SUPER / 8;
    for (uint32_t i = first, end = first + count; i < end;) {
        float scale, minimum;
        uint32_t group = i / BLOCK;
        group_scales(block, group, &scale, &minimum);
        for (uint32_t stop = i + to_group_end(i, end - i, BLOCK); i < stop; i++) {
            unsigned q = super_nibble(low, i) | (unsigned)(fifth[i % BLOCK] >> group & 1) << 4;
            out[i - first] = scale * (float)q - minimum;
        }
    }
}

/* Each half of 128 elements has 64 bytes of low and 32 of upper bits; its quarters of 32 elements use low halves of
 * the first and second 32 bytes, then their high halves, and bit pairs 0 .. 3 of the upper bytes. */
static void widen_q6_k(const uint8_t *block, uint32_t first, uint32_t count, float *out)
{
    const uint8_t *low = block, *upper = low + SUPER / 2, *scales = upper + SUPER / 4;
    float d = half_at(scales + SUPER / 16);
    for (uint32_t i = first, end = first + count; i < end;) {
        uint32_t half = i / 128, quarter = i / 32 % 4;
        float scale = d * (float)(int8_t)scales[i / 16];
        for (uint32_t stop = i + to_group_end(i, end - i, 16); i < stop; i++) {
            unsigned lower = (unsigned)low[half * 64 + quarter % 2 * 32 + i % 32] >> (quarter / 2 * 4) & 15u;
            unsigned q = lower | ((unsigned)upper[half * 32 + i % 32] >> (quarter * 2) & 3u) << 4;
            out[i - first] = scale * (float)((int)q - 32);
        }
    }
}

/* By ggml's numbers.  Those without a name are no types, or none any more; those without bytes are only listed. */
static const struct gguf_format formats[] = {
    [GGUF_TENSOR_F32] = {"F32", 1, 4, NULL},
    [GGUF_TENSOR_F16] = {"F16", 1, 2, NULL},
    [2] = {"Q4_0", BLOCK, 18, widen_q4_0},
    [3] = {"Q4_1", BLOCK, 20, widen_q4_1},
    [6] = {"Q5_0", BLOCK, 22, widen_q5_0},
    [7] = {"Q5_1", BLOCK, 24, widen_q5_1},
    [8] = {"Q8_0", BLOCK, 34, widen_q8_0},
    [9] = {"Q8_1", BLOCK, 0, NULL},
    [10] = {"Q2_K", SUPER, 0, NULL},
    [11] = {"Q3_K", SUPER, 0, NULL},
    [12] = {"Q4_K", SUPER, 144, widen_q4_k},
    [13] = {"Q5_K", SUPER, 176, widen_q5_k},
    [14] = {"Q6_K", SUPER, 210, widen_q6_k},
    [15] = {"Q8_K", SUPER, 0, NULL},
    [16] = {"IQ2_XXS", SUPER, 0, NULL},
    [17] = {"IQ2_XS", SUPER, 0, NULL},
    [18] = {"IQ3_XXS", SUPER, 0, NULL},
    [19] = {"IQ1_S", SUPER, 0, NULL},
    [20] = {"IQ4_NL", BLOCK, 0, NULL},
    [21] = {"IQ3_S", SUPER, 0, NULL},
    [22] = {"IQ2_S", SUPER, 0, NULL},
    [23] = {"IQ4_XS", SUPER, 0, NULL},
    [24] = {"I8", 1, 1, NULL},
    [25] = {"I16", 1, 2, NULL},
    [26] = {"I32", 1, 4, NULL},
    [27] = {"I64", 1, 8, NULL},
    [28] = {"F64", 1, 8, NULL},
    [29] = {"IQ1_M", SUPER, 0, NULL},
    [GGUF_TENSOR_BF16] = {"BF16", 1, 2, NULL},
    [34] = {"TQ1_0", SUPER, 0, NULL},
    [35] = {"TQ2_0", SUPER, 0, NULL},
    [39] = {"MXFP4", BLOCK, 0, NULL},
};

const struct gguf_format *gguf_format(uint32_t type)
{
    if (type >= sizeof formats / sizeof *formats || formats[type].name == NULL) return NULL;
    return &formats[type];
}

void gguf_blocks_widen(const struct gguf_format *format, const uint8_t *data, uint64_t first, uint64_t count,
                       float *out)
{
    while (count > 0) {
        uint32_t at = (uint32_t)(first % format->elements);
        uint32_t n = to_group_end(at, count < format->elements ? (uint32_t)count : format->elements, format->elements);
        format->widen(data + first / format->elements * format->bytes, at, n, out);
        first += n;
        count -= n;
        out += n;
    }
}
