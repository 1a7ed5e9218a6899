/* AMX window kernels: weights of a strip of targets, cut into bytes as tiles want them. */
#include "layers/synapse_amx_call.h"

#include "neurons/real.h"

#if defined(__x86_64__)
enum { AHEAD = 64 /* rows fetched before they are packed */ };

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
VECTOR_INLINE void fetch_rows(const struct amx_call *call, enum weight_type type, uint32_t p, uint32_t tile)
{
    const uint32_t size = type == WEIGHT_F32 ? 4 : type == WEIGHT_I8 ? 1 : 2;
    for (uint32_t r = p; r < p + 4 && r < call->n; r++) {
        const char *start =
            type == WEIGHT_I4
                ? (const char *)weight_row(type, call->rows.weights, call->rows.targets, call->row[r], NULL) + tile / 2
                : (const char *)call->rows.weights + ((uint64_t)call->row[r] * call->rows.targets + tile) * size;
        for (uint32_t byte = 0; byte < (type == WEIGHT_I4 ? STRIP / 2 : size * STRIP); byte += 64)
            _mm_prefetch(start + byte, _MM_HINT_T1);
    }
}

VECTOR_INLINE void pack_type(const struct amx_call *call, enum weight_type type, uint32_t tile, uint32_t width)
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

VECTOR void synapse_amx_pack_weights(const struct amx_call *call, uint32_t tile, uint32_t width)
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
#endif
