/* AMX window kernels: products of tiles, and their sums added to the membranes. */
#include "layers/synapse_amx_call.h"

#if defined(__x86_64__)
enum { PASS = 3 /* digits of values multiplied in one pass over the rows */ };

/* Registers are named, not numbered: 6 holds values, 7 weights, the others sums.  A product waits 52 cycles for an
 * earlier one of the same sums, and one can start every 16: sums of one digit are spread over registers where there
 * are free ones (digit_of). */
#define VALUES(b) _tile_stream_loadd(6, values + (b)*TILE_BYTES, 64)
#define WEIGHTS(a) _tile_loadd(7, weights + (a)*TILE_BYTES, 64)
#define LOW(s) /* by bytes without sign */ \
    do {                                   \
        if (natural)                       \
            _tile_dpbuud(s, 6, 7);         \
        else                               \
            _tile_dpbsud(s, 6, 7);         \
    } while (0)
#define HIGH(s) /* by the weights' last byte */ \
    do {                                        \
        if (natural)                            \
            _tile_dpbusd(s, 6, 7);              \
        else                                    \
            _tile_dpbssd(s, 6, 7);              \
    } while (0)

/* Digit of the sums in each register, by the weights' digits. */
static const uint8_t digit_of[DIGITS + 1][SUMS] = {
    [1] = {0, 1, 2}, [2] = {0, 1, 2, 3, 1, 2}, [3] = {0, 1, 2, 3, 4, 2}, [4] = {0, 1, 2, 3, 4, 5}};

/* One digit of the values at a time, those used. */
#define IF_USED(b, products) \
    do {                     \
        if (used >> (b)&1) { \
            VALUES(b);       \
            products;        \
        }                    \
    } while (0)
#define BY_1(s0) \
    WEIGHTS(0);  \
    HIGH(s0)
#define BY_2(s0, s1) \
    WEIGHTS(0);      \
    LOW(s0);         \
    WEIGHTS(1);      \
    HIGH(s1)
#define BY_3(s0, s1, s2) \
    WEIGHTS(0);          \
    LOW(s0);             \
    WEIGHTS(1);          \
    LOW(s1);             \
    WEIGHTS(2);          \
    HIGH(s2)
#define BY_4(s0, s1, s2, s3) \
    WEIGHTS(0);              \
    LOW(s0);                 \
    WEIGHTS(1);              \
    LOW(s1);                 \
    WEIGHTS(2);              \
    LOW(s2);                 \
    WEIGHTS(3);              \
    HIGH(s3)

VECTOR_INLINE void multiply_some(unsigned digits, int natural, uint32_t used, const int8_t *values,
                                 const uint8_t *weights)
{
    switch (digits) {
    case 1:
        IF_USED(0, BY_1(0));
        IF_USED(1, BY_1(1));
        IF_USED(2, BY_1(2));
        break;
    case 2:
        IF_USED(0, BY_2(0, 1));
        IF_USED(1, BY_2(4, 2));
        IF_USED(2, BY_2(5, 3));
        break;
    case 3:
        IF_USED(0, BY_3(0, 1, 2));
        IF_USED(1, BY_3(1, 5, 3));
        IF_USED(2, BY_3(2, 3, 4));
        break;
    default:
        IF_USED(0, BY_4(0, 1, 2, 3));
        IF_USED(1, BY_4(1, 2, 3, 4));
        IF_USED(2, BY_4(2, 3, 4, 5));
        break;
    }
}

/* All three digits: there and back over the weights', so that a tile of them is loaded once where two meet it. */
VECTOR_INLINE void multiply_all(unsigned digits, int natural, const int8_t *values, const uint8_t *weights)
{
    VALUES(0);
    WEIGHTS(0);
    switch (digits) {
    case 2:
        LOW(0);
        WEIGHTS(1);
        HIGH(1);
        VALUES(1);
        HIGH(2);
        WEIGHTS(0);
        LOW(4);
        VALUES(2);
        LOW(5);
        WEIGHTS(1);
        HIGH(3);
        break;
    default:
        LOW(0);
        WEIGHTS(1);
        LOW(1);
        WEIGHTS(2);
        HIGH(2);
        VALUES(1);
        HIGH(3);
        WEIGHTS(1);
        LOW(5);
        WEIGHTS(0);
        LOW(1);
        VALUES(2);
        LOW(2);
        WEIGHTS(1);
        LOW(3);
        WEIGHTS(2);
        HIGH(4);
        break;
    }
}

/* sum[0 .. width) += the sums of one token, each shifted by its digit and all by `shift`. */
VECTOR_INLINE void add_sums(const int32_t *sums, unsigned digits, unsigned shift, uint32_t width, int64_t *sum)
{
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (uint32_t i = 0; i < width; i += 8) {
        __mmask8 lanes = (__mmask8)(width - i < 8 ? (1u << (width - i)) - 1 : 0xff);
        __m512i total = _mm512_setzero_si512();
#pragma GCC unroll 6
        for (unsigned s = 0; s < SUMS; s++) {
            if (s > 0 && digit_of[digits][s] == 0) continue; /* not in use */
            __m512i part =
                _mm512_cvtepi32_epi64(_mm256_load_si256((const __m256i *)(const void *)(sums + s * SIDE * SIDE + i)));
            total = _mm512_add_epi64(total, _mm512_slli_epi64(part, 8 * digit_of[digits][s]));
        }
        total = _mm512_add_epi64(_mm512_sll_epi64(total, by), _mm512_maskz_loadu_epi64(lanes, sum + i));
        _mm512_mask_storeu_epi64(sum + i, lanes, total);
    }
}

