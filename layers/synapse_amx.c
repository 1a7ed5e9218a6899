#include "layers/synapse_amx.h"

#include <string.h>

#include "neurons/cpu.h"
#include "layers/synapse_rows.h"
#include "neurons/oat.h"
#include "neurons/real.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define VECTOR __attribute__((target("avx2,f16c,avx512f,avx512bw,avx512vl,avx512dq,amx-tile,amx-int8")))
#define VECTOR_INLINE static inline __attribute__((always_inline)) VECTOR

enum {
    SIDE = 16,  /* rows of a tile, and its sums in a row */
    DEPTH = 64, /* rows of the matrix in a tile */
    TILE_BYTES = SIDE * DEPTH,
    DIGITS = 4,  /* of weights at most, and of a code shifted by less than one */
    SUMS = 6,    /* tiles of sums: registers 0 to 5; 6 holds values, 7 weights */
    COLUMNS = 2, /* of SIDE targets: a strip, a cache line of F16 weights */
    STRIP = COLUMNS * SIDE,
    AHEAD = 64 /* rows fetched before they are packed */
};

/* Cycles, measured on Sapphire Rapids: a product of tiles with its loads; a weight's packing; one token's sum of one
 * target added up; a weight of a token's row done sparsely. */
static const double COST_PRODUCT = 18, COST_PACK = 0.5, COST_SUM = 2, COST_SPARSE = 0.4;

/* One call, and its scratch memory cut up. */
struct call {
    const struct matrix *matrix;
    struct synapse_rows rows;
    const struct population_params *source;
    const struct synapse_window *window;
    uint32_t sources, tokens;
    uint32_t n;      /* rows that any token needs, */
    uint32_t depths; /* in tiles */
    uint32_t blocks; /* of SIDE tokens */
    unsigned value_digits, weight_digits;
    uint32_t *row;  /* [sources] */
    uint32_t *any;  /* [sources]: all tokens' codes or-ed */
    uint8_t *used;  /* [blocks][depths]: bit b, digit b is not all 0 */
    int8_t *shift;  /* [depths][DEPTH]: the rows' channels' */
    int8_t *values; /* [blocks][depths][value_digits][SIDE tokens][DEPTH] */
    uint8_t *panel; /* [COLUMNS][depths][weight_digits][DEPTH / 4][SIDE targets][4] */
    int32_t *sums;  /* [SUMS][SIDE][SIDE] */
};

