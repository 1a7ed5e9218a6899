/* Whole windows: what a population's complete trains of several tokens add to the membranes that they reach.
 * The same integers as the single spikes of network_receive, summed by window. */
#include "layers/products.h"
#include "layers/synapse_amx.h"
#include "layers/synapse_window.h"
#include "layers/window.h"

/* The passes before the last make the values ready that all matrices and workers share. */
static int is_last(const struct windows *w)
{
    return w->pass + 1 == w->passes;
}

static void make_ready(const struct windows *w, uint32_t sources, struct synapse_window *window)
{
    const struct network *network = w->network;
    for (uint32_t t = 0; t < w->count; t++) window[t] = (struct synapse_window){train_at(w, t)->codes, NULL};
    for (uint32_t k = 0; w->pass == 0 && w->worker == 0 && k < network->links[w->population].matrices; k++)
        atomic_store_explicit(&w->network->claimed[k], 0,
                              memory_order_relaxed); /* the team waits before the next pass */
    if (w->pass == 0)
        synapse_amx_collect(network->amx, window, w->count, sources, w->worker, w->workers);
    else
        synapse_amx_cut(network->amx, &network->model.population[w->population], window, w->count, sources, w->worker,
                        w->workers);
}

enum { CLAIM = 2 * SYNAPSE_WINDOW_GRAIN /* targets that a worker takes at a time */ };

/* Products on tiles: a worker that gets on faster than the others takes more of the targets. */
static void claim_targets(const struct windows *w, uint32_t k, const struct synapse_amx_ready *ready,
                          const struct synapse_window *window)
{
    struct network *network = w->network;
    uint32_t m = network->links[w->population].matrix[k], targets = network->model.graph->matrix[m].targets;
    for (;;) {
        uint32_t from = atomic_fetch_add_explicit(&network->claimed[k], 1, memory_order_relaxed) * CLAIM;
        if (from >= targets) return;
        synapse_amx_receive(ready, &network->model.matrix[m], targets, window, w->count, from,
                            targets - from < CLAIM ? targets : from + CLAIM, 1, network->window_scratch[w->worker]);
    }
}

static void linear_window(const struct windows *w)
{
    struct network *network = w->network;
    const struct population_links *links = &network->links[w->population];
    const struct graph *graph = network->model.graph;
    struct synapse_window *window = network->window[w->worker];
    if (!is_last(w)) {
        make_ready(w, graph->population[w->population].neurons, window);
        return;
    }
    const struct synapse_amx_ready *ready = w->passes > 1 ? synapse_amx_ready_of(network->amx, w->worker) : NULL;
    for (uint32_t k = 0; k < links->matrices; k++) {
        uint32_t m = links->matrix[k], from, to;
        const struct matrix_part part = network_part(network, m, w->worker);
        for (uint32_t t = 0; t < w->count; t++)
            window[t] =
                (struct synapse_window){train_at(w, t)->codes, network_sum(network, m, w->first + t) + part.from};
        if (ready != NULL && network->nodes == 1 && synapse_amx_is_worth(ready, &part.matrix, w->count)) {
            claim_targets(w, k, ready, window);
            continue;
        }
        if (w->count == 1 && w->workers > 1 && network->nodes == 1) {
            synapse_shared_receive(&part.matrix, graph->matrix[m].sources, part.to,
                                   &network->model.population[w->population], window, &network->partials[k], w->worker,
                                   w->workers, network->window_scratch[w->worker]);
            continue;
        }
        share(w, graph->matrix[m].targets, SYNAPSE_WINDOW_GRAIN, &from, &to);
        if (from >= to) continue;
        synapse_window_receive(&part.matrix, graph->matrix[m].sources, part.to - part.from,
                               &network->model.population[w->population], window, w->count, from - part.from,
                               to - part.from, ready, network->window_scratch[w->worker]);
    }
}

static void centered_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct norm_state *norm = network_norm(w->network, w->population, w->first + t);
        for (uint32_t i = 0, n; i < w->network->hidden; i += n) {
            int32_t value[VALUES_AT_ONCE];
            n = values_next(w->network->hidden - i);
            values_at(w, train_at(w, t), i, n, value);
            norm->square[0] += products_squares(value, n, norm->centered + i);
        }
    }
}

static void rstd_window(const struct windows *w)
{
    uint32_t from, to;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++)
        network_norm(w->network, w->population, w->first + t)->scale = hg_value_at(w, train_at(w, t), 0);
}

/* The source of a norm, or a train that meets matrices. */
static void source_window(const struct windows *w)
{
    const struct population_links *links = &w->network->links[w->population];
    uint32_t from, to;
    if (!links->norm_source) {
        linear_window(w);
        return;
    }
    if (w->network->model.graph->norm[links->norm].centered == w->population) {
        centered_window(w);
        return;
    }
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        struct norm_state *norm = network_norm(w->network, w->population, w->first + t);
        for (uint32_t i = 0, n; i < w->network->hidden; i += n) {
            int32_t value[VALUES_AT_ONCE];
            n = values_next(w->network->hidden - i);
            values_at(w, train_at(w, t), i, n, value);
            norm->mean[0] += products_sum(value, n, norm->own + i);
        }
    }
}

