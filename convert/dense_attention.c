#include "convert/dense_attention.h"

#include <string.h>

#include "convert/dense_kernels.h"
#include "convert/parallel.h"
#include "neurons/real.h"

static size_t panels_of(size_t n)
{
    return (n + DENSE_PANEL - 1) / DENSE_PANEL;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t sequences(size_t tokens, size_t context)
{
    return (tokens + context - 1) / context;
}

/* One worker: keys and values as panels, scores and scaled queries of one group of rows. */
static size_t worker_scratch(size_t context, size_t head_dim)
{
    size_t padded = panels_of(context) * DENSE_PANEL;
    return padded * head_dim + context * panels_of(head_dim) * DENSE_PANEL + DENSE_ROWS * (padded + head_dim);
}

size_t dense_attention_scratch(unsigned threads, size_t tokens, size_t context, size_t heads, size_t head_dim)
{
    return threads * worker_scratch(smaller(context, tokens), head_dim) + sequences(tokens, context) * heads;
}

/* One head of one sequence. */
struct head {
    const struct dense_attention *all;
    size_t start, length, number; /* tokens start .. start + length; head number */
    size_t stride, kv_stride;     /* heads * head_dim, kv_heads * head_dim */
    size_t kv_number;             /* which keys and values it reads */
    size_t padded;                /* length, rounded up to whole panels */
    double *keys, *values, *scores, *queries;
    double lowest;
};

static void fill_head(struct head *h)
{
    size_t dim = h->all->head_dim;
    memset(h->keys, 0, h->padded * dim * sizeof *h->keys);
    memset(h->values, 0, h->length * panels_of(dim) * DENSE_PANEL * sizeof *h->values);
    for (size_t t = 0; t < h->length; t++) {
        const double *k = h->all->k + (h->start + t) * h->kv_stride + h->kv_number * dim;
        const double *v = h->all->v + (h->start + t) * h->kv_stride + h->kv_number * dim;
        for (size_t i = 0; i < dim; i++) {
            h->keys[(t / DENSE_PANEL * dim + i) * DENSE_PANEL + t % DENSE_PANEL] = k[i];
            h->values[(i / DENSE_PANEL * h->length + t) * DENSE_PANEL + i % DENSE_PANEL] = v[i];
        }
    }
}

/* scores[r][key] = (q_r scale) . k for all keys of whole panels below `visible`. */
static void score_rows(struct head *h, size_t t, unsigned rows, size_t visible)
{
    size_t dim = h->all->head_dim;
    const double scale = h->all->scale;
    for (unsigned r = 0; r < rows; r++) {
        const double *q = h->all->q + (h->start + t + r) * h->stride + h->number * dim;
        for (size_t i = 0; i < dim; i++) h->queries[r * dim + i] = q[i] * scale;
    }
    for (size_t key = 0; key < visible; key += DENSE_PANEL) {
        double sum[DENSE_ROWS * DENSE_PANEL] = {0};
        dense_panel_product(h->queries, dim, rows, h->keys + key * dim, dim, sum);
        for (unsigned r = 0; r < rows; r++)
            memcpy(h->scores + r * h->padded + key, sum + r * DENSE_PANEL, DENSE_PANEL * sizeof *sum);
    }
}

/* scores -> e = exp(s - max) in place, 0 beyond the visible keys; returns sum e. */
static double exponentials(struct head *h, double *scores, size_t visible)
{
    double largest = scores[0], sum = 0;
    for (size_t key = 1; key < visible; key++)
        if (scores[key] > largest) largest = scores[key];
    for (size_t key = 0; key < visible; key++) {
        double x = scores[key] - largest;
        if (x < h->lowest) h->lowest = x;
        scores[key] = real_exp(x);
        sum += scores[key];
    }
    for (size_t key = visible; key < h->padded; key++) scores[key] = 0;
    return sum;
}

/* What rows t .. t + rows attend to. */
static void attend(struct head *h, size_t t, unsigned rows)
{
    const struct dense_attention *a = h->all;
    double sums[DENSE_ROWS];
    size_t seen = a->encoder ? h->length : t + rows; /* by the last of the rows */
    score_rows(h, t, rows, seen);
    for (unsigned r = 0; r < rows; r++) {
        sums[r] = exponentials(h, h->scores + r * h->padded, a->encoder ? seen : t + r + 1);
        a->weight_sums[(h->start + t + r) * a->heads + h->number] = sums[r];
    }
    for (size_t i = 0; i < a->head_dim; i += DENSE_PANEL) {
        double sum[DENSE_ROWS * DENSE_PANEL] = {0};
        dense_panel_product(h->scores, h->padded, rows, h->values + i * h->length, seen, sum);
        for (unsigned r = 0; r < rows; r++) {
            size_t at = (h->start + t + r) * h->stride + h->number * a->head_dim + i;
            double scale = real_power_of_two(-real_floor_log2(sums[r]));
            for (size_t n = 0; n < DENSE_PANEL && i + n < a->head_dim; n++) {
                a->context_values[at + n] = sum[r * DENSE_PANEL + n] * scale;
                a->attention[at + n] = sum[r * DENSE_PANEL + n] / sums[r];
            }
        }
    }
}

static void head_task(void *context, size_t index, unsigned worker)
{
    const struct dense_attention *a = context;
    size_t longest = smaller(a->context, a->tokens), start = index / a->heads * a->context;
    struct head h = {.all = a,
                     .start = start,
                     .length = smaller(a->context, a->tokens - start),
                     .number = index % a->heads,
                     .stride = a->heads * a->head_dim,
                     .kv_stride = a->kv_heads * a->head_dim,
                     .kv_number = index % a->heads / (a->heads / a->kv_heads)};
    h.padded = panels_of(h.length) * DENSE_PANEL;
    h.keys = a->scratch + sequences(a->tokens, a->context) * a->heads + worker * worker_scratch(longest, a->head_dim);
    h.values = h.keys + h.padded * a->head_dim;
    h.scores = h.values + h.length * panels_of(a->head_dim) * DENSE_PANEL;
    h.queries = h.scores + DENSE_ROWS * h.padded;
    fill_head(&h);
    for (size_t t = 0; t < h.length; t += DENSE_ROWS) attend(&h, t, (unsigned)smaller(DENSE_ROWS, h.length - t));
    a->scratch[index] = h.lowest;
}

void dense_attention_run(struct dense_attention *attention)
{
    size_t tasks = sequences(attention->tokens, attention->context) * attention->heads;
    parallel_for(attention->threads, tasks, head_task, attention);
    attention->lowest_score = 0;
    for (size_t i = 0; i < tasks; i++)
        if (attention->scratch[i] < attention->lowest_score) attention->lowest_score = attention->scratch[i];
}