static size_t up_to_line(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Hands out the parts; called with at = NULL it only adds up their size. */
static size_t cut(struct call *call, char *at, uint32_t sources, uint32_t tokens)
{
    const size_t depths = ((size_t)sources + DEPTH - 1) / DEPTH, blocks = ((size_t)tokens + SIDE - 1) / SIDE;
    const size_t list = up_to_line(sources * sizeof(uint32_t)), used = up_to_line(blocks * depths);
    const size_t values = blocks * depths * SYNAPSE_AMX_DIGITS * TILE_BYTES,
                 panel = COLUMNS * depths * DIGITS * TILE_BYTES;
    const size_t sums = SUMS * SIDE * SIDE * sizeof(int32_t), shift = depths * DEPTH;
    if (at != NULL) {
        call->values = (int8_t *)at;
        call->panel = (uint8_t *)(at + values);
        call->sums = (int32_t *)(void *)(at + values + panel);
        call->row = (uint32_t *)(void *)(at + values + panel + sums);
        call->any = (uint32_t *)(void *)(at + values + panel + sums + list);
        call->shift = (int8_t *)(at + values + panel + sums + 2 * list);
        call->used = (uint8_t *)(at + values + panel + sums + 2 * list + shift);
    }
    return values + panel + sums + 2 * list + shift + used;
}

/* ---- whether ---- */

VECTOR static void merge(const uint32_t *codes, uint32_t n, uint32_t *any)
{
    for (uint32_t k = 0; k < n; k += SIDE) {
        __mmask16 lanes = (__mmask16)(n - k < SIDE ? (1u << (n - k)) - 1 : 0xffff);
        __m512i both =
            _mm512_or_si512(_mm512_maskz_loadu_epi32(lanes, any + k), _mm512_maskz_loadu_epi32(lanes, codes + k));
        _mm512_mask_storeu_epi32(any + k, lanes, both);
    }
}

VECTOR static uint64_t count_active(const uint32_t *codes, uint32_t n)
{
    uint64_t active = 0;
    for (uint32_t k = 0; k < n; k += SIDE) {
        __mmask16 lanes = (__mmask16)(n - k < SIDE ? (1u << (n - k)) - 1 : 0xffff);
        __m512i some = _mm512_maskz_loadu_epi32(lanes, codes + k);
        active += (uint64_t)__builtin_popcount(_mm512_test_epi32_mask(some, _mm512_set1_epi32(OAT_MAGNITUDE)));
    }
    return active;
}

static unsigned bits_of(uint32_t magnitude)
{
    return magnitude == 0 ? 0 : 32 - (unsigned)__builtin_clz(magnitude);
}

/* Lists the rows that any token needs, by their channels' shifts, so that a tile's digits are those of few shifts.
 * Returns the bits of the largest |v|, or a bound of them. */
static unsigned find_rows(struct call *call)
{
    const int8_t *shift = call->source->shift;
    uint32_t next[PARAMS_SHIFT_MAX + 2] = {0};
    unsigned most = 0;
    memset(call->any, 0, call->sources * sizeof *call->any);
    for (uint32_t t = 0; t < call->tokens; t++) merge(call->window[t].codes, call->sources, call->any);
    for (uint32_t k = 0; k < call->sources; k++) {
        unsigned bits = bits_of(call->any[k] & OAT_MAGNITUDE), by = shift != NULL ? (unsigned)shift[k] : 0;
        if (bits == 0) continue;
        next[by + 1]++;
        bits += by + (call->any[k] & OAT_OUTLIER ? call->source->j : 0);
        most = bits > most ? bits : most;
    }
    for (unsigned by = 0; by <= PARAMS_SHIFT_MAX; by++) next[by + 1] += next[by];
    call->n = next[PARAMS_SHIFT_MAX + 1];
    for (uint32_t k = 0; k < call->sources; k++)
        if (call->any[k] & OAT_MAGNITUDE) call->row[next[shift != NULL ? shift[k] : 0]++] = k;
    call->depths = (call->n + DEPTH - 1) / DEPTH;
    return most;
}

/* Digits of values up to 2^bits - 1; 0: too many.  n digits reach 127 (1 + 2^8 + ...), a little less than half of 2^8n. */
static unsigned value_digits(unsigned bits)
{
    return bits + 2 <= 8 * SYNAPSE_AMX_DIGITS ? (bits + 9) / 8 : 0;
}

/* 0: beyond the bounds. */
static unsigned weight_digits(const struct matrix *matrix)
{
    switch (matrix->type) {
    case WEIGHT_I8: return 1;
    case WEIGHT_I16:
    case WEIGHT_I4: return 2;
    default: break;
    }
    if (matrix->grid < -126 || matrix->grid > 126) return 0; /* 2^-grid is no float */
    for (unsigned digits = 1; digits <= DIGITS; digits++)
        if (matrix->integer_max < UINT64_C(1) << (8 * digits - 1)) return digits;
    return 0;
}

static int is_worth_it(const struct call *call)
{
    double products = (double)call->depths * call->blocks * COLUMNS * call->value_digits * call->weight_digits;
    double dense = products * COST_PRODUCT + STRIP * (call->n * COST_PACK + call->tokens * COST_SUM);
    uint64_t active = 0;
    for (uint32_t t = 0; t < call->tokens; t++) active += count_active(call->window[t].codes, call->sources);
    return dense < STRIP * COST_SPARSE * (double)active;
}

/* ---- values ---- */

/* 16 places from p on of one token, silent beyond the rows: the digits of a code shifted by less than one digit, and
 * the bits by which they belong further up. */
VECTOR_INLINE __m512i digits16(const struct call *call, const uint32_t *codes, uint32_t p, __m512i *up)
{
    const uint32_t left = call->n > p ? call->n - p : 0;
    const __mmask16 lanes = (__mmask16)(left < SIDE ? (1u << left) - 1 : 0xffff);
    const __m512i bias = _mm512_set1_epi32((int)0x80808080u);
    __m512i row = _mm512_maskz_loadu_epi32(lanes, call->row + p);
    __m512i code = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, row, codes, 4);
    __mmask16 negative = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_NEGATIVE));
    __mmask16 outlier = _mm512_test_epi32_mask(code, _mm512_set1_epi32(OAT_OUTLIER));
    __m512i shift = _mm512_maskz_set1_epi32(outlier, (int)call->source->j);
    if (call->source->shift != NULL)
        shift = _mm512_add_epi32(
            shift, _mm512_cvtepi8_epi32(_mm_load_si128((const __m128i *)(const void *)(call->shift + p))));
    __m512i v = _mm512_and_si512(code, _mm512_set1_epi32(OAT_MAGNITUDE));
    v = _mm512_sllv_epi32(v, _mm512_and_si512(shift, _mm512_set1_epi32(7)));
    v = _mm512_mask_sub_epi32(v, negative, _mm512_setzero_si512(), v);
    *up = _mm512_andnot_si512(_mm512_set1_epi32(7), shift);
    return _mm512_xor_si512(_mm512_add_epi32(v, bias), bias);
}

