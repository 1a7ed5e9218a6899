#include "convert/thresholds.h"

#include <limits.h>

#include "convert/parallel.h"
#include "neurons/real.h"

enum { MARGIN_BITS = 2 /* alpha_out >= 4 times the largest seen */, STRIPES = 64, SEGMENT = 1024 };

int threshold_maxima(const struct threshold_values *values, double *maximum)
{
    double nothing = 0;
    for (size_t i = 0; i < values->columns; i++) maximum[i] = 0;
    for (size_t r = 0; r < values->rows; r++) {
        const double *x = values->x + r * values->columns;
        for (size_t i = 0; i < values->columns; i++) {
            double size = x[i] < 0 ? (values->relu ? 0 : -x[i]) : x[i];
            if (size > maximum[i]) maximum[i] = size;
            nothing += x[i] * 0; /* NaN as soon as one x is not finite */
        }
    }
    return nothing == 0 ? 0 : -1;
}

int threshold_exponent(double largest)
{
    int exponent = real_floor_log2(largest);
    if (exponent < THRESHOLD_EXPONENT_MAX && exponent > -THRESHOLD_EXPONENT_MAX &&
        largest > real_power_of_two(exponent))
        exponent++;
    exponent += MARGIN_BITS;
    int limit = THRESHOLD_EXPONENT_MAX - 20;
    return exponent > limit ? limit : exponent < -limit ? -limit : exponent;
}

void threshold_exponents(const double *maximum, size_t columns, int *exponent)
{
    int smallest = INT_MAX;
    for (size_t i = 0; i < columns; i++) {
        exponent[i] = maximum[i] > 0 ? threshold_exponent(maximum[i]) : INT_MAX;
        if (exponent[i] < smallest) smallest = exponent[i];
    }
    for (size_t i = 0; i < columns; i++)
        if (exponent[i] == INT_MAX) exponent[i] = smallest == INT_MAX ? 0 : smallest;
}

struct error_job {
    const struct threshold_values *values;
    const struct oat_params *oat;
    double part[STRIPES];
};

static double segment_error(const struct oat_params *oat, size_t first, const double *x, size_t n)
{
    uint32_t codes[SEGMENT];
    double sum[4] = {0};
    oat_encode(oat, first, x, n, codes);
    for (size_t i = 0; i < n; i++) {
        double lsb = oat->shift == NULL ? oat->lsb : oat->lsb * (double)(INT64_C(1) << oat->shift[first + i]);
        double off = oat_value(codes[i], oat->j) * lsb - (oat->relu && x[i] < 0 ? 0 : x[i]);
        sum[i % 4] += off * off;
    }
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Rows stripe, stripe + STRIPES, ...: which sums are formed does not depend on the number of threads. */
static void error_task(void *context, size_t stripe, unsigned worker)
{
    (void)worker;
    struct error_job *job = context;
    const struct threshold_values *values = job->values;
    double sum = 0;
    for (size_t r = stripe; r < values->rows; r += STRIPES)
        for (size_t i = 0; i < values->columns; i += SEGMENT) {
            size_t n = values->columns - i < SEGMENT ? values->columns - i : SEGMENT;
            sum += segment_error(job->oat, i, values->x + r * values->columns + i, n);
        }
    job->part[stripe] = sum;
}

double threshold_coding_error(unsigned threads, const struct threshold_values *values, const struct oat_params *oat)
{
    struct error_job job = {.values = values, .oat = oat};
    double sum = 0;
    parallel_for(threads, STRIPES, error_task, &job);
    for (size_t i = 0; i < STRIPES; i++) sum += job.part[i];
    return sum;
}

static void fill_shifts(const int *exponent, size_t columns, int base, int8_t *shift)
{
    for (size_t i = 0; shift != NULL && i < columns; i++)
        shift[i] = exponent[i] > base ? (int8_t)(exponent[i] - base) : 0;
}

void threshold_choose(unsigned threads, const struct threshold_values *values, unsigned steps, const int *exponent,
                      const int base[OAT_SHIFT_MAX + 1], int8_t *shift, struct population_params *params)
{
    double least = 0;
    unsigned best = 0;
    for (unsigned j = 0; j <= OAT_SHIFT_MAX; j++) {
        if (base[j] == INT_MAX) continue;
        fill_shifts(exponent, values->columns, base[j], shift);
        const struct oat_params oat = {.lsb = real_power_of_two(base[j] - (int)j - (int)steps),
                                       .shift = shift,
                                       .steps = steps,
                                       .j = j,
                                       .relu = values->relu};
        double error = threshold_coding_error(threads, values, &oat);
        if (j == 0 || error < least) {
            least = error;
            best = j;
        }
    }
    fill_shifts(exponent, values->columns, base[best], shift);
    *params = (struct population_params){.scale = 1, .exponent = base[best] - (int)best, .j = best, .shift = shift};
}

void threshold_one(double largest, struct population_params *params)
{
    int exponent = largest > 0 ? real_floor_log2(largest) : 0;
    if (exponent > THRESHOLD_EXPONENT_MAX || exponent < -THRESHOLD_EXPONENT_MAX) exponent = 0;
    params->scale = largest > 0 ? real_ldexp(largest, -exponent) : 1;
    params->exponent = exponent;
    params->j = 0;
    params->shift = NULL;
}
