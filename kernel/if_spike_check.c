#include "kernel/if_spike_check.h"

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

static enum lassim_status check_one(const char *path, const struct spike_rows *rows, uint64_t i,
                                    const struct if_network *network, uint64_t now, struct lassim_error *error)
{
    const struct if_spike *spike = &rows->spike[i];
    char place[40];
    snprintf(place, sizeof place, "%s %llu", rows->unit, (unsigned long long)place_of(rows, i));
    if (spike->population >= network->populations)
        return lassim_fail(error, LASSIM_ERR_FILE, path, place, "population: expected one of the network's");
    const struct if_population *population = &network->population[spike->population];
    if (population->neuron != LASSIM_NEURON_INPUT)
        return lassim_fail(error, LASSIM_ERR_FILE, path, place, "population: expected an input, %s is none",
                           population->name);
    if (spike->neuron >= population->size)
        return lassim_fail(error, LASSIM_ERR_FILE, path, place, "neuron: expected below %u, found %u", population->size,
                           spike->neuron);
    if (spike->time < now || spike->time >= TIME_LIMIT)
        return lassim_fail(error, LASSIM_ERR_FILE, path, place, "time: expected %llu to 2^40, found %llu",
                           (unsigned long long)now, (unsigned long long)spike->time);
    return LASSIM_OK;
}

static int compare(const void *a, const void *b)
{
    const struct if_spike *x = *(const struct if_spike *const *)a, *y = *(const struct if_spike *const *)b;
    if (x->time != y->time) return x->time < y->time ? -1 : 1;
    if (x->population != y->population) return x->population < y->population ? -1 : 1;
    if (x->neuron != y->neuron) return x->neuron < y->neuron ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int same(const struct if_spike *x, const struct if_spike *y)
{
    return x->time == y->time && x->population == y->population && x->neuron == y->neuron;
}

/* The first place that repeats an earlier one. */
static enum lassim_status check_repeats(const char *path, const struct spike_rows *rows, struct lassim_error *error)
{
    const struct if_spike **order = malloc((rows->count + 1) * sizeof *order);
    if (order == NULL) return lassim_fail(error, LASSIM_ERR_RUN, path, NULL, "no memory to compare its rows");
    uint64_t again = UINT64_MAX, before = 0;
    for (uint64_t i = 0; i < rows->count; i++) order[i] = &rows->spike[i];
    qsort(order, rows->count, sizeof *order, compare);
    for (uint64_t i = 1; i < rows->count; i++) {
        uint64_t index = (uint64_t)(order[i] - rows->spike);
        if (!same(order[i - 1], order[i]) || index >= again) continue;
        again = index;
        before = (uint64_t)(order[i - 1] - rows->spike);
    }
    free(order);
    if (again == UINT64_MAX) return LASSIM_OK;
    char place[40];
    snprintf(place, sizeof place, "%s %llu", rows->unit, (unsigned long long)place_of(rows, again));
    return lassim_fail(error, LASSIM_ERR_FILE, path, place, "expected each spike once, %s %llu is the same", rows->unit,
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
