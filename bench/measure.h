/* What the benchmarks share: a clock, medians, JSON of both. */
#ifndef LASSIM_BENCH_MEASURE_H
#define LASSIM_BENCH_MEASURE_H

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

/* Monotonic wall-clock time in seconds. */
static inline double measure_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* A side's own threads may wait for more work awake for a while after it: they are asleep before the next one's turn. */
static inline void measure_rest(void)
{
    const struct timespec rest = {0, 100000000};
    nanosleep(&rest, NULL);
}

static inline int measure_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts value[0 .. n) and returns its median (the upper one of two); n >= 1. */
static inline double measure_median(double *value, size_t n)
{
    qsort(value, n, sizeof *value, measure_ascending);
    return value[n / 2];
}

/* {"median", "min", "max"} of value[0 .. n), which it sorts; n >= 1.  The caller owns the object. */
static inline json_t *measure_json(double *value, size_t n)
{
    double median = measure_median(value, n);
    return json_pack("{s:f, s:f, s:f}", "median", median, "min", value[0], "max", value[n - 1]);
}

/* As measure_json, and all values in the order they were taken as "samples"; value[] ends up sorted. */
static inline json_t *measure_samples_json(double *value, size_t n)
{
    json_t *samples = json_array();
    for (size_t i = 0; i < n; i++) json_array_append_new(samples, json_real(value[i]));
    json_t *object = measure_json(value, n);
    json_object_set_new(object, "samples", samples);
    return object;
}

#endif
