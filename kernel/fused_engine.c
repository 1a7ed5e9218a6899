#include "kernel/fused_engine.h"

#include <stdatomic.h>

#include "kernel/fused_close.h"
#include "kernel/fused_trace.h"

struct fused_engine {
    struct engine_setup setup;
    const struct graph *graph;
    struct network *network;
    struct event_queue *queue;
    struct fused_trace *trace; /* or NULL without a trace */
    struct event *phase;       /* [populations + 1] */
    size_t phase_count;
    uint32_t *level_first; /* [levels + 2] first population of each level */
    struct fused_close *close;
    float *logits; /* [head_width] */
    const struct engine_feed *feed;
    struct token_batch batch;
    uint32_t fed;               /* tokens of the feed before the batch */
    unsigned pass, parts;       /* of what a population's windows add: passes, each cut into parts */
    _Atomic unsigned next_part; /* that no worker has taken */
    int last;                   /* batch of its feed */
    uint64_t popped;            /* spike packets: whole windows */
    uint64_t clock;
    uint32_t tokens;
    _Atomic int stop;
    _Atomic uint64_t progress_timesteps, progress_tokens;
};

/* ---- construction ---- */

uint64_t fused_engine_bytes(const struct engine_setup *setup)
{
    const struct graph *graph = setup->model->graph;
    struct network_model model = engine_network_model(setup);
    return network_bytes(&model, setup->workers, setup->prompt_chunk) + engine_rounded(sizeof(struct fused_engine)) +
           engine_rounded((graph->populations + 1u) * sizeof(struct event)) +
           engine_rounded((graph->levels + 2u) * sizeof(uint32_t)) + fused_close_bytes(setup) +
           engine_rounded((uint64_t)graph->head_width * sizeof(float));
}

static int allocate_arrays(struct fused_engine *engine)
{
    const struct graph *graph = engine->graph;
    struct pool *pool = engine->setup.pools[0];
    engine->phase = pool_alloc(pool, (graph->populations + 1u) * sizeof *engine->phase);
    engine->level_first = pool_alloc(pool, (graph->levels + 2u) * sizeof *engine->level_first);
    engine->logits = pool_alloc(pool, (uint64_t)graph->head_width * sizeof *engine->logits);
    return engine->phase && engine->level_first && engine->logits;
}

enum lassim_status fused_engine_new(const struct engine_setup *setup, struct fused_engine **engine,
                                    struct lassim_error *error)
{
    struct network_model model = engine_network_model(setup);
    struct fused_engine *made = pool_alloc(setup->pools[0], sizeof *made);
    *engine = NULL;
    if (made == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the engine");
    made->setup = *setup;
    made->graph = setup->model->graph;
    made->queue = queue_new(made->graph->populations + 1u, 4u * setup->steps);
    int ready = made->queue != NULL && queue_reserve(made->queue, made->graph->populations + 1u) == QUEUE_OK &&
                allocate_arrays(made);
    if (ready && setup->trace != NULL) {
        enum lassim_status status = fused_trace_new(&made->setup, &made->trace, error);
        if (status != LASSIM_OK) {
            fused_engine_free(made);
            return status;
        }
    }
    if (ready)
        made->network =
            network_new(&model, setup->workers, setup->prompt_chunk, engine_allocate, (void *)(uintptr_t)setup->pools);
    if (made->network != NULL) made->close = fused_close_new(&made->setup, made->network);
    if (made->close == NULL) {
        fused_engine_free(made);
        return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory: the network's state needs %zu bytes",
                           (size_t)fused_engine_bytes(setup));
    }
    engine_index_levels(made->graph, made->level_first);
    *engine = made;
    return LASSIM_OK;
}

void fused_engine_free(struct fused_engine *engine)
{
    if (engine == NULL) return;
    fused_trace_free(engine->trace);
    queue_free(engine->queue);
}

uint64_t fused_engine_popped(const struct fused_engine *engine)
{
    return engine->popped;
}

void fused_engine_reset(struct fused_engine *engine)
{
    engine->popped = 0;
    network_reset(engine->network);
    queue_clear(engine->queue);
    accounting_reset(engine->setup.accounting);
    engine->clock = 0;
    engine->tokens = 0;
    atomic_store(&engine->progress_timesteps, 0);
    atomic_store(&engine->progress_tokens, 0);
}

void fused_engine_stop(struct fused_engine *engine)
{
    atomic_store(&engine->stop, 1);
}

void fused_engine_progress(struct fused_engine *engine, uint64_t *timesteps, uint64_t *tokens)
{
    *timesteps = atomic_load(&engine->progress_timesteps);
    *tokens = atomic_load(&engine->progress_tokens);
}

/* ---- schedule ---- */