/* One token's digits of one tile's rows; returns which digits are not all 0. */
VECTOR_INLINE uint8_t token_digits(const struct call *call, const uint32_t *codes, uint32_t depth, int8_t *tiles)
{
    uint8_t used = 0;
    for (uint32_t i = 0; i < DEPTH; i += SIDE) {
        __m512i up, digits = digits16(call, codes, depth * DEPTH + i, &up);
        for (unsigned b = 0; b < call->value_digits; b++) {
            /* a negative count is a large one: nothing is left */
            __m512i count = _mm512_sub_epi32(_mm512_set1_epi32((int)(8 * b)), up);
            __m128i bytes = _mm512_cvtepi32_epi8(_mm512_srlv_epi32(digits, count));
            _mm_store_si128((__m128i *)(void *)(tiles + b * TILE_BYTES + i), bytes);
            used |= (uint8_t)(!_mm_testz_si128(bytes, bytes) << b);
        }
    }
    return used;
}

VECTOR static void pack_values(const struct call *call)
{
    for (uint32_t p = 0; p < call->n && call->source->shift != NULL; p++)
        call->shift[p] = call->source->shift[call->row[p]];
    for (uint32_t block = 0; block < call->blocks; block++)
        for (uint32_t depth = 0; depth < call->depths; depth++) {
            uint64_t tile = (uint64_t)block * call->depths + depth;
            int8_t *tiles = call->values + tile * call->value_digits * TILE_BYTES;
            call->used[tile] = 0;
            for (uint32_t i = 0; i < SIDE; i++) {
                uint32_t t = block * SIDE + i;
                if (t < call->tokens)
                    call->used[tile] |= token_digits(call, call->window[t].codes, depth, tiles + i * DEPTH);
                else
                    for (unsigned b = 0; b < call->value_digits; b++)
                        memset(tiles + b * TILE_BYTES + i * DEPTH, 0, DEPTH);
            }
        }
}

/* ---- weights ---- */

VECTOR_INLINE __m512i nibbles16(const struct synapse_rows *rows, uint32_t row, uint32_t target)
{
    const uint8_t *scales = NULL, *bytes = weight_row(WEIGHT_I4, rows->weights, rows->targets, row, &scales);
    bytes += target / WEIGHT_GROUP * (WEIGHT_GROUP / 2);
    __m512i both = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)bytes));
    __m512i q = _mm512_srai_epi32(_mm512_slli_epi32(both, target % WEIGHT_GROUP == 0 ? 28 : 24), 28);
    return _mm512_mullo_epi32(q,
                              _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)(scales + target))));
}

/* Integers of 16 targets of one row, those in `lanes`. */
VECTOR_INLINE __m512i integers16(const struct synapse_rows *rows, enum weight_type type, uint32_t row, uint32_t target,
                                 __mmask16 lanes, __m512 scale)
{
    if (type == WEIGHT_I4) return nibbles16(rows, row, target);
    uint64_t place = (uint64_t)row * rows->targets + target;
    if (type == WEIGHT_I8)
        return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(lanes, (const int8_t *)rows->weights + place));
    if (type == WEIGHT_F32)
        return _mm512_cvtps_epi32(
            _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, (const float *)rows->weights + place), scale));
    __m256i words = _mm256_maskz_loadu_epi16(lanes, (const uint16_t *)rows->weights + place);
    if (type == WEIGHT_I16) return _mm512_cvtepi16_epi32(words);
    __m512 floats = type == WEIGHT_F16 ? _mm512_cvtph_ps(words)
                                       : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(words), 16));
    return _mm512_cvtps_epi32(_mm512_mul_ps(floats, scale));
}

