#include "kernel/event_engine_state.h"

enum { WORTH_THE_TEAM = 1 << 13 /* operations below which a fork and join costs more than it saves */ };

static void push(struct event_engine *engine, uint64_t timestep, unsigned phase, uint32_t level, uint32_t population,
                 uint32_t token, uint32_t block, void *payload)
{
    struct event event = {{timestep, population, token, block, (uint16_t)level, (uint8_t)phase}, payload};
    enum queue_status status = queue_push(engine->queue, &event);
    LASSIM_INVARIANT(status == QUEUE_OK, "queue status %d at timestep %llu, population %u, token %u", (int)status,
                     (unsigned long long)timestep, population, token);
}

static const struct token_window *token_of(const struct event_engine *engine, uint32_t token)
{
    return &engine->token[token % engine->slots];
}

/* A head-side residual still takes in what the last block sends it (docs/design.md). */
static int closes(const struct event_engine *engine, uint32_t p, const struct token_window *token)
{
    const struct population *population = &engine->graph->population[p];
    return token->asked || !population->head_side || population->kind == POPULATION_RESIDUAL;
}

/* Closings of the token's next level. */
static void schedule_level(struct event_engine *engine, const struct token_window *token, uint32_t level,
                           uint64_t timestep)
{
    if (level == engine->graph->head_level) {
        if (token->asked) push(engine, timestep, 0, level, engine->graph->populations, token->token, 0, NULL);
        return;
    }
    for (uint32_t p = engine->level_first[level]; p < engine->level_first[level + 1]; p++)
        if (closes(engine, p, token)) push(engine, timestep, 0, level, p, token->token, 0, NULL);
}

/* The input spikes of the feed's token i. */
static void queue_input(struct event_engine *engine, uint32_t i, uint64_t start, int asked)
{
    const struct engine_feed *feed = engine->feed;
    const struct graph *graph = engine->graph;
    uint32_t token = engine->tokens + i;
    struct input_slot *slot = &engine->input[token % engine->setup.prompt_chunk];
    struct token_window window = {token, token, graph->config.encoder ? feed->n : token + 1, asked};
    slot->asked = asked;
    for (uint32_t p = 0; p < graph->inputs; p++) {
        uint32_t row = graph_input_row(graph, p, feed->ids[i], token, feed->types != NULL ? feed->types[i] : 0);
        network_input(engine->network, p, row, &window, &slot->spike[p], &slot->packet[p]);
        push(engine, start, 1, 0, p, token, slot->packet[p].block, &slot->packet[p]);
    }
}

/* The pending closings' records, in event order, after the inputs of the same window. */
static enum lassim_status write_pending(struct event_engine *engine)
{
    struct trace_writer *trace = engine->setup.trace;
    enum lassim_status status = LASSIM_OK;
    for (size_t i = 0; i < engine->pending_count && status == LASSIM_OK; i++) {
        const struct event_key *key = &engine->pending[i].key;
        const struct train *train = network_train(engine->network, key->population, key->token);
        uint64_t window = key->timestep / engine->setup.steps;
        uint32_t span = train->visible;
        if (engine->graph->population[key->population].code == CODE_HG)
            status =
                trace_writer_record_hg(trace, window, key->population, key->token, span, train->hg, train->neurons);
        else
            status =
                trace_writer_record_oat(trace, window, key->population, key->token, span, train->codes, train->neurons);
    }
    engine->pending_count = 0;
    return status;
}

static void close_one(struct event_engine *engine, size_t i, unsigned worker)
{
    const struct event_key *key = &engine->batch[i].key;
    if (key->population == engine->graph->populations) return; /* settle reads the head */
    network_close(engine->network, key->population, token_of(engine, key->token), worker, &engine->result[i]);
}

static void close_work(void *context, unsigned worker, unsigned workers)
{
    struct event_engine *engine = context;
    (void)workers;
    for (;;) {
        uint32_t u = atomic_fetch_add(&engine->next_unit, 1);
        if (u >= engine->units) return;
        const struct close_unit *unit = &engine->unit[u];
        for (uint32_t i = 0; i < unit->count; i++) close_one(engine, unit->first + i * unit->stride, worker);
    }
}

