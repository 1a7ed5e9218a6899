#include "layers/weight_grid.h"

#include <stdlib.h>
#include <string.h>

#include "neurons/real.h"

enum { MANTISSA_BITS = 52, EXPONENT_LIMIT = 800 };
#define SUM_LIMIT ((unsigned __int128)1 << 62)

/* |weight| = mantissa 2^exponent, mantissa odd or 0. */
static uint64_t split(double weight, int *exponent)
{
    uint64_t bits;
    memcpy(&bits, &weight, sizeof bits);
    int biased = (int)(bits >> MANTISSA_BITS & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << MANTISSA_BITS) - 1);
    if (biased != 0) mantissa |= UINT64_C(1) << MANTISSA_BITS;
    if (mantissa == 0) return 0;
    int zeros = __builtin_ctzll(mantissa);
    *exponent = (biased != 0 ? biased : 1) - 1075 + zeros;
    return mantissa >> zeros;
}

int64_t weight_grid_integer(double weight, int32_t grid)
{
    int exponent = 0;
    uint64_t mantissa = split(weight, &exponent);
    int shift = exponent - grid;
    if (mantissa == 0 || shift < -62) return 0;
    if (shift >= 0)
        mantissa <<= shift < 63 ? shift : 63;
    else
        mantissa = (mantissa + (UINT64_C(1) << (-shift - 1))) >> -shift;
    return weight < 0 ? -(int64_t)mantissa : (int64_t)mantissa;
}

static const char *check_weight(double weight)
{
    if (!(weight - weight == 0)) return "a weight is not finite";
    int log2 = real_floor_log2(weight);
    if (weight != 0 && (log2 > EXPONENT_LIMIT || log2 < -EXPONENT_LIMIT)) return "a weight is outside 2^-800 .. 2^800";
    return NULL;
}

/* The finest exponent of any weight, and the top one: every |weight| < 2^*top. */
static const char *range(const double *weights, uint64_t count, int *low, int *top, uint64_t *at)
{
    *low = WEIGHT_GRID_MAX;
    *top = -WEIGHT_GRID_MAX;
    for (uint64_t i = 0; i < count; i++) {
        int exponent = 0;
        const char *reason = check_weight(weights[i]);
        *at = i;
        if (reason != NULL) return reason;
        if (split(weights[i], &exponent) == 0) continue;
        if (exponent < *low) *low = exponent;
        if (real_floor_log2(weights[i]) + 1 > *top) *top = real_floor_log2(weights[i]) + 1;
    }
    if (*top < *low) *low = *top = 0; /* nothing but zeros */
    return NULL;
}

/* Fills integer_max, moved and moved_max for grid->grid. */
static void measure(const double *weights, uint64_t count, struct weight_grid *grid)
{
    double step = real_power_of_two(grid->grid);
    grid->integer_max = grid->moved = 0;
    grid->moved_max = 0;
    for (uint64_t i = 0; i < count; i++) {
        int64_t integer = weight_grid_integer(weights[i], grid->grid);
        uint64_t magnitude = integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
        if (magnitude > grid->integer_max) grid->integer_max = magnitude;
        double distance = (double)integer * step - weights[i];
        distance = distance < 0 ? -distance : distance;
        grid->moved += distance > 0;
        if (distance > grid->moved_max) grid->moved_max = distance;
    }
}

/* The largest sum of |integers| of one target. */
static unsigned __int128 largest_sum(const double *weights, uint64_t count, const uint32_t *target, uint32_t targets,
                                     int32_t grid, unsigned __int128 *sum)
{
    unsigned __int128 largest = 0;
    memset(sum, 0, targets * sizeof *sum);
    for (uint64_t i = 0; i < count; i++) {
        int64_t integer = weight_grid_integer(weights[i], grid);
        unsigned __int128 *to = &sum[target != NULL ? target[i] : i % targets];
        *to += integer < 0 ? -(uint64_t)integer : (uint64_t)integer;
        if (*to > largest) largest = *to;
    }
    return largest;
}

/* 1 if the bound holds on grid->grid, which is then set; -1 without memory. */
static int prove(const double *weights, uint64_t count, const uint32_t *target, uint32_t targets,
                 struct weight_grid *grid)
{
    measure(weights, count, grid);
    unsigned __int128 bound = (unsigned __int128)grid->integer_max * count; /* enough for most, and cheap */
    if (bound >= SUM_LIMIT) {
        unsigned __int128 *sum = malloc(targets * sizeof *sum);
        if (sum == NULL) return -1;
        bound = largest_sum(weights, count, target, targets, grid->grid, sum);
        free(sum);
    }
    grid->bound = bound < SUM_LIMIT ? (uint64_t)bound : UINT64_MAX;
    return bound < SUM_LIMIT;
}

const char *weight_grid_choose(const double *weights, uint64_t count, const uint32_t *target, uint32_t targets,
                               struct weight_grid *grid, uint64_t *at)
{
    int low, top;
    const char *reason = range(weights, count, &low, &top, at);
    if (reason != NULL) return reason;
    *at = UINT64_MAX;
    /* An integer must stay below 2^62 by itself; from there on at most 32 steps (count <= 2^32 per target). */
    grid->grid = low > top - 62 ? low : top - 62;
    for (;; grid->grid++) {
        int proved = prove(weights, count, target, targets, grid);
        if (proved != 0) return proved > 0 ? NULL : "no memory for the sums of its targets";
    }
}
