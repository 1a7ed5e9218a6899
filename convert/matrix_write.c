#include "convert/matrix_write.h"

#include <string.h>

#include "convert/grids.h"
#include "convert/parallel.h"

enum { TILE = 64 };

struct write_job {
    const struct matrix_tensor *source;
    const struct matrix_slot *slot;
    const struct matrix *matrix;
    uint8_t *out;
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Narrows a value that its type holds exactly: F32, or BF16 as the upper half of a float's bits. */
static void store(enum weight_type type, double value, uint8_t *out)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    uint16_t upper = (uint16_t)(bits >> 16);
    if (type == WEIGHT_F32)
        memcpy(out, &bits, sizeof bits);
    else
        memcpy(out, &upper, sizeof upper);
}

/* n elements in the tensor's order from `first` into rounded, in the matrix's type. */
static void rounded_row(const struct write_job *job, uint64_t first, size_t n, uint8_t *rounded)
{
    size_t size = weight_size(job->matrix->type);
    double w[TILE];
    if (job->matrix->moved == 0) {
        checkpoint_tensor_copy(job->source->weight, first, n, rounded);
        return;
    }
    checkpoint_tensor_f64(job->source->weight, first, n, w);
    for (size_t i = 0; i < n; i++) store(job->matrix->type, grid_round(w[i], job->matrix->grid), rounded + i * size);
}

/* Rows [TILE index, TILE (index + 1)) of an embedding: already by source. */
static void copy_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct write_job *job = context;
    uint64_t at = (uint64_t)index * TILE * job->slot->targets;
    uint64_t end = (uint64_t)smaller((index + 1) * TILE, job->slot->sources) * job->slot->targets;
    for (; at < end; at += TILE)
        rounded_row(job, at, smaller(TILE, end - at), job->out + at * weight_size(job->matrix->type));
}

/* tile: [targets][TILE sources] of 2- or 4-byte elements -> out[source][target]. */
static void transpose(const struct write_job *job, const uint8_t *tile, size_t source, size_t sources, size_t target,
                      size_t targets)
{
    size_t width = job->slot->targets;
    if (weight_size(job->matrix->type) == 2) {
        for (size_t s = 0; s < sources; s++)
            for (size_t t = 0; t < targets; t++)
                memcpy(job->out + ((source + s) * width + target + t) * 2, tile + (t * TILE + s) * 2, 2);
    } else {
        for (size_t s = 0; s < sources; s++)
            for (size_t t = 0; t < targets; t++)
                memcpy(job->out + ((source + s) * width + target + t) * 4, tile + (t * TILE + s) * 4, 4);
    }
}

/* Output rows [TILE index, TILE (index + 1)) of a linear layer. */
static void transpose_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct write_job *job = context;
    size_t size = weight_size(job->matrix->type), source = index * TILE;
    size_t sources = smaller(TILE, job->slot->sources - source);
    _Alignas(64) uint8_t tile[TILE * TILE * sizeof(float)];
    for (size_t target = 0; target < job->slot->targets; target += TILE) {
        size_t targets = smaller(TILE, job->slot->targets - target);
        for (size_t t = 0; t < targets; t++)
            rounded_row(job, (uint64_t)(target + t) * job->slot->sources + source, sources, tile + t * TILE * size);
        transpose(job, tile, source, sources, target, targets);
    }
}

void matrix_write(unsigned threads, const struct matrix_tensor *source, const struct matrix_slot *slot,
                  const struct matrix *matrix, void *out)
{
    struct write_job job = {source, slot, matrix, out};
    parallel_for(threads, (slot->sources + TILE - 1) / TILE, source->by_source ? copy_task : transpose_task, &job);
}