/* Decoder: every level is one token's. */
static void find_levels(struct event_engine *engine)
{
    for (uint32_t i = 0; i < engine->batch_count; i++) {
        const struct event_key *key = &engine->batch[i].key;
        if (i == 0 || key->level != engine->batch[i - 1].key.level)
            engine->unit[engine->units++] = (struct close_unit){i, 0, 1};
        engine->unit[engine->units - 1].count++;
    }
}

/* Encoder: one level, each of its populations for the same tokens. */
static void find_tokens(struct event_engine *engine)
{
    uint32_t tokens = 0, count = (uint32_t)engine->batch_count;
    while (tokens < count && engine->batch[tokens].key.population == engine->batch[0].key.population) tokens++;
    LASSIM_INVARIANT(count % tokens == 0, "%u closings of %u tokens at timestep %llu", count, tokens,
                     (unsigned long long)engine->batch[0].key.timestep);
    for (uint32_t t = 0; t < tokens; t++) engine->unit[t] = (struct close_unit){t, count / tokens, tokens};
    engine->units = tokens;
}

static void find_units(struct event_engine *engine)
{
    engine->units = 0;
    if (engine->graph->config.encoder)
        find_tokens(engine);
    else
        find_levels(engine);
    atomic_store(&engine->next_unit, 0);
}

/* 1: event i of the batch is the last closing of its token's level. */
static int last_of_level(const struct event_engine *engine, size_t i)
{
    const struct event_key *key = &engine->batch[i].key, *last = &engine->batch[engine->batch_count - 1].key;
    if (engine->graph->config.encoder) return key->population == last->population;
    return i + 1 == engine->batch_count || engine->batch[i + 1].key.level != key->level;
}

static void push_train(struct event_engine *engine, const struct event_key *key)
{
    const struct train *train = network_train(engine->network, key->population, key->token);
    for (uint32_t i = 0; i < train->packet_count; i++) {
        struct packet *packet = &train->packets[i];
        push(engine, key->timestep + packet->step, 1, key->level, key->population, key->token, packet->block, packet);
    }
}

static void read_head(struct event_engine *engine, const struct token_window *token)
{
    const struct engine_feed *feed = engine->feed;
    account_head(engine->setup.accounting, token, network_close_head(engine->network, token, engine->logits));
    if (feed->callback != NULL) feed->callback(feed->context, token->token, engine->logits);
    atomic_store(&engine->progress_tokens, token->token + 1);
}

/* After the windows of a phase 0 have closed: counts, packets, the next level's closings, what is read out. */
static void settle(struct event_engine *engine, size_t i)
{
    const struct event_key *key = &engine->batch[i].key;
    const struct token_window *token = token_of(engine, key->token);
    engine->clock = key->timestep;
    if (key->population == engine->graph->populations) {
        read_head(engine, token);
        return;
    }
    const struct close_result *result = &engine->result[i];
    const struct train *train = network_train(engine->network, key->population, key->token);
    account_close(engine->setup.accounting, key->population, token, result, train->neurons, train->active,
                  engine_steps(&engine->setup, key->population));
    if (result->opened) {
        push_train(engine, key);
        if (engine->setup.trace != NULL) engine->pending[engine->pending_count++] = engine->batch[i];
    } else {
        atomic_store(&engine->progress_tokens, key->token + 1);
    }
    if (last_of_level(engine, i)) schedule_level(engine, token, key->level + 1u, key->timestep + engine->setup.steps);
}

static enum lassim_status close_windows(struct event_engine *engine)
{
    enum lassim_status status = write_pending(engine);
    find_units(engine);
    if (engine->units == 1)
        close_work(engine, 0, 1);
    else
        team_run(engine->setup.team, close_work, engine);
    for (size_t i = 0; i < engine->batch_count; i++) settle(engine, i);
    return status;
}

static void receive_work(void *context, unsigned worker, unsigned workers)
{
    struct event_engine *engine = context;
    for (size_t i = 0; i < engine->batch_count; i++)
        network_receive(engine->network, engine->batch[i].payload, worker, workers);
}

