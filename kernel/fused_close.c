#include "kernel/fused_close.h"

#include <stdatomic.h>
#include <string.h>

/* One token's close is split where it costs more than waking the team: OAT neurons, an HG one counted as HG_COST. */
enum { SPLIT_NEURONS = 2048, HG_COST = 6 };

struct fused_close {
    const struct engine_setup *setup;
    struct network *network;
    uint32_t slots;        /* of a population: tokens of a batch, or parts of one token */
    uint32_t blocks;       /* most blocks of a population */
    struct closed *closed; /* [populations of a level][slots] */
    uint32_t *fired;       /* [populations of a level][slots][blocks] */
    const struct event *phase;
    size_t count;
    const struct token_batch *batch;
    _Atomic uint32_t next_token; /* of the batch */
};

struct token_window batch_window(const struct token_batch *batch, uint32_t t)
{
    uint32_t token = batch->first + t;
    return (struct token_window){token, token, batch->together ? batch->count : token + 1,
                                 t >= batch->asked && t < batch->asked_end};
}

static uint32_t widest_level(const struct graph *graph)
{
    uint32_t widest = 0, count = 0;
    for (uint32_t p = 0; p < graph->populations; p++) {
        count = p > 0 && graph->population[p].level == graph->population[p - 1].level ? count + 1 : 1;
        widest = count > widest ? count : widest;
    }
    return widest;
}

static uint32_t most_blocks(const struct graph *graph)
{
    uint32_t most = 0;
    for (uint32_t p = 0; p < graph->populations; p++)
        if (graph->population[p].code != CODE_INPUT && graph_blocks(graph, p) > most) most = graph_blocks(graph, p);
    return most;
}

static uint32_t slots_of(const struct engine_setup *setup)
{
    unsigned workers = team_workers(setup->team);
    return setup->prompt_chunk > workers ? setup->prompt_chunk : workers;
}

uint64_t fused_close_bytes(const struct engine_setup *setup)
{
    const struct graph *graph = setup->model->graph;
    uint64_t results = (uint64_t)widest_level(graph) * slots_of(setup);
    return engine_rounded(sizeof(struct fused_close)) + engine_rounded(results * sizeof(struct closed)) +
           engine_rounded(results * most_blocks(graph) * sizeof(uint32_t));
}

struct fused_close *fused_close_new(const struct engine_setup *setup, struct network *network)
{
    const struct graph *graph = setup->model->graph;
    uint64_t results = (uint64_t)widest_level(graph) * slots_of(setup);
    struct fused_close *close = pool_alloc(setup->pools[0], sizeof *close);
    if (close == NULL) return NULL;
    close->setup = setup;
    close->network = network;
    close->slots = slots_of(setup);
    close->blocks = most_blocks(graph);
    close->closed = pool_alloc(setup->pools[0], results * sizeof *close->closed);
    close->fired = pool_alloc(setup->pools[0], results * close->blocks * sizeof *close->fired);
    return close->closed != NULL && close->fired != NULL ? close : NULL;
}

static uint32_t *fired_of(const struct fused_close *close, size_t i, uint32_t slot)
{
    return close->fired + (i * close->slots + slot) * close->blocks;
}

/* One part of one population's close; its counts go to `slot`, all but the events. */
static void close_part(struct fused_close *close, size_t i, const struct token_window *token, uint32_t slot,
                       unsigned worker, unsigned part, unsigned parts)
{
    uint32_t p = close->phase[i].key.population, *fired = fired_of(close, i, slot);
    const struct engine_setup *setup = close->setup;
    const struct graph *graph = setup->model->graph;
    struct closed *closed = &close->closed[i * close->slots + slot];
    struct close_part done;
    network_close_part(close->network, p, token, worker, part, parts, &done);
    closed->tally = (struct tally){0};
    closed->result.saturations = done.saturations;
    closed->result.bias_injections = done.bias_injections;
    closed->tally.lost = done.lost;
    memset(fired, 0, graph_blocks(graph, p) * sizeof *fired);
    const struct train *train = network_train(close->network, p, token->token);
    unsigned steps = engine_steps(setup, p);
    if (graph->population[p].code == CODE_HG)
        tally_hg(train, done.from, done.to, setup->model->code, steps, &closed->tally, fired);
    else
        tally_oat(train, done.from, done.to, setup->model->code, steps, &closed->tally, fired);
}

