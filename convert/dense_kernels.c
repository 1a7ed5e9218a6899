#include "convert/dense_kernels.h"

#include <string.h>

#include "convert/parallel.h"
#include "convert/quantise.h"

enum { TILE_TARGETS = 64, TILE_SOURCES = 256, TILE_PANELS = TILE_TARGETS / DENSE_PANEL };

/* Four doubles side by side; the compiler splits them where registers are narrower. */
typedef double lanes __attribute__((vector_size(32), aligned(8), may_alias));
_Static_assert(DENSE_PANEL == 8 && DENSE_ROWS == 4, "one_row and four_rows are written out");

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE void one_row(const double *x, const double *panel, size_t sources, double *y)
{
    lanes *out = (lanes *)y, sum0 = out[0], sum1 = out[1];
    for (size_t k = 0; k < sources; k++) {
        const lanes *w = (const lanes *)(panel + k * DENSE_PANEL);
        sum0 += x[k] * w[0];
        sum1 += x[k] * w[1];
    }
    out[0] = sum0;
    out[1] = sum1;
}

/* Four rows at a time share each panel row that is read; the sums stay in registers. */
ALWAYS_INLINE void four_rows(const double *x, size_t stride, const double *panel, size_t sources, double *y)
{
    const double *x1 = x + stride, *x2 = x1 + stride, *x3 = x2 + stride;
    lanes *out = (lanes *)y;
    lanes a0 = out[0], a1 = out[1], b0 = out[2], b1 = out[3], c0 = out[4], c1 = out[5], d0 = out[6], d1 = out[7];
    for (size_t k = 0; k < sources; k++) {
        const lanes *w = (const lanes *)(panel + k * DENSE_PANEL);
        const lanes w0 = w[0], w1 = w[1];
        a0 += x[k] * w0, a1 += x[k] * w1;
        b0 += x1[k] * w0, b1 += x1[k] * w1;
        c0 += x2[k] * w0, c1 += x2[k] * w1;
        d0 += x3[k] * w0, d1 += x3[k] * w1;
    }
    out[0] = a0, out[1] = a1, out[2] = b0, out[3] = b1, out[4] = c0, out[5] = c1, out[6] = d0, out[7] = d1;
}

#define PANEL_PRODUCT(name, attributes)                                                                             \
    attributes static void name(const double *x, size_t stride, unsigned rows, const double *panel, size_t sources, \
                                double *y)                                                                          \
    {                                                                                                               \
        if (rows == DENSE_ROWS)                                                                                     \
            four_rows(x, stride, panel, sources, y);                                                                \
        else                                                                                                        \
            for (unsigned r = 0; r < rows; r++) one_row(x + r * stride, panel, sources, y + r * DENSE_PANEL);       \
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
    const struct matrix *stored; /* instead of weight, or NULL */
    const double *bias, *x;
    size_t tokens, sources, targets;
    double *y;
};

/* fill_panels from a matrix that lies by source. */
static void fill_panels_stored(const struct linear_job *job, size_t target, size_t count, size_t source, size_t depth,
                               double *panels)
{
    const double *scale = job->stored->scale + target;
    int16_t integers[TILE_TARGETS];
    if (count % DENSE_PANEL != 0) memset(panels, 0, TILE_TARGETS * depth * sizeof *panels);
    for (size_t k = 0; k < depth; k++) {
        quantise_row(job->stored, (uint32_t)job->targets, (uint32_t)(source + k), (uint32_t)target, (uint32_t)count,
                     integers);
        for (size_t i = 0; i < count; i++)
            panels[(i / DENSE_PANEL * depth + k) * DENSE_PANEL + i % DENSE_PANEL] = integers[i] * scale[i];
    }
}

/* Widens weights [target, target + count)[source, source + depth) into panels [panel][depth][DENSE_PANEL]. */
static void fill_panels(const struct linear_job *job, size_t target, size_t count, size_t source, size_t depth,
                        double *panels)
{
    double row[TILE_SOURCES];
    if (job->stored != NULL) {
        fill_panels_stored(job, target, count, source, depth, panels);
        return;
    }
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

static void run_linear(unsigned threads, struct linear_job *job)
{
    parallel_for(threads, (job->targets + TILE_TARGETS - 1) / TILE_TARGETS, linear_task, job);
}

void dense_linear(unsigned threads, const struct checkpoint_tensor *weight, const double *bias, const double *x,
                  size_t tokens, size_t sources, size_t targets, double *y)
{
    struct linear_job job = {
        .weight = weight, .bias = bias, .x = x, .tokens = tokens, .sources = sources, .targets = targets, .y = y};
    run_linear(threads, &job);
}

void dense_linear_stored(unsigned threads, const struct matrix *stored, const double *bias, const double *x,
                         size_t tokens, size_t sources, size_t targets, double *y)
{
    struct linear_job job = {
        .stored = stored, .bias = bias, .x = x, .tokens = tokens, .sources = sources, .targets = targets, .y = y};
    run_linear(threads, &job);
}
