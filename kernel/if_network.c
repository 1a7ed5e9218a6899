#include "kernel/if_network.h"

#include <stdlib.h>
#include <string.h>

#include "neurons/real.h"

struct if_network *if_network_new(void)
{
    return calloc(1, sizeof(struct if_network));
}

static void route_free(struct if_route *route)
{
    free(route->rows.weights);
    free(route->list.row);
    free(route->list.start);
    free(route->list.target);
    free(route->list.weight);
}

void if_network_free(struct if_network *network)
{
    if (network == NULL) return;
    for (uint32_t r = 0; r < network->routes; r++) route_free(&network->route[r]);
    free(network->route);
    free(network->population);
    free(network);
}

static enum lassim_status no_memory(struct lassim_error *error, const char *what)
{
    return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for %s", what);
}

/* Room for one more element; 0, or -1 without memory. */
static int grow(void **array, uint32_t used, uint32_t *capacity, size_t size)
{
    if (used < *capacity) return 0;
    uint32_t more = *capacity < 8 ? 8 : *capacity * 2;
    void *larger = realloc(*array, more * size);
    if (larger == NULL) return -1;
    *array = larger;
    *capacity = more;
    return 0;
}

uint32_t if_network_find(const struct if_network *network, const char *name)
{
    for (uint32_t p = 0; p < network->populations; p++)
        if (strcmp(network->population[p].name, name) == 0) return p;
    return UINT32_MAX;
}

/* ---- populations ---- */

static const char *check_name(const struct if_network *network, const char *name)
{
    size_t length = name != NULL ? strnlen(name, TRACE_NAME) : 0;
    if (length == 0 || length == TRACE_NAME) return "name: expected 1 to 39 characters";
    for (size_t i = 0; i < length; i++)
        if (name[i] < 0x21 || name[i] > 0x7e || strchr("\"\\,", name[i]) != NULL)
            return "name: expected printable ASCII without space, quote, backslash and comma";
    return if_network_find(network, name) != UINT32_MAX ? "name: there is a population of that name" : NULL;
}

static int is_finite(double x)
{
    return x - x == 0;
}

static const char *check_neuron(const struct lassim_population *p)
{
    if (p->neuron > LASSIM_NEURON_LIF) return "neuron: expected input, if or lif";
    if (p->neuron == LASSIM_NEURON_INPUT) return NULL;
    if (!is_finite(p->threshold) || p->threshold <= 0) return "threshold: expected a finite number above 0";
    if (p->neuron == LASSIM_NEURON_LIF && !(p->leak >= 0 && p->leak <= 1)) return "leak: expected 0 to 1";
    if (!is_finite(p->initial)) return "initial: expected a finite number";
    if (p->subtract > 1) return "subtract: expected 0 or 1";
    if (p->refractory > UINT32_C(1) << 31) return "refractory: expected 0 to 2^31 timesteps";
    return NULL;
}

enum lassim_status if_network_add(struct if_network *network, const struct lassim_population *p, uint32_t *index,
                                  struct lassim_error *error)
{
    const char *reason = check_name(network, p->name);
    if (reason == NULL && (p->size < 1 || p->size > IF_SIZE_MAX)) reason = "size: expected 1 to 2^24 neurons";
    if (reason == NULL) reason = check_neuron(p);
    if (reason == NULL && network->populations == TRACE_POPULATIONS_MAX) reason = "expected at most 65536 populations";
    if (reason != NULL) return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "population", "%s", reason);
    if (grow((void **)&network->population, network->populations, &network->population_capacity,
             sizeof *network->population) != 0)
        return no_memory(error, "a population");
    struct if_population *to = &network->population[network->populations];
    *to = (struct if_population){.size = p->size, .neuron = (enum lassim_neuron)p->neuron};
    memcpy(to->name, p->name, strlen(p->name));
    if (p->neuron != LASSIM_NEURON_INPUT) {
        double leak = p->neuron == LASSIM_NEURON_IF ? 1 : p->leak;
        to->params = (struct lif_params){p->threshold, leak, (int)p->subtract, p->refractory};
        to->initial = p->initial;
    }
    if (index != NULL) *index = network->populations;
    network->populations++;
    return LASSIM_OK;
}

/* ---- connections ---- */

static enum lassim_status new_route(struct if_network *network, uint32_t source, uint32_t target, uint32_t delay,
                                    struct if_route **route, struct lassim_error *error)
{
    if (network->routes == IF_ROUTES_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection",
                           "expected at most 2^20 (projection, delay) pairs");
    if (grow((void **)&network->route, network->routes, &network->route_capacity, sizeof *network->route) != 0)
        return no_memory(error, "a connection");
    *route = &network->route[network->routes];
    **route = (struct if_route){.source = source, .target = target, .delay = delay};
    return LASSIM_OK;
}

