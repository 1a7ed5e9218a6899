#include "convert/grids.h"

#include <stdlib.h>
#include <string.h>

#include "convert/parallel.h"
#include "kernel/error.h"
#include "neurons/real.h"

enum { CODE_MAX = (1 << 16) - 1, SEGMENT = 512, GRID_LARGEST_BITS = 61 };

/* |w| / 2^grid rounded half away from zero.  A widened weight has at most 24 significant bits, so that the sum
 * is exact or the fraction far from one half. */
static inline uint64_t magnitude(double w, double inverse)
{
    return (uint64_t)((w < 0 ? -w : w) * inverse + 0.5);
}

double grid_round(double w, int grid)
{
    double r = real_ldexp((double)magnitude(w, real_power_of_two(-grid)), grid);
    return w < 0 ? -r : r;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Work is cut into a fixed number of stripes, so that what is summed in which order never depends on the
 * number of threads. */
enum { STRIPES = 64 };

static size_t stripe_start(size_t n, size_t stripe)
{
    return n / STRIPES * stripe + smaller(n % STRIPES, stripe);
}

static int lowest_bit(float w)
{
    uint32_t bits;
    memcpy(&bits, &w, sizeof bits);
    int exponent = (int)(bits >> 23 & 0xff);
    uint32_t mantissa = bits & 0x7fffff;
    if (exponent == 0)
        exponent = 1;
    else
        mantissa |= 0x800000;
    return exponent - 150 + __builtin_ctz(mantissa);
}

struct range_job {
    const struct checkpoint_tensor *tensor;
    struct grid_range part[STRIPES];
};

static void widen_range(struct grid_range *range, const struct grid_range *by)
{
    if (by->zero) return;
    if (by->largest > range->largest) range->largest = by->largest;
    if (range->zero || by->lowest < range->lowest) range->lowest = by->lowest;
    range->zero = 0;
}

static void range_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    struct range_job *job = context;
    struct grid_range range = {.zero = 1};
    size_t at = stripe_start(job->tensor->elements, index), end = stripe_start(job->tensor->elements, index + 1);
    float w[SEGMENT];
    for (; at < end; at += SEGMENT) {
        size_t n = smaller(SEGMENT, end - at);
        checkpoint_tensor_f32(job->tensor, at, n, w);
        for (size_t i = 0; i < n; i++) {
            if (w[i] == 0) continue;
            const struct grid_range one = {.largest = w[i] < 0 ? -w[i] : w[i], .lowest = lowest_bit(w[i])};
            widen_range(&range, &one);
        }
    }
    job->part[index] = range;
}

struct grid_range grid_range_of(unsigned threads, const struct checkpoint_tensor *tensor)
{
    struct grid_range range = {.zero = 1};
    struct range_job job = {.tensor = tensor};
    parallel_for(threads, STRIPES, range_task, &job);
    for (size_t i = 0; i < STRIPES; i++) widen_range(&range, &job.part[i]);
    return range;
}

int grid_provisional(enum weight_type type, const struct grid_range *range)
{
    if (range->zero || type == WEIGHT_F16) return range->lowest;
    int grid = real_floor_log2(range->largest) - GRID_BITS;
    return grid > range->lowest ? grid : range->lowest;
}

struct reach_job {
    const struct grid_matrix *matrix;
    const uint8_t *bucket; /* [sources] */
    double inverse;
    struct grid_reach *reach;
};

static void reach_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct reach_job *job = context;
    size_t sources = job->matrix->sources;
    double w[SEGMENT];
    for (size_t row = stripe_start(job->matrix->targets, index); row < stripe_start(job->matrix->targets, index + 1);
         row++) {
        uint64_t *sum = job->reach->sum + row * job->reach->buckets;
        for (size_t at = 0; at < sources; at += SEGMENT) {
            size_t n = smaller(SEGMENT, sources - at);
            checkpoint_tensor_f64(job->matrix->tensor, row * sources + at, n, w);
            for (size_t i = 0; i < n; i++) sum[job->bucket[at + i]] += magnitude(w[i], job->inverse);
        }
    }
}

int grid_reach_new(unsigned threads, const struct grid_matrix *matrix, const int *exponent, int grid,
                   struct grid_reach *reach)
{
    int lowest = exponent[0], highest = exponent[0];
    for (uint32_t i = 1; i < matrix->sources; i++) {
        if (exponent[i] < lowest) lowest = exponent[i];
        if (exponent[i] > highest) highest = exponent[i];
    }
    if (lowest < highest - GRID_SPAN_MAX) lowest = highest - GRID_SPAN_MAX;
    *reach =
        (struct grid_reach){.targets = matrix->targets, .lowest = lowest, .buckets = (unsigned)(highest - lowest) + 1};
    uint8_t *bucket = malloc(matrix->sources);
    reach->sum = calloc((size_t)matrix->targets * reach->buckets, sizeof *reach->sum);
    if (bucket != NULL && reach->sum != NULL) {
        for (uint32_t i = 0; i < matrix->sources; i++)
            bucket[i] = exponent[i] < lowest ? 0 : (uint8_t)(exponent[i] - lowest);
        struct reach_job job = {matrix, bucket, real_power_of_two(-grid), reach};
        parallel_for(threads, STRIPES, reach_task, &job);
        free(bucket);
        return 0;
    }
    free(bucket);
    grid_reach_free(reach);
    return -1;
}

