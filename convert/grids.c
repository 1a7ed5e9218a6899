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
    return (uint64_t)(int64_t)(__builtin_fabs(w) * inverse + 0.5); /* below 2^62: signed conversion is faster */
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

/* Per exponent field of a float the mantissas seen, ORed, the hidden bit too: the lowest set bit of the union is
 * the lowest of them all.  Two sets take turns, so that an element rarely waits for the one before it. */
enum { EXPONENTS = 256, HIDDEN_BIT = 1 << 23 };
struct bits_seen {
    uint32_t mantissa[2][EXPONENTS];
    uint32_t largest; /* a float's bits without its sign: ordered as the values are */
};

static void see_bits(struct bits_seen *seen, const float *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &w[i], sizeof bits);
        bits &= 0x7fffffffu;
        if (bits > seen->largest) seen->largest = bits;
        seen->mantissa[i & 1][bits >> 23] |= (bits & (HIDDEN_BIT - 1)) | HIDDEN_BIT;
    }
}

static struct grid_range range_of_bits(const struct bits_seen *seen)
{
    struct grid_range range = {.zero = seen->largest == 0};
    float largest;
    memcpy(&largest, &seen->largest, sizeof largest);
    range.largest = largest;
    int first = 1;
    for (int exponent = 0; exponent < EXPONENTS; exponent++) {
        uint32_t mantissa = seen->mantissa[0][exponent] | seen->mantissa[1][exponent];
        if (exponent == 0) mantissa &= HIDDEN_BIT - 1; /* zeros and denormals have none */
        if (mantissa == 0) continue;
        int lowest = (exponent == 0 ? 1 : exponent) - 150 + __builtin_ctz(mantissa);
        if (first || lowest < range.lowest) range.lowest = lowest;
        first = 0;
    }
    return range;
}

static void range_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    struct range_job *job = context;
    struct bits_seen seen = {0};
    size_t at = stripe_start(job->tensor->elements, index), end = stripe_start(job->tensor->elements, index + 1);
    float w[SEGMENT];
    for (; at < end; at += SEGMENT) {
        size_t n = smaller(SEGMENT, end - at);
        checkpoint_tensor_f32(job->tensor, at, n, w);
        see_bits(&seen, w, n);
    }
    job->part[index] = range_of_bits(&seen);
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

uint8_t *grid_reach_begin(uint32_t sources, uint32_t targets, const int *exponent, struct grid_reach *reach)
{
    int lowest = exponent[0], highest = exponent[0];
    for (uint32_t i = 1; i < sources; i++) {
        if (exponent[i] < lowest) lowest = exponent[i];
        if (exponent[i] > highest) highest = exponent[i];
    }
    if (lowest < highest - GRID_SPAN_MAX) lowest = highest - GRID_SPAN_MAX;
    *reach = (struct grid_reach){.targets = targets, .lowest = lowest, .buckets = (unsigned)(highest - lowest) + 1};
    uint8_t *bucket = malloc(sources);
    reach->sum = calloc((size_t)targets * reach->buckets, sizeof *reach->sum);
    if (bucket == NULL || reach->sum == NULL) {
        free(bucket);
        grid_reach_free(reach);
        return NULL;
    }
    for (uint32_t i = 0; i < sources; i++) bucket[i] = exponent[i] < lowest ? 0 : (uint8_t)(exponent[i] - lowest);
    return bucket;
}

int grid_reach_new(unsigned threads, const struct grid_matrix *matrix, const int *exponent, int grid,
                   struct grid_reach *reach)
{
    uint8_t *bucket = grid_reach_begin(matrix->sources, matrix->targets, exponent, reach);
    if (bucket == NULL) return -1;
    struct reach_job job = {matrix, bucket, real_power_of_two(-grid), reach};
    parallel_for(threads, STRIPES, reach_task, &job);
    free(bucket);
    return 0;
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

/* Counts how far n weights moved, in their order: |m * unit| beside |w|. */
static void count_moved(const double *w, const uint64_t *m, size_t n, double unit, struct tally *tally)
{
    for (size_t i = 0; i < n; i++) {
        double moved = (double)m[i] * unit - __builtin_fabs(w[i]);
        if (moved == 0) continue;
        if (moved < 0) moved = -moved;
        if (moved > tally->moved_max) tally->moved_max = moved;
        tally->moved_squares += moved * moved;
        tally->moved++;
    }
}

/* sum m 2^shift.  Shifted numbers below 2^64 need no wide shift. */
static unsigned __int128 shifted_sum(const uint64_t *m, const int8_t *shift, size_t n, uint64_t largest)
{
    unsigned __int128 sum = 0;
    if (shift == NULL)
        for (size_t i = 0; i < n; i++) sum += m[i];
    else if (largest >> (64 - GRID_SPAN_MAX) == 0)
        for (size_t i = 0; i < n; i++) sum += m[i] << shift[i];
    else
        for (size_t i = 0; i < n; i++) sum += (unsigned __int128)m[i] << shift[i];
    return sum;
}

/* Adds one row segment, elements [at, at + n), to the tally; returns its sum |w / 2^grid| 2^shift. */
static unsigned __int128 evaluate_segment(const struct evaluate_job *job, size_t row, size_t at, size_t n, size_t width,
                                          struct tally *tally)
{
    const double inverse = real_power_of_two(-job->grid), unit = real_power_of_two(job->grid);
    const int8_t *shift = job->shift != NULL && !job->matrix->input ? job->shift + at : NULL;
    uint64_t m[SEGMENT], largest = 0;
    double w[SEGMENT];
    int moved = 0;
    checkpoint_tensor_f64(job->matrix->tensor, row * width + at, n, w);
    for (size_t i = 0; i < n; i++) {
        m[i] = magnitude(w[i], inverse);
        moved |= (double)(int64_t)m[i] * unit != __builtin_fabs(w[i]);
        if (m[i] > largest) largest = m[i];
    }
    if (largest > tally->largest) tally->largest = largest;
    if (moved) count_moved(w, m, n, unit, tally);
    return shifted_sum(m, shift, n, largest);
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