/* A token's first timestep: its other windows follow from here. */
static enum lassim_status open_token(struct event_engine *engine, const struct event_key *key,
                                     const struct packet *packet)
{
    account_input(engine->setup.accounting, packet);
    if (packet->population == 0) {
        struct token_window *token = &engine->token[key->token % engine->slots];
        int asked = engine->input[key->token % engine->setup.prompt_chunk].asked;
        *token = (struct token_window){key->token, packet->position, packet->visible, asked};
        account_token(engine->setup.accounting, token);
        schedule_level(engine, token, 1, key->timestep + engine->setup.steps);
        engine->opened++;
    }
    if (engine->setup.trace == NULL) return LASSIM_OK;
    return trace_writer_record_input(engine->setup.trace, key->timestep / engine->setup.steps, packet->population,
                                     packet->token, packet->spikes[0] & SPIKE_NEURON);
}

static uint64_t operations(const struct event_engine *engine, const struct packet *packet)
{
    const struct population *population = &engine->graph->population[packet->population];
    uint64_t partners = population->product == PRODUCT_VISIBLE ? packet->visible : population->product_partners;
    return (uint64_t)packet->count * (population->fan_out + partners + 1);
}

static enum lassim_status deliver_spikes(struct event_engine *engine)
{
    enum lassim_status status = LASSIM_OK;
    uint64_t work = 0;
    for (size_t i = 0; i < engine->batch_count && status == LASSIM_OK; i++) {
        const struct packet *packet = engine->batch[i].payload;
        LASSIM_EXPENSIVE(packet_validate(packet, engine->graph->population[packet->population].neurons) == NULL,
                         "packet at timestep %llu, population %u, token %u, block %u",
                         (unsigned long long)engine->batch[i].key.timestep, packet->population, packet->token,
                         packet->block);
        if (engine->batch[i].key.level == 0) status = open_token(engine, &engine->batch[i].key, packet);
        account_packet(engine->setup.accounting, packet);
        work += operations(engine, packet);
    }
    if (status == LASSIM_OK) status = write_pending(engine);
    unsigned workers = team_workers(engine->setup.team);
    if (work >= WORTH_THE_TEAM)
        team_run(engine->setup.team, receive_work, engine);
    else
        for (unsigned w = 0; w < workers; w++) receive_work(engine, w, workers);
    return status;
}

static enum lassim_status step(struct event_engine *engine, struct lassim_error *error)
{
    engine->batch_count = queue_pop_phase(engine->queue, engine->batch, engine->batch_capacity);
    const struct event_key *key = &engine->batch[0].key;
    atomic_store(&engine->progress_timesteps, key->timestep);
    if (key->phase == 1) engine->popped += engine->batch_count;
    enum lassim_status status = key->phase == 0 ? close_windows(engine) : deliver_spikes(engine);
    if (status != LASSIM_OK && error != NULL) *error = *trace_writer_error(engine->setup.trace);
    if (status == LASSIM_OK && atomic_load(&engine->stop))
        status = lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted at timestep %llu",
                             (unsigned long long)engine->clock);
    return status;
}

enum lassim_status event_engine_feed(struct event_engine *engine, const struct engine_feed *feed,
                                     struct lassim_error *error)
{
    uint64_t start = engine->clock, timestep, apart = engine->graph->config.encoder ? 0 : engine->setup.steps;
    uint32_t queued = 0, from, to;
    enum lassim_status status = LASSIM_OK;
    engine->feed = feed;
    engine->opened = 0;
    engine_asked(engine->graph, feed, &from, &to);
    while (status == LASSIM_OK) {
        for (; queued < feed->n && queued < engine->opened + engine->setup.prompt_chunk; queued++)
            queue_input(engine, queued, start + queued * apart, queued >= from && queued < to);
        if (!queue_peek_time(engine->queue, &timestep)) break;
        status = step(engine, error);
    }
    if (status == LASSIM_OK) status = write_pending(engine);
    LASSIM_EXPENSIVE(queue_validate(engine->queue) == NULL, "queue after timestep %llu: %s",
                     (unsigned long long)engine->clock, queue_validate(engine->queue));
    engine->tokens += queued;
    return status;
}
