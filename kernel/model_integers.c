/* What weights of the integer types must look like beyond being numbers (layers/params.h, struct matrix). */
#include "kernel/model_layout.h"

enum { HALF = WEIGHT_GROUP / 2, NIBBLE_LOWEST = 8 /* two's complement: -8 */ };

static const char *check_i16(const struct matrix_slot *slot, const struct matrix *matrix, uint32_t source,
                             uint32_t *target)
{
    const int16_t *row = weight_row(WEIGHT_I16, matrix->weights, slot->targets, source, NULL);
    for (*target = 0; *target < slot->targets; ++*target)
        if (row[*target] == INT16_MIN) return "an I16 weight must be -32767 .. 32767";
    return NULL;
}

static const char *check_i8(const struct matrix_slot *slot, const struct matrix *matrix, uint32_t source,
                            uint32_t *target)
{
    const int8_t *row = weight_row(WEIGHT_I8, matrix->weights, slot->targets, source, NULL);
    for (*target = 0; *target < slot->targets; ++*target)
        if (row[*target] == INT8_MIN) return "an I8 weight must be -127 .. 127";
    return NULL;
}

/* Targets 0 .. targets-1 and the padding after them; the group's scales with its first row. */
static const char *check_i4(const struct matrix_slot *slot, const struct matrix *matrix, uint32_t source,
                            uint32_t *target)
{
    const uint8_t *scales, *row = weight_row(WEIGHT_I4, matrix->weights, slot->targets, source, &scales);
    uint32_t padded = (uint32_t)(2 * weight_row_bytes(WEIGHT_I4, slot->targets));
    for (uint32_t i = *target = 0; i < padded; *target = ++i) {
        uint32_t byte = row[i / WEIGHT_GROUP * HALF + i % HALF];
        uint32_t nibble = i % WEIGHT_GROUP < HALF ? byte & 15 : byte >> 4;
        int padding = i >= slot->targets, first = source % WEIGHT_GROUP == 0;
        if (padding && (nibble != 0 || (first && scales[i] != 0))) return "the padding of I4 rows must be 0";
        if (nibble == NIBBLE_LOWEST) return "an I4 weight must be -7 .. 7";
        if (!padding && first && scales[i] == 0) return "an I4 group scale must be 1 .. 255";
    }
    return NULL;
}

const char *snn_check_integers(const struct matrix_slot *slot, const struct matrix *matrix, uint32_t *source,
                               uint32_t *target)
{
    typedef const char *check_row(const struct matrix_slot *, const struct matrix *, uint32_t, uint32_t *);
    static check_row *const checks[WEIGHT_TYPES] = {
        [WEIGHT_I16] = check_i16, [WEIGHT_I8] = check_i8, [WEIGHT_I4] = check_i4};
    const char *reason = NULL;
    *source = *target = 0;
    if (checks[matrix->type] == NULL) return NULL;
    for (uint32_t j = 0; j < slot->sources && reason == NULL; j++) {
        *source = j;
        reason = checks[matrix->type](slot, matrix, j, target);
    }
    return reason;
}