/* Byte a of the four rows side by side, for each digit a: a transposition of 4 x 4 bytes in every lane. */
VECTOR_INLINE void store_digits(const __m512i *row, unsigned digits, uint8_t *to)
{
    const __mmask64 odd = UINT64_C(0xaaaaaaaaaaaaaaaa);
    const __mmask32 high = 0xaaaaaaaau;
    __m512i even01 = _mm512_mask_blend_epi8(odd, row[0], _mm512_slli_epi32(row[1], 8));
    __m512i even23 = _mm512_mask_blend_epi8(odd, row[2], _mm512_slli_epi32(row[3], 8));
    __m512i odd01 = _mm512_mask_blend_epi8(odd, _mm512_srli_epi32(row[0], 8), row[1]);
    __m512i odd23 = _mm512_mask_blend_epi8(odd, _mm512_srli_epi32(row[2], 8), row[3]);
    _mm512_store_si512(to, _mm512_mask_blend_epi16(high, even01, _mm512_slli_epi32(even23, 16)));
    if (digits > 1)
        _mm512_store_si512(to + TILE_BYTES, _mm512_mask_blend_epi16(high, odd01, _mm512_slli_epi32(odd23, 16)));
    if (digits > 2)
        _mm512_store_si512(to + 2 * TILE_BYTES, _mm512_mask_blend_epi16(high, _mm512_srli_epi32(even01, 16), even23));
    if (digits > 3)
        _mm512_store_si512(to + 3 * TILE_BYTES, _mm512_mask_blend_epi16(high, _mm512_srli_epi32(odd01, 16), odd23));
}

/* Fetches the strip of four rows to come. */
VECTOR_INLINE void fetch_rows(const struct call *call, enum weight_type type, uint32_t p, uint32_t tile)
{
    const uint32_t size = type == WEIGHT_F32 ? 4 : type == WEIGHT_I8 ? 1 : 2;
    for (uint32_t r = p; r < p + 4 && r < call->n; r++) {
        const char *start =
            type == WEIGHT_I4
                ? (const char *)weight_row(type, call->rows.weights, call->rows.targets, call->row[r], NULL) + tile / 2
                : (const char *)call->rows.weights + ((uint64_t)call->row[r] * call->rows.targets + tile) * size;
        _mm_prefetch(start, _MM_HINT_T1);
        if (size * STRIP > 64) _mm_prefetch(start + 64, _MM_HINT_T1);
    }
}

VECTOR_INLINE void pack_type(const struct call *call, enum weight_type type, uint32_t tile, uint32_t width)
{
    const uint64_t column_bytes = (uint64_t)call->depths * call->weight_digits * TILE_BYTES;
    const __m512 scale = _mm512_set1_ps(weight_is_float(type) ? (float)real_power_of_two(-call->matrix->grid) : 1);
    for (uint32_t p = 0; p < call->depths * DEPTH; p += 4) {
        uint8_t *to = call->panel + p / DEPTH * call->weight_digits * TILE_BYTES + p % DEPTH / 4 * 64;
        fetch_rows(call, type, p + AHEAD, tile);
        for (uint32_t c = 0; c < COLUMNS; c++) {
            uint32_t left = width > c * SIDE ? width - c * SIDE : 0;
            __mmask16 lanes = (__mmask16)(left < SIDE ? (1u << left) - 1 : 0xffff);
            __m512i row[4];
            for (uint32_t r = 0; r < 4; r++)
                row[r] = p + r < call->n && left > 0
                             ? integers16(&call->rows, type, call->row[p + r], tile + c * SIDE, lanes, scale)
                             : _mm512_setzero_si512();
            store_digits(row, call->weight_digits, to + c * column_bytes);
        }
    }
}

VECTOR static void pack_weights(const struct call *call, uint32_t tile, uint32_t width)
{
    switch (call->matrix->type) {
    case WEIGHT_F32: pack_type(call, WEIGHT_F32, tile, width); break;
    case WEIGHT_F16: pack_type(call, WEIGHT_F16, tile, width); break;
    case WEIGHT_BF16: pack_type(call, WEIGHT_BF16, tile, width); break;
    case WEIGHT_I16: pack_type(call, WEIGHT_I16, tile, width); break;
    case WEIGHT_I8: pack_type(call, WEIGHT_I8, tile, width); break;
    default: pack_type(call, WEIGHT_I4, tile, width); break;
    }
}

/* ---- products ---- */

/* Digit b of the values with 1 to 4 digits of the weights, into the tiles of sums s0 ...; registers are named, not
 * numbered. */
#define WITH_DIGIT(product, a, s)                     \
    do {                                              \
        _tile_loadd(7, weights + (a)*TILE_BYTES, 64); \
        product(s, 6, 7);                             \
    } while (0)
