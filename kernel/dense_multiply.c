#include "kernel/dense_multiply.h"

#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dense_rows.h"

/* The sources' parts are summed apart and then added up in order, the same parts for any number of threads. */
enum { PARTS = 4, TILE = 512, PANEL = 256, FINISH = 16 };

struct dense_multiplier {
    struct team *team;
    size_t padded; /* widest, a multiple of DENSE_ALIGN */
    float *sums;   /* [PARTS][DENSE_TOKENS][padded] */
    float *panels; /* [workers][PANEL][TILE] */
};

struct job {
    struct dense_multiplier *multiplier;
    const struct dense_product *product;
};

static size_t padded(uint32_t targets)
{
    return ((size_t)targets + DENSE_ALIGN - 1) / DENSE_ALIGN * DENSE_ALIGN;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

struct dense_multiplier *dense_multiplier_new(struct team *team, uint32_t widest)
{
    struct dense_multiplier *made = calloc(1, sizeof *made);
    if (made == NULL) return NULL;
    made->team = team;
    made->padded = padded(widest);
    made->sums = aligned_alloc(64, made->padded * DENSE_TOKENS * PARTS * sizeof(float));
    made->panels = aligned_alloc(64, (size_t)team_workers(team) * PANEL * TILE * sizeof(float));
    openblas_set_num_threads(1);
    if (made->sums != NULL && made->panels != NULL) return made;
    dense_multiplier_free(made);
    return NULL;
}

void dense_multiplier_free(struct dense_multiplier *multiplier)
{
    if (multiplier == NULL) return;
    free(multiplier->sums);
    free(multiplier->panels);
    free(multiplier);
}

/* ---- few rows: a matrix-vector product ---- */

/* Sources of one part, whole groups of weights; the last part may be shorter. */
static uint32_t part_sources(const struct dense_product *product)
{
    uint32_t each = (product->sources + PARTS - 1) / PARTS;
    return (each + DENSE_ALIGN - 1) / DENSE_ALIGN * DENSE_ALIGN;
}

static uint32_t parts_of(const struct dense_product *product)
{
    return (product->sources + part_sources(product) - 1) / part_sources(product);
}

static float *part_sum(const struct dense_multiplier *multiplier, uint32_t part, uint32_t row)
{
    return multiplier->sums + ((size_t)part * DENSE_TOKENS + row) * multiplier->padded;
}

/* One part of the sources into the targets [begin, end). */
static void sum_part(const struct job *job, uint32_t part, uint32_t begin, uint32_t end)
{
    const struct dense_product *product = job->product;
    uint32_t first = part * part_sources(product);
    const struct dense_rows rows = {product->matrix, product->targets,
                                    first,           smaller(part_sources(product), product->sources - first),
                                    begin,           end - begin};
    for (uint32_t r = 0; r < product->rows; r++)
        memset(part_sum(job->multiplier, part, r) + begin, 0, padded(end - begin) * sizeof(float));
    dense_rows_add(&rows, product->in + first, product->in_stride, product->rows,
                   part_sum(job->multiplier, part, 0) + begin, job->multiplier->padded);
}

/* `count` (FINISH or 1, a constant) targets of row r from i on: the parts in order, scale, bias, what is there. */
static inline __attribute__((always_inline)) void finish_targets(const struct job *job, const float *sum,
                                                                 uint32_t parts, uint32_t r, uint32_t i, uint32_t count)
{
    const struct dense_product *product = job->product;
    const double *scale = product->matrix->scale;
    const size_t part_stride = DENSE_TOKENS * job->multiplier->padded;
    float total[FINISH], *out = product->out + (size_t)r * product->targets + i;
    memcpy(total, sum + i, count * sizeof(float));
    for (uint32_t part = 1; part < parts; part++)
        for (uint32_t k = 0; k < count; k++) total[k] += sum[part * part_stride + i + k];
    if (scale != NULL)
        for (uint32_t k = 0; k < count; k++) total[k] = (float)(total[k] * scale[i + k]);
    if (product->bias != NULL)
        for (uint32_t k = 0; k < count; k++) total[k] += product->bias[i + k];
    if (product->add)
        for (uint32_t k = 0; k < count; k++) total[k] += out[k];
    memcpy(out, total, count * sizeof(float));
}

/* Row r's targets [begin, end), all parts being there. */
static void finish_row(const struct job *job, uint32_t r, uint32_t begin, uint32_t end)
{
    const float *sum = part_sum(job->multiplier, 0, r);
    uint32_t parts = parts_of(job->product), i = begin;
    for (; i + FINISH <= end; i += FINISH) finish_targets(job, sum, parts, r, i, FINISH);
    for (; i < end; i++) finish_targets(job, sum, parts, r, i, 1);
}

/* Worker's share of the parts' tiles, in order of the parts: neighbouring tiles are taken in one go, so that few
 * workers read whole rows, one after the other. */
static void multiply_few(void *context, unsigned worker, unsigned workers)
{
    const struct job *job = context;
    const struct dense_product *product = job->product;
    uint32_t tiles = (product->targets + TILE - 1) / TILE, units = parts_of(product) * tiles;
    uint32_t unit = (uint32_t)((uint64_t)units * worker / workers);
    uint32_t last = (uint32_t)((uint64_t)units * (worker + 1) / workers);
    while (unit < last) {
        uint32_t tile = unit % tiles, count = smaller(tiles - tile, last - unit);
        sum_part(job, unit / tiles, tile * TILE, smaller((tile + count) * TILE, product->targets));
        unit += count;
    }
    team_barrier(job->multiplier->team, worker);
    uint32_t begin = (uint32_t)((uint64_t)product->targets * worker / workers);
    uint32_t end = (uint32_t)((uint64_t)product->targets * (worker + 1) / workers);
    for (uint32_t r = 0; r < product->rows; r++) finish_row(job, r, begin, end);
}

/* ---- many rows: panels through CBLAS ---- */

/* Rows [first, first + count) and targets [begin, begin + width) as float32, [count][TILE]. */
static void widen(const struct dense_product *product, uint32_t first, uint32_t count, uint32_t begin, uint32_t width,
                  float *panel)
{
    const float one = 1;
    const double *scale = product->matrix->scale;
    for (uint32_t j = 0; j < count; j++) {
        const struct dense_rows row = {product->matrix, product->targets, first + j, 1, begin, width};
        float *to = panel + (size_t)j * TILE;
        memset(to, 0, padded(width) * sizeof(float));
        dense_rows_add(&row, &one, 1, 1, to, TILE);
        if (scale != NULL)
            for (uint32_t i = 0; i < width; i++) to[i] = (float)(to[i] * scale[begin + i]);
    }
}

static void multiply_tile(const struct job *job, float *panel, uint32_t begin, uint32_t width)
{
    const struct dense_product *product = job->product;
    float *out = product->out + begin;
    for (uint32_t r = 0; r < product->rows; r++)
        for (uint32_t i = 0; i < width; i++) {
            float start = product->add ? out[(size_t)r * product->targets + i] : 0;
            out[(size_t)r * product->targets + i] = product->bias != NULL ? start + product->bias[begin + i] : start;
        }
    for (uint32_t first = 0; first < product->sources; first += PANEL) {
        uint32_t count = smaller(PANEL, product->sources - first);
        widen(product, first, count, begin, width, panel);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)product->rows, (int)width, (int)count, 1.0f,
                    product->in + first, (int)product->in_stride, panel, TILE, 1.0f, out, (int)product->targets);
    }
}

static void multiply_many(void *context, unsigned worker, unsigned workers)
{
    const struct job *job = context;
    float *panel = job->multiplier->panels + (size_t)worker * PANEL * TILE;
    uint32_t targets = job->product->targets, units = (targets + DENSE_ALIGN - 1) / DENSE_ALIGN;
    uint32_t begin = (uint32_t)((uint64_t)units * worker / workers) * DENSE_ALIGN;
    uint32_t end = smaller((uint32_t)((uint64_t)units * (worker + 1) / workers) * DENSE_ALIGN, targets);
    for (; begin < end; begin += TILE) multiply_tile(job, panel, begin, smaller(TILE, end - begin));
}

void dense_multiply(struct dense_multiplier *multiplier, const struct dense_product *product)
{
    struct job job = {multiplier, product};
    team_run(multiplier->team, product->rows <= DENSE_TOKENS ? multiply_few : multiply_many, &job);
}
