#include "kernel/if_spike_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TIME_LIMIT (UINT64_C(1) << 40)

uint32_t spike_first_input(const struct if_network *network)
{
    for (uint32_t p = 0; p < network->populations; p++)
        if (network->population[p].neuron == LASSIM_NEURON_INPUT) return p;
    return UINT32_MAX;
}

static uint64_t place_of(const struct spike_rows *rows, uint64_t i)
{
    return rows->place != NULL ? rows->place[i] : i;
}

/* A failure at spike i. */
static enum lassim_status fail_at(const char *path, const struct spike_rows *rows, uint64_t i,
                                  struct lassim_error *error, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
static enum lassim_status fail_at(const char *path, const struct spike_rows *rows, uint64_t i,
                                  struct lassim_error *error, const char *format, ...)
{
    char place[40], text[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(place, sizeof place, "%s %llu", rows->unit, (unsigned long long)place_of(rows, i));
    return lassim_fail(error, LASSIM_ERR_FILE, path, place, "%s", text);
}

static enum lassim_status check_one(const char *path, const struct spike_rows *rows, uint64_t i,
                                    const struct if_network *network, uint64_t now, struct lassim_error *error)
{
    const struct if_spike *spike = &rows->spike[i];
    if (spike->population >= network->populations)
        return fail_at(path, rows, i, error, "population: expected one of the network's");
    const struct if_population *population = &network->population[spike->population];
    if (population->neuron != LASSIM_NEURON_INPUT)
        return fail_at(path, rows, i, error, "population: expected an input, %s is none", population->name);
    if (spike->neuron >= population->size)
        return fail_at(path, rows, i, error, "neuron: expected below %u, found %u", population->size, spike->neuron);
    if (spike->time < now || spike->time >= TIME_LIMIT)
        return fail_at(path, rows, i, error, "time: expected %llu to 2^40, found %llu", (unsigned long long)now,
                       (unsigned long long)spike->time);
    return LASSIM_OK;
}

static int compare(const void *a, const void *b)
{
    const struct if_spike *x = *(const struct if_spike *const *)a, *y = *(const struct if_spike *const *)b;
    int order = if_spike_compare(x, y);
    return order != 0 ? order : x < y ? -1 : x > y;
}

/* 1 if spikes stand in their order already, none twice. */
static int ascending(const struct spike_rows *rows)
{
    for (uint64_t i = 1; i < rows->count; i++)
        if (if_spike_compare(&rows->spike[i - 1], &rows->spike[i]) >= 0) return 0;
    return 1;
}

/* The first place that repeats an earlier one. */
static enum lassim_status check_repeats(const char *path, const struct spike_rows *rows, struct lassim_error *error)
{
    if (ascending(rows)) return LASSIM_OK;
    const struct if_spike **order = malloc((rows->count + 1) * sizeof(void *));
    if (order == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory to compare its rows");
    uint64_t again = UINT64_MAX, before = 0;
    for (uint64_t i = 0; i < rows->count; i++) order[i] = &rows->spike[i];
    qsort(order, rows->count, sizeof(void *), compare);
    for (uint64_t i = 1; i < rows->count; i++) {
        uint64_t index = (uint64_t)(order[i] - rows->spike);
        if (if_spike_compare(order[i - 1], order[i]) != 0 || index >= again) continue;
        again = index;
        before = (uint64_t)(order[i - 1] - rows->spike);
    }
    free(order);
    if (again == UINT64_MAX) return LASSIM_OK;
    return fail_at(path, rows, again, error, "expected each spike once, %s %llu is the same", rows->unit,
                   (unsigned long long)place_of(rows, before));
}

enum lassim_status spike_rows_check(const char *path, const struct spike_rows *rows, const struct if_network *network,
                                    uint64_t now, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    for (uint64_t i = 0; i < rows->count && status == LASSIM_OK; i++)
        status = check_one(path, rows, i, network, now, error);
    return status == LASSIM_OK ? check_repeats(path, rows, error) : status;
}

enum lassim_status spike_rows_end(struct spike_rows *rows, enum lassim_status status, struct if_spike **spikes,
                                  uint64_t *count)
{
    free(rows->place);
    if (status != LASSIM_OK) free(rows->spike);
    *spikes = status == LASSIM_OK ? rows->spike : NULL;
    *count = status == LASSIM_OK ? rows->count : 0;
    return status;
}
