#include "layers/params.h"

#include <stdlib.h>
#include <string.h>

#include "neurons/oat.h"
#include "neurons/real.h"

typedef unsigned __int128 wide;

uint32_t weight_size(enum weight_type type)
{
    return type == WEIGHT_F32 ? 4 : 2;
}

const char *weight_type_name(enum weight_type type)
{
    static const char *const name[WEIGHT_TYPES] = {"F32", "F16", "BF16", "I16", "I8", "I4"};
    return type < WEIGHT_TYPES ? name[type] : "unknown";
}

int weight_is_float(enum weight_type type)
{
    return type <= WEIGHT_BF16;
}

static uint64_t padded(uint32_t targets)
{
    return ((uint64_t)targets + WEIGHT_GROUP - 1) / WEIGHT_GROUP * WEIGHT_GROUP;
}

uint64_t weight_row_bytes(enum weight_type type, uint32_t targets)
{
    switch (type) {
    case WEIGHT_I4: return padded(targets) / 2;
    case WEIGHT_I8: return targets;
    case WEIGHT_I16: return 2 * (uint64_t)targets;
    default: return (uint64_t)weight_size(type) * targets;
    }
}

uint64_t weight_bytes(enum weight_type type, uint32_t sources, uint32_t targets)
{
    uint64_t groups = type == WEIGHT_I4 ? ((uint64_t)sources + WEIGHT_GROUP - 1) / WEIGHT_GROUP : 0;
    return sources * weight_row_bytes(type, targets) + groups * padded(targets);
}

const void *weight_row(enum weight_type type, const void *weights, uint32_t targets, uint32_t source,
                       const uint8_t **group_scales)
{
    const uint8_t *bytes = weights;
    if (type != WEIGHT_I4) return bytes + source * weight_row_bytes(type, targets);
    uint64_t pad = padded(targets), row = pad / 2;
    const uint8_t *group = bytes + source / WEIGHT_GROUP * (pad + WEIGHT_GROUP * row);
    if (group_scales != NULL) *group_scales = group;
    return group + pad + source % WEIGHT_GROUP * row;
}