static void push(struct fused_engine *engine, uint32_t level, unsigned phase, uint32_t population)
{
    struct event event = {{engine->batch.start + (uint64_t)level * engine->setup.steps, population, engine->batch.first,
                           0, (uint16_t)level, (uint8_t)phase},
                          NULL};
    enum queue_status status = queue_push(engine->queue, &event);
    LASSIM_INVARIANT(status == QUEUE_OK, "queue status %d at level %u, population %u", (int)status, level, population);
}

/* Tokens [*from, *to) of the batch for which population p opens a window. */
static void open_tokens(const struct fused_engine *engine, uint32_t p, uint32_t *from, uint32_t *to)
{
    int head_side = engine->graph->population[p].head_side;
    *from = head_side ? engine->batch.asked : 0;
    *to = head_side ? engine->batch.asked_end : engine->batch.count;
}

static void schedule_level(struct fused_engine *engine, uint32_t level)
{
    int asked = engine->batch.asked < engine->batch.asked_end;
    if (level == engine->graph->head_level) {
        if (asked) push(engine, level, 0, engine->graph->populations);
        return;
    }
    for (uint32_t p = engine->level_first[level]; p < engine->level_first[level + 1]; p++) {
        const struct population *population = &engine->graph->population[p];
        if (asked || !population->head_side || population->kind == POPULATION_RESIDUAL) push(engine, level, 0, p);
    }
}

/* Timestep at which the last window of the batch's last token closes. */
static uint64_t batch_end(const struct fused_engine *engine)
{
    uint32_t level = engine->graph->head_level, last = engine->batch.together ? 0 : engine->batch.count - 1;
    if (engine->batch.asked == engine->batch.asked_end)
        for (uint32_t p = 0; p < engine->graph->populations; p++)
            if (engine->graph->population[p].head_side) {
                level = engine->graph->population[p].level;
                break;
            }
    return engine->batch.start + (uint64_t)(last + level) * engine->setup.steps;
}

/* ---- windows ---- */

/* Token t of the batch, i of the feed: its input spikes. */
static enum lassim_status open_token(struct fused_engine *engine, uint32_t t)
{
    const struct engine_feed *feed = engine->feed;
    struct token_window token = batch_window(&engine->batch, t);
    uint32_t i = engine->fed + t;
    enum lassim_status status = LASSIM_OK;
    account_token(engine->setup.accounting, &token);
    for (uint32_t p = 0; p < engine->graph->inputs && status == LASSIM_OK; p++) {
        uint32_t row =
            graph_input_row(engine->graph, p, feed->ids[i], token.position, feed->types != NULL ? feed->types[i] : 0);
        uint32_t spike;
        struct packet packet;
        network_input(engine->network, p, row, &token, &spike, &packet);
        account_input(engine->setup.accounting, &packet);
        account_packet(engine->setup.accounting, &packet);
        network_receive(engine->network, &packet, 0, 1);
        if (engine->trace != NULL) status = fused_trace_input(engine->trace, &engine->batch, t, p, row);
    }
    return status;
}

static void settle(struct fused_engine *engine, size_t i)
{
    uint32_t p = engine->phase[i].key.population, from, to;
    for (uint32_t t = 0; t < engine->batch.count; t++) {
        struct token_window token = batch_window(&engine->batch, t);
        const struct closed *closed = fused_close_result(engine->close, i, t);
        const struct train *train = network_train(engine->network, p, token.token);
        account_close(engine->setup.accounting, p, &token, &closed->result, train->neurons, closed->tally.active,
                      engine_steps(&engine->setup, p));
        if (closed->result.opened) account_train(engine->setup.accounting, p, &token, &closed->tally);
    }
    open_tokens(engine, p, &from, &to);
    if (from < to) push(engine, engine->phase[i].key.level, 1, p);
}

static void read_heads(struct fused_engine *engine)
{
    const struct engine_feed *feed = engine->feed;
    for (uint32_t t = engine->batch.asked; t < engine->batch.asked_end; t++) {
        struct token_window token = batch_window(&engine->batch, t);
        account_head(engine->setup.accounting, &token, network_close_head(engine->network, &token, engine->logits));
        if (feed->callback != NULL) feed->callback(feed->context, token.token, engine->logits);
    }
}

static enum lassim_status close_windows(struct fused_engine *engine)
{
    uint32_t level = engine->phase[0].key.level;
    enum lassim_status status = LASSIM_OK;
    fused_close_run(engine->close, engine->phase, engine->phase_count, &engine->batch);
    for (size_t i = 0; i < engine->phase_count; i++) settle(engine, i);
    if (engine->trace != NULL)
        status = fused_trace_level(engine->trace, engine->network, engine->close, engine->phase, engine->phase_count,
                                   &engine->batch, engine->last);
    schedule_level(engine, level + 1);
    return status;
}

