/* A network of integrate-and-fire populations as the engine reads it: populations and routes.
 *
 * A route is the part of a projection with one delay: spikes of its source arrive at its target `delay` timesteps
 * later, through dense rows or a connection list, as exact integer sums on the route's own grid. */
#ifndef LASSIM_KERNEL_IF_NETWORK_H
#define LASSIM_KERNEL_IF_NETWORK_H

#include <stdint.h>

#include "kernel/error.h"
#include "kernel/trace_format.h"
#include "layers/row_sum.h"
#include "layers/synapse_list.h"
#include "layers/weight_grid.h"
#include "neurons/lif.h"

enum {
    IF_SIZE_MAX = 1 << 24, /* neurons of a population */
    IF_DELAY_MAX = 65535,
    IF_ROUTES_MAX = 1 << 20,
    IF_BLOCK = 1024,    /* neurons of a spike packet's block */
    IF_TRACE_KIND = 256 /* kind in the trace's population table: this + enum lassim_neuron */
};
#define IF_SYNAPSES_MAX (UINT64_C(1) << 32) /* of one projection */

struct if_population {
    char name[TRACE_NAME];
    uint32_t size;
    enum lassim_neuron neuron;
    struct lif_params params;
    double initial;
};

struct if_route {
    uint32_t source, target, delay;
    struct weight_grid grid;
    double step; /* 2^grid */
    int dense;
    struct row_matrix rows;   /* dense */
    struct synapse_list list; /* not dense */
    uint64_t synapses;
};

struct if_network {
    uint32_t populations, routes;
    uint32_t population_capacity, route_capacity;
    struct if_population *population;
    struct if_route *route;
    uint64_t timesteps; /* to simulate, 0: not said */
};

/* NULL without memory; if_network_free. */
struct if_network *if_network_new(void);
void if_network_free(struct if_network *network);

/* Contracts: kernel/lassim.h. */
enum lassim_status if_network_add(struct if_network *network, const struct lassim_population *population,
                                  uint32_t *index, struct lassim_error *error);
enum lassim_status if_network_connect_dense(struct if_network *network, uint32_t source, uint32_t target,
                                            uint32_t delay, const double *weights, struct lassim_error *error);
enum lassim_status if_network_connect_list(struct if_network *network, uint32_t source, uint32_t target,
                                           const struct lassim_synapse *synapses, uint64_t count,
                                           struct lassim_error *error);
/* The population of that name, UINT32_MAX if there is none.  O(populations). */
uint32_t if_network_find(const struct if_network *network, const char *name);

/* Synapses of source neuron j. */
static inline uint64_t if_route_fan_out(const struct if_route *route, uint32_t j)
{
    uint64_t first, end;
    if (route->dense) return route->rows.targets;
    synapse_list_row(&route->list, j, &first, &end);
    return end - first;
}

/* XXH3-64 of populations and synapses in canonical order: a list that names every pair hashes like the dense matrix. */
uint64_t if_network_hash(const struct if_network *network);
/* The header of a trace (kernel/trace_format.h): T = 16, every population with radix codes; fan_out 0 where neurons
 * differ in it.  The caller owns info: trace_info_free. */
enum lassim_status if_network_trace_info(const struct if_network *network, struct trace_header_info *info,
                                         struct lassim_error *error);

#endif
