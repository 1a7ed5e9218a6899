/* AMX window kernels: which rows any token needs, and the tokens' values cut into digits as tiles want them.  Done once
 * for all matrices of a source, the tokens shared out to the workers. */
#include "layers/synapse_amx_call.h"

#include <string.h>

#include "layers/packet.h"
#include "neurons/cpu.h"
#include "neurons/oat.h"

#if defined(__x86_64__)
static size_t up_to_line(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

static size_t depths_of(uint32_t sources)
{
    return ((size_t)sources + DEPTH - 1) / DEPTH;
}

static size_t blocks_of(uint32_t tokens)
{
    return ((size_t)tokens + SIDE - 1) / SIDE;
}

/* Hands out the memory of `shared`; called with NULL it only adds up its size. */
static size_t cut(struct synapse_amx_shared *shared, uint32_t sources, uint32_t tokens, unsigned workers)
{
    const size_t depths = depths_of(sources), blocks = blocks_of(tokens);
    const size_t header = up_to_line(sizeof *shared), parts = up_to_line(workers * sizeof *shared->part);
    const size_t list = up_to_line(sources * sizeof(uint32_t)), shift = depths * DEPTH;
    const size_t values = blocks * depths * SYNAPSE_AMX_DIGITS * TILE_BYTES, used = up_to_line(blocks * (depths + 1));
    if (shared == NULL) return header + parts + values + used + workers * (2 * list + shift);
    char *at = (char *)shared + header + parts;
    *shared = (struct synapse_amx_shared){.workers = workers,
                                          .sources = sources,
                                          .tokens = tokens,
                                          .part = (struct synapse_amx_ready *)(void *)((char *)shared + header),
                                          .values = (int8_t *)at,
                                          .used = (uint8_t *)(at + values)};
    at += values + used;
    for (unsigned w = 0; w < workers; w++, at += 2 * list + shift)
        shared->part[w] = (struct synapse_amx_ready){.any = (uint32_t *)(void *)at,
                                                     .row = (uint32_t *)(void *)(at + list),
                                                     .shift = (int8_t *)(at + 2 * list),
                                                     .shared = shared};
    return 0;
}

size_t synapse_amx_shared_bytes(uint32_t sources, uint32_t tokens, unsigned workers)
{
    const uint32_t most = synapse_amx_most(sources);
    return synapse_amx_takes(most, tokens) ? cut(NULL, most, tokens, workers) : 0;
}

struct synapse_amx_shared *synapse_amx_shared_new(void *memory, uint32_t sources, uint32_t tokens, unsigned workers)
{
    cut(memory, synapse_amx_most(sources), tokens, workers);
    return memory;
}

const struct synapse_amx_ready *synapse_amx_ready_of(const struct synapse_amx_shared *shared, unsigned worker)
{
    return &shared->part[worker];
}

/* ---- first: what the worker's tokens use ---- */

/* Ors the codes into any[] and returns how many are active. */
VECTOR static uint64_t merge(const uint32_t *codes, uint32_t n, uint32_t *any)
{
    uint64_t active = 0;
    for (uint32_t k = 0; k < n; k += SIDE) {
        __mmask16 lanes = (__mmask16)(n - k < SIDE ? (1u << (n - k)) - 1 : 0xffff);
        __m512i some = _mm512_maskz_loadu_epi32(lanes, codes + k);
        active += (uint64_t)__builtin_popcount(_mm512_test_epi32_mask(some, _mm512_set1_epi32(OAT_MAGNITUDE)));
        _mm512_mask_storeu_epi32(any + k, lanes, _mm512_or_si512(_mm512_maskz_loadu_epi32(lanes, any + k), some));
    }
    return active;
}

void synapse_amx_collect(struct synapse_amx_shared *shared, const struct synapse_window *window, uint32_t tokens,
                         uint32_t sources, unsigned worker, unsigned workers)
{
    struct synapse_amx_ready *part = &shared->part[worker];
    uint32_t from, to;
    packet_share(tokens, 1, worker, workers, &from, &to);
    memset(part->any, 0, sources * sizeof *part->any);
    part->active = 0;
    for (uint32_t t = from; t < to; t++) part->active += merge(window[t].codes, sources, part->any);
}

/* ---- then: the digits of the worker's tokens ---- */

static unsigned bits_of(uint32_t magnitude)
{
    return magnitude == 0 ? 0 : 32 - (unsigned)__builtin_clz(magnitude);
}

/* Of all workers' tokens. */
static uint32_t any_code(const struct synapse_amx_shared *shared, unsigned workers, uint32_t k)
{
    uint32_t any = 0;
    for (unsigned w = 0; w < workers; w++) any |= shared->part[w].any[k];
    return any;
}

/* Digits of values up to 2^bits - 1; 0: too many.  n signed digits reach 127 (1 + 2^8 + ...), a little less than half of
 * 2^8n. */
static unsigned value_digits(unsigned bits, int natural)
{
    if (natural) return bits <= 8 * SYNAPSE_AMX_DIGITS ? (bits + 7) / 8 : 0;
    return bits + 2 <= 8 * SYNAPSE_AMX_DIGITS ? (bits + 9) / 8 : 0;
}

/* Lists the rows that any token needs, by their channels' shifts, so that a tile's digits are those of few shifts; and
 * what all workers find alike. */
static void list_rows(const struct synapse_amx_shared *shared, const struct population_params *source, uint32_t tokens,
                      uint32_t sources, unsigned workers, struct synapse_amx_ready *part)
{
    uint32_t next[PARAMS_SHIFT_MAX + 2] = {0}, flags = 0;
    unsigned most = 0; /* bits of the largest |v|, or a bound of them */
    for (uint32_t k = 0; k < sources; k++) {
        uint32_t any = any_code(shared, workers, k);
        unsigned bits = bits_of(any & OAT_MAGNITUDE), by = source->shift != NULL ? (unsigned)source->shift[k] : 0;
        flags |= any;
        if (bits == 0) continue;
        next[by + 1]++;
        bits += by + (any & OAT_OUTLIER ? source->j : 0);
        most = bits > most ? bits : most;
    }
    for (unsigned by = 0; by <= PARAMS_SHIFT_MAX; by++) next[by + 1] += next[by];
    part->found.n = next[PARAMS_SHIFT_MAX + 1];
    for (uint32_t k = 0; k < sources; k++) {
        if ((any_code(shared, workers, k) & OAT_MAGNITUDE) == 0) continue;
        unsigned by = source->shift != NULL ? (unsigned)source->shift[k] : 0;
        part->shift[next[by]] = (int8_t)by;
        part->row[next[by]++] = k;
    }
    part->found.depths = (part->found.n + DEPTH - 1) / DEPTH;
    part->found.blocks = (uint32_t)blocks_of(tokens);
    part->found.natural = (flags & OAT_NEGATIVE) == 0 && part->found.n <= SYNAPSE_AMX_ROWS / 2;
    part->found.value_digits = value_digits(most, part->found.natural);
    part->found.active = 0;
    for (unsigned w = 0; w < workers; w++) part->found.active += shared->part[w].active;
}

struct values {
    const struct population_params *source;
    const uint32_t *row;
    const int8_t *shift;
    uint32_t sources;
    struct amx_found found;
};

/* Sixteen codes; rows mostly follow each other, with few gaps. */
VECTOR_INLINE __m512i codes16(const struct values *call, const uint32_t *codes, uint32_t p, uint32_t left)
{
    const __mmask16 lanes = (__mmask16)(left < SIDE ? (1u << left) - 1 : 0xffff);
    __m512i row = _mm512_maskz_loadu_epi32(lanes, call->row + p);
    uint32_t first = call->row[left > 0 ? p : 0];
    __m512i place = _mm512_sub_epi32(row, _mm512_set1_epi32((int)first));
    if (lanes == 0xffff && _mm512_cmplt_epu32_mask(place, _mm512_set1_epi32(2 * SIDE)) == 0xffff &&
        first + 2 * SIDE <= call->sources)
        return _mm512_permutex2var_epi32(_mm512_loadu_si512(codes + first), place,
                                         _mm512_loadu_si512(codes + first + SIDE));
    return _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), lanes, row, codes, 4);
}

