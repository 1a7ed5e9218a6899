#include "kernel/if_engine.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/if_engine_state.h"

enum { WORTH_THE_TEAM = 1 << 14, POP_AT_ONCE = 256 };

/* ---- input ---- */

enum lassim_status if_engine_feed(struct if_engine *engine, const struct if_spike *spikes, uint64_t count,
                                  struct lassim_error *error)
{
    uint64_t used = engine->inbox_count;
    if (count > UINT64_MAX / 64 - used) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "too many input spikes");
    if (used + count > engine->inbox_capacity) {
        uint64_t capacity = used + count + used / 2;
        struct if_spike *inbox = realloc(engine->inbox, capacity * sizeof *inbox);
        if (inbox == NULL) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "no memory for the input spikes");
        engine->inbox = inbox;
        engine->inbox_capacity = capacity;
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct if_population *population = &engine->network->population[spikes[i].population];
        LASSIM_INVARIANT(spikes[i].population < engine->network->populations &&
                             population->neuron == LASSIM_NEURON_INPUT && spikes[i].neuron < population->size &&
                             spikes[i].time >= engine->now,
                         "timestep %llu population %u neuron %u", (unsigned long long)spikes[i].time,
                         spikes[i].population, spikes[i].neuron);
    }
    if (count > 0) memcpy(engine->inbox + used, spikes, count * sizeof *spikes);
    engine->inbox_count += count;
    engine->inbox_unsorted |= count > 0;
    return LASSIM_OK;
}

static int compare_spikes(const void *a, const void *b)
{
    return if_spike_compare(a, b);
}

/* Sorts what is left of the inbox, unless it is in order (as files mostly are). */
static enum lassim_status sort_inbox(struct if_engine *engine, struct lassim_error *error)
{
    if (!engine->inbox_unsorted) return LASSIM_OK;
    uint64_t left = engine->inbox_count - engine->inbox_next;
    memmove(engine->inbox, engine->inbox + engine->inbox_next, left * sizeof *engine->inbox);
    engine->inbox_next = 0;
    engine->inbox_count = left;
    uint64_t sorted = 1;
    while (sorted < left && if_spike_compare(&engine->inbox[sorted - 1], &engine->inbox[sorted]) < 0) sorted++;
    if (sorted < left) qsort(engine->inbox, left, sizeof *engine->inbox, compare_spikes);
    for (uint64_t i = 1; i < left; i++) {
        const struct if_spike *spike = &engine->inbox[i];
        if (compare_spikes(spike - 1, spike) == 0)
            return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "input", "neuron %u of %s spikes twice at timestep %llu",
                               spike->neuron, engine->network->population[spike->population].name,
                               (unsigned long long)spike->time);
    }
    engine->inbox_unsorted = 0;
    return LASSIM_OK;
}

/* ---- spikes to events ---- */

/* The packet of block b at timestep t, its bits given, leaves population p: counts and arrivals to come. */
static void send_packet(struct if_engine *engine, uint32_t p, uint64_t t, uint32_t block, const uint64_t *bits)
{
    struct if_state *state = &engine->state[p];
    uint64_t spikes = 0;
    for (unsigned w = 0; w < IF_BLOCK_WORDS; w++) spikes += (unsigned)__builtin_popcountll(bits[w]);
    if (spikes == 0) return;
    state->counts.events++;
    state->counts.spikes += spikes;
    for (uint32_t i = 0; i < state->outs; i++) {
        uint32_t r = engine->out[state->first_out + i];
        const struct if_route *route = &engine->network->route[r];
        struct event event = {.key = {.timestep = t + route->delay, .population = r, .block = block, .phase = 1}};
        enum queue_status status = queue_push(engine->queue, &event);
        LASSIM_INVARIANT(status == QUEUE_OK, "queue status %d at timestep %llu, population %u", (int)status,
                         (unsigned long long)t, p);
        if (route->dense) state->counts.synaptic_operations += spikes * route->rows.targets;
        for (unsigned w = 0; !route->dense && w < IF_BLOCK_WORDS; w++)
            for (uint64_t left = bits[w]; left != 0; left &= left - 1)
                state->counts.synaptic_operations +=
                    if_route_fan_out(route, block * IF_BLOCK + w * 64 + (unsigned)__builtin_ctzll(left));
    }
    if (state->horizon > 0) memcpy(if_history(state, t, block), bits, IF_BLOCK_WORDS * sizeof *bits);
}