static void receive_work(void *context, unsigned worker, unsigned workers)
{
    struct fused_engine *engine = context;
    uint32_t p = engine->phase[0].key.population, from, to;
    open_tokens(engine, p, &from, &to);
    if (engine->parts == workers) /* its own share, scratch memory included */
        network_receive_windows(engine->network, p, engine->batch.first + from, to - from, engine->pass, worker,
                                workers);
    for (unsigned part; engine->parts > workers && (part = atomic_fetch_add(&engine->next_part, 1)) < engine->parts;)
        network_receive_windows(engine->network, p, engine->batch.first + from, to - from, engine->pass, part,
                                engine->parts);
}

/* One population after the other: q, k, v; inv, ctx; gate, up build on each other in event order. */
static void deliver(struct fused_engine *engine)
{
    size_t count = engine->phase_count;
    engine->popped += count;
    for (size_t i = 0; i < count; i++) {
        engine->phase[0] = engine->phase[i];
        uint32_t p = engine->phase[0].key.population;
        int split = network_splits_window(engine->network, p, engine->batch.count);
        uint32_t from, to;
        open_tokens(engine, p, &from, &to);
        const unsigned passes = network_window_passes(engine->network, p, to - from);
        for (engine->pass = 0; engine->pass < passes; engine->pass++) {
            const unsigned workers = split ? team_workers(engine->setup.team) : 1;
            engine->parts = split ? network_window_parts(engine->network, p, to - from, workers) : 1;
            atomic_store_explicit(&engine->next_part, 0, memory_order_relaxed);
            if (split)
                team_run(engine->setup.team, receive_work, engine);
            else
                receive_work(engine, 0, 1);
        }
    }
}

static enum lassim_status run_batch(struct fused_engine *engine, struct lassim_error *error)
{
    enum lassim_status status = LASSIM_OK;
    queue_clear(engine->queue);
    for (uint32_t t = 0; t < engine->batch.count && status == LASSIM_OK; t++) status = open_token(engine, t);
    schedule_level(engine, 1);
    while (status == LASSIM_OK) {
        engine->phase_count = queue_pop_phase(engine->queue, engine->phase, engine->graph->populations + 1u);
        if (engine->phase_count == 0) break;
        const struct event_key *key = &engine->phase[0].key;
        atomic_store(&engine->progress_timesteps, key->timestep);
        if (key->population == engine->graph->populations)
            read_heads(engine);
        else if (key->phase == 0)
            status = close_windows(engine);
        else
            deliver(engine);
        if (status == LASSIM_OK && atomic_load(&engine->stop))
            return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted at timestep %llu",
                               (unsigned long long)key->timestep);
    }
    return status == LASSIM_OK ? status : fused_trace_fail(engine->trace, status, error);
}

/* The next batch of the feed: tokens [done, done + count), of which those in [from, to) are read. */
static struct token_batch next_batch(const struct fused_engine *engine, uint32_t done, uint32_t count, uint32_t from,
                                     uint32_t to)
{
    struct token_batch batch = {.first = engine->tokens, .count = count};
    batch.together = (int)engine->graph->config.encoder;
    batch.asked = from > done ? from - done : 0;
    batch.asked_end = to > done ? to - done : 0;
    if (batch.asked > count) batch.asked = count;
    if (batch.asked_end > count) batch.asked_end = count;
    return batch;
}

enum lassim_status fused_engine_feed(struct fused_engine *engine, const struct engine_feed *feed,
                                     struct lassim_error *error)
{
    uint64_t start = engine->clock;
    uint32_t from, to;
    enum lassim_status status = LASSIM_OK;
    engine->feed = feed;
    engine_asked(engine->graph, feed, &from, &to);
    for (uint32_t done = 0; done < feed->n && status == LASSIM_OK; done += engine->batch.count) {
        uint32_t count = feed->n - done < engine->setup.prompt_chunk ? feed->n - done : engine->setup.prompt_chunk;
        engine->batch = next_batch(engine, done, count, from, to);
        engine->batch.start = start + (uint64_t)done * engine->setup.steps;
        engine->fed = done;
        engine->last = done + count == feed->n;
        status = run_batch(engine, error);
        engine->tokens += count;
        engine->clock = batch_end(engine);
        atomic_store(&engine->progress_tokens, engine->tokens);
        atomic_store(&engine->progress_timesteps, engine->clock);
    }
    if (status != LASSIM_OK || engine->trace == NULL) return status;
    status = fused_trace_end(engine->trace);
    return status == LASSIM_OK ? status : fused_trace_fail(engine->trace, status, error);
}