static void count_events(struct fused_close *close, size_t i, uint32_t slot)
{
    uint32_t blocks = graph_blocks(close->setup->model->graph, close->phase[i].key.population);
    close->closed[i * close->slots + slot].tally.events = tally_events(fired_of(close, i, slot), blocks);
}

static void begin(struct fused_close *close, size_t i, const struct token_window *token, uint32_t slot)
{
    network_close_begin(close->network, close->phase[i].key.population, token,
                        &close->closed[i * close->slots + slot].result);
}

static void close_tokens(void *context, unsigned worker, unsigned workers)
{
    struct fused_close *close = context;
    (void)workers;
    for (;;) {
        uint32_t t = atomic_fetch_add(&close->next_token, 1);
        if (t >= close->batch->count) return;
        struct token_window token = batch_window(close->batch, t);
        for (size_t i = 0; i < close->count; i++) {
            begin(close, i, &token, t);
            close_part(close, i, &token, t, worker, 0, 1);
            count_events(close, i, t);
        }
    }
}

static void close_split(void *context, unsigned worker, unsigned workers)
{
    struct fused_close *close = context;
    struct token_window token = batch_window(close->batch, 0);
    for (size_t i = 0; i < close->count; i++) close_part(close, i, &token, worker, worker, worker, workers);
}

/* Adds the parts' counts to those of slot 0. */
static void join(struct fused_close *close, size_t i, unsigned parts)
{
    struct closed *whole = &close->closed[i * close->slots];
    uint32_t blocks = graph_blocks(close->setup->model->graph, close->phase[i].key.population);
    for (unsigned part = 1; part < parts; part++) {
        const struct closed *other = &whole[part];
        whole->result.saturations += other->result.saturations;
        whole->result.bias_injections += other->result.bias_injections;
        whole->tally.spikes += other->tally.spikes;
        whole->tally.negative += other->tally.negative;
        whole->tally.outlier += other->tally.outlier;
        whole->tally.gates += other->tally.gates;
        whole->tally.active += other->tally.active;
        whole->tally.lost += other->tally.lost;
        for (uint32_t b = 0; b < blocks; b++) fired_of(close, i, 0)[b] |= fired_of(close, i, part)[b];
    }
    count_events(close, i, 0);
}

static int worth_splitting(const struct fused_close *close, const struct token_window *token)
{
    const struct graph *graph = close->setup->model->graph;
    uint64_t cost = 0;
    for (size_t i = 0; i < close->count; i++) {
        uint32_t p = close->phase[i].key.population;
        cost += (uint64_t)graph_window_neurons(graph, p, token->visible) *
                (graph->population[p].code == CODE_HG ? HG_COST : 1);
    }
    return cost >= SPLIT_NEURONS;
}

void fused_close_run(struct fused_close *close, const struct event *phase, size_t count,
                     const struct token_batch *batch)
{
    struct token_window token = batch_window(batch, 0);
    unsigned parts = 1;
    close->phase = phase;
    close->count = count;
    close->batch = batch;
    atomic_store_explicit(&close->next_token, 0, memory_order_relaxed);
    if (batch->count > 1) {
        team_run(close->setup->team, close_tokens, close);
        return;
    }
    for (size_t i = 0; i < count; i++) begin(close, i, &token, 0);
    if (worth_splitting(close, &token)) {
        parts = team_workers(close->setup->team);
        team_run(close->setup->team, close_split, close);
    } else {
        close_split(close, 0, 1);
    }
    for (size_t i = 0; i < count; i++) join(close, i, parts);
}

const struct closed *fused_close_result(const struct fused_close *close, size_t i, uint32_t t)
{
    return &close->closed[i * close->slots + t];
}
