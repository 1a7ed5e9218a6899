#include "convert/quantise.h"

#include <stdlib.h>
#include <string.h>

#include "convert/parallel.h"
#include "kernel/error.h"
#include "neurons/real.h"

enum {
    TILE = WEIGHT_GROUP, /* targets of a task: a padded piece of an I4 row */
    HALF = WEIGHT_GROUP / 2,
    I4_MAX = 7,
    CLIPS = 9, /* I8: clips tried, CLIP_STEPS / CLIP_STEPS downwards */
    CLIP_STEPS = 32,
    GROUP_TRIES = 12 /* I4: group scales tried, about */
};

/* What one target's or one tile's weights became. */
struct tally {
    uint64_t largest, moved;
    double moved_max, moved_squares;
};

struct quantise_job {
    const struct grid_matrix *matrix;
    struct matrix *stored; /* type, weights */
    double *scale;
    struct tally *part; /* [tiles] */
    double *row;        /* [threads][sources], magnitudes, then with sign */
    int16_t *integers;  /* [threads][TILE][sources], I4 without group scales */
};

/* x with 24 significant bits, to nearest (Veltkamp's splitting; Dekker, Numer. Math. 18, 1971).  |x| < 2^200. */
static double narrow(double x)
{
    double split = x * (0x1p29 + 1);
    return split - (split - x);
}

static double largest_of(const double *w, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double size = __builtin_fabs(w[i]);
        if (size > largest) largest = size;
    }
    return largest;
}

/* |w| / unit rounded half away from zero, at most limit.  inverse: 1 / unit; |w| * inverse < 2^31. */
static inline double nearest(double w, double inverse, double limit)
{
    double integer = (double)(int32_t)(__builtin_fabs(w) * inverse + 0.5);
    return integer < limit ? integer : limit;
}