void grid_reach_free(struct grid_reach *reach)
{
    free(reach->sum);
    reach->sum = NULL;
}

unsigned __int128 grid_reach_bound(const struct grid_reach *reach, int base)
{
    unsigned __int128 largest = 0;
    for (uint32_t t = 0; t < reach->targets; t++) {
        unsigned __int128 sum = 0;
        for (unsigned b = 0; b < reach->buckets; b++) {
            int shift = reach->lowest + (int)b - base;
            sum += (unsigned __int128)reach->sum[(size_t)t * reach->buckets + b] << (shift > 0 ? shift : 0);
        }
        if (sum > largest) largest = sum;
    }
    return largest * CODE_MAX;
}

struct evaluate_job {
    const struct grid_matrix *matrix;
    const int8_t *shift;
    int grid;
    struct tally {
        unsigned __int128 sum; /* largest of a target */
        uint64_t largest, moved;
        double moved_max, moved_squares;
    } part[STRIPES];
};

/* Adds one row segment, elements [at, at + n), to the tally; returns its sum |w / 2^grid| 2^shift. */
static unsigned __int128 evaluate_segment(const struct evaluate_job *job, size_t row, size_t at, size_t n, size_t width,
                                          struct tally *tally)
{
    const double inverse = real_power_of_two(-job->grid), unit = real_power_of_two(job->grid);
    unsigned __int128 sum = 0;
    double w[SEGMENT];
    checkpoint_tensor_f64(job->matrix->tensor, row * width + at, n, w);
    for (size_t i = 0; i < n; i++) {
        uint64_t m = magnitude(w[i], inverse);
        double moved = (double)m * unit - (w[i] < 0 ? -w[i] : w[i]);
        if (m > tally->largest) tally->largest = m;
        sum += (unsigned __int128)m << (job->shift != NULL && !job->matrix->input ? job->shift[at + i] : 0);
        if (moved == 0) continue;
        if (moved < 0) moved = -moved;
        if (moved > tally->moved_max) tally->moved_max = moved;
        tally->moved_squares += moved * moved;
        tally->moved++;
    }
    return sum;
}

static void evaluate_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    struct evaluate_job *job = context;
    const struct grid_matrix *matrix = job->matrix;
    size_t rows = matrix->input ? matrix->sources : matrix->targets;
    size_t width = matrix->input ? matrix->targets : matrix->sources;
    struct tally tally = {0};
    for (size_t row = stripe_start(rows, index); row < stripe_start(rows, index + 1); row++) {
        unsigned __int128 sum = 0;
        for (size_t at = 0; at < width; at += SEGMENT)
            sum += evaluate_segment(job, row, at, smaller(SEGMENT, width - at), width, &tally);
        if (sum > tally.sum) tally.sum = sum;
    }
    job->part[index] = tally;
}

int grid_evaluate(unsigned threads, const struct grid_matrix *matrix, const int8_t *shift, unsigned j, int grid,
                  struct matrix *out)
{
    struct evaluate_job job = {.matrix = matrix, .shift = shift, .grid = grid};
    struct tally all = {0};
    parallel_for(threads, STRIPES, evaluate_task, &job);
    for (size_t i = 0; i < STRIPES; i++) {
        const struct tally *part = &job.part[i];
        if (part->sum > all.sum) all.sum = part->sum;
        if (part->largest > all.largest) all.largest = part->largest;
        if (part->moved_max > all.moved_max) all.moved_max = part->moved_max;
        all.moved_squares += part->moved_squares;
        all.moved += part->moved;
    }
    unsigned __int128 bound = matrix->input ? all.largest : all.sum * CODE_MAX << j;
    if (bound >= GRID_BOUND) return -1;
    out->type = matrix->tensor->type;
    out->grid = grid;
    out->integer_max = all.largest;
    out->bound = (uint64_t)bound;
    out->moved = all.moved;
    out->moved_max = all.moved_max;
    out->moved_rms = all.moved == 0 ? 0 : real_sqrt(all.moved_squares / (double)all.moved);
    return 0;
}

int grid_choose(unsigned threads, const struct grid_matrix *matrix, const struct grid_range *range, const int8_t *shift,
                unsigned j, struct matrix *out)
{
    if (range->zero || matrix->tensor->type == WEIGHT_F16)
        return grid_evaluate(threads, matrix, shift, j, range->lowest, out);
    int finest = real_floor_log2(range->largest) - GRID_LARGEST_BITS, grid = grid_provisional(WEIGHT_F32, range);
    if (finest < range->lowest) finest = range->lowest;
    /* From a first bound, the finest grid is at most one step from what its headroom says. */
    while (grid_evaluate(threads, matrix, shift, j, grid, out) != 0) grid++;
    int headroom = out->bound == 0 ? 0 : GRID_LARGEST_BITS - real_floor_log2((double)out->bound) + 1;
    int start = grid - headroom < finest ? finest : grid - headroom;
    for (int g = start; g < grid; g++)
        if (grid_evaluate(threads, matrix, shift, j, g, out) == 0) return 0;
    return grid_evaluate(threads, matrix, shift, j, grid, out);
}
