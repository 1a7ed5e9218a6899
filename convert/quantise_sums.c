/* What the exactness proof needs of integer weights: their sums per target. */
#include <stdlib.h>
#include <string.h>

#include "convert/parallel.h"
#include "convert/quantise.h"

enum { TILE = 64 /* targets of a task */, CODE_MAX = (1 << 16) - 1 };
typedef unsigned __int128 wide;

static void i4_row(const struct matrix *stored, uint32_t targets, uint32_t source, uint32_t first, uint32_t n,
                   int16_t *integers)
{
    enum { HALF = WEIGHT_GROUP / 2 };
    const uint8_t *scales, *row = weight_row(WEIGHT_I4, stored->weights, targets, source, &scales);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t t = first + i, byte = row[t / WEIGHT_GROUP * HALF + t % HALF];
        int half = (int)(t % WEIGHT_GROUP < HALF ? byte & 15 : byte >> 4);
        integers[i] = (int16_t)(((half ^ 8) - 8) * scales[t]);
    }
}

void quantise_row(const struct matrix *stored, uint32_t targets, uint32_t source, uint32_t first, uint32_t n,
                  int16_t *integers)
{
    const void *row = weight_row(stored->type, stored->weights, targets, source, NULL);
    if (stored->type == WEIGHT_I16)
        memcpy(integers, (const int16_t *)row + first, n * sizeof *integers);
    else if (stored->type == WEIGHT_I4)
        i4_row(stored, targets, source, first, n, integers);
    else
        for (uint32_t i = 0; i < n; i++) integers[i] = ((const int8_t *)row)[first + i];
}

struct sums_job {
    const struct matrix *stored;
    uint32_t sources, targets;
    const uint8_t *bucket; /* [sources] */
    struct grid_reach *reach;
    const int8_t *shift; /* [sources] or NULL */
    wide *largest;       /* [tiles]: largest sum of a target */
};

static uint32_t tile_width(const struct sums_job *job, size_t index)
{
    uint32_t left = job->targets - (uint32_t)index * TILE;
    return left < TILE ? left : TILE;
}

static void reach_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct sums_job *job = context;
    uint32_t first = (uint32_t)index * TILE, n = tile_width(job, index);
    int16_t integers[TILE];
    for (uint32_t s = 0; s < job->sources; s++) {
        quantise_row(job->stored, job->targets, s, first, n, integers);
        uint64_t *sum = job->reach->sum + (uint64_t)first * job->reach->buckets + job->bucket[s];
        for (uint32_t i = 0; i < n; i++) sum[(size_t)i * job->reach->buckets] += (uint64_t)abs(integers[i]);
    }
}

int quantise_reach_new(unsigned threads, const struct matrix *stored, uint32_t sources, uint32_t targets,
                       const int *exponent, struct grid_reach *reach)
{
    uint8_t *bucket = grid_reach_begin(sources, targets, exponent, reach);
    if (bucket == NULL) return -1;
    struct sums_job job = {.stored = stored, .sources = sources, .targets = targets, .bucket = bucket, .reach = reach};
    parallel_for(threads, (targets + TILE - 1) / TILE, reach_task, &job);
    free(bucket);
    return 0;
}

static void bound_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct sums_job *job = context;
    uint32_t first = (uint32_t)index * TILE, n = tile_width(job, index);
    wide sum[TILE] = {0};
    int16_t integers[TILE];
    for (uint32_t s = 0; s < job->sources; s++) {
        unsigned shift = job->shift != NULL ? (unsigned)job->shift[s] : 0;
        quantise_row(job->stored, job->targets, s, first, n, integers);
        for (uint32_t i = 0; i < n; i++) sum[i] += (uint64_t)abs(integers[i]) << shift;
    }
    for (uint32_t i = 0; i < n; i++)
        if (sum[i] > job->largest[index]) job->largest[index] = sum[i];
}

int quantise_bound(unsigned threads, const struct matrix *stored, uint32_t sources, uint32_t targets,
                   const int8_t *shift, unsigned j, uint64_t *bound)
{
    size_t tiles = (targets + TILE - 1) / TILE;
    wide largest = 0;
    struct sums_job job = {.stored = stored, .sources = sources, .targets = targets, .shift = shift};
    job.largest = calloc(tiles, sizeof *job.largest);
    if (job.largest == NULL) return -2;
    parallel_for(threads, tiles, bound_task, &job);
    for (size_t i = 0; i < tiles; i++)
        if (job.largest[i] > largest) largest = job.largest[i];
    free(job.largest);
    if (largest * CODE_MAX << j >= GRID_BOUND) return -1;
    *bound = (uint64_t)(largest * CODE_MAX << j);
    return 0;
}