/* Sums of a block that wait in memory to be added while the next block's products are on their way. */
struct pending {
    const int32_t *sums;
    uint32_t token, end; /* those left */
    unsigned shift;
    uint32_t target, width;
};

VECTOR_INLINE void add_pending(const struct amx_call *call, unsigned digits, uint32_t tokens, struct pending *pending)
{
    for (; tokens > 0 && pending->token < pending->end; tokens--, pending->token++)
        add_sums(pending->sums + pending->token % SIDE * SIDE, digits, pending->shift, pending->width,
                 call->window[pending->token].sum + pending->target);
}

/* All rows' digits `first` to first + PASS of a block of tokens with a column of targets, into call->sums; in between
 * what is pending is added.  digits, natural: constants. */
VECTOR_INLINE void multiply(const struct amx_call *call, unsigned digits, int natural, uint32_t block, uint32_t column,
                            unsigned first, int32_t *sums, struct pending *pending)
{
    const uint64_t step = (uint64_t)digits * TILE_BYTES, next = (uint64_t)call->value_digits * TILE_BYTES;
    const uint8_t *weights = call->panel + column * call->depths * step, *used = synapse_amx_used(call, block);
    const int8_t *values = call->values + ((uint64_t)block * call->depths * call->value_digits + first) * TILE_BYTES;
    const uint32_t share = (SIDE + call->depths - 1) / call->depths;
    enum { ONE = SIDE * SIDE, ROW = SIDE * sizeof(int32_t), ALL = (1 << PASS) - 1 };
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    for (uint32_t depth = 0; depth < call->depths; depth++, values += next, weights += step) {
        uint32_t now = used[depth] >> first & ALL;
        if (now == ALL && (digits == 2 || digits == 3))
            multiply_all(digits, natural, values, weights);
        else
            multiply_some(digits, natural, now, values, weights);
        add_pending(call, digits, share, pending);
    }
    _tile_stored(0, sums, ROW);
    _tile_stored(1, sums + ONE, ROW);
    _tile_stored(2, sums + 2 * ONE, ROW);
    _tile_stored(3, sums + 3 * ONE, ROW);
    _tile_stored(4, sums + 4 * ONE, ROW);
    _tile_stored(5, sums + 5 * ONE, ROW);
}

/* The sums of a block of tokens will be added to: they lie far apart. */
VECTOR_INLINE void fetch_sums(const struct amx_call *call, uint32_t block, uint32_t target)
{
    for (uint32_t t = block * SIDE; t < block * SIDE + SIDE && t < call->tokens; t++)
        for (uint32_t i = 0; i < SIDE; i += 8)
            _mm_prefetch((const char *)(call->window[t].sum + target + i), _MM_HINT_T0);
}

/* Column after column; digits that no row of a block has take no pass. */
VECTOR_INLINE void multiply_strip(const struct amx_call *call, unsigned digits, int natural, uint32_t tile,
                                  uint32_t width)
{
    struct pending pending = {0};
    unsigned turn = 0;
    for (uint32_t column = 0; column * SIDE < width; column++)
        for (uint32_t block = 0; block < call->blocks; block++) {
            const uint32_t used = synapse_amx_used(call, block)[call->depths], left = width - column * SIDE;
            for (unsigned first = 0; used >> first != 0; first += PASS) {
                int32_t *sums = call->sums + turn++ % 2 * SUMS * SIDE * SIDE;
                fetch_sums(call, block, tile + column * SIDE);
                multiply(call, digits, natural, block, column, first, sums, &pending);
                pending = (struct pending){sums,
                                           block * SIDE,
                                           (block + 1) * SIDE < call->tokens ? (block + 1) * SIDE : call->tokens,
                                           8 * first,
                                           tile + column * SIDE,
                                           left < SIDE ? left : SIDE};
            }
        }
    add_pending(call, digits, SIDE, &pending);
}

VECTOR_INLINE void multiply_by(const struct amx_call *call, int natural, uint32_t tile, uint32_t width)
{
    switch (call->weight_digits) {
    case 1: multiply_strip(call, 1, natural, tile, width); break;
    case 2: multiply_strip(call, 2, natural, tile, width); break;
    case 3: multiply_strip(call, 3, natural, tile, width); break;
    default: multiply_strip(call, 4, natural, tile, width); break;
    }
}

VECTOR void synapse_amx_multiply(const struct amx_call *call, uint32_t tile, uint32_t width)
{
    if (call->natural)
        multiply_by(call, 1, tile, width);
    else
        multiply_by(call, 0, tile, width);
}
#endif