static void take_input(struct if_engine *engine, const struct if_spike *spike, uint64_t *bits)
{
    const struct if_state *state = &engine->state[spike->population];
    bits[spike->neuron % IF_BLOCK / 64] |= UINT64_C(1) << spike->neuron % 64;
    state->count[spike->neuron]++;
    if (state->codes != NULL) state->codes[spike->neuron] |= if_code_bit(spike->time);
}

/* Packets of the window's input spikes. */
static void send_input(struct if_engine *engine)
{
    uint64_t end = engine->now + engine->steps, i = engine->inbox_next;
    while (i < engine->inbox_count && engine->inbox[i].time < end) {
        const struct if_spike *first = &engine->inbox[i];
        uint64_t bits[IF_BLOCK_WORDS] = {0};
        for (; i < engine->inbox_count; i++) {
            const struct if_spike *spike = &engine->inbox[i];
            if (spike->time != first->time || spike->population != first->population ||
                spike->neuron / IF_BLOCK != first->neuron / IF_BLOCK)
                break;
            take_input(engine, spike, bits);
        }
        send_packet(engine, first->population, first->time, first->neuron / IF_BLOCK, bits);
    }
    engine->inbox_next = i;
}

/* Packets of what the units fired. */
static void send_fired(struct if_engine *engine)
{
    for (uint32_t u = 0; u < engine->units;) {
        uint32_t p = engine->unit[u].population, block = engine->unit[u].tile * IF_UNIT / IF_BLOCK, end = u;
        uint32_t fired = 0;
        for (; end < engine->units && engine->unit[end].population == p &&
               engine->unit[end].tile * IF_UNIT / IF_BLOCK == block;
             end++)
            fired |= engine->unit[end].fired;
        for (uint32_t k = 0; k < engine->steps; k++) {
            uint64_t bits[IF_BLOCK_WORDS] = {0};
            if ((fired >> k & 1) == 0) continue;
            for (uint32_t i = u; i < end; i++)
                if (engine->unit[i].fired >> k & 1)
                    memcpy(bits + (i - u) * IF_UNIT_WORDS, engine->unit[i].bits[k], sizeof engine->unit[i].bits[k]);
            send_packet(engine, p, engine->now + k, block, bits);
        }
        u = end;
    }
}

/* ---- events to arrivals ---- */

static void arrive(struct if_engine *engine, const struct event_key *key)
{
    const struct if_route *route = &engine->network->route[key->population];
    struct if_state *source = &engine->state[route->source];
    struct if_arrivals *arrivals = &engine->arrivals[key->population];
    uint32_t k = (uint32_t)(key->timestep - engine->now), n = arrivals->count[k];
    uint32_t *rows = arrivals->rows + (size_t)k * source->population->size;
    const uint64_t *bits = if_history(source, key->timestep - route->delay, key->block);
    for (unsigned w = 0; w < IF_BLOCK_WORDS; w++)
        for (uint64_t left = bits[w]; left != 0; left &= left - 1)
            rows[n++] = key->block * IF_BLOCK + w * 64 + (unsigned)__builtin_ctzll(left);
    if (route->dense)
        engine->work += (uint64_t)(n - arrivals->count[k]) * route->rows.targets;
    else
        engine->work += n - arrivals->count[k];
    arrivals->count[k] = n;
    source->counts.deliveries++;
}

static void collect_arrivals(struct if_engine *engine)
{
    struct event event[POP_AT_ONCE];
    uint64_t time, end = engine->now + engine->steps;
    for (uint32_t r = 0; r < engine->network->routes; r++)
        memset(engine->arrivals[r].count, 0, sizeof engine->arrivals[r].count);
    engine->work = 0;
    while (queue_peek_time(engine->queue, &time) && time < end) {
        size_t count = queue_pop_phase(engine->queue, event, POP_AT_ONCE);
        LASSIM_INVARIANT(count > 0, "timestep %llu: no memory to order its events", (unsigned long long)time);
        for (size_t i = 0; i < count; i++) arrive(engine, &event[i].key);
    }
}

/* ---- the window ---- */

