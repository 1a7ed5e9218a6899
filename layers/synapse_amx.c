#include "layers/synapse_amx.h"

#include <string.h>

#include "layers/synapse_amx_call.h"
#include "neurons/cpu.h"
#include "neurons/oat.h"
#include "neurons/real.h"

#if defined(__x86_64__)
/* Cycles, measured on Sapphire Rapids: a product of tiles with its loads; a weight's packing; one token's sum of one
 * target added up; a weight of a token's row done sparsely. */
static const double COST_PRODUCT = 18, COST_PACK = 0.5, COST_SUM = 1, COST_SPARSE = 0.4;

static size_t up_to_line(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Hands out the parts; called with at = NULL it only adds up their size. */
static size_t cut(struct amx_call *call, char *at, uint32_t sources, uint32_t tokens)
{
    const size_t depths = ((size_t)sources + DEPTH - 1) / DEPTH, blocks = ((size_t)tokens + SIDE - 1) / SIDE;
    const size_t list = up_to_line(sources * sizeof(uint32_t)), used = up_to_line(blocks * (depths + 1));
    const size_t values = blocks * depths * SYNAPSE_AMX_DIGITS * TILE_BYTES,
                 panel = COLUMNS * depths * DIGITS * TILE_BYTES;
    const size_t sums = 2 * SUMS * SIDE * SIDE * sizeof(int32_t), shift = depths * DEPTH;
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
static unsigned find_rows(struct amx_call *call)
{
    const int8_t *shift = call->source->shift;
    uint32_t next[PARAMS_SHIFT_MAX + 2] = {0};
    unsigned most = 0;
    memset(call->any, 0, call->sources * sizeof *call->any);
    for (uint32_t t = 0; t < call->tokens; t++) merge(call->window[t].codes, call->sources, call->any);
    uint32_t flags = 0;
    for (uint32_t k = 0; k < call->sources; k++) {
        flags |= call->any[k];
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
    call->natural = (flags & OAT_NEGATIVE) == 0 && call->n <= SYNAPSE_AMX_ROWS / 2;
    return most;
}

/* Digits of values up to 2^bits - 1; 0: too many.  n signed digits reach 127 (1 + 2^8 + ...), a little less than half of
 * 2^8n. */
static unsigned value_digits(unsigned bits, int natural)
{
    if (natural) return bits <= 8 * SYNAPSE_AMX_DIGITS ? (bits + 7) / 8 : 0;
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

static int is_worth_it(const struct amx_call *call)
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
VECTOR_INLINE __m512i digits16(const struct amx_call *call, const uint32_t *codes, uint32_t p, __m512i *up)
{
    const uint32_t left = call->n > p ? call->n - p : 0;
    const __mmask16 lanes = (__mmask16)(left < SIDE ? (1u << left) - 1 : 0xffff);
    const __m512i bias = _mm512_set1_epi32(call->natural ? 0 : (int)0x80808080u);
    __m512i row = _mm512_maskz_loadu_epi32(lanes, call->row + p), code;
    const __m512i next = _mm512_add_epi32(_mm512_set1_epi32((int)call->row[p]),
                                          _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    if (lanes == 0xffff && _mm512_cmpeq_epi32_mask(row, next) == 0xffff)
        code = _mm512_loadu_si512(codes + call->row[p]);
    else
        code = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, row, codes, 4);
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
VECTOR_INLINE uint8_t token_digits(const struct amx_call *call, const uint32_t *codes, uint32_t depth, int8_t *tiles)
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

VECTOR static void pack_values(const struct amx_call *call)
{
    for (uint32_t p = 0; p < call->n && call->source->shift != NULL; p++)
        call->shift[p] = call->source->shift[call->row[p]];
    for (uint32_t block = 0; block < call->blocks; block++) {
        uint8_t *used = synapse_amx_used(call, block), *any = &used[call->depths];
        *any = 0;
        for (uint32_t depth = 0; depth < call->depths; depth++) {
            uint64_t tile = (uint64_t)block * call->depths + depth;
            int8_t *tiles = call->values + tile * call->value_digits * TILE_BYTES;
            used[depth] = 0;
            for (uint32_t i = 0; i < SIDE; i++) {
                uint32_t t = block * SIDE + i;
                if (t < call->tokens)
                    used[depth] |= token_digits(call, call->window[t].codes, depth, tiles + i * DEPTH);
                else
                    for (unsigned b = 0; b < call->value_digits; b++)
                        memset(tiles + b * TILE_BYTES + i * DEPTH, 0, DEPTH);
            }
            *any |= used[depth];
        }
    }
}

VECTOR static void receive(const struct amx_call *call, uint32_t from, uint32_t to)
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
        synapse_amx_pack_weights(call, tile, width);
        synapse_amx_multiply(call, tile, width);
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
    struct amx_call call = {.matrix = matrix,
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
    call.value_digits = value_digits(bits, call.natural);
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