static double double_of_f32(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* A half is a float's bits with the exponent moved: one exact product scales it, denormals included. */
static double double_of_f16(uint32_t bits)
{
    uint32_t single = (bits & 0x8000u) << 16 | (bits & 0x7fffu) << 13;
    if ((bits & 0x7c00u) == 0x7c00u) single |= 0x7f800000u;
    return double_of_f32(single) * 0x1p112;
}

double weight_value(enum weight_type type, const void *weights, uint64_t index)
{
    if (type == WEIGHT_F32) return double_of_f32(((const uint32_t *)weights)[index]);
    uint32_t bits = ((const uint16_t *)weights)[index];
    return type == WEIGHT_F16 ? double_of_f16(bits) : double_of_f32(bits << 16);
}

void matrix_copy_targets(const struct matrix *matrix, uint32_t sources, uint32_t targets, uint32_t from, uint32_t to,
                         void *out)
{
    enum weight_type type = matrix->type;
    uint64_t skip = weight_row_bytes(type, from), bytes = weight_row_bytes(type, to - from);
    for (uint32_t source = 0; source < sources; source++) {
        const uint8_t *scales = NULL, *part_scales = NULL;
        const uint8_t *row = weight_row(type, matrix->weights, targets, source, &scales);
        memcpy((void *)(uintptr_t)weight_row(type, out, to - from, source, &part_scales), row + skip, bytes);
        if (type == WEIGHT_I4 && source % WEIGHT_GROUP == 0)
            memcpy((void *)(uintptr_t)part_scales, scales + from, padded(to - from));
    }
}

static int64_t i4_value(const struct matrix *matrix, uint32_t targets, uint32_t source, uint32_t target)
{
    const uint8_t *scales, *row = weight_row(WEIGHT_I4, matrix->weights, targets, source, &scales);
    uint32_t byte = row[target / WEIGHT_GROUP * (WEIGHT_GROUP / 2) + target % (WEIGHT_GROUP / 2)];
    uint32_t half = target % WEIGHT_GROUP < WEIGHT_GROUP / 2 ? byte & 15 : byte >> 4;
    return ((int64_t)(half ^ 8) - 8) * scales[target];
}

double matrix_value(const struct matrix *matrix, uint32_t targets, uint32_t source, uint32_t target)
{
    uint64_t index = (uint64_t)source * targets + target;
    switch (matrix->type) {
    case WEIGHT_I16: return ((const int16_t *)matrix->weights)[index];
    case WEIGHT_I8: return ((const int8_t *)matrix->weights)[index];
    case WEIGHT_I4: return (double)i4_value(matrix, targets, source, target);
    default: return weight_value(matrix->type, matrix->weights, index);
    }
}

uint64_t params_rotary_size(const struct model_config *config)
{
    return config->rotary ? (uint64_t)config->positions * (config->head_dim / 2) * 2 : 0;
}

/* Largest |value| of a code at T = 16: (2^16 - 1) 2^j. */
static wide code_max(const struct population_params *params)
{
    return (wide)OAT_MAGNITUDE << params->j;
}

/* Largest sum of the spike products that population p takes part in last, or 0; query: the last q's code_max. */
static wide product_sum(const struct graph *graph, const struct population_params *params, uint32_t p, wide query)
{
    const struct model_config *config = &graph->config;
    switch (graph->population[p].kind) {
    case POPULATION_RESIDUAL: return 2 * (wide)config->hidden * code_max(&params[p]);
    case POPULATION_KEY:
    case POPULATION_KEY_TURNED:
        if (graph->population[p].product == PRODUCT_NONE) return 0; /* turned first */
        return config->head_dim * query * code_max(&params[p]);
    case POPULATION_VALUE: return config->positions * ((wide)OAT_MAGNITUDE << 1) * code_max(&params[p]); /* e: j = 1 */
    default: return 0;
    }
}

static const char *product_name(enum population_kind kind)
{
    switch (kind) {
    case POPULATION_RESIDUAL: return "D v - sum v must stay below 2^62";
    case POPULATION_KEY:
    case POPULATION_KEY_TURNED: return "q.k over a head must stay below 2^62";
    default: return "e.v at the longest context must stay below 2^62";
    }
}

/* The population with the largest sum, and that sum. */
static uint32_t largest_product(const struct graph *graph, const struct population_params *params, wide *largest)
{
    uint32_t at = 0;
    wide query = 0;
    *largest = 0;
    for (uint32_t p = 0; p < graph->populations; p++) {
        enum population_kind kind = graph->population[p].kind;
        if (kind == POPULATION_QUERY || kind == POPULATION_QUERY_TURNED) query = code_max(&params[p]);
        wide sum = product_sum(graph, params, p, query);
        if (sum <= *largest) continue;
        *largest = sum;
        at = p;
    }
    return at;
}

const char *params_check_products(const struct graph *graph, const struct population_params *params,
                                  uint32_t *population)
{
    wide largest;
    *population = largest_product(graph, params, &largest);
    return largest < (wide)PARAMS_SUM_LIMIT ? NULL : product_name(graph->population[*population].kind);
}

unsigned params_product_bits(const struct graph *graph, const struct population_params *params)
{
    wide largest;
    largest_product(graph, params, &largest);
    unsigned bits = 0;
    for (; largest > 0; largest >>= 1) bits++;
    return bits;
}

/* weight / 2^grid in *integer; NULL, or why it is none.  inverse: 2^-grid; the product is exact, since a weight
 * lies in 2^-149 .. 2^128 and a grid in -PARAMS_GRID_MAX .. PARAMS_GRID_MAX. */
static const char *weight_integer(double weight, double inverse, uint64_t *integer)
{
    double scaled = __builtin_fabs(weight) * inverse; /* no branch on a random sign */
    if (!(scaled <= 1e308)) return "weight must be finite";
    if (scaled >= (double)PARAMS_SUM_LIMIT) return "weight / 2^grid must be below 2^62";
    *integer = (uint64_t)(int64_t)scaled;
    return (double)(int64_t)*integer == scaled ? NULL : "weight must be a multiple of 2^grid";
}

/* Adds row `source` to the targets' sums of |integer| << shift. */
static const char *prove_row(const struct matrix *matrix, uint32_t targets, uint32_t source, unsigned shift, wide *sum,
                             struct matrix_proof *proof)
{
    const double inverse = real_power_of_two(-matrix->grid);
    const uint64_t factor = UINT64_C(1) << shift;
    uint64_t largest = proof->integer_max;
    const char *reason = NULL;
    uint32_t i = 0;
    for (; i < targets; i++) {
        uint64_t integer;
        reason = weight_integer(matrix_value(matrix, targets, source, i), inverse, &integer);
        if (reason != NULL) break;
        if (integer > largest) largest = integer;
        sum[i] += (wide)integer * factor;
    }
    proof->source = source;
    proof->target = i;
    proof->integer_max = largest;
    return reason;
}

/* proof->bound from the largest sum. */
static const char *prove_bound(uint32_t targets, const wide *sum, const struct population_params *source,
                               struct matrix_proof *proof)
{
    wide limit = ((wide)PARAMS_SUM_LIMIT - 1) / code_max(source);
    for (uint32_t i = 0; i < targets; i++) {
        proof->target = i;
        if (sum[i] > limit) return "sum of |weights| times the largest code must be below 2^62";
        uint64_t bound = (uint64_t)(sum[i] * code_max(source));
        if (bound > proof->bound) proof->bound = bound;
    }
    return NULL;
}

const char *params_prove_matrix(const struct graph *graph, uint32_t m, const struct matrix *matrix,
                                const struct population_params *source, struct matrix_proof *proof)
{
    const struct matrix_slot *slot = &graph->matrix[m];
    int input = graph->population[slot->source].code == CODE_INPUT;
    const char *reason = NULL;
    memset(proof, 0, sizeof *proof);
    wide *sum = calloc(slot->targets, sizeof *sum);
    if (sum == NULL) return "no memory";
    for (uint32_t row = 0; row < slot->sources && reason == NULL; row++) {
        unsigned shift = source->shift != NULL ? (unsigned)source->shift[row] : 0;
        reason = prove_row(matrix, slot->targets, row, shift, sum, proof);
    }
    if (reason == NULL && input) proof->bound = proof->integer_max;
    if (reason == NULL && !input) reason = prove_bound(slot->targets, sum, source, proof);
    free(sum);
    return reason;
}