static enum lassim_status check_ends(const struct if_network *network, uint32_t source, uint32_t target,
                                     struct lassim_error *error)
{
    const char *reason = NULL;
    if (source >= network->populations || target >= network->populations)
        reason = "expected populations that exist";
    else if (network->population[target].neuron == LASSIM_NEURON_INPUT)
        reason = "expected a target that is no input";
    return reason == NULL ? LASSIM_OK : lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection", "%s", reason);
}

static enum lassim_status check_delay(uint32_t delay, struct lassim_error *error)
{
    if (delay >= 1 && delay <= IF_DELAY_MAX) return LASSIM_OK;
    return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection", "delay: expected 1 to 65535 timesteps, found %u",
                       delay);
}

/* The grid of a route's weights, its error told with the synapse's place. */
static enum lassim_status choose_grid(struct if_route *route, const double *weights, uint64_t count,
                                      const uint32_t *target, uint32_t targets, struct lassim_error *error)
{
    uint64_t at;
    const char *reason = weight_grid_choose(weights, count, target, targets, &route->grid, &at);
    if (reason != NULL && at == UINT64_MAX) return lassim_fail(error, LASSIM_ERR_RUN, NULL, "connection", "%s", reason);
    if (reason != NULL)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection", "%s: synapse %llu", reason,
                           (unsigned long long)at);
    route->step = real_power_of_two(route->grid.grid);
    route->synapses = count;
    return LASSIM_OK;
}

static enum lassim_status fill_dense(struct if_route *route, uint32_t sources, uint32_t targets, const double *weights,
                                     struct lassim_error *error)
{
    enum row_width width = row_width_of(route->grid.integer_max);
    size_t bytes = row_matrix_bytes(width, sources, targets);
    route->dense = 1;
    route->rows = (struct row_matrix){width, sources, targets, route->grid.integer_max, aligned_alloc(64, bytes)};
    if (route->rows.weights == NULL) return no_memory(error, "a dense connection");
    memset(route->rows.weights, 0, bytes);
    for (uint32_t s = 0; s < sources; s++)
        for (uint32_t t = 0; t < targets; t++, weights++)
            row_matrix_set(&route->rows, s, t, weight_grid_integer(*weights, route->grid.grid));
    return LASSIM_OK;
}

/* Few targets of many sources: tiles would be padding for the most part, so the matrix becomes a list of all pairs. */
static int list_is_smaller(uint32_t sources, uint32_t targets)
{
    return sources >= 4096 && targets < ROW_TILE / 4;
}

static enum lassim_status fill_all_pairs(struct if_route *route, uint32_t sources, uint32_t targets,
                                         const double *weights, struct lassim_error *error)
{
    uint64_t count = (uint64_t)sources * targets;
    struct synapse_list *list = &route->list;
    *list = (struct synapse_list){.sources = sources,
                                  .targets = targets,
                                  .rows = sources,
                                  .start = malloc(((size_t)sources + 1) * sizeof *list->start),
                                  .target = malloc(count * sizeof *list->target),
                                  .weight = malloc(count * sizeof *list->weight)};
    if (list->start == NULL || list->target == NULL || list->weight == NULL) {
        route_free(route);
        return no_memory(error, "a dense connection");
    }
    for (uint64_t s = 0; s <= sources; s++) list->start[s] = s * targets;
    for (uint64_t i = 0; i < count; i++) {
        list->target[i] = (uint32_t)(i % targets);
        list->weight[i] = weight_grid_integer(weights[i], route->grid.grid);
    }
    return LASSIM_OK;
}

enum lassim_status if_network_connect_dense(struct if_network *network, uint32_t source, uint32_t target,
                                            uint32_t delay, const double *weights, struct lassim_error *error)
{
    struct if_route *route;
    enum lassim_status status = check_ends(network, source, target, error);
    if (status == LASSIM_OK) status = check_delay(delay, error);
    if (status != LASSIM_OK) return status;
    uint32_t sources = network->population[source].size, targets = network->population[target].size;
    uint64_t count = (uint64_t)sources * targets;
    if (count > IF_SYNAPSES_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection", "expected at most 2^32 synapses");
    status = new_route(network, source, target, delay, &route, error);
    if (status == LASSIM_OK) status = choose_grid(route, weights, count, NULL, targets, error);
    if (status == LASSIM_OK)
        status = list_is_smaller(sources, targets) ? fill_all_pairs(route, sources, targets, weights, error)
                                                   : fill_dense(route, sources, targets, weights, error);
    if (status == LASSIM_OK) network->routes++;
    return status;
}

/* Order of a list: delay, source, target; synapses of one pair and delay in the order given. */
static int compare_synapses(const void *a, const void *b)
{
    const struct lassim_synapse *x = *(const struct lassim_synapse *const *)a;
    const struct lassim_synapse *y = *(const struct lassim_synapse *const *)b;
    if (x->delay != y->delay) return x->delay < y->delay ? -1 : 1;
    if (x->source != y->source) return x->source < y->source ? -1 : 1;
    if (x->target != y->target) return x->target < y->target ? -1 : 1;
    return x < y ? -1 : x > y;
}

static enum lassim_status check_synapses(const struct if_network *network, uint32_t source, uint32_t target,
                                         const struct lassim_synapse *synapses, uint64_t count,
                                         struct lassim_error *error)
{
    uint32_t sources = network->population[source].size, targets = network->population[target].size;
    for (uint64_t i = 0; i < count; i++) {
        unsigned long long row = i;
        if (synapses[i].source >= sources || synapses[i].target >= targets)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection",
                               "synapse %llu: expected neurons below %u and %u, found %u and %u", row, sources, targets,
                               synapses[i].source, synapses[i].target);
        if (synapses[i].delay < 1 || synapses[i].delay > IF_DELAY_MAX)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection",
                               "synapse %llu: delay: expected 1 to 65535 timesteps, found %u", row, synapses[i].delay);
    }
    return LASSIM_OK;
}