/* sum[i] = what the train of token t weighs, channel shifts applied. */
static void take_values(const struct windows *w, uint32_t t, int64_t *sum)
{
    const int8_t *shift = w->network->model.population[w->population].shift;
    for (uint32_t i = 0, n; i < w->network->hidden; i += n) {
        int32_t value[VALUES_AT_ONCE];
        n = values_next(w->network->hidden - i);
        values_at(w, train_at(w, t), i, n, value);
        products_shift(value, shift + i, n, sum + i);
    }
}

static void norm_window(const struct windows *w)
{
    uint32_t from, to;
    linear_window(w);
    if (!is_last(w)) return;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        if (w->network->model.graph->population[w->population].into_residual)
            take_values(w, t, network_norm(w->network, w->population, w->first + t)->emptied);
        if (w->network->links[w->population].unit != GRAPH_NONE)
            take_values(w, t, network_unit(w->network, w->population, w->first + t)->sum);
    }
}

static void activated_window(const struct windows *w)
{
    uint32_t from, to, neurons = w->network->model.graph->population[w->population].neurons;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        int64_t *sum = network_unit(w->network, w->population, w->first + t)->sum;
        hg_values_at(w, train_at(w, t), 0, neurons, sum);
    }
}

/* gate and up are remembered and meet at the close of their product. */
static void gate_window(const struct windows *w)
{
    uint32_t from, to, neurons = w->network->model.graph->population[w->population].neurons;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        int64_t *gate = network_unit(w->network, w->population, w->first + t)->gate;
        hg_values_at(w, train_at(w, t), 0, neurons, gate);
    }
}

static void up_window(const struct windows *w)
{
    uint32_t from, to, neurons = w->network->model.graph->population[w->population].neurons;
    share(w, w->count, 1, &from, &to);
    for (uint32_t t = from; t < to; t++) {
        int64_t *up = network_unit(w->network, w->population, w->first + t)->up;
        for (uint32_t i = 0, n; i < neurons; i += n) {
            int32_t value[VALUES_AT_ONCE];
            n = values_next(neurons - i);
            values_at(w, train_at(w, t), i, n, value);
            products_sum(value, n, up + i);
        }
    }
}

/* split: worth several workers even for one token; the others touch each neuron once. */
static const struct {
    void (*receive)(const struct windows *);
    int split;
} window_of[POPULATION_KINDS] = {
    [POPULATION_EMBED] = {linear_window, 1},
    [POPULATION_RESIDUAL] = {source_window, 0},
    [POPULATION_CENTERED] = {centered_window, 0},
    [POPULATION_RSTD] = {rstd_window, 0},
    [POPULATION_NORM] = {norm_window, 1},
    [POPULATION_QUERY] = {query_window, 0},
    [POPULATION_KEY] = {key_window, 0},
    [POPULATION_VALUE] = {value_window, 1},
    [POPULATION_EXP] = {exp_window, 0},
    [POPULATION_WEIGHT] = {weight_window, 1},
    [POPULATION_INVERSE] = {inverse_window, 0},
    [POPULATION_CONTEXT] = {context_window, 0},
    [POPULATION_ATTENTION] = {linear_window, 1},
    [POPULATION_FFN] = {linear_window, 1},
    [POPULATION_PROJECT_OUT] = {linear_window, 1},
    [POPULATION_QUERY_TURNED] = {query_window, 0},
    [POPULATION_KEY_TURNED] = {key_window, 1},
    [POPULATION_ACTIVATED] = {activated_window, 0},
    [POPULATION_GATE] = {gate_window, 0},
    [POPULATION_UP] = {up_window, 0},
    [POPULATION_GATED] = {linear_window, 1},
    [POPULATION_RELAY] = {source_window, 0},
};

unsigned network_window_passes(const struct network *network, uint32_t p, uint32_t count)
{
    const struct population *population = &network->model.graph->population[p];
    if (population->kind == POPULATION_KEY_TURNED) return 2;
    return network->links[p].matrices > 0 && network->amx != NULL && synapse_amx_takes(population->neurons, count) ? 3
                                                                                                                   : 1;
}

unsigned network_window_parts(const struct network *network, uint32_t p, uint32_t count, unsigned workers)
{
    enum { PARTS = 4 /* of a worker */ };
    return network->links[p].matrices == 0 && count > 1 ? PARTS * workers : workers;
}

void network_receive_windows(struct network *network, uint32_t p, uint32_t first, uint32_t count, unsigned pass,
                             unsigned worker, unsigned workers)
{
    const struct windows windows = {network, p,       first, count,
                                    worker,  workers, pass,  network_window_passes(network, p, count)};
    window_of[network->model.graph->population[p].kind].receive(&windows);
}

int network_splits_window(const struct network *network, uint32_t p, uint32_t count)
{
    return count > 1 || window_of[network->model.graph->population[p].kind].split || network->links[p].matrices > 0;
}
