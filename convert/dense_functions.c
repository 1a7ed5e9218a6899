#include "convert/dense_functions.h"

#include "convert/parallel.h"
#include "convert/rotary.h"
#include "neurons/real.h"

struct activation_job {
    enum hg_function function;
    double *x;
    const double *factor;
    size_t columns;
};

static void activate_task(void *context, size_t index, unsigned worker)
{
    (void)worker;
    const struct activation_job *job = context;
    double *x = job->x + index * job->columns;
    const double *factor = job->factor == NULL ? NULL : job->factor + index * job->columns;
    for (size_t i = 0; i < job->columns; i++) {
        double y = hg_reference(job->function, x[i]);
        x[i] = factor == NULL ? y : y * factor[i];
    }
}

void dense_activate(unsigned threads, enum hg_function function, double *x, const double *factor, size_t rows,
                    size_t columns)
{
    struct activation_job job = {function, x, factor, columns};
    parallel_for(threads, rows, activate_task, &job);
}

void dense_turn(const int32_t *table, double *x, size_t rows, size_t context, size_t heads, size_t head_dim)
{
    const double one = 1.0 / ROTARY_ONE;
    size_t half = head_dim / 2;
    for (size_t r = 0; r < rows; r++) {
        const int32_t *angle = table + r % context * head_dim;
        for (size_t h = 0; h < heads; h++, x += head_dim)
            for (size_t i = 0; i < half; i++) {
                double c = angle[2 * i] * one, s = angle[2 * i + 1] * one, a = x[i], b = x[i + half];
                x[i] = a * c - b * s;
                x[i + half] = b * c + a * s;
            }
    }
}

void dense_center(const double *x, size_t rows, size_t width, double epsilon, double *centered, double *variance)
{
    for (size_t t = 0; t < rows; t++, x += width, centered += width) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < width; i++) sum += x[i];
        double mean = sum / (double)width;
        for (size_t i = 0; i < width; i++) {
            centered[i] = x[i] - mean;
            squares += centered[i] * centered[i];
        }
        variance[t] = squares / (double)width + epsilon;
    }
}

void dense_mean_square(const double *x, size_t rows, size_t width, double epsilon, double *variance)
{
    for (size_t t = 0; t < rows; t++, x += width) {
        double squares = 0;
        for (size_t i = 0; i < width; i++) squares += x[i] * x[i];
        variance[t] = squares / (double)width + epsilon;
    }
}

void dense_scale(const double *x, const double *variance, const double *gamma, const double *beta, size_t rows,
                 size_t width, double *out)
{
    for (size_t t = 0; t < rows; t++) {
        double rstd = 1 / real_sqrt(variance[t]);
        for (size_t i = 0; i < width; i++) {
            double y = x[t * width + i] * rstd;
            if (gamma != NULL) y *= gamma[i];
            if (beta != NULL) y += beta[i];
            out[t * width + i] = y;
        }
    }
}