static void run_units(void *context, unsigned worker, unsigned workers)
{
    struct if_engine *engine = context;
    (void)worker, (void)workers;
    for (;;) {
        unsigned u = atomic_fetch_add_explicit(&engine->next_unit, 1, memory_order_relaxed);
        if (u >= engine->units) return;
        if_unit_run(engine, &engine->unit[u]);
    }
}

static void run_window(struct if_engine *engine)
{
    send_input(engine);
    collect_arrivals(engine);
    uint64_t work = engine->work;
    for (uint32_t p = 0; p < engine->network->populations; p++)
        if (engine->state[p].population->params.leak != 1) work += (uint64_t)engine->state[p].units * IF_UNIT;
    atomic_store(&engine->next_unit, 0);
    if (work >= WORTH_THE_TEAM)
        team_run(engine->setup.team, run_units, engine);
    else
        run_units(engine, 0, 1);
    for (uint32_t u = 0; u < engine->units; u++) {
        const struct if_unit *unit = &engine->unit[u];
        struct if_state *state = &engine->state[unit->population];
        uint32_t left = state->population->size - unit->tile * IF_UNIT;
        state->counts.threshold_tests += (uint64_t)unit->visits * (left < IF_UNIT ? left : IF_UNIT);
    }
    send_fired(engine);
}

/* Records of the trace window that ends at engine->now. */
static enum lassim_status write_window(struct if_engine *engine, struct lassim_error *error)
{
    struct trace_writer *trace = engine->setup.trace;
    if (trace == NULL) return LASSIM_OK;
    uint64_t window = (engine->now - 1) / IF_WINDOW;
    for (uint32_t p = 0; p < engine->network->populations; p++) {
        const struct if_state *state = &engine->state[p];
        uint32_t size = state->population->size;
        if (trace_writer_record_oat(trace, window, p, 0, 0, state->codes, size) != LASSIM_OK) {
            if (error != NULL) *error = *trace_writer_error(trace);
            return trace_writer_error(trace)->status;
        }
        memset(state->codes, 0, size * sizeof *state->codes);
    }
    return LASSIM_OK;
}

enum lassim_status if_engine_run(struct if_engine *engine, uint64_t timesteps, struct lassim_error *error)
{
    uint64_t end;
    if (__builtin_add_overflow(engine->now, timesteps, &end) || end > UINT64_C(1) << 40)
        return lassim_fail(error, LASSIM_ERR_USAGE, NULL, "timesteps", "expected at most 2^40 in all");
    enum lassim_status status = sort_inbox(engine, error);
    while (status == LASSIM_OK && engine->now < end) {
        if (atomic_load(&engine->stopped)) return lassim_fail(error, LASSIM_ERR_RUN, NULL, NULL, "interrupted");
        uint64_t to_boundary = IF_WINDOW - engine->now % IF_WINDOW, left = end - engine->now;
        uint64_t steps = to_boundary < left ? to_boundary : left;
        engine->steps = (uint32_t)(steps < engine->lookahead ? steps : engine->lookahead);
        run_window(engine);
        engine->now += engine->steps;
        atomic_store(&engine->progress, engine->now);
        if (engine->now % IF_WINDOW == 0) status = write_window(engine, error);
    }
    LASSIM_EXPENSIVE(queue_validate(engine->queue) == NULL, "queue: %s", queue_validate(engine->queue));
    return status;
}

enum lassim_status if_engine_end(struct if_engine *engine, struct lassim_error *error)
{
    return engine->now % IF_WINDOW == 0 ? LASSIM_OK : write_window(engine, error);
}

/* ---- questions ---- */

uint64_t if_engine_time(const struct if_engine *engine)
{
    return engine->now;
}

void if_engine_counts(const struct if_engine *engine, uint32_t population, struct lassim_network_counts *counts)
{
    *counts = engine->state[population].counts;
    counts->timesteps = engine->now;
}

const uint64_t *if_engine_spikes(const struct if_engine *engine, uint32_t population)
{
    return engine->state[population].count;
}

void if_engine_stop(struct if_engine *engine)
{
    atomic_store(&engine->stopped, 1);
}

uint64_t if_engine_progress(const struct if_engine *engine)
{
    return atomic_load(&engine->progress);
}