#define VALUES(b)                    \
    if ((used >> (b)&1) == 0) break; \
    _tile_loadd(6, values + (b)*TILE_BYTES, 64)
#define TIMES_1(b, s0)                   \
    do {                                 \
        VALUES(b);                       \
        WITH_DIGIT(_tile_dpbssd, 0, s0); \
    } while (0)
#define TIMES_2(b, s0, s1)               \
    do {                                 \
        VALUES(b);                       \
        WITH_DIGIT(_tile_dpbsud, 0, s0); \
        WITH_DIGIT(_tile_dpbssd, 1, s1); \
    } while (0)
#define TIMES_3(b, s0, s1, s2)           \
    do {                                 \
        VALUES(b);                       \
        WITH_DIGIT(_tile_dpbsud, 0, s0); \
        WITH_DIGIT(_tile_dpbsud, 1, s1); \
        WITH_DIGIT(_tile_dpbssd, 2, s2); \
    } while (0)
#define TIMES_4(b, s0, s1, s2, s3)       \
    do {                                 \
        VALUES(b);                       \
        WITH_DIGIT(_tile_dpbsud, 0, s0); \
        WITH_DIGIT(_tile_dpbsud, 1, s1); \
        WITH_DIGIT(_tile_dpbsud, 2, s2); \
        WITH_DIGIT(_tile_dpbssd, 3, s3); \
    } while (0)

VECTOR_INLINE void multiply_depth(unsigned digits, uint32_t used, const int8_t *values, const uint8_t *weights)
{
    switch (digits) {
    case 1:
        TIMES_1(0, 0);
        TIMES_1(1, 1);
        TIMES_1(2, 2);
        TIMES_1(3, 3);
        break;
    case 2:
        TIMES_2(0, 0, 1);
        TIMES_2(1, 1, 2);
        TIMES_2(2, 2, 3);
        TIMES_2(3, 3, 4);
        break;
    case 3:
        TIMES_3(0, 0, 1, 2);
        TIMES_3(1, 1, 2, 3);
        TIMES_3(2, 2, 3, 4);
        TIMES_3(3, 3, 4, 5);
        break;
    default: /* three digits of values a pass */
        TIMES_4(0, 0, 1, 2, 3);
        TIMES_4(1, 1, 2, 3, 4);
        TIMES_4(2, 2, 3, 4, 5);
        break;
    }
}

/* All rows' digits `first` and on, those in `mask`, of a block of tokens with a column of targets. */
VECTOR static void multiply(const struct call *call, uint32_t block, uint32_t column, unsigned first, uint32_t mask)
{
    const uint64_t step = (uint64_t)call->weight_digits * TILE_BYTES;
    const uint8_t *weights = call->panel + column * call->depths * step;
    uint64_t tile = (uint64_t)block * call->depths;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    _tile_zero(4);
    _tile_zero(5);
    const int8_t *values = call->values + (tile * call->value_digits + first) * TILE_BYTES;
    for (uint32_t depth = 0; depth < call->depths; depth++, tile++, weights += step) {
        const int8_t *next = values + call->value_digits * TILE_BYTES;
        multiply_depth(call->weight_digits, call->used[tile] >> first & mask, values, weights);
        values = next;
    }
    enum { ONE = SIDE * SIDE, ROW = SIDE * sizeof(int32_t) };
    _tile_stored(0, call->sums, ROW);
    _tile_stored(1, call->sums + ONE, ROW);
    _tile_stored(2, call->sums + 2 * ONE, ROW);
    _tile_stored(3, call->sums + 3 * ONE, ROW);
    _tile_stored(4, call->sums + 4 * ONE, ROW);
    _tile_stored(5, call->sums + 5 * ONE, ROW);
}

/* sum[0 .. width) += the sums of one token, each shifted by its digits. */
VECTOR_INLINE void add_sums(const int32_t *sums, unsigned count, unsigned shift, uint32_t width, int64_t *sum)
{
    const __m128i by = _mm_cvtsi32_si128((int)shift);
    for (uint32_t i = 0; i < width; i += 8) {
        __mmask8 lanes = (__mmask8)(width - i < 8 ? (1u << (width - i)) - 1 : 0xff);
        __m512i total = _mm512_setzero_si512();
        for (unsigned s = count; s-- > 0;) {
            __m256i part = _mm256_load_si256((const __m256i *)(const void *)(sums + s * SIDE * SIDE + i));
            total = _mm512_add_epi64(_mm512_slli_epi64(total, 8), _mm512_cvtepi32_epi64(part));
        }
        total = _mm512_add_epi64(_mm512_sll_epi64(total, by), _mm512_maskz_loadu_epi64(lanes, sum + i));
        _mm512_mask_storeu_epi64(sum + i, lanes, total);
    }
}