/* Rows and targets of synapses in order. */
static void fill_rows(struct synapse_list *list, const struct lassim_synapse *const *order, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (i == 0 || order[i]->source != order[i - 1]->source) {
            list->row[list->rows] = order[i]->source;
            list->start[list->rows++] = i;
        }
        list->target[i] = order[i]->target;
    }
    list->start[list->rows] = count;
    if (list->rows < list->sources) return;
    free(list->row);
    list->row = NULL;
}

static uint64_t count_rows(const struct lassim_synapse *const *order, uint64_t count)
{
    uint64_t rows = 1;
    for (uint64_t i = 1; i < count; i++) rows += order[i]->source != order[i - 1]->source;
    return rows;
}

/* One route of synapses of equal delay. */
static enum lassim_status fill_list(struct if_route *route, uint32_t sources, uint32_t targets,
                                    const struct lassim_synapse *const *order, uint64_t count,
                                    struct lassim_error *error)
{
    struct synapse_list *list = &route->list;
    uint64_t rows = count_rows(order, count);
    *list = (struct synapse_list){.sources = sources,
                                  .targets = targets,
                                  .row = malloc(rows * sizeof *list->row),
                                  .start = malloc((rows + 1) * sizeof *list->start),
                                  .target = malloc(count * sizeof *list->target),
                                  .weight = malloc(count * sizeof *list->weight)};
    double *weights = malloc(count * sizeof *weights);
    if (list->row == NULL || list->start == NULL || list->target == NULL || list->weight == NULL || weights == NULL) {
        free(weights);
        return no_memory(error, "a connection list");
    }
    fill_rows(list, order, count);
    for (uint64_t i = 0; i < count; i++) weights[i] = order[i]->weight;
    enum lassim_status status = choose_grid(route, weights, count, list->target, targets, error);
    if (status == LASSIM_OK)
        for (uint64_t i = 0; i < count; i++) list->weight[i] = weight_grid_integer(weights[i], route->grid.grid);
    free(weights);
    return status;
}

static enum lassim_status add_lists(struct if_network *network, uint32_t source, uint32_t target,
                                    const struct lassim_synapse *const *order, uint64_t count,
                                    struct lassim_error *error)
{
    uint32_t sources = network->population[source].size, targets = network->population[target].size;
    enum lassim_status status = LASSIM_OK;
    for (uint64_t i = 0, end; i < count && status == LASSIM_OK; i = end) {
        struct if_route *route;
        for (end = i + 1; end < count && order[end]->delay == order[i]->delay;) end++;
        status = new_route(network, source, target, order[i]->delay, &route, error);
        if (status != LASSIM_OK) return status;
        status = fill_list(route, sources, targets, order + i, end - i, error);
        if (status == LASSIM_OK)
            network->routes++;
        else
            route_free(route);
    }
    return status;
}

enum lassim_status if_network_connect_list(struct if_network *network, uint32_t source, uint32_t target,
                                           const struct lassim_synapse *synapses, uint64_t count,
                                           struct lassim_error *error)
{
    enum lassim_status status = check_ends(network, source, target, error);
    if (status == LASSIM_OK) status = check_synapses(network, source, target, synapses, count, error);
    if (status != LASSIM_OK || count == 0) return status;
    if (count > IF_SYNAPSES_MAX)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "connection", "expected at most 2^32 synapses");
    const struct lassim_synapse **order = malloc(count * sizeof(void *));
    if (order == NULL) return no_memory(error, "a connection list");
    for (uint64_t i = 0; i < count; i++) order[i] = &synapses[i];
    qsort(order, count, sizeof(void *), compare_synapses);
    status = add_lists(network, source, target, (const struct lassim_synapse *const *)order, count, error);
    free(order);
    return status;
}