/* 16 places from p on of one token, silent beyond the rows: the digits of a code shifted by less than one digit, and
 * the bits by which they belong further up. */
VECTOR_INLINE __m512i digits16(const struct values *call, const uint32_t *codes, uint32_t p, __m512i *up)
{
    const uint32_t left = call->found.n > p ? call->found.n - p : 0;
    const __m512i bias = _mm512_set1_epi32(call->found.natural ? 0 : (int)0x80808080u);
    __m512i code = codes16(call, codes, p, left);
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
VECTOR_INLINE uint8_t token_digits(const struct values *call, const uint32_t *codes, uint32_t depth, int8_t *tiles)
{
    uint8_t used = 0;
    for (uint32_t i = 0; i < DEPTH; i += SIDE) {
        __m512i up, digits = digits16(call, codes, depth * DEPTH + i, &up);
        for (unsigned b = 0; b < call->found.value_digits; b++) {
            /* a negative count is a large one: nothing is left */
            __m512i count = _mm512_sub_epi32(_mm512_set1_epi32((int)(8 * b)), up);
            __m128i bytes = _mm512_cvtepi32_epi8(_mm512_srlv_epi32(digits, count));
            _mm_store_si128((__m128i *)(void *)(tiles + b * TILE_BYTES + i), bytes);
            used |= (uint8_t)(!_mm_testz_si128(bytes, bytes) << b);
        }
    }
    return used;
}

/* The digits of one block of tokens. */
VECTOR static void cut_block(const struct values *call, const struct synapse_window *window, uint32_t tokens,
                             uint32_t block, int8_t *tiles, uint8_t *used)
{
    uint8_t *any = &used[call->found.depths];
    *any = 0;
    for (uint32_t depth = 0; depth < call->found.depths; depth++, tiles += call->found.value_digits * TILE_BYTES) {
        used[depth] = 0;
        for (uint32_t i = 0; i < SIDE; i++) {
            uint32_t t = block * SIDE + i;
            if (t < tokens)
                used[depth] |= token_digits(call, window[t].codes, depth, tiles + i * DEPTH);
            else
                for (unsigned b = 0; b < call->found.value_digits; b++)
                    memset(tiles + b * TILE_BYTES + i * DEPTH, 0, DEPTH);
        }
        *any |= used[depth];
    }
}

void synapse_amx_cut(struct synapse_amx_shared *shared, const struct population_params *source,
                     const struct synapse_window *window, uint32_t tokens, uint32_t sources, unsigned worker,
                     unsigned workers)
{
    struct synapse_amx_ready *part = &shared->part[worker];
    list_rows(shared, source, tokens, sources, workers, part);
    const struct values call = {source, part->row, part->shift, sources, part->found};
    uint32_t from, to;
    packet_share(call.found.blocks, 1, worker, workers, &from, &to);
    for (uint32_t block = from; block < to && call.found.value_digits > 0; block++)
        cut_block(&call, window, tokens, block,
                  shared->values + (size_t)block * call.found.depths * call.found.value_digits * TILE_BYTES,
                  shared->used + (size_t)block * (call.found.depths + 1));
}
#else
size_t synapse_amx_shared_bytes(uint32_t sources, uint32_t tokens, unsigned workers)
{
    (void)sources, (void)tokens, (void)workers;
    return 0;
}

struct synapse_amx_shared *synapse_amx_shared_new(void *memory, uint32_t sources, uint32_t tokens, unsigned workers)
{
    (void)memory, (void)sources, (void)tokens, (void)workers;
    return NULL;
}

const struct synapse_amx_ready *synapse_amx_ready_of(const struct synapse_amx_shared *shared, unsigned worker)
{
    (void)shared, (void)worker;
    return NULL;
}

void synapse_amx_collect(struct synapse_amx_shared *shared, const struct synapse_window *window, uint32_t tokens,
                         uint32_t sources, unsigned worker, unsigned workers)
{
    (void)shared, (void)window, (void)tokens, (void)sources, (void)worker, (void)workers;
}

void synapse_amx_cut(struct synapse_amx_shared *shared, const struct population_params *source,
                     const struct synapse_window *window, uint32_t tokens, uint32_t sources, unsigned worker,
                     unsigned workers)
{
    (void)shared, (void)source, (void)window, (void)tokens, (void)sources, (void)worker, (void)workers;
}
#endif