/* The sums of a block of tokens will be added to: they lie far apart. */
VECTOR_INLINE void fetch_sums(const struct call *call, uint32_t block, uint32_t target)
{
    for (uint32_t t = block * SIDE; t < block * SIDE + SIDE && t < call->tokens; t++)
        for (uint32_t i = 0; i < SIDE; i += 8)
            _mm_prefetch((const char *)(call->window[t].sum + target + i), _MM_HINT_T0);
}

/* One column of the strip with one block of tokens, in as few passes over the digits as registers allow. */
VECTOR_INLINE void multiply_block(const struct call *call, uint32_t block, uint32_t column, uint32_t target,
                                  uint32_t width)
{
    const unsigned pass = call->weight_digits == DIGITS ? SUMS + 1 - DIGITS : DIGITS; /* as multiply_depth */
    fetch_sums(call, block, target);
    for (unsigned first = 0; first < call->value_digits; first += pass) {
        unsigned digits = call->value_digits - first < pass ? call->value_digits - first : pass;
        multiply(call, block, column, first, (1u << digits) - 1);
        for (uint32_t i = 0; i < SIDE && block * SIDE + i < call->tokens; i++)
            add_sums(call->sums + i * SIDE, digits + call->weight_digits - 1, 8 * first, width,
                     call->window[block * SIDE + i].sum + target);
    }
}

/* Column after column: its weights stay in the first-level cache. */
VECTOR static void multiply_strip(const struct call *call, uint32_t tile, uint32_t width)
{
    for (uint32_t column = 0; column * SIDE < width; column++)
        for (uint32_t block = 0; block < call->blocks; block++)
            multiply_block(call, block, column, tile + column * SIDE,
                           width - column * SIDE < SIDE ? width - column * SIDE : SIDE);
}

VECTOR static void receive(const struct call *call, uint32_t from, uint32_t to)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    for (int i = 0; i < 8; i++) config.row_bytes[i] = 64, config.rows[i] = SIDE;
    _tile_loadconfig(&config);
    pack_values(call);
    for (uint32_t tile = from; tile < to; tile += STRIP) {
        uint32_t width = to - tile < STRIP ? to - tile : STRIP;
        pack_weights(call, tile, width);
        multiply_strip(call, tile, width);
    }
    _tile_release();
}

size_t synapse_amx_scratch(uint32_t sources, uint32_t tokens)
{
    return tokens < SYNAPSE_AMX_TOKENS || sources > SYNAPSE_AMX_ROWS ? 0 : cut(NULL, NULL, sources, tokens);
}

int synapse_amx_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                        const struct population_params *source, const struct synapse_window *window, uint32_t tokens,
                        uint32_t from, uint32_t to, int always, void *scratch)
{
    if (cpu_level() < CPU_AMX || tokens < SYNAPSE_AMX_TOKENS || sources > SYNAPSE_AMX_ROWS || from >= to) return 0;
    struct call call = {.matrix = matrix,
                        .rows = {matrix->weights, matrix->type, matrix->grid, targets},
                        .source = source,
                        .window = window,
                        .sources = sources,
                        .tokens = tokens,
                        .blocks = (tokens + SIDE - 1) / SIDE,
                        .weight_digits = weight_digits(matrix)};
    if (call.weight_digits == 0) return 0;
    cut(&call, scratch, sources, tokens);
    unsigned bits = find_rows(&call);
    call.value_digits = value_digits(bits);
    if (bits > 0 && call.value_digits == 0) return 0;
    if (!always && !is_worth_it(&call)) return 0;
    if (call.n > 0) receive(&call, from, to);
    return 1;
}
#else
size_t synapse_amx_scratch(uint32_t sources, uint32_t tokens)
{
    (void)sources, (void)tokens;
    return 0;
}

int synapse_amx_receive(const struct matrix *matrix, uint32_t sources, uint32_t targets,
                        const struct population_params *source, const struct synapse_window *window, uint32_t tokens,
                        uint32_t from, uint32_t to, int always, void *scratch)
{
    (void)matrix, (void)sources, (void)targets, (void)source, (void)window, (void)tokens;
    (void)from, (void)to, (void)always, (void)scratch;
    return 0;
}
#endif