/* Squared distance of WEIGHT_GROUP weights from their integers times unit. */
static double block_error(const double *w, double unit, double limit)
{
    double inverse = 1 / unit, square[WEIGHT_GROUP], sum[4] = {0};
    for (int i = 0; i < WEIGHT_GROUP; i++) {
        double off = __builtin_fabs(w[i]) - nearest(w[i], inverse, limit) * unit;
        square[i] = off * off;
    }
    for (int i = 0; i < WEIGHT_GROUP; i += 4)
        for (int k = 0; k < 4; k++) sum[k] += square[i + k];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static double squared_error(const double *w, size_t n, double unit, double limit)
{
    double sum = 0;
    size_t i = 0;
    for (; i + WEIGHT_GROUP <= n; i += WEIGHT_GROUP) sum += block_error(w + i, unit, limit);
    if (i < n) {
        double rest[WEIGHT_GROUP] = {0};
        memcpy(rest, w + i, (n - i) * sizeof *rest);
        sum += block_error(rest, unit, limit);
    }
    return sum;
}

static double best_clip(const double *w, size_t n, double largest)
{
    double best = 0, least = 0;
    for (int clip = 0; clip < CLIPS; clip++) {
        double scale = narrow(largest * (CLIP_STEPS - clip) / CLIP_STEPS / INT8_MAX);
        double error = squared_error(w, n, scale, INT8_MAX);
        if (clip > 0 && error >= least) continue;
        best = scale;
        least = error;
    }
    return best;
}

/* The group scale, 1 .. 255, of n <= WEIGHT_GROUP weights. */
static unsigned best_group(const double *w, size_t n, double scale)
{
    double full = largest_of(w, n) / (I4_MAX * scale);
    unsigned highest = (unsigned)full + ((unsigned)full < full), best = 1;
    if (highest > UINT8_MAX) highest = UINT8_MAX;
    if (highest < 1) highest = 1;
    unsigned lowest = (highest * 5 + 7) / 8, step = (highest - lowest) / GROUP_TRIES + 1;
    double least = 0;
    for (unsigned m = highest; m >= lowest && m > 0; m = m > step ? m - step : 0) {
        double error = squared_error(w, n, m * scale, I4_MAX);
        if (m < highest && error >= least) continue;
        best = m;
        least = error;
    }
    return best;
}

/* n weights -> integers of at most `limit`, and what that moved. */
static void take_integers(const double *w, size_t n, double unit, double limit, unsigned factor, int16_t *integers,
                          struct tally *tally)
{
    double inverse = 1 / unit;
    for (size_t i = 0; i < n; i++) {
        double integer = nearest(w[i], inverse, limit), off = __builtin_fabs(integer * unit - __builtin_fabs(w[i]));
        uint64_t size = (uint64_t)(int64_t)integer * factor;
        integers[i] = (int16_t)(w[i] < 0 ? -integer : integer);
        if (size > tally->largest) tally->largest = size;
        if (off == 0) continue;
        if (off > tally->moved_max) tally->moved_max = off;
        tally->moved_squares += off * off;
        tally->moved++;
    }
}

/* Group scales of target number t go where the layout has them. */
static void quantise_groups(const struct quantise_job *job, uint32_t t, const double *w, double scale,
                            int16_t *integers, struct tally *tally)
{
    uint32_t sources = job->matrix->sources;
    for (uint32_t s = 0; s < sources; s += WEIGHT_GROUP) {
        const uint8_t *scales;
        size_t n = sources - s < WEIGHT_GROUP ? sources - s : WEIGHT_GROUP;
        unsigned m = best_group(w + s, n, scale);
        weight_row(WEIGHT_I4, job->stored->weights, job->matrix->targets, s, &scales);
        ((uint8_t *)(uintptr_t)scales)[t] = (uint8_t)m;
        take_integers(w + s, n, m * scale, I4_MAX, m, integers + s, tally);
    }
}

static void quantise_target(const struct quantise_job *job, uint32_t t, double *w, int16_t *integers,
                            struct tally *tally)
{
    size_t n = job->matrix->sources;
    enum weight_type type = job->stored->type;
    checkpoint_tensor_f64(job->matrix->tensor, (uint64_t)t * n, n, w);
    double largest = largest_of(w, n), scale = 1;
    double limit = type == WEIGHT_I16 ? INT16_MAX : INT8_MAX;
    if (largest > 0 && type == WEIGHT_I16) scale = narrow(largest / INT16_MAX);
    if (largest > 0 && type == WEIGHT_I8) scale = best_clip(w, n, largest);
    if (largest > 0 && type == WEIGHT_I4) scale = narrow(largest / (I4_MAX * UINT8_MAX));
    job->scale[t] = scale;
    if (type == WEIGHT_I4)
        quantise_groups(job, t, w, scale, integers, tally);
    else
        take_integers(w, n, scale, limit, 1, integers, tally);
}

/* One row's integers of targets [first, first + count) into the layout; integers: those of the row, one a `stride`. */
static void store_row(const struct quantise_job *job, uint32_t source, uint32_t first, uint32_t count,
                      const int16_t *integers, size_t stride)
{
    enum weight_type type = job->stored->type;
    uint8_t *row = (uint8_t *)(uintptr_t)weight_row(type, job->stored->weights, job->matrix->targets, source, NULL);
    for (uint32_t i = 0; i < count && type == WEIGHT_I16; i++)
        ((int16_t *)(void *)row)[first + i] = integers[i * stride];
    for (uint32_t i = 0; i < count && type == WEIGHT_I8; i++) row[first + i] = (uint8_t)integers[i * stride];
    for (uint32_t i = 0; i < count && type == WEIGHT_I4; i++) {
        unsigned half = (unsigned)integers[i * stride] & 15;
        row[first / 2 + i % HALF] |= (uint8_t)(i < HALF ? half : half << 4);
    }
}

static void quantise_task(void *context, size_t index, unsigned worker)
{
    const struct quantise_job *job = context;
    const struct grid_matrix *matrix = job->matrix;
    size_t sources = matrix->sources;
    uint32_t first = (uint32_t)index * TILE, count = matrix->targets - first < TILE ? matrix->targets - first : TILE;
    double *row = job->row + worker * sources;
    int16_t *integers = job->integers + worker * TILE * sources;
    struct tally tally = {0};
    for (uint32_t t = 0; t < count; t++) quantise_target(job, first + t, row, integers + t * sources, &tally);
    for (uint32_t s = 0; s < sources; s++) store_row(job, s, first, count, integers + s, sources);
    job->part[index] = tally;
}

static void sum_up(const struct tally *part, size_t tiles, struct matrix *stored)
{
    struct tally all = {0};
    for (size_t i = 0; i < tiles; i++) {
        if (part[i].largest > all.largest) all.largest = part[i].largest;
        if (part[i].moved_max > all.moved_max) all.moved_max = part[i].moved_max;
        all.moved_squares += part[i].moved_squares;
        all.moved += part[i].moved;
    }
    stored->integer_max = all.largest;
    stored->moved = all.moved;
    stored->moved_max = all.moved_max;
    stored->moved_rms = all.moved == 0 ? 0 : real_sqrt(all.moved_squares / (double)all.moved);
}

int quantise_matrix(unsigned threads, const struct grid_matrix *matrix, enum weight_type type, double *scale,
                    void *weights, struct matrix *stored)
{
    LASSIM_INVARIANT(!matrix->input && !weight_is_float(type), "type %d", (int)type);
    size_t tiles = (matrix->targets + TILE - 1) / TILE, rows = (size_t)threads * matrix->sources;
    stored->type = type;
    stored->grid = 0;
    stored->weights = weights;
    stored->scale = scale;
    struct quantise_job job = {.matrix = matrix, .stored = stored, .scale = scale};
    job.part = calloc(tiles, sizeof *job.part);
    job.row = calloc(rows, sizeof *job.row);
    job.integers = calloc(rows * TILE, sizeof *job.integers);
    int failed = job.part == NULL || job.row == NULL || job.integers == NULL;
    if (!failed) {
        parallel_for(threads, tiles, quantise_task, &job);
        sum_up(job.part, tiles, stored);
    }
    free(job.part);
    free(job.row);
    free(job.integers);
    return failed ? -1 : 0;
}
