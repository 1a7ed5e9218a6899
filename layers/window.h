/* Inside of network_receive_windows, shared by the layers' window files: what a population's complete trains of several
 * tokens add to the membranes that they reach.  The same integers as the single spikes of network_receive, summed by
 * window. */
#ifndef LASSIM_LAYERS_WINDOW_H
#define LASSIM_LAYERS_WINDOW_H

#include "layers/network_state.h"

/* Tokens [first, first + count) of one sequence, whose windows population `population` has closed. */
struct windows {
    struct network *network;
    uint32_t population, first, count;
    unsigned worker, workers, pass, passes; /* pass: 0, then those that network_window_passes adds */
};

static inline const struct train *train_at(const struct windows *w, uint32_t t)
{
    return network_own_train(w->network, w->population, w->first + t);
}

/* What arrives of neuron i of an OAT train, in lsb, channel shifts left out. */
static inline int64_t value_at(const struct windows *w, const struct train *train, uint32_t i)
{
    return oat_value(train->codes[i], w->network->model.population[w->population].j);
}

/* What arrives of neurons [first, first + n) of an OAT train, as value_at. */
static inline void values_at(const struct windows *w, const struct train *train, uint32_t first, uint32_t n,
                             int32_t *value)
{
    oat_values(train->codes + first, n, w->network->model.population[w->population].j, value);
}

enum { VALUES_AT_ONCE = 256 /* of a train, taken at a time */ };

/* How many of `left` values are taken next. */
static inline uint32_t values_next(uint32_t left)
{
    return left < VALUES_AT_ONCE ? left : VALUES_AT_ONCE;
}

/* What arrives of neuron i of an HG train, on its table's grid. */
static inline int64_t hg_value_at(const struct windows *w, const struct train *train, uint32_t i)
{
    const struct hg_table *table = network_table(w->network, w->population);
    unsigned steps = network_steps(w->network, w->population);
    int64_t value = hg_value(table, steps, &train->hg[i]);
    if (train->lost != NULL && train->lost[i] != 0)
        value -= train->lost[i] * hg_step_weight(table, train->hg[i].row, steps - 1);
    return value;
}

/* The same of neurons [first, first + n). */
static inline void hg_values_at(const struct windows *w, const struct train *train, uint32_t first, uint32_t n,
                                int64_t *value)
{
    if (train->lost == NULL)
        hg_values(network_table(w->network, w->population), network_steps(w->network, w->population), train->hg + first,
                  n, value);
    else
        for (uint32_t i = 0; i < n; i++) value[i] = hg_value_at(w, train, first + i);
}

/* Worker's share of the channels, or of the tokens. */
static inline void share(const struct windows *w, uint32_t items, uint32_t grain, uint32_t *from, uint32_t *to)
{
    packet_share(items, grain, w->worker, w->workers, from, to);
}

/* Attention's. */
void query_window(const struct windows *w);
void key_window(const struct windows *w);
void value_window(const struct windows *w);
void exp_window(const struct windows *w);
void weight_window(const struct windows *w);
void inverse_window(const struct windows *w);
void context_window(const struct windows *w);
#endif
