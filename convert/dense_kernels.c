#include "convert/dense_kernels.h"

#include <string.h>

#include "convert/parallel.h"

enum { TILE_TARGETS = 64, TILE_SOURCES = 256, TILE_PANELS = TILE_TARGETS / DENSE_PANEL };

/* Four doubles side by side; the compiler splits them where registers are narrower. */
typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));
enum { LANES = 4, PANEL_VECTORS = DENSE_PANEL / LANES };

static inline __attribute__((always_inline)) void panel_product(const double *x, size_t stride, const unsigned rows,
                                                                const double *panel, size_t sources, double *y)
{
    lanes sum[DENSE_ROWS][PANEL_VECTORS];
    for (unsigned r = 0; r < rows; r++)
        for (unsigned v = 0; v < PANEL_VECTORS; v++) sum[r][v] = *(const lanes *)(y + r * DENSE_PANEL + v * LANES);
    for (size_t k = 0; k < sources; k++) {
        const lanes *w = (const lanes *)(panel + k * DENSE_PANEL);
        for (unsigned r = 0; r < rows; r++)
            for (unsigned v = 0; v < PANEL_VECTORS; v++) sum[r][v] += x[r * stride + k] * w[v];
    }
    for (unsigned r = 0; r < rows; r++)
        for (unsigned v = 0; v < PANEL_VECTORS; v++) *(lanes *)(y + r * DENSE_PANEL + v * LANES) = sum[r][v];
}

#define PANEL_PRODUCT(name, attributes)                                                                             \
    attributes static void name(const double *x, size_t stride, unsigned rows, const double *panel, size_t sources, \
                                double *y)                                                                          \
    {                                                                                                               \
        switch (rows) {                                                                                             \
        case 1: panel_product(x, stride, 1, panel, sources, y); break;                                              \
        case 2: panel_product(x, stride, 2, panel, sources, y); break;                                              \
        case 3: panel_product(x, stride, 3, panel, sources, y); break;                                              \
        default: panel_product(x, stride, 4, panel, sources, y); break;                                             \
        }                                                                                                           \
    }

PANEL_PRODUCT(panel_product_baseline, )
#ifdef __x86_64__
PANEL_PRODUCT(panel_product_avx2, __attribute__((target("avx2"))))
#endif

void dense_panel_product(const double *x, size_t stride, unsigned rows, const double *panel, size_t sources, double *y)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        panel_product_avx2(x, stride, rows, panel, sources, y);
        return;
    }
#endif
    panel_product_baseline(x, stride, rows, panel, sources, y);
}

struct linear_job {
    const struct checkpoint_tensor *weight;
    const double *bias, *x;
    size_t tokens, sources, targets;
    double *y;
};

/* Widens weights [target, target + count)[source, source + depth) into panels [panel][depth][DENSE_PANEL]. */
static void fill_panels(const struct linear_job *job, size_t target, size_t count, size_t source, size_t depth,
                        double *panels)
{
    double row[TILE_SOURCES];
    if (count % DENSE_PANEL != 0) memset(panels, 0, TILE_TARGETS * depth * sizeof *panels);
    for (size_t i = 0; i < count; i++) {
        checkpoint_tensor_f64(job->weight, (target + i) * job->sources + source, depth, row);
        double *column = panels + i / DENSE_PANEL * depth * DENSE_PANEL + i % DENSE_PANEL;
        for (size_t k = 0; k < depth; k++) column[k * DENSE_PANEL] = row[k];
    }
}

/* Adds one source range's products to y[t .. t + rows)[target .. target + width). */
static void add_block(const struct linear_job *job, size_t t, unsigned rows, size_t target, size_t width, size_t source,
                      size_t depth, const double *panel)
{
    double sum[DENSE_ROWS * DENSE_PANEL] = {0};
    double *y = job->y + t * job->targets + target;
    if (source != 0)
        for (unsigned r = 0; r < rows; r++) memcpy(sum + r * DENSE_PANEL, y + r * job->targets, width * sizeof *sum);
    dense_panel_product(job->x + t * job->sources + source, job->sources, rows, panel, depth, sum);
    for (unsigned r = 0; r < rows; r++) memcpy(y + r * job->targets, sum + r * DENSE_PANEL, width * sizeof *sum);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void linear_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct linear_job *job = context;
    double panels[TILE_TARGETS * TILE_SOURCES];
    size_t target = index * TILE_TARGETS, count = smaller(TILE_TARGETS, job->targets - target);
    for (size_t source = 0; source < job->sources; source += TILE_SOURCES) {
        size_t depth = smaller(TILE_SOURCES, job->sources - source);
        fill_panels(job, target, count, source, depth, panels);
        for (size_t t = 0; t < job->tokens; t += DENSE_ROWS)
            for (size_t i = 0; i < count; i += DENSE_PANEL)
                add_block(job, t, (unsigned)smaller(DENSE_ROWS, job->tokens - t), target + i,
                          smaller(DENSE_PANEL, count - i), source, depth, panels + i * depth);
    }
    for (size_t t = 0; job->bias != NULL && t < job->tokens; t++)
        for (size_t i = target; i < target + count; i++) job->y[t * job->targets + i] += job->bias[i];
}

void dense_linear(unsigned threads, const struct checkpoint_tensor *weight, const double *bias, const double *x,
                  size_t tokens, size_t sources, size_t targets, double *y)
{
    struct linear_job job = {
        .weight = weight, .bias = bias, .x = x, .tokens = tokens, .sources = sources, .targets = targets, .y = y};
    parallel_for(threads, (targets + TILE_TARGETS - 1) / TILE_TARGETS, linear_task, &job);
}
